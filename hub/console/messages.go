package console

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"nghe/hub/ledger"
	"nghe/hub/reports"
	"nghe/shared/feedback"
)

// messageFilter is what the address of the list asks for.
type messageFilter struct {
	Kind, Subject, Place, Reader, State, From, To string
	Before                                        int64
}

func messageFilterOf(r *http.Request) messageFilter {
	before, _ := strconv.ParseInt(r.FormValue("before"), 10, 64) // 0, the newest, when it is no number
	return messageFilter{Kind: r.FormValue("kind"), Subject: r.FormValue("subject"), Place: r.FormValue("place"),
		Reader: r.FormValue("reader"), State: r.FormValue("state"), From: r.FormValue("from"), To: r.FormValue("to"), Before: before}
}

var readers = map[string]feedback.Reader{"cases": feedback.ReaderCases, "named": feedback.ReaderNamed}

// ledger is the filter in the ledger's words. A day that is none filters
// nothing.
func (f messageFilter) ledger() ledger.MessageFilter {
	all := ledger.MessageFilter{Kind: f.Kind, Subject: f.Subject, Place: f.Place, Reader: readers[f.Reader],
		State: ledger.MessageState(f.State), Before: f.Before, Limit: messagesPage}
	all.From, _ = reports.Day(f.From)
	if until, err := reports.Day(f.To); err == nil && f.To != "" {
		all.Until = until.AddDate(0, 0, 1)
	}
	return all
}

func (f messageFilter) href(before int64) string {
	v := url.Values{}
	for key, value := range map[string]string{"kind": f.Kind, "subject": f.Subject, "place": f.Place, "reader": f.Reader,
		"state": f.State, "from": f.From, "to": f.To} {
		if value != "" {
			v.Set(key, value)
		}
	}
	if before > 0 {
		v.Set("before", strconv.FormatInt(before, 10))
	}
	if len(v) == 0 {
		return "/messages"
	}
	return "/messages?" + v.Encode()
}

const messagesPage = 100

// choice is one entry of a list to choose from.
type choice struct {
	Value, Word string
	Here        bool
}

type selector struct {
	Name, Label string
	Choices     []choice
}

type messagesBody struct {
	States    []link // by completeness, the filter most asked for
	Selectors []selector
	Hidden    []choice // what the form keeps of the filter beside its fields
	From, To  string
	Rows      []messageRow
	Filtered  bool
	Shown     string
	Complete  completeBody // of what may still be on its way
	Poison    string       // quarantined records, which may be messages
	Newest    string       // address; empty on the first page
	Older     string       // address; empty on the last
}

// link is a filter to choose.
type link struct {
	Href, Word string
	Here       bool
}

// messageRow is a message in the list: nothing of what is in it.
type messageRow struct {
	Href, Kind, About, Place, PlaceID string
	When, WhenNote                    string
	State, Reader                     pill
	Parts                             []part
	Case                              string
}

// part is one thing a message holds.
type part struct {
	Icon, Word, Note string
	Missing          bool
}

func (c *Console) showMessages(w http.ResponseWriter, r *http.Request) error {
	f, filter := c.face(r), messageFilterOf(r)
	found, err := c.cfg.Ledger.Messages(r.Context(), filter.ledger())
	if err != nil {
		return fmt.Errorf("list messages: %w", err)
	}
	names, err := c.localNames(r.Context())
	if err != nil {
		return err
	}
	b, err := c.messagesBody(r.Context(), f, filter, names.places)
	if err != nil {
		return err
	}
	refused, err := c.refused(r.Context())
	if err != nil {
		return err
	}
	for _, m := range found {
		row := f.messageRow(m, names, refused)
		if row.Case, err = c.caseWord(r.Context(), f, m); err != nil {
			return err
		}
		b.Rows = append(b.Rows, row)
	}
	b.Shown = f.text("messages.shown", f.locale.Integer(int64(len(found))))
	if len(found) == messagesPage {
		b.Shown = f.text("messages.more", f.locale.Integer(messagesPage))
		b.Older = filter.href(found[len(found)-1].Number)
	}
	return c.show(w, r, "messages", page{Title: f.text("messages.title"), Body: b})
}

