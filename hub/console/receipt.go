package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"nghe/hub/cases"
	"nghe/hub/ledger"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// How fast receipts may be asked for. There are 2^50 codes, so nobody finds one
// by trying; what is bounded here is the work.
const (
	askBurst, askEvery       = 12, 5 * time.Second // one address
	askBurstAll, askEveryAll = 40, 200 * time.Millisecond
	maxAskers                = 10_000
	askers                   = 2 // codes being derived at once: 16 MiB each
	// askQuantum is what every answer takes, or a multiple of it, so that its
	// time tells nothing of what was found.
	askQuantum = 400 * time.Millisecond
)

// desk is where strangers ask.
type desk struct {
	deriving chan struct{} // holds a token for each code being derived
	mu       sync.Mutex    // guards what follows
	all      *rate.Limiter
	each     map[string]*rate.Limiter
}

func newDesk() *desk {
	return &desk{deriving: make(chan struct{}, askers), all: rate.NewLimiter(rate.Every(askEveryAll), askBurstAll), each: map[string]*rate.Limiter{}}
}

// wait takes one question and returns 0, or says how long to wait. Behind a
// proxy on this machine all strangers have one address: there only the common
// bucket counts.
func (d *desk) wait(now time.Time, remote string) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if network := networkOf(remote); network != "" {
		b := d.each[network]
		if b == nil {
			if len(d.each) >= maxAskers {
				clear(d.each) // the common bucket still holds
			}
			b = rate.NewLimiter(rate.Every(askEvery), askBurst)
			d.each[network] = b
		}
		if wait := takeOne(b, now); wait > 0 {
			return wait
		}
	}
	return takeOne(d.all, now)
}

func takeOne(b *rate.Limiter, now time.Time) time.Duration {
	r := b.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// networkOf is what one household shares: an IPv4 address, or the first 64 bits
// of an IPv6 one; "" for this machine.
func networkOf(remote string) string {
	a, err := netip.ParseAddr(remote)
	if err != nil {
		return remote
	}
	a = a.Unmap().WithZone("")
	switch {
	case a.IsLoopback():
		return ""
	case a.Is6():
		p, _ := a.Prefix(64) // of an IPv6 address
		return p.String()
	}
	return a.String()
}

// receiptBody is the public page of one receipt.
type receiptBody struct {
	Asked   bool
	Problem string
	State   string
	Open    bool
	Updated string
	Road    []step // empty beside the usual road
	Note    string
	Hint    string
	Gone    string // that what was sent is deleted, beside what became of it
}

// step is one of the few a resident need know.
type step struct{ Class, Icon, Word string }

// road is how far a case is: received, being handled, answered. Empty for one
// that left this road.
func (f *face) road(is feedback.CaseState) []step {
	at := 0
	switch is {
	case feedback.CaseReceived, feedback.CaseClassified:
		at = 1
	case feedback.CaseAssigned, feedback.CaseInProgress, feedback.CaseAwaitingDetails, feedback.CaseAwaitingApproval, feedback.CaseReopened:
		at = 2
	case feedback.CaseAnswered, feedback.CaseClosed:
		at = 3
	default:
		return nil
	}
	var all []step
	for i, key := range []string{"receipt.road.received", "receipt.road.handled", "receipt.road.answered"} {
		s := step{"", "new", f.text(key)}
		if i+1 < at || at == 3 {
			s.Class, s.Icon = "done", "online"
		} else if i+1 == at {
			s.Class, s.Icon = "now", "waiting"
		}
		all = append(all, s)
	}
	return all
}

func (c *Console) askReceipt(w http.ResponseWriter, r *http.Request) error {
	return c.receiptPage(w, r, http.StatusOK, receiptBody{})
}

func (c *Console) receiptPage(w http.ResponseWriter, r *http.Request, status int, b receiptBody) error {
	w.Header().Set("X-Robots-Tag", "noindex, nofollow")
	w.Header().Set("Referrer-Policy", "no-referrer")
	return c.show(&lateStatus{w, status}, r, "receipt", page{Title: c.face(r).text("receipt.title"), Body: b})
}

// showReceipt says how far the ward is with the message of a receipt. Whoever
// has the code may ask; the code is kept nowhere.
func (c *Console) showReceipt(w http.ResponseWriter, r *http.Request) error {
	f, now := c.face(r), c.cfg.Now()
	if wait := c.desk.wait(now, remote(r)); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(1+int(wait/time.Second)))
		return c.receiptPage(w, r, http.StatusTooManyRequests, receiptBody{Asked: true, Problem: f.text("receipt.slow", f.locale.Integer(1+int64(wait/time.Second)))})
	}
	typed := r.PathValue("code")
	if typed == "" {
		typed = r.PostFormValue("code")
	}
	began := time.Now()
	b, err := c.lookUp(r.Context(), f, typed)
	if err != nil {
		return err
	}
	if err := settle(r.Context(), began); err != nil {
		return nil // the browser went away
	}
	status := http.StatusOK
	if b.Problem != "" {
		status = http.StatusNotFound
	}
	return c.receiptPage(w, r, status, b)
}

