package server

import (
	"context"
	"fmt"
	"io"
	"time"

	"nghe/hub/deletion"
	"nghe/shared/command"
)

// retentionCommand is about deletion by age.
type retentionCommand struct {
	Show    retentionShow    `cmd:"" default:"withargs" help:"Say whether it waits, and why."`
	Confirm retentionConfirm `cmd:"" help:"Say that the hub's clock is right and that what is due may go. Only on the hub's machine, whose clock must say the same."`
}

type retentionShow struct {
	storage
}

// Run says it.
func (c *retentionShow) Run(ctx context.Context, out command.Output) error {
	return use(ctx, c.storage, func(s store) error {
		line, err := s.retention(ctx)
		if err != nil {
			return err
		}
		return line.print(out)
	})
}

type retentionConfirm struct {
	storage
}

// Run keeps the operator's word for the hub that serves.
func (c *retentionConfirm) Run(ctx context.Context, out command.Output) error {
	return use(ctx, c.storage, func(s store) error {
		if err := s.orders.Confirm(ctx, whoever()); err != nil {
			return err
		}
		fmt.Fprintf(out, "It is %s: what is due by then is deleted at the next look, within %s, if the hub's clock says the same.\n",
			time.Now().In(vietnam).Format("15:04, 02/01/2006"), retainEvery)
		return nil
	})
}

// vietnam has had no other time since 1975.
var vietnam = time.FixedZone("ICT", 7*60*60)

// retentionLine is deletion by age in hub status --json.
type retentionLine struct {
	Proven      string `json:"time_proven_until"` // by other clocks, or by how long the hub ran
	Waits       string `json:"waits"`             // clock, many; empty: it does not wait
	Waiting     int    `json:"waiting_blobs"`
	Since       string `json:"waits_since"`
	Confirmed   string `json:"confirmed_at"`
	ConfirmedBy string `json:"confirmed_by"`
}

func (s store) retention(ctx context.Context) (retentionLine, error) {
	r, err := s.orders.Retention(ctx)
	return retentionLine{stamp(r.Proven), r.Waits, r.Waiting, stamp(r.Since), stamp(r.Confirmed), r.ConfirmedBy}, err
}

func (l retentionLine) print(out io.Writer) error {
	var err error
	switch l.Waits {
	case "":
		_, err = fmt.Fprintln(out, "\ndeletion by age does not wait")
	case deletion.WaitsMany:
		_, err = fmt.Fprintf(out, "\nDeletion by age waits since %s: %d blobs are due at once, more than go by themselves. Look at the clock and the rules, then run hub retention confirm\n", l.Since, l.Waiting)
	default:
		_, err = fmt.Fprintf(out, "\nDeletion by age waits since %s: %d blobs are due by the hub's clock, but time is proven only until %s, by other machines' clocks and by how long the hub ran. Set the clock; if it is right, run hub retention confirm\n", l.Since, l.Waiting, l.Proven)
	}
	return err
}
