package wire

import (
	"strings"
	"unicode/utf8"
)

// checks gathers the first thing wrong with a value. Limits are those of
// limits.go; beyond them it refuses what would make some database refuse the
// whole transaction a record is stored in.
type checks struct{ err *Error }

func (c *checks) fail(code Code, format string, args ...any) {
	if c.err == nil {
		c.err = Errorf(code, format, args...)
	}
}

// done is the outcome as an error, nil when there is none.
func (c *checks) done() error {
	if c.err == nil {
		return nil
	}
	return c.err
}

func (c *checks) most(what string, n, limit int) {
	if n > limit {
		c.fail(CodeTooLarge, "%s is %d long, limit %d", what, n, limit)
	}
}

func (c *checks) number(what string, all ...uint64) {
	for _, n := range all {
		if n > MaxNumber {
			c.fail(CodeTooLarge, "%s is %d, limit %d", what, n, uint64(MaxNumber))
		}
	}
}

func (c *checks) moment(what string, all ...int64) {
	for _, n := range all {
		if n > MaxNumber || n < -MaxNumber {
			c.fail(CodeTooLarge, "%s is %d, limit %d either way", what, n, int64(MaxNumber))
		}
	}
}

// text refuses what is not UTF-8 and control characters: PostgreSQL cannot
// store NUL, and no name or version needs the others.
func (c *checks) text(what, s string, limit int) {
	c.most(what, len(s), limit)
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		c.fail(CodeMalformed, "%s holds control characters or is not UTF-8", what)
	}
}

func (c *checks) name(what, s string) { c.text(what, s, MaxName) }

func (c *checks) points(all ...Point) {
	for _, p := range all {
		c.number("sequence number", p.Seq)
	}
}

func checkRecord(r Record) error {
	var c checks
	switch r := r.(type) {
	case Boot:
		c.moment("wall clock", r.Wall)
		c.name("place", r.Place)
		c.name("program", r.Program)
	case Clock:
		c.number("uptime", r.Uptime, r.Width)
		c.moment("clock", r.Wall, r.Hub)
	case Answer:
		c.answer(r)
	case Replaces:
		if r.Answer.Kind != KindAnswer {
			c.fail(CodeMalformed, "replacement is of kind %d, not an answer", r.Answer.Kind)
		}
		c.answer(r.Answer)
	case CaseReply:
		c.number("uptime", r.Uptime, r.Case)
		c.most("receipt", len(r.Receipt), MaxReceipt)
		c.score(r.Score)
	case RightsRequest:
		c.number("uptime", r.Uptime)
		c.most("receipt", len(r.Receipt), MaxReceipt)
		c.name("right", r.Right)
	case SelfTest:
		c.number("uptime", r.Uptime)
		c.moment("value", r.Value)
		c.name("check", r.Check)
	case JournalFork:
		c.number("uptime", r.Uptime)
		c.points(r.Head, r.Hub)
	case Flag:
		c.flag(r)
	}
	return c.done()
}

func (c *checks) answer(a Answer) {
	c.number("uptime", a.Uptime)
	c.name("questionnaire", a.Questionnaire)
	c.name("question", a.Question)
	c.name("language", a.Language)
	c.score(a.Score)
	c.most("list of choices", len(a.Choices), MaxChoices)
	for _, id := range a.Choices {
		c.name("choice", id)
	}
	c.most("list of attachments", len(a.Attachments), MaxAttachments)
	for _, at := range a.Attachments {
		c.number("size", at.Size)
	}
	c.most("receipt", len(a.Receipt), MaxReceipt)
	c.most("list of consents", len(a.Consents), MaxAttachments)
	for _, consent := range a.Consents {
		c.name("purpose", consent.Purpose)
	}
}