// settle waits for the next whole quantum since a question was asked.
func settle(ctx context.Context, began time.Time) error {
	rest := askQuantum - time.Since(began)%askQuantum
	select {
	case <-time.After(rest):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Console) lookUp(ctx context.Context, f *face, typed string) (receiptBody, error) {
	unknown := receiptBody{Asked: true, Problem: f.text("receipt.unknown")}
	code, err := seal.ParseCode(typed)
	if err != nil {
		return receiptBody{Asked: true, Problem: f.text("receipt.malformed")}, nil
	}
	select {
	case c.desk.deriving <- struct{}{}:
	case <-ctx.Done():
		return unknown, nil
	}
	tag := code.Receipt().Tag
	<-c.desk.deriving
	is, found, err := c.caseOf(ctx, tag[:])
	if err != nil {
		return receiptBody{}, err
	}
	messages, err := c.cfg.Ledger.MessagesOf(ctx, tag[:])
	if err != nil {
		return receiptBody{}, fmt.Errorf("find messages of a receipt: %w", err)
	}
	switch {
	case found && len(messages) > 0 && allDeleted(messages):
		b := f.receipt(is)
		b.Gone = f.text("receipt.deleted") + ": " + f.text("receipt.deleted.hint")
		return b, nil
	case found:
		return f.receipt(is), nil
	case len(messages) == 0:
		return unknown, nil
	case allDeleted(messages):
		return receiptBody{Asked: true, State: f.text("receipt.deleted"), Hint: f.text("receipt.deleted.hint")}, nil
	}
	return f.receipt(cases.Case{State: feedback.CaseReceived, Updated: time.UnixMicro(messages[0].ReceivedAt)}), nil
}

func allDeleted(messages []ledger.Message) bool {
	for _, m := range messages {
		if m.State() != ledger.MessageDeleted {
			return false
		}
	}
	return true
}

// receipt tells a case; the day is enough, and all there is for some.
func (f *face) receipt(is cases.Case) receiptBody {
	b := receiptBody{Asked: true, State: is.State.Text().In(feedback.Language(f.lang)), Open: is.State.Open(),
		Updated: f.text("receipt.updated", f.day(is.Updated)), Road: f.road(is.State), Note: is.Note, Hint: f.text("receipt.done")}
	if b.Open {
		b.Hint = f.text("receipt.open")
	}
	return b
}

// caseOf finds the case under a receipt's tag.
func (c *Console) caseOf(ctx context.Context, tag []byte) (cases.Case, bool, error) {
	if c.cfg.Cases == nil || len(tag) != 16 {
		return cases.Case{}, false, nil
	}
	is, err := c.cfg.Cases.Get(ctx, [16]byte(tag))
	if errors.Is(err, cases.ErrNoCase) {
		return cases.Case{}, false, nil
	}
	if err != nil {
		return cases.Case{}, false, fmt.Errorf("find case: %w", err)
	}
	return is, true, nil
}
