package ledger

import (
	"errors"
	"strings"
	"testing"

	"nghe/hub/database"
	"nghe/shared/wire"
)

// story is a ledger in which everything has happened once.
func story(t *testing.T, h *hub) (k, forked *kiosk) {
	k = newKiosk(t, "a", "qt-01")
	first := k.rate(minute, 1)
	k.add(wire.Replaces{Earlier: k.id(first), Answer: satisfied(minute+second, 5)})
	k.rate(2*minute, 3)
	k.measure(3*minute, noon, 7)
	k.rate(4*minute, 4)
	k.addRaw([]byte{0x82, 0x17, 0x01})
	h.append(k.delivery(0, 3))
	h.append(k.delivery(3, 5))
	h.append(k.delivery(5, 7))
	forked = k.copy("a")
	forked.records, forked.points = forked.records[:4], forked.points[:4]
	forked.rate(9*minute, 2)
	forked.fork(2, k.head(), wire.ForkAhead)
	h.append(forked.rest(2))
	if err := h.SetSafe(t.Context(), k.journal, k.at(5)); err != nil {
		t.Fatal(err)
	}
	h.whole()
	return k, forked
}

func TestAuditFindsEachDamage(t *testing.T) {
	damages := map[string]struct{ statement, want string }{
		"deleted middle segment":  {"DELETE FROM segments WHERE end_seq = 5 AND base_seq = 3", "begins at"},
		"deleted last segment":    {"DELETE FROM segments WHERE end_seq = 7 AND base_seq = 5", "received says"},
		"changed count":           {"UPDATE counts SET n = n + 1 WHERE hour = (SELECT min(hour) FROM counts)", "recounted"},
		"deleted count":           {"DELETE FROM counts WHERE hour = (SELECT min(hour) FROM counts)", "recounted"},
		"deleted answer":          {"DELETE FROM answers WHERE answer = (SELECT max(answer) FROM answers)", "not shown"},
		"changed answer":          {"UPDATE answers SET uptime = uptime + 1 WHERE answer = (SELECT min(answer) FROM answers)", "not shown as"},
		"changed reply":           {"UPDATE replies SET language = 'en' WHERE score = 3", "not shown as"},
		"unreplaced answer":       {"UPDATE answers SET state = state - 1 WHERE state % 2 = 1", "replaced"},
		"replaced answer":         {"UPDATE answers SET state = state + 1 WHERE answer = (SELECT max(answer) FROM answers)", "replaced"},
		"moved watermark":         {"UPDATE journals SET received_seq = received_seq - 1 WHERE base_seq = 0", "received says"},
		"watermark ahead":         {"UPDATE journals SET received_seq = received_seq + 1 WHERE base_seq = 0", "received says"},
		"watermark of a chain":    {"UPDATE journals SET received_chain = base_chain WHERE base_seq = 0", "received says"},
		"safe of another chain":   {"UPDATE journals SET safe_chain = base_chain WHERE safe_seq > 0", "another chain"},
		"safe beyond received":    {"UPDATE journals SET safe_seq = 8 WHERE safe_seq > 0", "beyond"},
		"changed boot time":       {"UPDATE boots SET began = began + 1", "boot"},
		"changed boot place":      {"UPDATE places SET name = 'qt-99'", "stands at"},
		"deleted run":             {"DELETE FROM runs WHERE first_seq = 1", "no boot"},
		"deleted boot":            {"DELETE FROM boots", "no run"},
		"deleted quarantine":      {"DELETE FROM quarantine", "quarantine"},
		"deleted fork":            {"DELETE FROM forks", "forks"},
		"segment of nobody":       {"UPDATE segments SET journal = 2 WHERE end_seq = 7 AND base_seq = 5", "journal"},
		"another device's":        {"UPDATE journals SET device = 'b' WHERE base_seq = 0", "not signed"},
		"segment row's end moved": {"UPDATE segments SET end_seq = 6 WHERE end_seq = 7 AND base_seq = 5", "row says"},
	}
	onBoth(t, func(t *testing.T, h *hub) {
		story(t, h)
		for name, d := range damages {
			a := h.damaged(d.statement)
			if found := problems(a); !strings.Contains(found, d.want) {
				t.Errorf("%s: audit found %q, want %q", name, found, d.want)
			}
		}
		h.whole()
	})
}