func (c *checks) flag(f Flag) {
	c.number("uptime", f.Uptime)
	c.most("list of rules", len(f.Rules), MaxRules)
	if len(f.Rules) == 0 {
		c.fail(CodeMalformed, "flag names no rule")
	}
	for _, rule := range f.Rules {
		if c.name("rule", rule); rule == "" {
			c.fail(CodeMalformed, "rule without a name")
		}
	}
}

func (c *checks) score(s uint8) {
	if s > 5 {
		c.fail(CodeMalformed, "score %d is not on the scale", s)
	}
}

func checkFrame(f Frame) error {
	var c checks
	switch f := f.(type) {
	case Hello:
		c.hello(f)
	case Welcome:
		c.welcome(f)
	case Batch:
		c.batch(f)
	case Ack:
		c.number("epoch", f.Epoch)
		c.points(f.Received, f.Safe)
		c.most("signature", len(f.Signature), MaxSignature)
	case Chunk:
		c.chunk(f)
	case ChunkAck:
		c.number("offset", f.Offset)
	case Bulletin:
		c.number("version", f.Version)
		c.most("signature", len(f.Signature), MaxSignature)
	case Vitals:
		c.vitals(f)
	case Goodbye:
		c.text("detail", f.Detail, MaxText)
	default:
		c.fail(CodeMalformed, "%T is not a frame; pass a value, not a pointer", f)
	}
	return c.done()
}

func (c *checks) hello(h Hello) {
	c.name("program", h.Program)
	c.number("uptime", h.Uptime, h.Epoch, h.Bulletin)
	c.moment("wall clock", h.Wall)
	c.most("checkpoint", len(h.Checkpoint), MaxText)
	c.most("list of journals", len(h.Offers), MaxOffers)
	for _, o := range h.Offers {
		c.points(o.Base, o.Head)
		if o.Head.Seq < o.Base.Seq {
			c.fail(CodeMalformed, "journal %s ends before it begins", o.Journal)
		}
	}
}

func (c *checks) welcome(w Welcome) {
	c.number("epoch", w.Epoch, w.Bulletin)
	c.moment("clock", w.Now)
	c.most("checkpoint", len(w.Checkpoint), MaxText)
	c.most("proof", len(w.Proof), MaxProof)
	c.most("list of journals", len(w.Standings), MaxOffers)
	for _, s := range w.Standings {
		c.points(s.Received, s.Safe)
		c.most("signature", len(s.Signature), MaxSignature)
	}
}

func (c *checks) batch(b Batch) {
	c.points(b.Base)
	c.most("signature", len(b.Signature), MaxSignature)
	switch {
	case b.Count == 0 || b.Count > MaxBatchCount:
		c.fail(CodeTooLarge, "batch of %d records, limit %d", b.Count, MaxBatchCount)
	case b.Raw > MaxBatchRaw:
		c.fail(CodeTooLarge, "batch of %d bytes, limit %d", b.Raw, MaxBatchRaw)
	case b.Raw < b.Count:
		c.fail(CodeMalformed, "batch of %d records in %d bytes", b.Count, b.Raw)
	}
}

func (c *checks) chunk(k Chunk) {
	c.number("blob", k.Size)
	c.most("chunk", len(k.Bytes), MaxChunk)
	if k.Offset > k.Size || uint64(len(k.Bytes)) > k.Size-k.Offset {
		c.fail(CodeMalformed, "chunk reaches beyond its blob")
	}
}

func (c *checks) vitals(v Vitals) {
	c.number("vitals", v.Uptime, v.Backlog, v.Bytes)
	c.moment("clock", v.Wall, v.Oldest)
	c.most("list of readings", len(v.Readings), MaxReadings)
	for _, r := range v.Readings {
		c.name("reading", r.Name)
		c.moment(r.Name, r.Value)
	}
	c.most("list of conditions", len(v.Conditions), MaxReadings)
	for _, d := range v.Conditions {
		c.name("condition", d.Name)
		c.moment(d.Name, d.Since, d.Value)
	}
}
