package ledger

import (
	"errors"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"nghe/hub/database"
	"nghe/shared/wire"
)

// flagsOf are the flags of each answer shown, without those about time.
func (h *hub) flagsOf(f Filter) (all []string) {
	h.t.Helper()
	for _, r := range h.rows(f) {
		var words []string
		for _, flag := range r.Flags {
			if flag != FlagWall && flag != FlagUntimed {
				words = append(words, flag)
			}
		}
		all = append(all, strings.Join(words, " "))
	}
	return all
}

func (h *hub) wantFlags(want ...string) {
	h.t.Helper()
	if got := h.flagsOf(Filter{}); !reflect.DeepEqual(got, want) {
		h.t.Errorf("flags %q, want %q", got, want)
	}
	h.same()
}

func (h *hub) wantCounts(n, flagged int64) {
	h.t.Helper()
	if h.total() != n || h.flagged() != flagged {
		h.t.Errorf("counted %d, %d of them flagged; want %d and %d", h.total(), h.flagged(), n, flagged)
	}
}

// A flagged answer is shown with its rules and counted like any other, and
// counted apart.
func TestFlags(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.rate(second, 4)
		k.flag(k.rate(2*second, 4), "burst")
		k.flag(k.rate(3*second, 1), "palm", "burst")
		h.append(k.delivery(0, 4), k.delivery(4, 6))
		h.wantCounts(3, 2)
		h.wantFlags("", "burst", "burst palm")
		if c := h.counts(Filter{}); len(c) != 2 || c[0].Score != 1 || c[0].N != 1 || c[0].Flagged != 1 || c[1].N != 2 || c[1].Flagged != 1 {
			t.Errorf("counts = %+v", c)
		}
		latest, err := h.Latest(t.Context(), "qt-01", 2)
		if err != nil || len(latest) != 2 || strings.Join(latest[0].Flags, " ") != "wall-clock burst palm" || strings.Join(latest[1].Flags, " ") != "wall-clock burst" ||
			strings.Join(latest[0].Rules(), " ") != "burst palm" || h.rows(Filter{})[0].Rules() != nil {
			t.Errorf("latest = %+v, %v", latest, err)
		}
	})
}

// More may be said of one answer later; the same said twice is said once.
func TestFlagsAddUp(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		odd := k.rate(second, 4)
		k.flag(odd, "burst", "burst")
		h.append(k.rest(0))
		k.flag(odd, "hammering", "a rule of tomorrow")
		k.flag(odd, "burst")
		h.append(k.rest(3))
		h.wantCounts(1, 1)
		h.wantFlags("a rule of tomorrow burst hammering")
	})
}

// Delivered again, by another road, or kept by a clone and a fork: a flag counts
// once, as its answer does.
func TestFlagsCountOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		odd := k.rate(second, 4)
		k.flag(odd, "burst")
		h.append(k.rest(0))
		h.append(k.rest(0))
		h.replay("a", k.frame(0, 3))
		h.replay("a", k.frame(1, 3))
		h.wantCounts(1, 1)
		clone := k.copy("a")
		clone.flag(odd, "palm")
		clone.flag(clone.rate(5*second, 2), "palm")
		k.rate(6*second, 3)
		h.append(k.rest(3))
		clone.fork(1, k.head(), wire.ForkDiffers)
		h.append(clone.rest(1))
		h.wantCounts(3, 2)
		h.wantFlags("burst palm", "", "palm")
		if j := h.listed(clone.journal, 0); j.Received != clone.head() {
			t.Errorf("the fork stands at %v, want %v", j.Received, clone.head())
		}
	})
}

// An answer taken back is counted neither here nor there, whenever it was
// flagged; the one in its place stands for itself.
func TestFlagsOfAnAnswerTakenBack(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		palm := k.rate(second, 1)
		k.flag(palm, "palm")
		h.append(k.rest(0))
		h.wantCounts(1, 1)
		k.add(wire.Replaces{Earlier: k.id(palm), Answer: satisfied(3*second, 5)})
		h.append(k.rest(3))
		h.wantCounts(1, 0)
		k.flag(palm, "hammering")
		h.append(k.rest(4))
		h.wantCounts(1, 0)
		h.wantFlags("replaced hammering palm", "replacing")
	})
}

func TestFlagsOfAnotherDevice(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k, liar := newKiosk(t, "a", "qt-01"), newKiosk(t, "b", "qt-02")
		low := k.rate(second, 1)
		liar.add(wire.Flag{Earlier: k.id(low), Rules: []string{"burst"}})
		early := liar.add(wire.Flag{Earlier: k.id(k.rate(2*second, 1)), Rules: []string{"burst"}})
		h.append(k.delivery(0, 2), liar.delivery(0, early), k.rest(2))
		h.wantCounts(2, 0)
		h.wantFlags("", "")
	})
}

