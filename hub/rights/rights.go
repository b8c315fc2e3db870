// Package rights keeps what residents ask by receipt code about the data kept
// of them: to see it, to have it corrected or deleted, to take a consent back
// (Law 91/2025/QH15, Decree 356/2025/NĐ-CP).
//
// It promises that every request that reached the ledger stands in the queue
// with the days the law gives for it; that nothing is shown, deleted or changed
// for one that was not made by somebody with the code; that settling deletes
// before it says so; and that who settled what, when and how is kept.
//
// It opens no message and tells no kiosk: answers go into the case's note.
package rights

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

	"nghe/hub/cases"
	"nghe/hub/database"
	"nghe/hub/deletion"
	"nghe/hub/ledger"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

//go:embed sqlite/*.sql postgres/*.sql
var migrations embed.FS

//go:embed queries.sql
var queries string

// Config says where requests are kept and what settles them.
type Config struct {
	DB        *database.DB
	Ledger    *ledger.Ledger
	Cases     *cases.Cases
	Deletions *deletion.Deletions
	Now       func() time.Time // nil means time.Now
	Logger    *slog.Logger     // nil means slog.Default
}

// Rights is the open queue. Its methods may be called from anywhere.
type Rights struct {
	cfg Config
	sql map[string]string

	taking sync.Mutex // held by Take
	taken  int64      // guarded by taking; claims up to this number were looked at
}

// Request is one right that somebody used.
type Request struct {
	Number   int64 // by which people name it
	Record   wire.RecordID
	Tag      []byte // of the receipt, as its record says
	Right    feedback.Right
	Place    string // feedback.Place.ID where it was asked
	Asked    time.Time
	Received time.Time
	DayOnly  bool // only the days of Asked and Received may be shown
	Proof    cases.Proof
	Times    int // how often the same was asked, this one being the first; 1 where it is not counted
	Due      Due

	Acknowledged   time.Time // zero: not yet
	AcknowledgedBy string
	Settled        time.Time // zero: not yet
	SettledBy      string
	Refused        bool   // settled by a refusal
	Answer         string // to the resident

	told string // what the case's note says of it
}

var (
	// ErrNoRequest says that there is no request of this number.
	ErrNoRequest = errors.New("there is no request of this number")
	// ErrSettled says that a request was settled before.
	ErrSettled = errors.New("this request is settled already")
	// ErrUnproven says that nothing may be done for a request.
	ErrUnproven = errors.New("not proved to come from whoever has the receipt's code")
	// ErrNoAnswer asks for words to the resident.
	ErrNoAnswer = errors.New("say what the resident is told")
)

// Open brings the tables up to date.
func Open(ctx context.Context, cfg Config) (*Rights, error) {
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := cfg.DB.Migrate(ctx, "rights_migrations", migrations); err != nil {
		return nil, fmt.Errorf("open rights: %w", err)
	}
	return &Rights{cfg: cfg, sql: cfg.DB.Queries(queries, "", "")}, nil
}

// Waits says whether something new came since the last Take; it is cheap.
func (r *Rights) Waits(ctx context.Context) (bool, error) {
	last, err := r.cfg.Ledger.LastClaim(ctx)
	r.taking.Lock()
	defer r.taking.Unlock()
	return last > r.taken, err
}

// Take puts the requests that came to the ledger since it last looked into the
// queue, each once, and proves those it could not prove before, the newest 1,000
// of them. It tells how many are new. The first Take of a process looks at all.
func (r *Rights) Take(ctx context.Context) (added int, err error) {
	r.taking.Lock()
	defer r.taking.Unlock()
	last, err := r.cfg.Ledger.LastClaim(ctx)
	if err != nil {
		return 0, fmt.Errorf("take rights requests: %w", err)
	}
	var errs []error // one that fails keeps no other waiting
	for after := r.taken; ; {
		page, err := r.cfg.Ledger.RightsRequests(ctx, after)
		if err != nil {
			return added, fmt.Errorf("take rights requests: %w", err)
		}
		for _, claim := range page {
			after = claim.Number
			n, err := r.add(ctx, claim)
			added, errs = added+n, append(errs, err)
		}
		if len(page) == 0 {
			break
		}
	}
	if err := errors.Join(errs...); err != nil {
		return added, err
	}
	r.taken = last
	return added, r.proveAgain(ctx)
}

func (r *Rights) add(ctx context.Context, claim ledger.Claim) (added int, err error) {
	var known int
	err = r.cfg.DB.Read().QueryRowContext(ctx, r.sql["known"], claim.ID[:]).Scan(&known)
	if err != nil || known > 0 {
		return 0, err
	}
	proof, err := r.cfg.Cases.Prove(ctx, claim)
	if err != nil {
		return 0, err
	}
	dayOnly := int64(0)
	if claim.DayOnly {
		dayOnly = 1
	}
	n, err := r.exec(ctx, "put", claim.ID[:], append([]byte{}, claim.Receipt...), string(claim.Right), claim.Place, claim.TakenAt, dayOnly, claim.ReceivedAt, string(proof))
	return int(n), err
}

