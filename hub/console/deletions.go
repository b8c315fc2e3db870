package console

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"nghe/hub/deletion"
	"nghe/hub/ledger"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// minReason is the shortest reason, in letters: "luật" is one.
const minReason = 4

// deleteMessage takes away all that came under a message's receipt, or, without
// one, its blobs. The typed confirmation is checked here; both logs keep it.
func (c *Console) deleteMessage(w http.ResponseWriter, r *http.Request) error {
	m, ok, err := c.found(r)
	if err != nil {
		return err
	}
	if !ok || c.cfg.Deletions == nil {
		return c.notFound(w, r)
	}
	reason := strings.TrimSpace(r.PostFormValue("reason"))
	if strings.TrimSpace(r.PostFormValue("confirm")) != m.ID.String()[:8] || len([]rune(reason)) < minReason {
		return c.messagePage(w, r, m, http.StatusUnprocessableEntity, c.face(r).text("delete.confirm"), nil)
	}
	if err := c.note(r, eventDeleted, m, "all; "+reason); err != nil {
		return err
	}
	err = c.deleteAll(r, m, reason)
	if errors.Is(err, deletion.ErrReason) {
		return c.messagePage(w, r, m, http.StatusUnprocessableEntity, c.face(r).text("delete.reason"), nil)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/messages/"+m.ID.String(), http.StatusSeeOther)
	return nil
}

func (c *Console) deleteAll(r *http.Request, m ledger.Message, reason string) error {
	by := visitorOf(r.Context()).account.Name
	if len(m.Receipt) == 16 {
		_, err := c.cfg.Deletions.Receipt(r.Context(), [16]byte(m.Receipt), reason, by)
		return err
	}
	for _, b := range m.Blobs {
		if _, err := c.cfg.Deletions.Blob(r.Context(), b.Hash, reason, by); err != nil {
			return err
		}
	}
	return nil
}

// showDeletions is the record of what was deleted: who, when, why, what.
func (c *Console) showDeletions(w http.ResponseWriter, r *http.Request) error {
	f := c.face(r)
	b := listBody{Note: f.text("deletions.note") + " " + f.promise(feedback.InForce(feedback.Promises(), c.cfg.Now())), None: f.text("deletions.none"),
		Heads: f.heads("list.time", "list.by", "deletions.what", "deletions.why", "deletions.state")}
	if c.cfg.Deletions == nil {
		return c.show(w, r, "list", page{Title: f.text("deletions.title"), Body: b})
	}
	before, _ := strconv.ParseInt(r.FormValue("before"), 10, 64) // 0, the newest, when it is no number
	list, err := c.cfg.Deletions.List(r.Context(), before, listPage)
	if err != nil {
		return err
	}
	for _, d := range list {
		b.Rows = append(b.Rows, f.deletionRow(d))
	}
	if len(list) == listPage {
		b.More = fmt.Sprintf("/deletions?before=%d", list[len(list)-1].Number)
	}
	return c.show(w, r, "list", page{Title: f.text("deletions.title"), Body: b})
}

// promise says how long everything is kept that is given today.
func (f *face) promise(p feedback.Promise) string {
	var parts []string
	for _, part := range p.Parts {
		key, n := "keep.days", part.Keep.Days
		if part.Keep.Months > 0 {
			key, n = "keep.months", part.Keep.Months
		}
		span := f.text(key, f.locale.Integer(int64(n)))
		parts = append(parts, f.text("keep."+part.Keep.After, f.named("part.", part.Purpose), span, f.text("keep.months", f.locale.Integer(int64(part.Keep.Latest)))))
	}
	return f.text("keep.now", f.locale.Integer(int64(p.Version)), strings.Join(parts, "; "))
}

// rule names the promise by which something went; an older program's rule stands
// as it is.
func (f *face) rule(name string) string {
	if version, is := strings.CutPrefix(name, "promise "); is {
		return f.text("deletions.promise", version)
	}
	return name
}

func (f *face) deletionRow(d deletion.Deletion) []cell {
	what, kind := fmt.Sprintf("%x", d.Name), f.text("deletions.blob")
	if d.Kind == wire.DeletedReceipt {
		kind = f.text("deletions.receipt")
	}
	by := d.By
	if by == "" {
		by = f.text("deletions.hub")
	}
	state := f.text("deletions.open")
	if !d.Done.IsZero() {
		state = f.text("deletions.done", f.locale.DateTime(d.Done))
	}
	var size uint64
	for _, g := range d.Blobs {
		size += g.Size
	}
	return []cell{{Text: f.locale.DateTime(d.At)}, {Text: by, Note: f.rule(d.Rule)}, {Text: kind, Note: what[:min(16, len(what))]}, {Text: d.Reason},
		{Text: state, Note: f.text("deletions.blobs", f.locale.Integer(int64(len(d.Blobs))), f.locale.Bytes(size))}}
}
