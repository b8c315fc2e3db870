package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"nghe/hub/cases"
	"nghe/hub/reports"
	"nghe/hub/rights"
	"nghe/shared/command"
)

// rightsCommand is the queue of what residents ask about their data.
type rightsCommand struct {
	List        rightsList        `cmd:"" help:"Print what residents asked about their data and until when the law wants it done, the first asked first. Nothing of what they said."`
	Acknowledge rightsAcknowledge `cmd:"" help:"Have the resident know that a request arrived; the law gives two working days."`
	Settle      rightsSettle      `cmd:"" help:"Settle a request and answer it. To delete, all under the receipt is taken away; to withdraw, what needed consent is. To see or to correct are done by people before."`
	Prove       rightsProve       `cmd:"" help:"Prove the requests of a receipt whose key the hub has not, such as those about a message to named officers, by the code that the resident shows."`
}

// useRights opens the queue for one command.
func useRights(ctx context.Context, where storage, do func(store, *rights.Rights, *cases.Cases) error) error {
	return useTelling(ctx, where, func(s store, t telling) error {
		r, err := rights.Open(ctx, rights.Config{DB: s.db, Ledger: s.ledger, Cases: t.cases, Deletions: s.orders, Now: s.now})
		if err != nil {
			return err
		}
		if _, err := r.Take(ctx); err != nil {
			return err
		}
		return do(s, r, t.cases)
	})
}

type rightsList struct {
	storage
	All bool `help:"Also the last 100 settled, and the last 100 that nobody with the code made."`
}

// Run prints them.
func (c *rightsList) Run(ctx context.Context, out command.Output) error {
	return useRights(ctx, c.storage, func(_ store, r *rights.Rights, _ *cases.Cases) error {
		all, err := r.Waiting(ctx)
		if err == nil && c.All {
			var settled, forged []rights.Request
			settled, err = r.Settled(ctx, 100)
			if err == nil {
				forged, err = r.Forged(ctx, 100)
			}
			all = append(append(all, settled...), forged...)
		}
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "REQUEST\tRIGHT\tASKED\tPLACE\tACKNOWLEDGE BY\tSETTLE BY\tSTATE\tPROOF")
		for _, is := range all {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", is.Number, is.Right, asked(is), is.Place,
				lastDay(is.Due.Acknowledge), lastDay(is.Due.Settle), rightsState(is, time.Now()), is.Proof)
		}
		return w.Flush()
	})
}

// asked is when a request was made, as exactly as may be told.
func asked(is rights.Request) string {
	layout := time.RFC3339
	if is.DayOnly {
		layout = time.DateOnly
	}
	return is.Asked.In(reports.Zone()).Format(layout)
}

// lastDay is the day that ends at a moment.
func lastDay(late time.Time) string {
	return late.Add(-time.Nanosecond).In(reports.Zone()).Format(time.DateOnly)
}

func rightsState(is rights.Request, now time.Time) string {
	switch {
	case is.Proof == cases.ProofForged:
		return "nothing to do"
	case is.Refused:
		return "refused"
	case !is.Settled.IsZero():
		return "done"
	case !now.Before(is.Due.Settle):
		return "overdue"
	case is.Acknowledged.IsZero() && !now.Before(is.Due.Acknowledge):
		return "new, acknowledge overdue"
	case is.Acknowledged.IsZero():
		return "new"
	}
	return "acknowledged"
}

type rightsAcknowledge struct {
	storage
	Request int64 `arg:"" placeholder:"REQUEST" help:"Its number; hub rights list prints them."`
}

// Run notes it.
func (c *rightsAcknowledge) Run(ctx context.Context, out command.Output) error {
	return useRights(ctx, c.storage, func(_ store, r *rights.Rights, _ *cases.Cases) error {
		told, err := r.Acknowledge(ctx, c.Request, whoever())
		return toldOf(out, "acknowledged", told, err)
	})
}

type rightsSettle struct {
	storage
	Request int64  `arg:"" placeholder:"REQUEST" help:"Its number; hub rights list prints them."`
	Answer  string `placeholder:"TEXT" help:"Words to the resident, shown with the state of the case. Needed, except to delete."`
	Refuse  bool   `help:"Do nothing; the answer says why."`
}

// Run settles it.
func (c *rightsSettle) Run(ctx context.Context, out command.Output) error {
	return useRights(ctx, c.storage, func(_ store, r *rights.Rights, _ *cases.Cases) error {
		told, err := r.Settle(ctx, c.Request, rights.Settlement{Refused: c.Refuse, Answer: c.Answer, By: whoever()})
		return toldOf(out, "settled", told, err)
	})
}

func toldOf(out command.Output, what string, told bool, err error) error {
	switch {
	case errors.Is(err, rights.ErrNoAnswer):
		return command.Refusef("--answer: %v", err)
	case errors.Is(err, rights.ErrNoRequest), errors.Is(err, rights.ErrSettled):
		return command.Refusef("%v; hub rights list prints those that wait", err)
	case errors.Is(err, rights.ErrUnproven):
		return fmt.Errorf("%w: nothing is done for it; when the resident shows the code, hub rights prove", err)
	case err != nil:
		return err
	}
	where := "no case tells the resident; answer by another road, if there is one"
	if told {
		where = "every kiosk tells whoever types the code; " + toldSoon
	}
	_, err = fmt.Fprintf(out, "%s\n%s\n", what, where)
	return err
}

type rightsProve struct {
	storage
	Code string `arg:"" placeholder:"CODE" help:"The receipt's code, or - to read it from standard input, where ps does not show it."`
}

// Run keeps the receipt's key, sealed. The code is not printed or logged.
func (c *rightsProve) Run(ctx context.Context, out command.Output) error {
	code, err := readCode(c.Code, os.Stdin)
	if err != nil {
		return command.Refusef("%v", err)
	}
	return useRights(ctx, c.storage, func(s store, r *rights.Rights, of *cases.Cases) error {
		if _, err := arrived(ctx, s.ledger, code, false); err != nil {
			return err
		}
		tag, err := of.LearnCode(ctx, code)
		if err != nil {
			return err
		}
		if _, err := r.Take(ctx); err != nil {
			return err
		}
		all, err := r.Waiting(ctx)
		if err != nil {
			return err
		}
		proved := 0
		for _, is := range all {
			if string(is.Tag) == string(tag[:]) && is.Proof == cases.ProofGood {
				proved++
			}
		}
		_, err = fmt.Fprintf(out, "%d requests under this code wait and are proved; see hub rights list\n", proved)
		return err
	})
}
