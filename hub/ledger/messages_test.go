package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/shared/blob"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

func hashOf(name string) blob.Hash { return sha256.Sum256([]byte(name)) }

func attached(kind feedback.AttachmentKind, reader feedback.Reader, name string) wire.Attachment {
	return wire.Attachment{Kind: kind, Reader: reader, Hash: hashOf(name), Size: uint64(1000 + len(name))}
}

// message is an answer to the message form, with its blobs.
func message(uptime int64, kind, subject, receipt string, blobs ...wire.Attachment) wire.Answer {
	a := wire.Answer{Uptime: uint64(uptime), Questionnaire: "message", Version: 1, Question: "message", Language: "vi",
		Choices: []string{kind}, Attachments: blobs, Receipt: []byte(receipt)}
	if subject != "" {
		a.Choices = append(a.Choices, subject)
	}
	if len(blobs) > 0 {
		a.Consents = []wire.Consent{{Purpose: "words", Text: hashOf("notice")}}
	}
	return a
}

// letters are three messages: words with contact and a photo, praise without
// words, and one for a named officer that tells only its day.
func letters(t *testing.T) *kiosk {
	k := newKiosk(t, "a", "qt-01")
	k.measure(second, noon, 7)
	k.add(message(2*second, "phan-anh", "sanitation", "tag-one-sixteen!", attached(feedback.AttachedWords, feedback.ReaderCases, "words"),
		attached(feedback.AttachedContact, feedback.ReaderCases, "contact"), attached(feedback.AttachedPhoto, feedback.ReaderCases, "photo")))
	k.rate(3*second, 5)
	k.add(message(4*second, "khen", "", "tag-two"))
	named := message(0, "kien-nghi", "", "tag-three", attached(feedback.AttachedVoice, feedback.ReaderNamed, "voice"))
	named.Day = uint32(noon.Unix() / 86400)
	k.add(named)
	return k
}

func (h *hub) messages(f MessageFilter) []Message {
	h.t.Helper()
	all, err := h.Messages(h.t.Context(), f)
	if err != nil {
		h.t.Fatalf("Messages: %v", err)
	}
	return all
}

func (h *hub) blob(name string) Blob {
	h.t.Helper()
	b, err := h.Blob(h.t.Context(), hashOf(name))
	if err != nil {
		h.t.Fatalf("Blob: %v", err)
	}
	return b
}

func (h *hub) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestMessagesAreShownWithoutContent(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := letters(t)
		h.append(k.rest(0))
		all := h.messages(MessageFilter{})
		if len(all) != 3 {
			t.Fatalf("%d messages, want 3", len(all))
		}
		m := all[2]
		if m.ID != k.id(3) || m.Kind != "phan-anh" || m.Subject != "sanitation" || m.Place != "qt-01" || m.Device != "a" || m.Seq != 3 ||
			m.Journal != k.journal || m.Reader != feedback.ReaderCases || string(m.Receipt) != "tag-one-sixteen!" || m.Language != "vi" ||
			m.TakenAt != noon.UnixMicro()+second || m.TakenWidth != 7 || m.DayOnly || m.Replaced {
			t.Errorf("message = %+v", m)
		}
		if len(m.Blobs) != 3 || m.Blobs[1].Hash != hashOf("contact") || m.Blobs[1].Kind != feedback.AttachedContact || m.Blobs[1].Size != 1007 {
			t.Errorf("blobs = %+v", m.Blobs)
		}
		if praise := all[1]; praise.Kind != "khen" || praise.Subject != "" || len(praise.Blobs) != 0 || praise.State() != MessageWhole {
			t.Errorf("praise = %+v", praise)
		}
		one, err := h.Message(t.Context(), k.id(3))
		if err != nil || len(one.Consents) != 1 || one.Consents[0].Purpose != "words" || one.Consents[0].Text != hashOf("notice") {
			t.Errorf("Message = %+v, %v", one, err)
		}
		if _, err := h.Message(t.Context(), k.id(4)); !errors.Is(err, ErrNoMessage) {
			t.Errorf("a rating is a message: %v", err)
		}
		found, err := h.MessagesOf(t.Context(), []byte("tag-two"))
		if err != nil || len(found) != 1 || found[0].ID != k.id(5) {
			t.Errorf("MessagesOf = %+v, %v", found, err)
		}
		if found, err := h.MessagesOf(t.Context(), nil); err != nil || len(found) != 0 {
			t.Errorf("without a tag: %d messages, %v", len(found), err)
		}
		h.same()
	})
}