// The answer arrives after its flag: by a replay, after a restore.
func TestFlagsBeforeTheirAnswerArrives(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		first := k.rate(second, 1)
		k.flag(first, "palm")
		k.add(wire.Replaces{Earlier: k.id(k.rate(2*second, 2)), Answer: satisfied(3*second, 5)})
		k.flag(4, "burst", "palm")
		early := k.copy("a")
		k.fork(2, k.base, wire.ForkBehind)
		h.append(k.delivery(2, 3), k.delivery(3, 6), k.rest(6))
		h.wantCounts(1, 0)
		h.wantFlags("replaced burst palm", "replacing")
		h.replay("a", early.frame(0, 2))
		h.wantCounts(2, 1)
		h.wantFlags("replaced burst palm", "replacing", "palm")
	})
}

// A reading moves the hour in which an answer counts, and its flag with it.
func TestFlagsMoveWithTheirAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.flag(k.rate(second, 4), "off-hours")
		h.append(k.rest(0))
		k.measure(2*second, noon.Add(-5*time.Hour), 7)
		h.append(k.rest(3))
		if c := h.counts(Filter{}); len(c) != 1 || c[0].Flagged != 1 || c[0].Hour != noon.Add(-6*time.Hour).UnixMicro() {
			t.Errorf("counts = %+v, want one flagged, five hours earlier", c)
		}
		h.wantFlags("off-hours")
	})
}

// A hub from before keeps flags it cannot read, counts all answers, and stops
// nothing; the program after it reads them.
func TestOlderHubKeepsFlags(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-01")
		k.flag(k.rate(second, 4), "burst")
		k.rate(9*second, 5)
		h.decode = func(b []byte) (wire.Record, error) {
			if r, err := wire.DecodeRecord(b); err != nil || wire.KindOf(r) != wire.KindFlag {
				return r, err
			}
			return nil, wire.ErrUnknownKind
		}
		h.append(k.rest(0))
		h.wantCounts(2, 0)
		h.wantFlags("", "")
		if poisons, err := h.Quarantined(t.Context()); err != nil || len(poisons) != 1 || poisons[0].Seq != 3 {
			t.Errorf("quarantined %+v, %v", poisons, err)
		}
		h.decode = wire.DecodeRecord
		if a, err := h.Audit(t.Context(), nil); err != nil || !strings.Contains(problems(a), "run hub rebuild") {
			t.Errorf("audit by the newer program: %v, %v; want it to ask for a rebuild", a, err)
		}
		if err := h.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.wantCounts(2, 1)
		h.wantFlags("burst", "")
	})
}

// A filter that leaves answers out leaves their flags out too.
func TestFlagsOfFilteredAnswers(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		a, b := newKiosk(t, "a", "qt-01"), newKiosk(t, "b", "qt-02")
		h.append(a.rest(0), b.rest(0))
		for i := range int64(3) {
			a.flag(a.rate(i*minute, 5), "burst")
			b.flag(b.rate(i*minute, 5), "palm")
			h.append(a.rest(a.head().Seq-2), b.rest(b.head().Seq-2))
		}
		if got := h.flagsOf(Filter{Place: "qt-02"}); !reflect.DeepEqual(got, []string{"palm", "palm", "palm"}) {
			t.Errorf("flags at one place %q", got)
		}
	})
}

// A ledger from before there were flags keeps what it waited for.
func TestAmendmentsOfAnOlderLedger(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		db, err := database.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(t.Context(), migrations, before(t, db.Engine(), "00007")); err != nil {
			t.Fatal(err)
		}
		err = db.Write(t.Context(), func(tx *database.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO replacements (earlier, boot) VALUES ($1, 7)", make([]byte, 16))
			return err
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		h := openHub(t, url)
		if _, rows := h.ask("SELECT earlier, boot, rule FROM amendments"); len(rows) != 1 || rows[0][1] != int64(7) || rows[0][2] != "" {
			t.Errorf("amendments %v", rows)
		}
	})
}

// before is the schema of an engine up to a migration.
func before(t *testing.T, engine database.Engine, name string) fs.FS {
	t.Helper()
	old := fstest.MapFS{}
	folder := string(engine) + "/"
	entries, err := fs.ReadDir(schema, "schema/"+string(engine))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() < name {
			content, err := fs.ReadFile(schema, "schema/"+folder+e.Name())
			if err != nil {
				t.Fatal(err)
			}
			old[folder+e.Name()] = &fstest.MapFile{Data: content}
		}
	}
	return old
}
