package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"nghe/hub/accounts"
	"nghe/hub/cases"
	"nghe/hub/rights"
	"nghe/shared/feedback"
)

// Kinds of lines in the access log.
const (
	eventAcknowledged = "right-acknowledged"
	eventSettled      = "right-settled"
)

// soon is how long before a request is due its page says so.
const soon = 3 * 24 * time.Hour

// How many requests of each kind one page shows.
const (
	waitingShown = 100
	settledShown = 50
	forgedShown  = 20
)

type rightsBody struct {
	Problem string
	Waiting []rightCard
	More    string // how many wait beside those
	Settled listBody
	Forged  listBody
	Admin   bool
}

// rightCard is one request that waits.
type rightCard struct {
	Number     int64
	Right      string
	State      pill
	Facts      []fact
	Messages   []messageLink
	Do         string // what is to be done
	Acks       bool   // it may be acknowledged
	Settles    bool   // what was asked may be done
	Deletes    bool   // that takes something away for good
	NeedsWords bool   // the resident must be told something
}

func (c *Console) showRights(w http.ResponseWriter, r *http.Request) error {
	return c.rightsPage(w, r, http.StatusOK, "")
}

func (c *Console) rightsPage(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	f, ctx := c.face(r), r.Context()
	b := rightsBody{Problem: problem, Admin: visitorOf(ctx).account.Has(accounts.Admin)}
	if c.cfg.Rights != nil {
		if err := c.fillRights(ctx, f, &b); err != nil {
			return err
		}
	}
	return c.show(&lateStatus{w, status}, r, "rights", page{Title: f.text("rights.title"), Body: b})
}

func (c *Console) fillRights(ctx context.Context, f *face, b *rightsBody) error {
	places, err := c.placeNames(ctx)
	if err != nil {
		return err
	}
	waiting, err := c.cfg.Rights.Waiting(ctx)
	if err != nil {
		return err
	}
	if more := len(waiting) - waitingShown; more > 0 {
		b.More = f.text("rights.more", f.locale.Integer(int64(more)))
	}
	for _, is := range waiting[:min(len(waiting), waitingShown)] {
		card := f.rightCard(is, places, c.cfg.Now())
		if card.Messages, err = c.messageLinks(ctx, f, is.Tag); err != nil {
			return err
		}
		b.Waiting = append(b.Waiting, card)
	}
	settled, err := c.cfg.Rights.Settled(ctx, settledShown)
	if err != nil {
		return err
	}
	b.Settled.Note, b.Forged.Note = f.text("rights.settled.title"), f.text("rights.forged.title")
	b.Settled.Heads = f.heads("rights.right", "rights.asked", "rights.settled", "list.by", "rights.answer")
	for _, is := range settled {
		b.Settled.Rows = append(b.Settled.Rows, f.settledRow(is, places))
	}
	forged, err := c.cfg.Rights.Forged(ctx, forgedShown)
	b.Forged.Heads = f.heads("rights.right", "rights.asked")
	for _, is := range forged {
		b.Forged.Rows = append(b.Forged.Rows, []cell{{Text: f.right(is)}, {Text: f.asked(is), Note: place(is, places)}})
	}
	return err
}

// right is what was asked, in words; that of a newer kiosk stands as it is.
func (f *face) right(is rights.Request) string { return f.named("right.", string(is.Right)) }

// asked is when, as exactly as may be told.
func (f *face) asked(is rights.Request) string {
	if is.DayOnly {
		return f.locale.Date(is.Asked)
	}
	return f.locale.DateTime(is.Asked)
}

func place(is rights.Request, places map[string]string) string {
	if name := places[is.Place]; name != "" {
		return name
	}
	return is.Place
}

// lastDay is the day that ends at a moment.
func (f *face) lastDay(late time.Time) string { return f.locale.Date(late.Add(-time.Nanosecond)) }

func (f *face) rightCard(is rights.Request, places map[string]string, now time.Time) rightCard {
	proved := is.Proof == cases.ProofGood
	card := rightCard{Number: is.Number, Right: f.right(is), State: f.rightState(is, now), Acks: is.Acknowledged.IsZero(), Settles: proved,
		Deletes: is.Right == feedback.RightDelete || is.Right == feedback.RightWithdraw, NeedsWords: is.Right != feedback.RightDelete}
	asked := fact{Label: f.text("rights.asked"), Value: f.asked(is), Note: place(is, places)}
	if received := is.Received; received.Sub(is.Asked) > lateArrival && !is.DayOnly {
		asked.Note += " · " + f.text("messages.received", f.locale.DateTime(received))
	}
	ack := fact{Label: f.text("rights.acknowledge.by"), Value: f.lastDay(is.Due.Acknowledge)}
	if !is.Acknowledged.IsZero() {
		ack = fact{Label: f.text("rights.acknowledged"), Value: f.locale.DateTime(is.Acknowledged), Note: is.AcknowledgedBy}
	}
	card.Facts = []fact{asked, ack, {Label: f.text("rights.settle.by"), Value: f.lastDay(is.Due.Settle)}}
	if is.Times > 1 {
		card.Facts = append(card.Facts, fact{Label: f.text("rights.times"), Value: f.locale.Integer(int64(is.Times))})
	}
	if card.Do = f.text("rights.do.unknown"); proved {
		card.Do = f.named("rights.do.", string(is.Right))
	}
	return card
}