// Where a matter is stands behind its kind, with a subject and without.
func TestMessageTellsItsArea(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := letters(t)
		for i, subject := range []string{"", "order"} {
			a := message(int64(5+i)*second, "", "", fmt.Sprint("tag-", i), attached(feedback.AttachedWords, feedback.ReaderCases, fmt.Sprint("words ", i)))
			a.Choices = feedback.MessageChoices("phan-anh", subject, "market")
			k.add(a)
		}
		h.append(k.rest(0))
		all := h.messages(MessageFilter{Kind: "phan-anh"})
		var said []string
		for _, m := range all {
			said = append(said, m.Kind+"/"+m.Subject+"/"+m.Area)
		}
		if got := strings.Join(said, " "); got != "phan-anh/order/market phan-anh//market phan-anh/sanitation/" {
			t.Errorf("messages are %s", got)
		}
		one, err := h.Message(t.Context(), all[0].ID)
		if err != nil || one.Area != "market" {
			t.Errorf("Message = %+v, %v", one, err)
		}
		if found, err := h.MessagesOf(t.Context(), []byte("tag-0")); err != nil || len(found) != 1 || found[0].Area != "market" {
			t.Errorf("MessagesOf = %+v, %v", found, err)
		}
		h.same()
	})
}

func TestNamedMessageShowsItsDayOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := letters(t)
		k.add(message(5*second, "gop-y", "", "tag-four", attached(feedback.AttachedWords, feedback.ReaderNamed, "tells its minute")))
		h.append(k.rest(0))
		h.ok(h.BlobStored(t.Context(), hashOf("voice"), noon.Add(time.Hour)))
		for _, m := range h.messages(MessageFilter{Reader: feedback.ReaderNamed}) {
			midnight := time.Date(2026, 11, 20, 0, 0, 0, 0, time.FixedZone("ICT", 7*3600)).UnixMicro()
			if !m.DayOnly || m.TakenAt != midnight || m.TakenWidth != day || m.ReceivedAt != midnight {
				t.Errorf("message = %+v", m)
			}
			for _, b := range m.Blobs {
				if b.Named != midnight || b.Stored != 0 && b.Stored != midnight {
					t.Errorf("blob tells its minute: %+v", b)
				}
			}
		}
	})
}

func TestMessageIsWholeOnlyWhenEveryBlobIs(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := letters(t)
		h.append(k.rest(0))
		state := func(want MessageState) {
			t.Helper()
			m, err := h.Message(t.Context(), k.id(3))
			if err != nil || m.State() != want {
				t.Errorf("state %s, %v, want %s", m.State(), err, want)
			}
			for _, s := range []MessageState{MessageWhole, MessageIncomplete, MessageDeleted} {
				found := h.messages(MessageFilter{State: s, Kind: "phan-anh"})
				if (len(found) == 1) != (s == want) {
					t.Errorf("filter %s finds %d messages while the state is %s", s, len(found), want)
				}
			}
		}
		state(MessageIncomplete)
		h.ok(h.BlobStored(t.Context(), hashOf("words"), noon))
		h.ok(h.BlobStored(t.Context(), hashOf("photo"), noon.Add(time.Second)))
		state(MessageIncomplete)
		h.ok(h.BlobDeleted(t.Context(), hashOf("words"), noon))
		state(MessageIncomplete)
		h.ok(h.BlobArchived(t.Context(), hashOf("contact"), noon))
		state(MessageDeleted)
		if b := h.blob("contact"); b.Stored == 0 || b.Archived != noon.UnixMicro() || b.Device != "a" || b.Record != k.id(3) || string(b.Receipt) != "tag-one-sixteen!" {
			t.Errorf("blob = %+v", b)
		}
		h.ok(h.BlobLost(t.Context(), hashOf("photo")))
		state(MessageIncomplete)
		h.same()
	})
}

