package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"nghe/hub/bulletin"
	"nghe/hub/cases"
	"nghe/hub/ledger"
	"nghe/hub/registry"
	"nghe/hub/reports"
	"nghe/shared/command"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

type publishCommand struct {
	storage
	Dir string `arg:"" placeholder:"DIR" help:"Folder with questionnaires/*.json, texts/*.json, notices/*.json, ward.json (numbers to call, caretakers, opening hours, where a matter can be), recipients.json and speech/vi/*.ogg (recordings in the place of the built-in voice; beside thanks.ogg the file thanks.txt holds the text as the screen shows it). It replaces all that was told before: what it no longer holds is gone, and with one questionnaire in it the built-in ones are asked no more. README.md, Feeding the screen, has an example of each file; provisioning/demo/published is a whole folder."`
}

const toldSoon = "a running hub tells kiosks that are connected within two seconds, the others when they come"

// Run puts what a folder holds in the place of what was published before.
func (c *publishCommand) Run(ctx context.Context, out command.Output) error {
	return useTelling(ctx, c.storage, func(_ store, t telling) error {
		p, err := t.bulletin.Publish(ctx, c.Dir, byCommand)
		if err != nil {
			return err
		}
		asked := strings.Join(p.Questionnaires, ", ")
		if asked == "" {
			asked = "none: kiosks ask those built in"
		}
		_, err = fmt.Fprintf(out, "published %d bytes\nquestionnaires  %s\ntexts           %d\nnotices         %d\ncontacts        %d\nhouses          %d\nareas           %d\nnamed readers   %d\nrecordings      %d\n%s\n",
			p.Bytes, asked, p.Texts, p.Notices, p.Contacts, p.Houses, p.Areas, p.Named, p.Recordings, toldSoon)
		for _, is := range p.Warnings {
			if err == nil {
				_, err = fmt.Fprintln(out, "warning:", is)
			}
		}
		return err
	})
}

type casesCommand struct {
	Set casesSet `cmd:"" help:"Say how far the ward is with a message; every kiosk then answers whoever types the code."`
}

type casesSet struct {
	storage
	Code  string `arg:"" placeholder:"CODE" help:"The receipt's code, or - to read it from standard input, where ps does not show it."`
	State string `arg:"" placeholder:"STATE" help:"received, classified, assigned, in-progress, awaiting-details, awaiting-approval, answered, closed, reopened; or forwarded, returned, not-eligible, duplicate, noted, withdrawn, suspended, stopped, filed."`
	Note  string `placeholder:"TEXT" help:"Words to the resident, shown with the state. Without it an earlier note goes."`

	NotHereYet bool `help:"Set it although no message under this code has reached the hub: its kiosk was not heard since."`
}

// Run changes one case. Neither code nor note is printed or logged.
func (c *casesSet) Run(ctx context.Context, out command.Output) error {
	state, ok := feedback.ParseCaseState(c.State)
	if !ok {
		return command.Refusef("%q is no state; hub cases set --help lists them", c.State)
	}
	code, err := readCode(c.Code, os.Stdin)
	if err != nil {
		return command.Refusef("%v", err)
	}
	return useTelling(ctx, c.storage, func(s store, t telling) error {
		if err := c.isHere(ctx, s.ledger, code); err != nil {
			return err
		}
		is, err := t.cases.SetByCode(ctx, code, cases.Change{State: state, Note: c.Note, By: byCommand})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s (%s), version %d of this case\n%s\n", is.State.Text().In(feedback.Vietnamese), is.State, is.Version, toldSoon)
		return err
	})
}