// messagesBody is what stands around the rows: the filter, and what the list may
// lack.
func (c *Console) messagesBody(ctx context.Context, f *face, at messageFilter, places map[string]string) (messagesBody, error) {
	b := messagesBody{Selectors: f.selectors(at, places), From: at.From, To: at.To, States: f.stateLinks(at), Filtered: at.narrowed()}
	if at.State != "" {
		b.Hidden = append(b.Hidden, choice{Value: at.State, Word: "state"})
	}
	if at.Before > 0 {
		b.Newest = at.href(0)
	}
	kiosks, err := c.kiosks(ctx)
	if err != nil {
		return b, err
	}
	if b.Complete = f.complete(kiosks, c.cfg.Now()); len(kiosks) == 0 || b.Complete.Icon == "online" {
		b.Complete = completeBody{} // nothing is to come
	}
	poison, err := c.cfg.Ledger.Quarantined(ctx)
	if err != nil {
		return b, fmt.Errorf("count quarantined: %w", err)
	}
	if len(poison) > 0 {
		b.Poison = f.text("messages.poison", f.locale.Integer(int64(len(poison))))
	}
	return b, nil
}

// narrowed says whether more than completeness is asked for.
func (f messageFilter) narrowed() bool {
	f.State, f.Before = "", 0
	return f != messageFilter{}
}

func (f *face) stateLinks(at messageFilter) []link {
	var all []link
	for _, state := range []string{"", string(ledger.MessageWhole), string(ledger.MessageIncomplete), string(ledger.MessageDeleted)} {
		to, word := at, f.text("messages.any")
		if to.State = state; state != "" {
			word = f.text("message." + state)
		}
		all = append(all, link{to.href(0), word, state == at.State})
	}
	return all
}

// localNames are the words for what a message names by an id.
type localNames struct {
	places map[string]string
	areas  []feedback.Area // as they are told now; one of another day stands by its id
}

func (c *Console) localNames(ctx context.Context) (localNames, error) {
	places, err := c.placeNames(ctx)
	n := localNames{places: places}
	if err != nil || c.cfg.Told == nil {
		return n, err
	}
	facts, err := c.cfg.Told.Facts(ctx)
	n.areas = facts.Areas
	return n, err
}

func (c *Console) placeNames(ctx context.Context) (map[string]string, error) {
	all, err := c.places(ctx)
	names := map[string]string{}
	for _, p := range all {
		names[p.ID] = p.Name
	}
	return names, err
}

func (f *face) selectors(at messageFilter, places map[string]string) []selector {
	pick := func(name, value string, options []choice) selector {
		s := selector{Name: name, Label: f.text("messages." + name), Choices: []choice{{Word: f.text("messages.any"), Here: value == ""}}}
		for _, o := range options {
			o.Here = o.Value == value
			s.Choices = append(s.Choices, o)
		}
		return s
	}
	form := feedback.Messages()
	var where []choice
	for _, id := range slices.Sorted(maps.Keys(places)) {
		where = append(where, choice{Value: id, Word: id + " · " + places[id]})
	}
	return []selector{
		pick("kind", at.Kind, f.options(form.Kinds)), pick("subject", at.Subject, f.options(form.Subjects)), pick("place", at.Place, where),
		pick("reader", at.Reader, f.wordChoices("reader.", "cases", "named")),
	}
}

func (f *face) options(all []feedback.Option) []choice {
	var choices []choice
	for _, o := range all {
		choices = append(choices, choice{Value: o.ID, Word: o.Text.In(feedback.Language(f.lang))})
	}
	return choices
}

func (f *face) wordChoices(prefix string, values ...string) []choice {
	var choices []choice
	for _, v := range values {
		choices = append(choices, choice{Value: v, Word: f.text(prefix + v)})
	}
	return choices
}