func problems(a Audit) (text string) {
	for _, p := range a.Problems {
		text += p.String() + "\n"
	}
	return text
}

// damaged audits the ledger with a damage that is undone afterwards.
func (h *hub) damaged(statement string, args ...any) Audit {
	h.t.Helper()
	var a Audit
	err := h.db.Write(h.t.Context(), func(tx *database.Tx) error {
		if _, err := tx.Exec(h.t.Context(), unchecked[tx.Engine()]); err != nil {
			return err
		}
		if _, err := tx.Exec(h.t.Context(), statement, args...); err != nil {
			return err
		}
		var err error
		if a, err = h.audit(h.t.Context(), tx, verifyDevice); err != nil {
			return err
		}
		return errUndo
	})
	if err != errUndo {
		h.t.Fatalf("%s: %v", statement, err)
	}
	return a
}

var errUndo = errors.New("undo")

// unchecked lets a test break what the engine itself would refuse to break.
var unchecked = map[database.Engine]string{
	database.SQLite:   "PRAGMA defer_foreign_keys = ON",
	database.Postgres: "SET LOCAL session_replication_role = replica",
}

// Every bit of a stored segment matters: whichever is flipped, the audit says so.
func TestAuditFindsAnyFlippedBitOfASegment(t *testing.T) {
	h := openHub(t, "sqlite:"+t.TempDir()+"/hub.db")
	k := newKiosk(t, "a", "qt-01")
	k.rate(minute, 1)
	h.append(k.rest(0))
	frame := k.frame(0, 2)
	for bit := range 8 * len(frame) {
		flipped := append([]byte(nil), frame...)
		flipped[bit/8] ^= 1 << (bit % 8)
		if a := h.damaged("UPDATE segments SET frame = $1", flipped); a.Whole() {
			t.Errorf("bit %d of octet %d flipped: audit found nothing", bit%8, bit/8)
		}
	}
}

func TestAuditWithoutVerifierSkipsSignatures(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.rate(minute, 1)
		d := k.rest(0)
		d.Batch.Signature = []byte("no signature")
		h.append(d)
		unsigned, err := h.Audit(t.Context(), nil)
		if err != nil || !unsigned.Whole() {
			t.Errorf("Audit without verifier = %v, %v; want whole", unsigned.Problems, err)
		}
		signed, err := h.Audit(t.Context(), verifyDevice)
		if err != nil || !strings.Contains(problems(signed), "not signed by device a") {
			t.Errorf("Audit with verifier = %v, %v; want the bad signature", signed.Problems, err)
		}
		if signed.Journals != 1 || signed.Segments != 1 || signed.Records != 2 || signed.Answers != 1 {
			t.Errorf("Audit looked at %+v, want 1 journal, 1 segment, 2 records, 1 answer", signed)
		}
	})
}

// A rebuild heals what is read from segments, and refuses when they are not whole.
func TestRebuildHealsProjections(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		story(t, h)
		before := h.shown()
		for _, statement := range []string{"DELETE FROM answers", "DELETE FROM counts", "UPDATE boots SET began = 0",
			"UPDATE replies SET score = 5, language = 'xx' WHERE score = 3", "DELETE FROM quarantine"} {
			h.must(statement)
		}
		if err := h.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after := h.shown(); after != before {
			t.Errorf("after Rebuild:\n%s\nbefore:\n%s", after, before)
		}
		h.whole()
		h.must("DELETE FROM segments WHERE base_seq = 3 AND end_seq = 5")
		broken := h.shown()
		if err := h.Rebuild(t.Context()); err == nil || !strings.Contains(err.Error(), "hub audit") {
			t.Errorf("Rebuild without a segment = %v, want what to do", err)
		}
		if after := h.shown(); after != broken {
			t.Errorf("a refused Rebuild changed\n%s\nto\n%s", broken, after)
		}
	})
}