// Two records that name the same bytes by two sizes: only the size that came
// first can be true, and the other message is never whole.
func TestWrongSizeIsNeverWhole(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		right, wrong := attached(1, 1, "words"), attached(1, 1, "words")
		wrong.Size++
		k.add(message(second, "phan-anh", "", "one", right))
		k.add(message(second, "phan-anh", "", "two", wrong))
		h.append(k.rest(0))
		h.ok(h.BlobStored(t.Context(), hashOf("words"), noon))
		all := h.messages(MessageFilter{})
		if all[1].State() != MessageWhole || all[0].State() != MessageIncomplete {
			t.Errorf("states %s and %s", all[1].State(), all[0].State())
		}
		if found := h.messages(MessageFilter{State: MessageIncomplete}); len(found) != 1 || found[0].ID != all[0].ID {
			t.Errorf("incomplete: %+v", found)
		}
		if h.blob("words").Size != right.Size {
			t.Error("the blob has the wrong size")
		}
	})
}

func TestBlobsWaitInOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := letters(t)
		h.append(k.rest(0))
		for i, name := range []string{"voice", "photo", "words"} {
			h.ok(h.BlobStored(t.Context(), hashOf(name), noon.Add(time.Duration(i)*time.Second)))
			h.ok(h.BlobStored(t.Context(), hashOf(name), noon.Add(time.Hour))) // again changes nothing
		}
		waiting, err := h.UnarchivedBlobs(t.Context(), 2)
		if err != nil || len(waiting) != 2 || waiting[0].Hash != hashOf("voice") || waiting[1].Hash != hashOf("photo") {
			t.Errorf("UnarchivedBlobs = %+v, %v", waiting, err)
		}
		h.ok(h.BlobArchived(t.Context(), hashOf("voice"), noon.Add(time.Minute)))
		h.ok(h.BlobDeleted(t.Context(), hashOf("photo"), noon.Add(time.Minute)))
		totals, err := h.BlobTotals(t.Context())
		want := BlobTotals{Named: 4, Deleted: 1, Archived: 1, ArchivedBytes: 1005, Waiting: 1, WaitingBytes: 1005,
			WaitingSince: noon.Add(2 * time.Second).UnixMicro(), Missing: 1, MissingSince: noon.UnixMicro()}
		if err != nil || totals != want {
			t.Errorf("totals %+v, %v, want %+v", totals, err, want)
		}
		var left []blob.Hash
		for b, err := range h.Blobs(t.Context(), time.Time{}) {
			h.ok(err)
			left = append(left, b.Hash)
		}
		if !slices.Equal(left, []blob.Hash{hashOf("words"), hashOf("contact"), hashOf("voice")}) {
			t.Errorf("%d blobs are kept", len(left))
		}
		for b := range h.Blobs(t.Context(), noon) {
			t.Errorf("blob %s arrived at noon, not before", b.Hash)
		}
		for from, want := range map[time.Duration]string{-time.Hour: "voice words", time.Second: "words", time.Hour: ""} {
			got := []string{}
			for b, err := range h.StoredBlobs(t.Context(), noon.Add(from)) {
				h.ok(err)
				got = append(got, map[blob.Hash]string{hashOf("voice"): "voice", hashOf("words"): "words"}[b.Hash])
			}
			if strings.Join(got, " ") != want {
				t.Errorf("stored since %v: %q, want %q", from, got, want)
			}
		}
	})
}

