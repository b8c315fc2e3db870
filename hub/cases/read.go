package cases

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"nghe/hub/database"
	"nghe/shared/feedback"
)

// Get is the case filed under a tag, or ErrNoCase.
func (c *Cases) Get(ctx context.Context, tag Tag) (Case, error) {
	is, err := scan(c.cfg.DB.Read().QueryRowContext(ctx, c.sql["case"], tag[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return Case{}, ErrNoCase
	}
	if err != nil {
		return Case{}, fmt.Errorf("read case: %w", err)
	}
	return is, nil
}

func scan(row database.Row) (Case, error) {
	var is Case
	var tag []byte
	var state string
	var version, updated int64
	if err := row.Scan(&tag, &is.Record, &state, &version, &is.Note, &updated, &is.By); err != nil {
		return Case{}, err
	}
	known := false
	if is.State, known = feedback.ParseCaseState(state); !known || len(tag) != len(is.Tag) {
		return Case{}, fmt.Errorf("case in state %q is not readable by this program: install the newer one again", state)
	}
	is.Tag, is.Version, is.Updated = Tag(tag), uint64(version), time.UnixMicro(updated).UTC()
	return is, nil
}

// page is how many rows one read takes.
const page = 1000

// All lists every case, in the order of their tags.
func (c *Cases) All(ctx context.Context) iter.Seq2[Case, error] {
	return func(yield func(Case, error) bool) {
		after := []byte{}
		for {
			some, err := c.page(ctx, after)
			if err != nil {
				yield(Case{}, err)
				return
			}
			for _, is := range some {
				if !yield(is, nil) {
					return
				}
				after = is.Tag[:]
			}
			if len(some) < page {
				return
			}
		}
	}
}

func (c *Cases) page(ctx context.Context, after []byte) ([]Case, error) {
	return database.Collect(ctx, c.cfg.DB.Read(), "list cases", c.sql["cases"], scan, after, page)
}

// Event is one state a case was in.
type Event struct {
	Version uint64
	State   feedback.CaseState
	Note    string
	At      time.Time
	By      string
}

// History is every state a case was in, oldest first.
func (c *Cases) History(ctx context.Context, tag Tag) ([]Event, error) {
	return c.history(ctx, c.cfg.DB.Read(), tag)
}

func (c *Cases) history(ctx context.Context, q database.Queryer, tag Tag) ([]Event, error) {
	return database.Collect(ctx, q, "read case's history", c.sql["events"], scanEvent, tag[:])
}

func scanEvent(row database.Row) (e Event, err error) {
	var state string
	var version, at int64
	err = row.Scan(&version, &state, &e.Note, &at, &e.By)
	e.State, _ = feedback.ParseCaseState(state)
	e.Version, e.At = uint64(version), time.UnixMicro(at).UTC()
	return e, err
}

// Box is a case as kiosks get it.
type Box struct {
	Tag     Tag
	Box     []byte
	Changed uint64 // number of the change
}

// Boxes are those changed after since, at most as many as asked for, in the
// order of their changes.
func (c *Cases) Boxes(ctx context.Context, since uint64, most int) ([]Box, error) {
	return database.Collect(ctx, c.cfg.DB.Read(), "read case boxes", c.sql["boxes"], scanBox, int64(since), most)
}

func scanBox(row database.Row) (b Box, err error) {
	var tag []byte
	var changed int64
	if err := row.Scan(&tag, &b.Box, &changed); err != nil {
		return b, err
	}
	b.Tag, b.Changed = Tag(tag), uint64(changed)
	return b, nil
}