// isHere refuses a code under which nothing came: with a wrong letter, whoever
// left the message would hear nothing, and the hub say that all is well.
func (c *casesSet) isHere(ctx context.Context, l *ledger.Ledger, code seal.Code) error {
	messages, err := arrived(ctx, l, code, c.NotHereYet)
	deleted := func(m ledger.Message) bool { return m.State() == ledger.MessageDeleted }
	if err == nil && len(messages) > 0 && !slices.ContainsFunc(messages, func(m ledger.Message) bool { return !deleted(m) }) {
		err = errors.New("what was left under this code was deleted, and its case with it: there is nobody to tell")
	}
	return err
}

// arrived are the messages under a code. None is an error, unless somebody knows
// that they are still to come.
func arrived(ctx context.Context, l *ledger.Ledger, code seal.Code, mayCome bool) ([]ledger.Message, error) {
	tag := code.Receipt().Tag
	messages, err := l.MessagesOf(ctx, tag[:])
	if err == nil && len(messages) == 0 && !mayCome {
		err = errors.New("no message under this code has reached the hub: look at the code again; when it is right, and its kiosk was not heard since, add --not-here-yet")
	}
	return messages, err
}

func readCode(given string, stdin io.Reader) (seal.Code, error) {
	if given != "-" {
		return seal.ParseCode(given)
	}
	line, err := bufio.NewReader(io.LimitReader(stdin, 100)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the code: %w", err)
	}
	return seal.ParseCode(strings.TrimSpace(line))
}

// caseLine is a row of `hub export cases`. Scripts depend on these names: add,
// never change.
type caseLine struct {
	Receipt string `json:"receipt"` // the tag, not the code
	Record  string `json:"record"`
	State   string `json:"state"`
	Open    bool   `json:"open"`
	Version uint64 `json:"version"`
	Note    string `json:"note"`
	Updated string `json:"updated_at"`
	By      string `json:"by"` // "(resident)" where its sender changed it

	// The last word of its sender that counts; empty and 0 where there is none.
	Reply        string `json:"reply"`         // "confirmed" or "reopened"
	ReplyScore   int    `json:"reply_score"`   // 1 … 5, 0 when not given
	ReplyVersion uint64 `json:"reply_version"` // of the case that its sender saw
	ReplyAt      string `json:"reply_at"`      // a day where no more may be told
}

func (l *caseLine) said(r cases.Reply) {
	l.Reply, l.ReplyScore, l.ReplyVersion, l.ReplyAt = "confirmed", r.Score, r.Version, r.Said.In(reports.Zone()).Format(time.RFC3339)
	if r.Reopen {
		l.Reply = "reopened"
	}
	if r.DayOnly {
		l.ReplyAt = r.Said.In(reports.Zone()).Format(time.DateOnly)
	}
}

func exportCases(ctx context.Context, where storage, out io.Writer, format string, from, until time.Time) error {
	return useTelling(ctx, where, func(_ store, t telling) error {
		said, err := t.cases.Said(ctx)
		if err != nil {
			return err
		}
		lines := []caseLine{}
		for is, err := range t.cases.All(ctx) {
			if err != nil {
				return err
			}
			if !from.IsZero() && is.Updated.Before(from) || !until.IsZero() && !is.Updated.Before(until) {
				continue
			}
			line := caseLine{Receipt: fmt.Sprintf("%x", is.Tag), Record: fmt.Sprintf("%x", is.Record), State: is.State.String(), Open: is.State.Open(),
				Version: is.Version, Note: is.Note, Updated: is.Updated.In(reports.Zone()).Format(time.RFC3339), By: is.By}
			if r, ok := said[is.Tag]; ok {
				line.said(r)
			}
			lines = append(lines, line)
		}
		return reports.ExportTable(out, format, lines)
	})
}

type orderCommand struct {
	Pause   orderGive   `cmd:"" help:"Have a kiosk, or all, show that they are out of service and take no answers."`
	SyncNow orderGive   `cmd:"" help:"Have a kiosk, or all, dial now."`
	List    orderList   `cmd:"" help:"List the orders that hold."`
	Cancel  orderCancel `cmd:"" help:"Take an order back."`
}