func (f *face) rightState(is rights.Request, now time.Time) pill {
	switch {
	case !now.Before(is.Due.Settle):
		return pill{Class: "lost", Icon: "lost", Word: f.text("rights.overdue")}
	case is.Acknowledged.IsZero() && !now.Before(is.Due.Acknowledge):
		return pill{Class: "late", Icon: "late", Word: f.text("rights.unacknowledged")}
	case is.Proof != cases.ProofGood:
		return pill{Class: "waiting", Icon: "person", Word: f.text("rights.unproven")}
	case is.Due.Settle.Sub(now) < soon:
		return pill{Class: "late", Icon: "waiting", Word: f.text("rights.soon")}
	}
	return pill{Class: "online", Icon: "waiting", Word: f.text("rights.intime")}
}

func (f *face) settledRow(is rights.Request, places map[string]string) []cell {
	how := pill{Class: "online", Icon: "online", Word: f.text("rights.done")}
	if is.Refused {
		how = pill{Class: "off", Icon: "revoked", Word: f.text("rights.refused")}
	}
	when := cell{Text: f.locale.DateTime(is.Settled), State: &how}
	if !is.Settled.Before(is.Due.Settle) {
		when.Note = f.text("rights.late", f.lastDay(is.Due.Settle))
	}
	return []cell{{Text: f.right(is)}, {Text: f.asked(is), Note: place(is, places)}, when, {Text: is.SettledBy}, {Text: is.Answer}}
}

// request finds the one in the address.
func (c *Console) request(r *http.Request) (is rights.Request, ok bool, err error) {
	number, bad := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if bad != nil || c.cfg.Rights == nil {
		return is, false, nil
	}
	is, err = c.cfg.Rights.Get(r.Context(), number)
	if errors.Is(err, rights.ErrNoRequest) {
		return is, false, nil
	}
	return is, err == nil, err
}

func (c *Console) acknowledgeRight(w http.ResponseWriter, r *http.Request) error {
	is, ok, err := c.request(r)
	if err != nil {
		return err
	}
	if !ok {
		return c.notFound(w, r)
	}
	if err := c.noteRight(r, eventAcknowledged, is, ""); err != nil {
		return err
	}
	_, err = c.cfg.Rights.Acknowledge(r.Context(), is.Number, visitorOf(r.Context()).account.Name)
	return c.rightDone(w, r, err)
}

// settleRight does what was asked, or refuses it. What takes something away for
// good needs the request's number typed.
func (c *Console) settleRight(w http.ResponseWriter, r *http.Request) error {
	is, ok, err := c.request(r)
	if err != nil {
		return err
	}
	if !ok {
		return c.notFound(w, r)
	}
	s := rights.Settlement{Refused: r.PostFormValue("how") == "refuse", Answer: strings.TrimSpace(r.PostFormValue("answer")), By: visitorOf(r.Context()).account.Name}
	deletes := is.Right == feedback.RightDelete || is.Right == feedback.RightWithdraw
	if deletes && !s.Refused && strings.TrimSpace(r.PostFormValue("confirm")) != strconv.FormatInt(is.Number, 10) {
		return c.rightsPage(w, r, http.StatusUnprocessableEntity, c.face(r).text("rights.confirm", is.Number))
	}
	how := "done"
	if s.Refused {
		how = "refused"
	}
	if err := c.noteRight(r, eventSettled, is, how); err != nil {
		return err
	}
	_, err = c.cfg.Rights.Settle(r.Context(), is.Number, s)
	return c.rightDone(w, r, err)
}

// noteRight writes the line of the access log without which nothing is done.
func (c *Console) noteRight(r *http.Request, kind string, is rights.Request, how string) error {
	detail := strings.TrimSpace(fmt.Sprintf("%d %s %s", is.Number, is.Right, how))
	return c.cfg.Accounts.Record(r.Context(), accounts.Event{Kind: kind, By: visitorOf(r.Context()).account.Name, Remote: remote(r), Detail: detail})
}

// rightDone shows the queue again, with what stood in the way.
func (c *Console) rightDone(w http.ResponseWriter, r *http.Request, err error) error {
	f := c.face(r)
	told := (*feedback.Invalid)(nil)
	for is, key := range map[error]string{rights.ErrSettled: "rights.problem.settled", rights.ErrUnproven: "rights.problem.unproven", rights.ErrNoAnswer: "rights.problem.words"} {
		if errors.Is(err, is) {
			return c.rightsPage(w, r, http.StatusUnprocessableEntity, f.text(key))
		}
	}
	if errors.As(err, &told) {
		return c.rightsPage(w, r, http.StatusUnprocessableEntity, f.text("rights.problem.long"))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/rights", http.StatusSeeOther)
	return nil
}

// rightsOf is what was asked under a receipt, for its message's page.
func (c *Console) rightsOf(ctx context.Context, f *face, tag []byte) (all []fact, err error) {
	if c.cfg.Rights == nil || len(tag) == 0 {
		return nil, nil
	}
	found, err := c.cfg.Rights.Of(ctx, tag)
	for _, is := range found {
		state := f.rightState(is, c.cfg.Now()).Word
		if !is.Settled.IsZero() {
			state = f.text("rights.done")
		}
		if is.Refused {
			state = f.text("rights.refused")
		}
		all = append(all, fact{Label: f.right(is), Value: state, Note: f.asked(is)})
	}
	return all, err
}

// addRights tells on every page that the law's time is over for somebody.
func (c *Console) addRights(ctx context.Context, f *face, k *keeping) error {
	if c.cfg.Rights == nil {
		return nil
	}
	late, err := c.cfg.Rights.Late(ctx, c.cfg.Now())
	if late > 0 {
		k.worry(f.text("rights.worry", f.locale.Integer(int64(late))))
	}
	return err
}
