package console

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"nghe/hub/cases"
	"nghe/hub/ledger"
	"nghe/shared/feedback"
)

// What became of a reply, in a shape beside its word.
var replyPills = map[cases.Outcome]pill{cases.Applied: {Class: "online", Icon: "online"}, cases.Unchanged: {Class: "off", Icon: "online"},
	cases.Late: {Class: "late", Icon: "late"}, cases.Unproven: {Class: "waiting", Icon: "waiting"}, cases.Forged: {Class: "lost", Icon: "lost"}}

// replyLine is a reply on a page.
type replyLine struct {
	What, When, Place, Score string
	Outcome                  pill
	Note                     string // what the outcome means
}

// showReplies is what senders said of how their messages were handled, the last
// to arrive first.
func (c *Console) showReplies(w http.ResponseWriter, r *http.Request) error {
	f := c.face(r)
	b := listBody{Note: f.text("replies.note"), None: f.text("replies.none"),
		Heads: f.heads("list.time", "replies.what", "replies.message", "replies.score", "replies.became")}
	if c.cfg.Cases == nil {
		return c.show(w, r, "list", page{Title: f.text("replies.title"), Body: b})
	}
	before, _ := strconv.ParseInt(r.FormValue("before"), 10, 64) // 0, the newest, when it is no number
	list, err := c.cfg.Cases.LastReplies(r.Context(), before, listPage)
	if err != nil {
		return err
	}
	places, err := c.placeNames(r.Context())
	if err != nil {
		return err
	}
	for _, said := range list {
		message, err := c.messageCell(r.Context(), f, said.Tag)
		if err != nil {
			return err
		}
		line := f.replyLine(said, places)
		b.Rows = append(b.Rows, []cell{{Text: line.When, Note: line.Place}, {Text: line.What}, message, {Text: line.Score}, {State: &line.Outcome, Note: line.Note}})
	}
	if len(list) == listPage {
		b.More = fmt.Sprintf("/replies?before=%d", list[len(list)-1].Number)
	}
	return c.show(w, r, "list", page{Title: f.text("replies.title"), Body: b})
}

// messageCell leads to the message under a tag.
func (c *Console) messageCell(ctx context.Context, f *face, tag []byte) (cell, error) {
	links, err := c.messageLinks(ctx, f, tag)
	if err != nil || len(links) == 0 {
		return cell{Text: f.text("replies.nomessage")}, err
	}
	return cell{Text: links[0].Word, Href: links[0].Href, Note: links[0].Note}, nil
}

// messageLink leads to a message.
type messageLink struct{ Href, Word, Note string }

func (c *Console) messageLinks(ctx context.Context, f *face, tag []byte) (links []messageLink, err error) {
	var found []ledger.Message
	if len(tag) > 0 {
		found, err = c.cfg.Ledger.MessagesOf(ctx, tag)
	}
	if err != nil {
		return nil, fmt.Errorf("find messages of a receipt: %w", err)
	}
	for _, m := range found {
		links = append(links, messageLink{"/messages/" + m.ID.String(), f.option(feedback.Messages().Kinds, m.Kind), m.ID.String()[:8]})
	}
	return links, nil
}

func (f *face) replyLine(said cases.Reply, places map[string]string) replyLine {
	line := replyLine{What: f.text("replies.confirms"), When: f.locale.DateTime(said.Said), Place: said.Place, Outcome: replyPills[said.Outcome],
		Note: f.text("replies." + string(said.Outcome) + ".note")}
	if said.Reopen {
		line.What = f.text("replies.reopens")
	}
	if said.Reopen && said.Outcome == cases.Applied {
		line.Note = f.text("replies.reopened.note")
	}
	if said.DayOnly {
		line.When = f.locale.Date(said.Said)
	}
	if name := places[said.Place]; name != "" {
		line.Place = name
	}
	if said.Score > 0 {
		line.Score = f.text("replies.of5", said.Score)
	}
	line.Outcome.Word = f.text("replies." + string(said.Outcome))
	return line
}

// replies of the case under a receipt.
func (c *Console) replies(ctx context.Context, f *face, tag []byte) (lines []replyLine, err error) {
	if c.cfg.Cases == nil || len(tag) == 0 {
		return nil, nil
	}
	list, err := c.cfg.Cases.Replies(ctx, tag)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	places, err := c.placeNames(ctx)
	for _, said := range list {
		lines = append(lines, f.replyLine(said, places))
	}
	return lines, err
}