// option is the word for an option's id; an id of a later form stands as it is.
func (f *face) option(all []feedback.Option, id string) string {
	for _, o := range all {
		if o.ID == id {
			return o.Text.In(feedback.Language(f.lang))
		}
	}
	return id
}

// about is the subject of a message and where its matter is, as far as it says.
func (f *face) about(m ledger.Message, areas []feedback.Area) string {
	subject, area := f.option(feedback.Messages().Subjects, m.Subject), m.Area
	for _, a := range areas {
		if a.ID == m.Area {
			area = a.Text.In(feedback.Language(f.lang))
		}
	}
	return strings.Trim(subject+" · "+area, " ·")
}

func (f *face) messageRow(m ledger.Message, n localNames, refused func(ledger.Blob) bool) messageRow {
	row := messageRow{Href: "/messages/" + m.ID.String(), Kind: f.option(feedback.Messages().Kinds, m.Kind), About: f.about(m, n.areas),
		Place: n.places[m.Place], PlaceID: m.Place, Reader: f.reader(m.Reader)}
	row.Parts, row.State = f.parts(m, refused)
	if row.Kind == "" {
		row.Kind = f.text("messages.other")
	}
	if row.Place == "" {
		row.Place = m.Place
	}
	row.When, row.WhenNote = f.messageTime(m)
	return row
}

// messageTime of a message for named officers is its day, whatever is known.
func (f *face) messageTime(m ledger.Message) (when, note string) {
	taken := time.UnixMicro(m.TakenAt)
	if m.DayOnly {
		return f.locale.Date(taken), f.text("messages.dayonly")
	}
	if width := time.Duration(m.TakenWidth) * time.Microsecond; width > wideTime {
		note = f.text("latest.about", f.locale.Duration(width))
	} else if received := time.UnixMicro(m.ReceivedAt); received.Sub(taken) > lateArrival {
		note = f.text("messages.received", f.locale.DateTime(received))
	}
	return f.locale.DateTime(taken), note
}

// How far a message is here, in one word. The ledger has fewer states: what may
// still come and what was refused are both incomplete there, and one deleted
// part makes a message deleted.
var messagePills = map[string]pill{"whole": {Class: "online", Icon: "online"}, "incomplete": {Class: "late", Icon: "late"},
	"refused": {Class: "lost", Icon: "lost"}, "partly": {Class: "off", Icon: "revoked"}, "deleted": {Class: "off", Icon: "revoked"}}

func (f *face) reader(r feedback.Reader) pill {
	if r == feedback.ReaderNamed {
		return pill{Class: "waiting", Icon: "person", Word: f.text("reader.named")}
	}
	return pill{Class: "off", Icon: "all", Word: f.text("reader.cases")}
}

var partIcons = map[feedback.AttachmentKind]string{feedback.AttachedWords: "log", feedback.AttachedContact: "person",
	feedback.AttachedVoice: "voice", feedback.AttachedPhoto: "photo"}

// parts says what a message holds, what is still to come, and in a word how
// much of it is here. Sizes of what is for named officers are those of buckets.
func (f *face) parts(m ledger.Message, refused func(ledger.Blob) bool) ([]part, pill) {
	var all []part
	count := map[string]int{}
	for _, b := range m.Blobs {
		p := part{Icon: partIcons[b.Kind], Word: f.text("part.other")}
		if purpose := b.Kind.Purpose(); purpose != "" {
			p.Word = f.text("part." + purpose)
		}
		is := "here"
		switch {
		case b.Deleted > 0:
			is = "deleted"
		case b.Here():
		case refused(b):
			is = "refused"
		case b.Stored > 0:
			is = "spoilt" // two records name these bytes by two sizes
		default:
			is = "missing"
		}
		if count[is]++; is != "here" {
			p.Note, p.Missing = f.text("part."+is), true
		}
		all = append(all, p)
	}
	state := "whole"
	switch {
	case count["refused"]+count["spoilt"] > 0:
		state = "refused"
	case count["missing"] > 0:
		state = "incomplete"
	case count["deleted"] > 0 && count["here"] > 0:
		state = "partly"
	case count["deleted"] > 0:
		state = "deleted"
	}
	is := messagePills[state]
	is.Word = f.text("message." + state)
	return all, is
}