func TestBlobsRefuse(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := letters(t)
		h.append(k.rest(0))
		ctx, nobody := t.Context(), hashOf("nobody's")
		for name, err := range map[string]error{"stored": h.BlobStored(ctx, nobody, noon), "archived": h.BlobArchived(ctx, nobody, noon),
			"deleted": h.BlobDeleted(ctx, nobody, noon), "lost": h.BlobLost(ctx, nobody)} {
			if !errors.Is(err, ErrNoBlob) {
				t.Errorf("%s: %v, want ErrNoBlob", name, err)
			}
		}
		if _, err := h.Blob(ctx, nobody); !errors.Is(err, ErrNoBlob) {
			t.Errorf("Blob: %v", err)
		}
		h.ok(h.BlobDeleted(ctx, hashOf("words"), noon))
		h.ok(h.BlobDeleted(ctx, hashOf("words"), noon.Add(time.Hour)))
		if b := h.blob("words"); b.Deleted != noon.UnixMicro() {
			t.Errorf("deleted again: %+v", b)
		}
		for name, err := range map[string]error{"stored": h.BlobStored(ctx, hashOf("words"), noon), "archived": h.BlobArchived(ctx, hashOf("words"), noon)} {
			if !errors.Is(err, ErrDeleted) {
				t.Errorf("%s: %v, want ErrDeleted", name, err)
			}
		}
		h.same()
	})
}

// The same record in two journals is one message; a rebuild leaves what became
// of the bytes alone.
func TestMessagesOnceAcrossJournals(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := letters(t)
		h.append(k.delivery(0, 4))
		h.ok(h.BlobStored(t.Context(), hashOf("words"), noon))
		h.ok(h.BlobDeleted(t.Context(), hashOf("photo"), noon))
		forked := k.copy("a")
		forked.fork(2, k.at(4), wire.ForkAhead)
		h.append(forked.rest(2))
		if all := h.messages(MessageFilter{}); len(all) != 3 {
			t.Errorf("%d messages, want 3", len(all))
		}
		before := h.blob("words")
		h.same()
		if after := h.blob("words"); fmt.Sprint(after) != fmt.Sprint(before) || h.blob("photo").Deleted == 0 {
			t.Errorf("after a rebuild %+v, before %+v", after, before)
		}
	})
}

// A kiosk's disk is put back while a message is held: it is released twice, at
// two places of two journals, and is one message.
func TestHeldMessageIsOneThoughItsDiskWasPutBack(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.rate(second, 5)
		held := message(0, "kien-nghi", "", "tag-three", attached(feedback.AttachedWords, feedback.ReaderNamed, "sealed"),
			attached(feedback.AttachedVoice, feedback.ReaderNamed, "voice"))
		held.Day = uint32(noon.Unix() / 86400)
		old := k.copy("a")
		k.add(held)
		h.append(k.rest(0))
		old.rate(2*second, 1)
		old.fork(0, k.head(), wire.ForkDiffers)
		old.add(held)
		other := held
		other.Attachments = []wire.Attachment{attached(feedback.AttachedWords, feedback.ReaderNamed, "sealed anew")}
		old.add(other)
		h.append(old.rest(0))
		if all := h.messages(MessageFilter{}); len(all) != 2 || h.total() != 4 {
			t.Errorf("%d messages and %d answers, want 2 and 4: %+v", len(all), h.total(), all)
		}
		h.same()
	})
}

func TestMessageFilters(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		h.append(letters(t).rest(0))
		other := newKiosk(t, "b", "qt-02")
		other.measure(second, noon.Add(48*time.Hour), 7)
		other.add(message(second, "phan-anh", "tourism", "tag-b", attached(1, 1, "of b")))
		h.append(other.rest(0))
		for name, c := range map[string]struct {
			f    MessageFilter
			want int
		}{
			"all": {MessageFilter{}, 4}, "kind": {MessageFilter{Kind: "phan-anh"}, 2}, "subject": {MessageFilter{Subject: "tourism"}, 1},
			"place": {MessageFilter{Place: "qt-01"}, 3}, "reader": {MessageFilter{Reader: feedback.ReaderCases}, 2},
			"from": {MessageFilter{From: noon.Add(47 * time.Hour)}, 1}, "until": {MessageFilter{Until: noon.Add(47 * time.Hour)}, 3},
			"limit": {MessageFilter{Limit: 2}, 2}, "none": {MessageFilter{Kind: "phan-anh", Place: "qt-03"}, 0},
		} {
			if got := h.messages(c.f); len(got) != c.want {
				t.Errorf("%s: %d messages, want %d", name, len(got), c.want)
			}
		}
		var seen []int64
		for before := int64(0); ; {
			page := h.messages(MessageFilter{Before: before, Limit: 3})
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				seen, before = append(seen, m.Number), m.Number
			}
		}
		if len(seen) != 4 || !slices.IsSortedFunc(seen, func(a, b int64) int { return int(b - a) }) {
			t.Errorf("pages give %v", seen)
		}
	})
}

