// Package cases keeps what people do about feedback: how far the ward is with
// each message, filed by the tag of its receipt, and what its sender says of
// that.
//
// It promises that a case only takes steps the ward's procedure knows; that
// every change carries a higher version and a higher number, visible in their
// order, so that whoever asks for what changed since a number misses nothing;
// that only a reply of somebody with the receipt's code changes a case, once; and
// that the receipt's key stands in the database only sealed to the hub's
// cases identity, the receipt's code nowhere.
//
// It does not open messages, know deadlines or tell kiosks: bulletin does.
//
// One table row is one case. A change computes the box that kiosks get at
// once, so that a bulletin of a hundred thousand cases needs no key.
package cases

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"nghe/hub/database"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

//go:embed sqlite/*.sql postgres/*.sql
var migrations embed.FS

//go:embed queries.sql
var queries string

// Config says where cases are kept and who may open receipts' keys.
type Config struct {
	DB *database.DB
	// Identity seals and opens the keys of receipts. Without its public half
	// keys are not kept: then a case changes by its code alone.
	Identity Identity
	Now      func() time.Time // nil means time.Now
	Logger   *slog.Logger     // nil means slog.Default
}

// Cases is the open store. Its methods may be called from anywhere.
type Cases struct {
	cfg Config
	sql map[string]string

	hearing sync.Mutex // held by Hear
	heard   int64      // guarded by hearing; claims up to this number were looked at
}

// Tag files a case: the tag of its receipt.
type Tag = [16]byte

// Case is how far the ward is with one message.
type Case struct {
	Tag     Tag
	Record  []byte // id of the message's record; empty when only its code is known
	State   feedback.CaseState
	Version uint64 // 1, 2, … for this case
	Note    string // the ward's words to the resident
	Updated time.Time
	By      string // operator's account; Resident; empty for the hub itself
}

var (
	// ErrNoCase says that nothing is known under a receipt.
	ErrNoCase = errors.New("no case is filed under this receipt")
	// ErrNoKey says that a case cannot be told to kiosks: the key of its
	// receipt is not known.
	ErrNoKey = errors.New("the receipt's key is not known here: set the case by its code, or open the message once")
)

// Refused is a step the procedure does not know.
type Refused struct {
	From, To feedback.CaseState
}

func (r *Refused) Error() string {
	switch {
	case r.To == feedback.CaseNotAccepted:
		return "not-accepted is for khiếu nại and tố cáo, which a kiosk does not take; use not-eligible"
	case r.To == feedback.CaseClosed:
		return fmt.Sprintf("a case that is %s cannot be closed before it is answered", r.From)
	case !r.From.Open():
		return fmt.Sprintf("a case that is %s can only be reopened", r.From)
	}
	return fmt.Sprintf("a case that is %s cannot become %s", r.From, r.To)
}

// Open brings the tables up to date.
func Open(ctx context.Context, cfg Config) (*Cases, error) {
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := cfg.DB.Migrate(ctx, "cases_migrations", migrations); err != nil {
		return nil, fmt.Errorf("open cases: %w", err)
	}
	return &Cases{cfg: cfg, sql: cfg.DB.Queries(queries+"\n"+repliesText, "", "")}, nil
}

// Change is what somebody decided about a case.
type Change struct {
	State feedback.CaseState
	Note  string // replaces the one before; empty takes it away
	By    string
}

// Learn keeps the key of a receipt, found in a part of the message that was
// opened, and begins its case as received where there is none. Learning twice
// changes nothing.
func (c *Cases) Learn(ctx context.Context, tag, key []byte, record wire.RecordID) error {
	if len(tag) != len(seal.Receipt{}.Tag) || len(key) != len(seal.Receipt{}.Key) {
		return fmt.Errorf("learn receipt: tag of %d bytes, key of %d", len(tag), len(key))
	}
	r := seal.Receipt{Tag: Tag(tag), Key: [32]byte(key)}
	_, err := c.change(ctx, r, record[:], func(is *Case) (Change, error) {
		if is != nil {
			return Change{}, errUnchanged
		}
		return Change{State: feedback.CaseReceived}, nil
	})
	return err
}

// SetByCode changes a case whose receipt code is at hand.
func (c *Cases) SetByCode(ctx context.Context, code seal.Code, ch Change) (Case, error) {
	return c.set(ctx, code.Receipt(), ch)
}

// Set changes a case by the tag of its receipt, whose key was learned.
func (c *Cases) Set(ctx context.Context, tag Tag, ch Change) (Case, error) {
	key, err := c.key(ctx, tag)
	if err != nil {
		return Case{}, err
	}
	return c.set(ctx, seal.Receipt{Tag: tag, Key: key}, ch)
}

