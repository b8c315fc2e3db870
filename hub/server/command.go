package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"golang.org/x/term"

	"nghe/hub/ledger"
	"nghe/hub/reports"
	"nghe/shared/command"
	"nghe/shared/ident"
)

// grammar is the hub's command line.
type grammar struct {
	Serve       serveCommand       `cmd:"" help:"Receive from kiosks and show to people."`
	Status      statusCommand      `cmd:"" help:"Say which kiosk is behind and what is wrong. Works while the hub serves."`
	Export      exportCommand      `cmd:"" help:"Print what the hub holds, one row each. Works while the hub serves."`
	Audit       auditCommand       `cmd:"" help:"Check what kiosks signed, every table made from it, and the hub's own log; exit 0 only when all is whole. Says nothing of accounts, devices, vitals and cases; of blobs and the archive only with --archive."`
	Account     accountCommand     `cmd:"" help:"List, make, mend and shut operators' accounts. Works while the hub serves."`
	Publish     publishCommand     `cmd:"" help:"Check what a folder holds and tell it to every kiosk. Works while the hub serves."`
	Cases       casesCommand       `cmd:"" help:"Say how far the ward is with a message. Works while the hub serves."`
	Rights      rightsCommand      `cmd:"" help:"What residents ask about the data kept of them: list it, settle it. Works while the hub serves."`
	Order       orderCommand       `cmd:"" help:"Pause kiosks, or have them dial now. Works while the hub serves."`
	Delete      deleteCommand      `cmd:"" help:"Delete what a resident said, by law or on request. Works while the hub serves."`
	Retention   retentionCommand   `cmd:"" help:"Deletion by age: whether it waits for a clock, and an operator's word for it. Works while the hub serves."`
	Rebuild     rebuildCommand     `cmd:"" help:"Make every table of answers and counts again from what kiosks signed."`
	RecoveryKey recoveryKeyCommand `cmd:"" help:"Make the key without which no copy of this hub opens, and show it once."`
	Backup      backupCommand      `cmd:"" help:"Copy decisions and keys to the archive, closed to the recovery key. Works while the hub serves."`
	Restore     restoreCommand     `cmd:"" help:"Make a lost hub again from its newest copy and every segment in the archive."`
	S3          s3Command          `cmd:"" name:"s3" help:"The archive off this machine's disk."`
}

// Main runs the command line and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := command.Context()
	defer stop()
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, nil)))
	return command.Main(ctx, "hub", "Nghe's hub: where the voices of a ward arrive.", &grammar{}, args, stdout, stderr)
}

type serveCommand struct {
	storage
	archiving
	Kiosks        string   `default:":7443" placeholder:"ADDR" help:"Address of the listener for kiosks; TLS must reach it unbroken. Default: ${default}."`
	Name          []string `placeholder:"NAME" help:"Name or address under which kiosks reach this hub; repeatable. Default: this machine's own."`
	Listen        string   `default:"127.0.0.1:7080" placeholder:"ADDR" help:"Address of the listener for people. Plain HTTP on loopback, TLS elsewhere. Default: ${default}."`
	Certificate   string   `placeholder:"FILE" help:"PEM certificate of the people's listener. Default: one of the hub's own."`
	Key           string   `placeholder:"FILE" help:"PEM key of that certificate."`
	BehindProxy   bool     `help:"The people's listener speaks plain HTTP to a proxy that adds TLS."`
	FirstPassword string   `placeholder:"WORDS" help:"Password of the first account (admin); better given as NGHE_FIRST_PASSWORD, which ps does not show. Default: random, printed once."`
}

func (c *serveCommand) Run(ctx context.Context, out command.Output) error {
	if c.Data == "" {
		return command.Refusef("say where the hub keeps its keys and files: --data DIR")
	}
	return Run(ctx, Config{
		Data: c.Data, Database: c.Database, Kiosks: c.Kiosks, Names: c.Name, Listen: c.Listen,
		Certificate: c.Certificate, Key: c.Key, BehindProxy: c.BehindProxy, FirstPassword: c.FirstPassword,
		Archive: c.Archive, SameDiskOK: c.ArchiveOnSameDiskIsOk,
		Print: func(line string) { fmt.Fprintln(out, line) }, Unattended: !term.IsTerminal(int(os.Stdout.Fd())),
	})
}