// caseWord is how far the ward is with a message; "" for one without a receipt, or forgotten.
func (c *Console) caseWord(ctx context.Context, f *face, m ledger.Message) (string, error) {
	is, found, err := c.caseOf(ctx, m.Receipt)
	if err != nil || !found && (len(m.Receipt) == 0 || m.State() == ledger.MessageDeleted) {
		return "", err
	}
	if !found {
		is.State = feedback.CaseReceived
	}
	return is.State.Text().In(feedback.Language(f.lang)), nil
}

// messageBody is the page of one message. Content is nil until it was opened.
type messageBody struct {
	messageRow
	ID, Short  string
	Spoken     string // language
	Facts      []fact
	Consents   []consent
	Replies    []replyLine // of its sender, to how it was handled
	Rights     []fact      // that its sender used
	Named      bool
	Reads      bool // who looks may open it
	Admin      bool
	Deletes    bool
	Problem    string
	Gone       bool // every part was deleted
	Openable   bool // there is something to open
	HasContact bool
	Sealed     []sealedPart
	Content    *content
}

type fact struct{ Label, Value, Note string }

// sealedPart is a part for an officer to take away unopened.
type sealedPart struct {
	Number     int
	Word, Size string
	Here       bool
}

// content is what was opened, for one page.
type content struct {
	Words    string
	Language string
	Contact  []fact
	Voice    string // address
	Photo    string // address
	Troubles []string
	Again    string // parts open on this page, for the next request
}

func (f *face) messageBody(m ledger.Message, n localNames, refused func(ledger.Blob) bool) messageBody {
	b := messageBody{messageRow: f.messageRow(m, n, refused), ID: m.ID.String(), Named: m.Reader == feedback.ReaderNamed}
	b.Short = b.ID[:8]
	b.Gone = len(m.Blobs) > 0 && !slices.ContainsFunc(m.Blobs, func(x ledger.Blob) bool { return x.Deleted == 0 })
	b.Facts = []fact{{Label: f.text("list.device"), Value: m.Device}}
	b.Spoken = f.named("language.", m.Language)
	for i, blob := range m.Blobs {
		switch {
		case blob.Reader == feedback.ReaderNamed:
			b.Sealed = append(b.Sealed, sealedPart{i, b.Parts[i].Word, f.locale.Bytes(blob.Size), blob.Here()})
		case blob.Kind == feedback.AttachedContact:
			b.HasContact = b.HasContact || blob.Here()
		default:
			b.Openable = b.Openable || blob.Here()
		}
	}
	return b
}

// named is the word for an id; one of a later program stands as it is.
func (f *face) named(kind, id string) string {
	if text, ok := f.words[kind+id]; ok {
		return text
	}
	return id
}

// consent is one text a resident agreed to, as it stood on the screen.
type consent struct {
	Purpose, About, Hash string
	Text                 string // empty: this hub does not know it
	Lang                 feedback.Language
}

// consents shows what a resident agreed to: the record names each text by its
// hash.
func (c *Console) consents(ctx context.Context, f *face, m ledger.Message) ([]consent, error) {
	var all []consent
	for _, given := range m.Consents {
		one := consent{Purpose: f.named("part.", given.Purpose), Hash: fmt.Sprintf("%x", given.Text), About: f.text("consent.unknown")}
		if c.cfg.Deletions != nil {
			is, known, err := c.cfg.Deletions.Agreed(ctx, given.Text)
			if err != nil {
				return nil, err
			}
			if known {
				one.Text, one.Lang = c.cfg.Deletions.AgreedText(is), is.Language
				one.About = f.text("consent.about", f.locale.Integer(int64(is.Version)), f.named("language.", string(is.Language)), is.Ward)
			}
		}
		all = append(all, one)
	}
	return all, nil
}