type orderGive struct {
	storage
	Device string   `placeholder:"ID" help:"The kiosk; hub status lists them. Default: every kiosk."`
	Hold   holdTime `name:"for" default:"1h" placeholder:"TIME" help:"How long it holds, for example 30m, 48h or 7d; at most 30 days. Default: ${default}."`

	kind wire.OrderKind
}

// holdTime is a duration that may be written in days.
type holdTime time.Duration

// UnmarshalText reads "30m", "48h", "7d".
func (h *holdTime) UnmarshalText(text []byte) error {
	written := string(text)
	if days, ok := strings.CutSuffix(written, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			*h = holdTime(n) * holdTime(24*time.Hour)
			return nil
		}
	}
	d, err := time.ParseDuration(written)
	if *h = holdTime(d); err != nil {
		return fmt.Errorf("%q is no time; write 30m, 48h or 7d, at most 30 days", written)
	}
	return nil
}

// BeforeApply tells the two kinds apart by the name they were called by.
func (c *orderCommand) BeforeApply() error {
	c.Pause.kind, c.SyncNow.kind = wire.OrderPause, wire.OrderSyncNow
	return nil
}

// Run gives the order.
func (c *orderGive) Run(ctx context.Context, out command.Output) error {
	return useTelling(ctx, c.storage, func(s store, t telling) error {
		if c.Device != "" {
			if err := isDevice(ctx, s.registry, c.Device); err != nil {
				return err
			}
		}
		o, err := t.bulletin.Order(ctx, c.kind, c.Device, time.Duration(c.Hold), byCommand)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "order %s holds until %s\n%s\n", o.ID, o.Until.In(reports.Zone()).Format("02/01/2006 15:04"), toldSoon)
		return err
	})
}

// isDevice refuses what is no device. Where it is a place, its devices are named.
func isDevice(ctx context.Context, r *registry.Registry, id string) error {
	_, err := r.Device(ctx, id)
	if !errors.Is(err, registry.ErrNoDevice) {
		return err
	}
	places, err := r.Places(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(places, func(p registry.Place) bool { return p.ID == id }) {
		return command.Refusef("there is no device %q; hub status lists them", id)
	}
	devices, err := r.Devices(ctx)
	if err != nil {
		return err
	}
	var here []string
	for _, d := range devices {
		if d.Place == id && d.State == registry.Active {
			here = append(here, d.ID)
		}
	}
	if len(here) == 0 {
		return command.Refusef("%q is a place, and no device is in use there", id)
	}
	return command.Refusef("%q is a place; name a device of it: %s", id, strings.Join(here, ", "))
}

type orderList struct{ storage }

// Run prints the orders.
func (c *orderList) Run(ctx context.Context, out command.Output) error {
	return useTelling(ctx, c.storage, func(_ store, t telling) error {
		all, err := t.bulletin.Orders(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ORDER\tKIND\tDEVICE\tUNTIL\tBY")
		for _, o := range all {
			device := o.Device
			if device == "" {
				device = "every kiosk"
			}
			kind := "pause"
			if o.Kind == wire.OrderSyncNow {
				kind = "sync-now"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", o.ID, kind, device, o.Until.In(reports.Zone()).Format("02/01/2006 15:04"), o.By)
		}
		return w.Flush()
	})
}

type orderCancel struct {
	storage
	Order string `arg:"" placeholder:"ORDER" help:"Its id; hub order list prints them."`
}

// Run takes the order back.
func (c *orderCancel) Run(ctx context.Context, out command.Output) error {
	return useTelling(ctx, c.storage, func(_ store, t telling) error {
		if err := t.bulletin.Cancel(ctx, c.Order); err != nil {
			if errors.Is(err, bulletin.ErrNoOrder) {
				return command.Refusef("%v; hub order list prints those that do", err)
			}
			return err
		}
		_, err := fmt.Fprintln(out, "cancelled;", toldSoon)
		return err
	})
}
