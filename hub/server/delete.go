package server

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"nghe/hub/deletion"
	"nghe/hub/ledger"
	"nghe/shared/blob"
	"nghe/shared/command"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// deleteCommand orders deletions. What is ordered can be read by nobody from
// then on; the hub that serves takes the bytes away, and tells kiosks.
type deleteCommand struct {
	Blob    deleteBlob    `cmd:"" help:"Delete one sealed file, by its hash."`
	Receipt deleteReceipt `cmd:"" help:"Delete all that was sent under a receipt code, also what is still to come."`
	Files   deleteFiles   `cmd:"" help:"List the sealed files of a message with their hashes, for delete blob."`
	List    deleteList    `cmd:"" help:"Print the record of deletions, newest first."`
}

type deleteFiles struct {
	storage
	Record string `arg:"" help:"The message's record, as its page on the console shows it: 32 hexadecimal digits."`
}

// Run lists them; it opens none.
func (c *deleteFiles) Run(ctx context.Context, out command.Output) error {
	b, err := hex.DecodeString(c.Record)
	if err != nil || len(b) != len(wire.RecordID{}) {
		return command.Refusef("%q is no record: give the 32 hexadecimal digits that the message's page shows", c.Record)
	}
	return use(ctx, c.storage, func(s store) error {
		m, err := s.ledger.Message(ctx, wire.RecordID(b))
		if err != nil {
			return err
		}
		for _, b := range m.Blobs {
			fmt.Fprintf(out, "%s  %s\n", b.Hash, b.Kind.Purpose())
		}
		return nil
	})
}

type deleteBlob struct {
	storage
	Hash   string `arg:"" help:"SHA-256 of the sealed file: 64 hexadecimal digits."`
	Reason string `required:"" placeholder:"WORDS" help:"Why; goes into the record of deletions."`
}

// Run orders it.
func (c *deleteBlob) Run(ctx context.Context, out command.Output) error {
	hash, err := blob.ParseHash(strings.ToLower(c.Hash))
	if err != nil {
		return command.Refusef("%v", err)
	}
	return use(ctx, c.storage, func(s store) error {
		d, err := s.orders.Blob(ctx, hash, c.Reason, whoever())
		if errors.Is(err, ledger.ErrNoBlob) {
			return fmt.Errorf("no record names %s: look at the hash again", hash)
		}
		return ordered(out, d, err)
	})
}

type deleteReceipt struct {
	storage
	Code   string `arg:"" help:"The receipt's code, or - to read it from standard input, where no list of commands keeps it."`
	Reason string `required:"" placeholder:"WORDS" help:"Why; goes into the record of deletions."`

	NotHereYet bool `help:"Order it although no message under this code has reached the hub: what comes later is deleted."`
}

// Run orders it.
func (c *deleteReceipt) Run(ctx context.Context, out command.Output) error {
	typed := c.Code
	if typed == "-" {
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil && line == "" {
			return fmt.Errorf("read the code: %w", err)
		}
		typed = strings.TrimSpace(line)
	}
	code, err := seal.ParseCode(typed)
	if err != nil {
		return command.Refusef("%v", err)
	}
	return use(ctx, c.storage, func(s store) error {
		if _, err := arrived(ctx, s.ledger, code, c.NotHereYet); err != nil {
			return err
		}
		d, err := s.orders.Receipt(ctx, code.Receipt().Tag, c.Reason, whoever())
		return ordered(out, d, err)
	})
}

func ordered(out command.Output, d deletion.Deletion, err error) error {
	if errors.Is(err, deletion.ErrReason) {
		return command.Refusef("--reason: %v", deletion.ErrReason)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "deletion %d: %d files can be read by nobody from now on\n", d.Number, len(d.Blobs))
	if len(d.Blobs) == 0 {
		fmt.Fprintln(out, "nothing under it has reached the hub; what comes later is deleted, and kiosks are told")
	}
	if d.Done.IsZero() {
		fmt.Fprintln(out, "the hub that serves takes them away within a minute, here and in the archive; see hub delete list")
	}
	return nil
}

// whoever runs the command, for the record.
func whoever() string {
	if u, err := user.Current(); err == nil {
		return byCommand + " (" + u.Username + ")"
	}
	return byCommand
}

type deleteList struct {
	storage
	Most int `default:"100" placeholder:"N" help:"How many. Default: ${default}."`
}

// Run prints them.
func (c *deleteList) Run(ctx context.Context, out command.Output) error {
	return use(ctx, c.storage, func(s store) error {
		all, err := s.orders.List(ctx, 0, c.Most)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "NUMBER\tORDERED\tBY\tWHAT\tNAME\tFILES\tDONE\tREASON")
		for _, d := range all {
			kind := "blob"
			if d.Kind == wire.DeletedReceipt {
				kind = "receipt"
			}
			by := d.By
			if d.Rule != "" {
				by = d.Rule
			}
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%x\t%d\t%s\t%s\n", d.Number, d.At.Format(time.RFC3339), by, kind, d.Name, len(d.Blobs), stamp(d.Done), d.Reason)
		}
		return w.Flush()
	})
}
