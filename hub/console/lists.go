package console

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"nghe/hub/accounts"
	"nghe/hub/ledger"
)

// listBody is a plain table.
type listBody struct {
	Note, None string
	Heads      []string
	Rows       [][]cell
	More       string // address of older rows, empty when there are none
}

type cell struct {
	Text, Note, Class string
	Code              bool
	Href              string // of Text; empty: it leads nowhere
	State             *pill  // before Text; nil: none
}

func (f *face) heads(keys ...string) []string {
	var all []string
	for _, k := range keys {
		all = append(all, f.text(k))
	}
	return all
}

// shownBytes is how much of a poison record is printed.
const shownBytes = 48

func (c *Console) showQuarantine(w http.ResponseWriter, r *http.Request) error {
	f := c.face(r)
	poison, err := c.cfg.Ledger.Quarantined(r.Context())
	if err != nil {
		return fmt.Errorf("list quarantined: %w", err)
	}
	b := listBody{Note: f.text("quarantine.note"), None: f.text("quarantine.none"),
		Heads: f.heads("list.time", "list.device", "list.journal", "list.reason", "list.bytes")}
	slices.Reverse(poison)
	for _, p := range poison {
		raw := hex.EncodeToString(p.Bytes[:min(len(p.Bytes), shownBytes)])
		if len(p.Bytes) > shownBytes {
			raw += "…"
		}
		b.Rows = append(b.Rows, []cell{
			{Text: f.locale.DateTime(time.UnixMicro(p.At))}, {Text: p.Device, Code: true},
			{Text: p.Journal.String()[:12], Code: true, Note: "#" + f.locale.Integer(int64(p.Seq))},
			{Text: p.Reason}, {Text: raw, Code: true, Note: f.locale.Bytes(uint64(len(p.Bytes)))}})
	}
	return c.show(w, r, "list", page{Title: f.text("quarantine.title"), Body: b})
}

const listPage = 200

// noted is one line of the hub's log, from ledger or registry.
type noted struct {
	at    time.Time
	cells []cell
}

// showLog joins what the ledger and the registry noted, newest first.
func (c *Console) showLog(w http.ResponseWriter, r *http.Request) error {
	f := c.face(r)
	all, err := c.ledgerLog(r, f)
	if err != nil {
		return err
	}
	events, err := c.cfg.Registry.Events(r.Context(), 0, listPage)
	if err != nil {
		return err
	}
	for _, e := range events {
		detail := e.Detail
		if e.By != "" {
			detail += " (" + e.By + ")"
		}
		all = append(all, noted{e.At, []cell{{Text: f.locale.DateTime(e.At)}, {Text: f.event(e.Kind)},
			{Text: e.Device, Code: true, Note: e.Place}, {Text: "–"}, {Text: detail}}})
	}
	slices.SortStableFunc(all, func(a, b noted) int { return b.at.Compare(a.at) })
	b := listBody{Note: f.text("log.note"), None: f.text("log.none"),
		Heads: f.heads("list.time", "list.kind", "list.device", "list.journal", "list.detail")}
	for _, n := range all[:min(len(all), listPage)] {
		b.Rows = append(b.Rows, n.cells)
	}
	return c.show(w, r, "list", page{Title: f.text("log.title"), Body: b})
}

// ledgerLog is the newest part of the ledger's log, which reads forward only.
func (c *Console) ledgerLog(r *http.Request, f *face) ([]noted, error) {
	var last []ledger.Event
	for after := int64(0); ; {
		some, err := c.cfg.Ledger.Events(r.Context(), after, 1000)
		if err != nil {
			return nil, fmt.Errorf("list hub events: %w", err)
		}
		last = append(last, some...)
		last = last[max(0, len(last)-listPage):]
		if len(some) < 1000 {
			break
		}
		after = some[len(some)-1].Number
	}
	var all []noted
	for _, e := range last {
		at := time.UnixMicro(e.At)
		where := cell{Text: "–"}
		if e.Journal != (ledger.Event{}).Journal {
			where = cell{Text: e.Journal.String()[:12], Code: true, Note: "#" + f.locale.Integer(int64(e.Seq))}
		}
		all = append(all, noted{at, []cell{{Text: f.locale.DateTime(at)}, {Text: f.event(string(e.Kind))},
			{Text: e.Device, Code: true}, where, {Text: e.Detail}}})
	}
	return all, nil
}

// event is a kind of event in words; one nobody has translated yet stands as
// it is.
func (f *face) event(kind string) string {
	if text, ok := f.words["event."+kind]; ok {
		return text
	}
	return kind
}

func (c *Console) showAccess(w http.ResponseWriter, r *http.Request) error {
	f := c.face(r)
	before, _ := strconv.ParseInt(r.FormValue("before"), 10, 64) // 0, the newest, when it is no number
	events, err := c.cfg.Accounts.Events(r.Context(), before, listPage)
	if err != nil {
		return err
	}
	b := listBody{Note: f.text("access.note"), None: f.text("access.none"),
		Heads: f.heads("list.time", "list.kind", "list.operator", "list.by", "list.remote", "list.detail")}
	for _, e := range events {
		b.Rows = append(b.Rows, f.accessRow(e))
	}
	if len(events) == listPage {
		b.More = fmt.Sprintf("/access?before=%d", events[len(events)-1].ID)
	}
	return c.show(w, r, "list", page{Title: f.text("access.title"), Body: b})
}

func (f *face) accessRow(e accounts.Event) []cell {
	return []cell{{Text: f.locale.DateTime(e.At)}, {Text: f.event(e.Kind)}, {Text: e.Operator}, {Text: e.By},
		{Text: e.Remote, Code: true}, {Text: e.Detail}}
}