func (c *Cases) set(ctx context.Context, r seal.Receipt, ch Change) (Case, error) {
	if !ch.State.Known() {
		return Case{}, errors.New("set case: that is no state")
	}
	if err := feedback.ValidNote(ch.Note); err != nil {
		return Case{}, fmt.Errorf("set case: %w", err)
	}
	return c.change(ctx, r, nil, func(is *Case) (Change, error) {
		from := feedback.CaseReceived // a message that arrived
		if is != nil {
			from = is.State
		}
		switch {
		case is != nil && from == ch.State && is.Note == ch.Note:
			return Change{}, errUnchanged
		case from != ch.State && !from.May(ch.State):
			return Change{}, &Refused{From: from, To: ch.State}
		}
		return ch, nil
	})
}

// errUnchanged is a decision to leave a case as it is.
var errUnchanged = errors.New("unchanged")

// change asks decide what to make of a case, nil when there is none, and keeps
// it with its box, its history and the receipt's key.
func (c *Cases) change(ctx context.Context, r seal.Receipt, record []byte, decide func(is *Case) (Change, error)) (is Case, err error) {
	sealed, err := c.cfg.Identity.seal(r.Key)
	if err != nil {
		return Case{}, err
	}
	err = c.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		is, err = c.changeIn(ctx, tx, r, sealed, record, decide)
		return err
	})
	return is, err
}

func (c *Cases) changeIn(ctx context.Context, tx *database.Tx, r seal.Receipt, sealed, record []byte, decide func(is *Case) (Change, error)) (Case, error) {
	var number int64
	if err := tx.QueryRowContext(ctx, c.sql["next change"]).Scan(&number); err != nil {
		return Case{}, fmt.Errorf("count change: %w", err)
	}
	is, err := scan(tx.QueryRowContext(ctx, c.sql["case"], r.Tag[:]))
	known := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Case{}, fmt.Errorf("read case: %w", err)
	}
	if err := c.learn(ctx, tx, r.Tag, sealed, record); err != nil {
		return Case{}, err
	}
	before := &is
	if !known {
		before = nil
	}
	ch, err := decide(before)
	if errors.Is(err, errUnchanged) {
		return is, nil // what was learned stays; a number was used up
	}
	if err != nil {
		return Case{}, err
	}
	if len(is.Record) == 0 {
		if is.Record, err = c.recordOf(ctx, tx, r.Tag, record); err != nil {
			return Case{}, err
		}
	}
	is.Tag, is.State, is.Note, is.By = r.Tag, ch.State, ch.Note, ch.By
	is.Version, is.Updated = is.Version+1, c.cfg.Now().UTC().Truncate(time.Microsecond)
	return is, c.keep(ctx, tx, r, is, number)
}

func (c *Cases) learn(ctx context.Context, tx *database.Tx, tag Tag, sealed, record []byte) error {
	if sealed == nil {
		return nil
	}
	if record == nil {
		record = []byte{}
	}
	if _, err := tx.Exec(ctx, c.sql["keep receipt"], tag[:], sealed, record); err != nil {
		return fmt.Errorf("keep receipt: %w", err)
	}
	if _, err := tx.Exec(ctx, c.sql["name record"], record, tag[:]); err != nil {
		return fmt.Errorf("name record: %w", err)
	}
	return nil
}

func (c *Cases) recordOf(ctx context.Context, tx *database.Tx, tag Tag, record []byte) ([]byte, error) {
	if len(record) > 0 {
		return record, nil
	}
	found := []byte{}
	err := tx.QueryRowContext(ctx, c.sql["receipt record"], tag[:]).Scan(&found)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read receipt: %w", err)
	}
	return found, nil
}

func (c *Cases) keep(ctx context.Context, tx *database.Tx, r seal.Receipt, is Case, number int64) error {
	news, err := wire.EncodeCaseNews(wire.CaseNews{State: is.State, Version: uint16(min(is.Version, 1<<16-1)), Updated: is.Updated.UnixMicro(), Note: is.Note})
	if err != nil {
		return fmt.Errorf("box case: %w", err)
	}
	box, err := r.Box(news)
	if err != nil {
		return fmt.Errorf("box case: %w", err)
	}
	at := is.Updated.UnixMicro()
	if _, err := tx.Exec(ctx, c.sql["put case"], is.Tag[:], is.Record, is.State.String(), int64(is.Version), is.Note, box, at, is.By, number); err != nil {
		return fmt.Errorf("keep case: %w", err)
	}
	if _, err := tx.Exec(ctx, c.sql["add event"], is.Tag[:], int64(is.Version), is.State.String(), is.Note, at, is.By); err != nil {
		return fmt.Errorf("keep case's history: %w", err)
	}
	return nil
}

// key opens the kept key of a receipt.
func (c *Cases) key(ctx context.Context, tag Tag) ([32]byte, error) {
	var sealed []byte
	err := c.cfg.DB.Read().QueryRowContext(ctx, c.sql["receipt"], tag[:]).Scan(&sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return [32]byte{}, ErrNoKey
	case err != nil:
		return [32]byte{}, fmt.Errorf("read receipt: %w", err)
	}
	return c.cfg.Identity.open(sealed)
}