// proveAgain looks whether keys were learned since.
func (r *Rights) proveAgain(ctx context.Context) error {
	ids, err := database.Collect(ctx, r.cfg.DB.Read(), reading, r.sql["unproven"], func(row database.Row) (id wire.RecordID, err error) {
		var octets []byte
		err = row.Scan(&octets)
		copy(id[:], octets)
		return id, err
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		claim, err := r.cfg.Ledger.Claim(ctx, id)
		if errors.Is(err, ledger.ErrNoClaim) {
			continue // a restored ledger may still be waiting for it
		}
		if err != nil {
			return err
		}
		proof, err := r.cfg.Cases.Prove(ctx, claim)
		if err == nil && proof != cases.ProofUnknown {
			_, err = r.exec(ctx, "prove", string(proof), id[:])
		}
		if err != nil {
			return fmt.Errorf("prove rights request: %w", err)
		}
	}
	return nil
}

// Waiting are the requests that are not settled, the one asked first first. The
// same right under one receipt stands there once, by its first request. Forged
// ones are not among them.
func (r *Rights) Waiting(ctx context.Context) ([]Request, error) {
	all, err := r.read(ctx, "open")
	if err != nil {
		return nil, err
	}
	type same struct {
		tag   string
		right feedback.Right
		proof cases.Proof
	}
	at, once := map[same]int{}, []Request(nil)
	for _, is := range all {
		key := same{string(is.Tag), is.Right, is.Proof}
		if i, again := at[key]; again {
			once[i].Times++
			continue
		}
		at[key] = len(once)
		once = append(once, is)
	}
	return once, nil
}

// Late counts those of Waiting for which the law's time is over, all of them. It
// reads a row for each day on which something was asked that waits.
func (r *Rights) Late(ctx context.Context, now time.Time) (n int, err error) {
	err = database.Each(ctx, r.cfg.DB.Read(), reading, r.sql["waiting by day"], func(rows *sql.Rows) error {
		var is Request
		var acknowledged, asked int64
		var of int
		err := rows.Scan(&is.Right, &acknowledged, &asked, &of)
		is.Acknowledged, is.Due = database.Moment(acknowledged), DueFor(is.Right, database.Moment(asked))
		if is.Late(now) {
			n += of
		}
		return err
	}, ahead.Microseconds())
	return n, err
}

// Late says whether the law's time is over for whoever asked.
func (is Request) Late(now time.Time) bool {
	return !now.Before(is.Due.Settle) || is.Acknowledged.IsZero() && !now.Before(is.Due.Acknowledge)
}

// Settled are the n settled last.
func (r *Rights) Settled(ctx context.Context, n int) ([]Request, error) {
	return r.read(ctx, "settled", n)
}

// Forged are the newest n that nobody with the code made.
func (r *Rights) Forged(ctx context.Context, n int) ([]Request, error) {
	return r.read(ctx, "forged", n)
}

// Of is what was asked under a receipt's tag, in the order it came. Forged
// requests are not among them.
func (r *Rights) Of(ctx context.Context, tag []byte) ([]Request, error) {
	return r.read(ctx, "of receipt", tag)
}

// Get is the request of a number, or ErrNoRequest.
func (r *Rights) Get(ctx context.Context, number int64) (Request, error) {
	found, err := r.read(ctx, "request", number)
	if err == nil && len(found) == 0 {
		err = ErrNoRequest
	}
	if err != nil {
		return Request{}, err
	}
	return found[0], nil
}

const reading = "read rights requests"

func (r *Rights) read(ctx context.Context, query string, args ...any) ([]Request, error) {
	return database.Collect(ctx, r.cfg.DB.Read(), reading, r.sql[query], scan, args...)
}

func scan(row database.Row) (Request, error) {
	is := Request{Times: 1}
	var record []byte
	var asked, dayOnly, received, acknowledged, settled, refused int64
	err := row.Scan(&is.Number, &record, &is.Tag, &is.Right, &is.Place, &asked, &dayOnly, &received, &is.Proof, &acknowledged, &is.AcknowledgedBy, &is.told,
		&settled, &is.SettledBy, &refused, &is.Answer)
	if err != nil {
		return is, err
	}
	is.Record, is.DayOnly, is.Refused = wire.RecordID(record), dayOnly != 0, refused != 0
	is.Asked, is.Received, is.Acknowledged, is.Settled = database.Moment(asked), database.Moment(received), database.Moment(acknowledged), database.Moment(settled)
	is.Due = DueFor(is.Right, is.Asked)
	return is, nil
}

func (r *Rights) exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	return r.cfg.DB.Exec(ctx, query+" rights request", r.sql[query], args...)
}