func TestAuditFindsDamagedMessages(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		h.append(letters(t).rest(0))
		for name, d := range map[string]struct{ statement, want string }{
			"message gone":     {"DELETE FROM messages WHERE kind = 'khen'", "message is not shown"},
			"message changed":  {"UPDATE messages SET kind = 'khen'", "message is not shown"},
			"receipt changed":  {"UPDATE messages SET receipt = id", "message is not shown"},
			"reader changed":   {"UPDATE messages SET reader = 1", "message is not shown"},
			"attachment gone":  {"DELETE FROM attachments WHERE position = 1", "message is not shown"},
			"size changed":     {"UPDATE attachments SET size = size + 1", "message is not shown"},
			"consents gone":    {"DELETE FROM consents", "consents"},
			"blob nowhere":     {"DELETE FROM blobs", "no table keeps"},
			"message invented": {"UPDATE messages SET answer = answer + 1000 WHERE kind = 'khen'", "message is not shown"},
		} {
			if found := problems(h.damaged(d.statement)); !strings.Contains(found, d.want) {
				t.Errorf("%s: audit found %q, want %q", name, found, d.want)
			}
		}
		h.ok(h.BlobDeleted(t.Context(), hashOf("words"), noon))
		h.whole()
	})
}

// A hub of the first road has answers with blobs and no messages yet: a rebuild
// makes them.
func TestRebuildMakesMessages(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		h.append(letters(t).rest(0))
		before := h.messages(MessageFilter{})
		for _, table := range []string{"messages", "attachments", "consents", "blobs"} {
			h.must("DELETE FROM " + table)
		}
		h.ok(h.Rebuild(t.Context()))
		if after := h.messages(MessageFilter{}); fmt.Sprintf("%+v", after) != fmt.Sprintf("%+v", before) {
			t.Errorf("after: %+v\nbefore: %+v", after, before)
		}
		h.whole()
	})
}

func TestPoisonMessageIsNoMessage(t *testing.T) {
	h := openHub(t, "sqlite:"+t.TempDir()+"/hub.db")
	k := newKiosk(t, "a", "qt-01")
	bad := message(second, "phan-anh", "", "one", attached(1, 1, "words"))
	bad.Question = ""
	k.add(bad)
	h.append(k.rest(0))
	if all := h.messages(MessageFilter{}); len(all) != 0 || len(h.rows(Filter{})) != 0 {
		t.Errorf("shown: %+v", all)
	}
	if _, err := h.Blob(t.Context(), hashOf("words")); !errors.Is(err, ErrNoBlob) {
		t.Errorf("a poison record names a blob: %v", err)
	}
	h.same()
}

// Nothing of the ledger grows with the number of restarts when a page of
// messages is read.
func TestManyMessages(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 20,000 messages")
	}
	h := openHub(t, "sqlite:"+t.TempDir()+"/hub.db")
	const kiosks, each = 10, 2000
	for i := range kiosks {
		k := newKiosk(t, fmt.Sprint("kiosk-", i), fmt.Sprintf("qt-%02d", i))
		for n := range each {
			if n%20 == 0 {
				k.boot(fmt.Sprintf("qt-%02d", i), noon.UnixMicro()+int64(n)*minute)
			}
			k.add(message(int64(n)*second, "phan-anh", "", string(bytes.Repeat([]byte{byte(i)}, 16)), attached(1, 1, fmt.Sprint(i, "/", n))))
		}
		for from := uint64(0); from < k.head().Seq; from += 500 {
			h.append(k.delivery(from, min(from+500, k.head().Seq)))
		}
	}
	for name, f := range map[string]MessageFilter{"all": {}, "place": {Place: "qt-03"}, "nowhere": {Place: "qt-99"}, "state": {State: MessageIncomplete}} {
		began := time.Now()
		got := h.messages(f)
		took := time.Since(began)
		t.Logf("%s: %d of %d messages in %v", name, len(got), kiosks*each, took)
		if took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}