type exportCommand struct {
	storage
	What   string `arg:"" enum:"answers,devices,cases" help:"What to print: answers, devices or cases."`
	Format string `default:"ndjson" enum:"ndjson,csv" help:"ndjson (one JSON object a line) or csv (for spreadsheets in Viet Nam)."`
	From   string `placeholder:"DAY" help:"First day, YYYY-MM-DD in Viet Nam."`
	To     string `placeholder:"DAY" help:"Last day, YYYY-MM-DD in Viet Nam."`
}

func (c *exportCommand) Run(ctx context.Context, out command.Output) error {
	var filter ledger.Filter
	var err error
	if filter.From, err = reports.Day(c.From); err != nil {
		return command.Refusef("--from: %v", err)
	}
	if filter.Until, err = reports.Day(c.To); err != nil {
		return command.Refusef("--to: %v", err)
	}
	if c.To != "" {
		filter.Until = filter.Until.AddDate(0, 0, 1)
	}
	if c.What == "cases" {
		return exportCases(ctx, c.storage, out, c.Format, filter.From, filter.Until)
	}
	return use(ctx, c.storage, func(s store) error {
		if c.What == "devices" {
			return s.exportDevices(ctx, out, c.Format)
		}
		return reports.ExportAnswers(out, c.Format, s.ledger.Answers(ctx, filter))
	})
}

func (s store) exportDevices(ctx context.Context, out io.Writer, format string) error {
	fleet, err := s.status(ctx, time.Now())
	if err != nil {
		return err
	}
	return reports.ExportTable(out, format, fleet.Devices)
}

type statusCommand struct {
	storage
	JSON bool `help:"Print JSON, for scripts."`
}

func (c *statusCommand) Run(ctx context.Context, out command.Output) error {
	return use(ctx, c.storage, func(s store) error {
		status, err := s.status(ctx, time.Now())
		if err != nil {
			return err
		}
		if c.JSON {
			encoder := json.NewEncoder(out)
			encoder.SetIndent("", "  ")
			return encoder.Encode(status)
		}
		return status.print(out)
	})
}

type auditCommand struct {
	storage
	archiveAudit
}

func (c *auditCommand) Run(ctx context.Context, out command.Output) error {
	return use(ctx, c.storage, func(s store) error {
		verify, err := s.deviceSignatures(ctx)
		if err != nil {
			return err
		}
		audit, err := s.ledger.Audit(ctx, verify)
		if err != nil {
			return err
		}
		for _, problem := range audit.Problems {
			fmt.Fprintln(out, problem)
		}
		for _, note := range audit.Notes {
			fmt.Fprintln(out, "note:", note)
		}
		fmt.Fprintf(out, "%d journals, %d segments, %d records, %d answers\n", audit.Journals, audit.Segments, audit.Records, audit.Answers)
		lacking, err := c.problems(ctx, c.Data, s, out)
		if err != nil {
			return err
		}
		if !audit.Whole() {
			return fmt.Errorf("the ledger is not whole: %d problems", len(audit.Problems))
		}
		if lacking > 0 {
			return fmt.Errorf("the archive is not what the ledger says: %d problems", lacking)
		}
		return nil
	})
}

// deviceSignatures verifies with the keys in the registry's table.
func (s store) deviceSignatures(ctx context.Context) (func(device string, statement, signature []byte) bool, error) {
	keys, err := s.deviceKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the devices' keys: %w", err)
	}
	return func(device string, statement, signature []byte) bool {
		key, ok := keys[device]
		return ok && ident.Verify(key, statement, signature)
	}, nil
}

type rebuildCommand struct {
	storage
}

func (c *rebuildCommand) Run(ctx context.Context, out command.Output) error {
	return use(ctx, c.storage, func(s store) error {
		if err := s.ledger.Rebuild(ctx); err != nil {
			return err
		}
		fmt.Fprintln(out, "rebuilt from what kiosks signed; run hub audit to check")
		return nil
	})
}
