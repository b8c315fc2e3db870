package cases

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/database"
	"nghe/hub/database/pgtest"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

const code = seal.Code("4Q7K9M2XHT")

// receipt is derived once: it is slow on purpose.
var receipt = sync.OnceValue(code.Receipt)

var identity = sync.OnceValue(func() Identity {
	var id Identity
	var err error
	if id.Secret, id.Public, err = seal.NewIdentity(); err != nil {
		panic(err)
	}
	return id
})

// desk is cases on an empty store, with a clock that tests move.
type desk struct {
	*Cases
	t   *testing.T
	db  *database.DB
	now time.Time
}

func conformance(t *testing.T, test func(d *desk)) {
	for engine, url := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "hub.db") },
		"postgres": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			db, err := database.Open(t.Context(), url(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			d := &desk{t: t, db: db, now: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)}
			d.Cases = d.open(identity())
			test(d)
		})
	}
}

func (d *desk) open(id Identity) *Cases {
	d.t.Helper()
	c, err := Open(d.t.Context(), Config{DB: d.db, Identity: id, Now: func() time.Time { return d.now }})
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

func (d *desk) must(is Case, err error) Case {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	return is
}

// news opens the newest box of the receipt.
func (d *desk) news() wire.CaseNews {
	d.t.Helper()
	boxes, err := d.Boxes(d.t.Context(), 0, 10)
	if err != nil || len(boxes) != 1 {
		d.t.Fatalf("boxes = %v, %v, want one", boxes, err)
	}
	plain, err := receipt().Unbox(boxes[0].Box)
	if err != nil {
		d.t.Fatal(err)
	}
	n, err := wire.DecodeCaseNews(plain)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

func TestSetByCode(t *testing.T) {
	conformance(t, func(d *desk) {
		ctx := d.t.Context()
		is := d.must(d.SetByCode(ctx, code, Change{State: feedback.CaseInProgress, By: "lan"}))
		if is.State != feedback.CaseInProgress || is.Version != 1 || is.By != "lan" || !is.Updated.Equal(d.now) {
			t.Errorf("case = %+v", is)
		}
		d.now = d.now.Add(time.Hour)
		d.must(d.SetByCode(ctx, code, Change{State: feedback.CaseAnswered, Note: "Đã lắp đèn.", By: "minh"}))
		n := d.news()
		if n.State != feedback.CaseAnswered || n.Note != "Đã lắp đèn." || n.Version != 2 || n.Updated != d.now.UnixMicro() {
			t.Errorf("the box says %+v", n)
		}
		got := d.must(d.Get(ctx, receipt().Tag))
		if got.State != feedback.CaseAnswered || got.Note != "Đã lắp đèn." || got.By != "minh" || got.Version != 2 {
			t.Errorf("case = %+v", got)
		}
		history, err := d.History(ctx, receipt().Tag)
		if err != nil || len(history) != 2 || history[0].State != feedback.CaseInProgress || history[1].By != "minh" {
			t.Errorf("history = %+v, %v", history, err)
		}
	})
}

func TestSetRefuses(t *testing.T) {
	conformance(t, func(d *desk) {
		ctx := d.t.Context()
		for _, c := range []struct {
			ch   Change
			want string
		}{
			{Change{State: feedback.CaseClosed}, "before it is answered"},
			{Change{State: feedback.CaseNotAccepted}, "not-eligible"},
			{Change{State: feedback.CaseReopened}, "cannot become reopened"},
			{Change{State: 99}, "no state"},
			{Change{State: feedback.CaseAnswered, Note: strings.Repeat("ế", 700)}, "note"},
			{Change{State: feedback.CaseAnswered, Note: "e\u0301"}, "composed"},
		} {
			if _, err := d.SetByCode(ctx, code, c.ch); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v: %v, want %q", c.ch, err, c.want)
			}
		}
		if _, err := d.Get(ctx, receipt().Tag); !errors.Is(err, ErrNoCase) {
			t.Errorf("a refused change began a case: %v", err)
		}
		d.must(d.SetByCode(ctx, code, Change{State: feedback.CaseAnswered}))
		d.must(d.SetByCode(ctx, code, Change{State: feedback.CaseClosed}))
		if _, err := d.SetByCode(ctx, code, Change{State: feedback.CaseAnswered}); err == nil || !strings.Contains(err.Error(), "only be reopened") {
			t.Errorf("a closed case: %v", err)
		}
		d.must(d.SetByCode(ctx, code, Change{State: feedback.CaseReopened}))
	})
}

func TestSameAgainChangesNothing(t *testing.T) {
	conformance(t, func(d *desk) {
		first := d.must(d.SetByCode(d.t.Context(), code, Change{State: feedback.CaseAssigned, Note: "Bà Lan", By: "a"}))
		d.now = d.now.Add(time.Hour)
		again := d.must(d.SetByCode(d.t.Context(), code, Change{State: feedback.CaseAssigned, Note: "Bà Lan", By: "b"}))
		if again.Version != 1 || again.By != "a" || !again.Updated.Equal(first.Updated) {
			t.Errorf("case = %+v", again)
		}
		if next := d.must(d.SetByCode(d.t.Context(), code, Change{State: feedback.CaseAssigned, By: "b"})); next.Version != 2 || next.Note != "" {
			t.Errorf("without the note: %+v", next)
		}
	})
}

func TestLearnThenSetByTag(t *testing.T) {
	conformance(t, func(d *desk) {
		ctx, r := d.t.Context(), receipt()
		if _, err := d.Set(ctx, r.Tag, Change{State: feedback.CaseAssigned}); !errors.Is(err, ErrNoKey) {
			t.Errorf("set before the key is known: %v", err)
		}
		record := wire.RecordID{7}
		for range 2 {
			if err := d.Learn(ctx, r.Tag[:], r.Key[:], record); err != nil {
				t.Fatal(err)
			}
		}
		is := d.must(d.Get(ctx, r.Tag))
		if is.State != feedback.CaseReceived || is.Version != 1 || !bytes.Equal(is.Record, record[:]) {
			t.Errorf("learned case = %+v", is)
		}
		d.must(d.Set(ctx, r.Tag, Change{State: feedback.CaseClassified}))
		if n := d.news(); n.State != feedback.CaseClassified || n.Version != 2 {
			t.Errorf("the box says %+v", n)
		}
		d.must(d.SetByCode(ctx, code, Change{State: feedback.CaseAssigned}))
		var kept []byte
		if err := d.db.Read().QueryRowContext(ctx, d.sql["receipt record"], r.Tag[:]).Scan(&kept); err != nil || !bytes.Equal(kept, record[:]) {
			t.Errorf("the receipt's record is %x, %v", kept, err)
		}
		if _, err := d.open(Identity{Public: identity().Public}).Set(ctx, r.Tag, Change{State: feedback.CaseAssigned}); !errors.Is(err, ErrNoKey) {
			t.Errorf("without the secret: %v", err)
		}
		if err := d.Learn(ctx, r.Tag[:3], r.Key[:], record); err == nil {
			t.Error("learned a short tag")
		}
	})
}

// A code set first and a message that arrives later are one case.
func TestLearnAfterSet(t *testing.T) {
	conformance(t, func(d *desk) {
		ctx, r := d.t.Context(), receipt()
		d.must(d.SetByCode(ctx, code, Change{State: feedback.CaseInProgress}))
		if err := d.Learn(ctx, r.Tag[:], r.Key[:], wire.RecordID{7}); err != nil {
			t.Fatal(err)
		}
		if is := d.must(d.Get(ctx, r.Tag)); is.State != feedback.CaseInProgress || is.Version != 1 || !bytes.Equal(is.Record, append([]byte{7}, make([]byte, 15)...)) {
			t.Errorf("case = %+v", is)
		}
		if is := d.must(d.Set(ctx, r.Tag, Change{State: feedback.CaseAnswered})); len(is.Record) != 16 {
			t.Errorf("record was lost: %+v", is)
		}
	})
}

func TestBoxesSince(t *testing.T) {
	if wire.BareBox != seal.BareBox {
		t.Error("a bare box is not filed where bare boxes are")
	}
	conformance(t, func(d *desk) {
		ctx := d.t.Context()
		tags := map[Tag]bool{}
		for i := range 5 {
			r := seal.Receipt{Tag: Tag{byte(i)}, Key: [32]byte{byte(i)}}
			if err := d.Learn(ctx, r.Tag[:], r.Key[:], wire.RecordID{byte(i)}); err != nil {
				t.Fatal(err)
			}
			tags[r.Tag] = true
		}
		since, seen := uint64(0), 0
		for {
			some, err := d.Boxes(ctx, since, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(some) == 0 {
				break
			}
			for _, b := range some {
				if b.Changed <= since || !tags[b.Tag] || len(b.Box) != wire.BareBox {
					t.Errorf("after %d: %+v", since, b)
				}
				since, seen = b.Changed, seen+1
				delete(tags, b.Tag)
			}
		}
		if seen != 5 {
			t.Errorf("%d boxes, want 5", seen)
		}
		d.must(d.Set(ctx, Tag{3}, Change{State: feedback.CaseAnswered}))
		if some, err := d.Boxes(ctx, since, 10); err != nil || len(some) != 1 || some[0].Tag != (Tag{3}) {
			t.Errorf("after one change: %+v, %v", some, err)
		}
		n := 0
		for is, err := range d.All(ctx) {
			if err != nil || is.Tag[0] != byte(n) {
				t.Errorf("case %d = %+v, %v", n, is, err)
			}
			n++
		}
		if n != 5 {
			t.Errorf("%d cases, want 5", n)
		}
	})
}

// Whoever reads what changed since a number, while others write, misses
// nothing in the end.
func TestReaderAmongWritersMissesNothing(t *testing.T) {
	conformance(t, func(d *desk) {
		const writers, each = 4, 15
		ctx := context.Background()
		var writing sync.WaitGroup
		c := d.open(Identity{}) // quick
		for w := range writers {
			writing.Go(func() {
				for i := range each {
					r := seal.Receipt{Tag: Tag{byte(w), byte(i)}}
					if _, err := c.set(ctx, r, Change{State: feedback.CaseAssigned}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { writing.Wait(); close(done) }()
		seen, since := map[Tag]bool{}, uint64(0)
		for last := false; ; {
			some, err := c.Boxes(ctx, since, 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range some {
				seen[b.Tag], since = true, b.Changed
			}
			if last {
				break
			}
			select {
			case <-done:
				last = true
			default:
			}
		}
		if len(seen) != writers*each {
			t.Errorf("saw %d changes of %d", len(seen), writers*each)
		}
	})
}

// Neither the code nor the key in the clear is in any file of the hub.
func TestDatabaseHoldsNoKey(t *testing.T) {
	dir := t.TempDir()
	db, err := database.Open(t.Context(), "sqlite:"+filepath.Join(dir, "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(t.Context(), Config{DB: db, Identity: identity()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.SetByCode(t.Context(), code, Change{State: feedback.CaseAnswered}); err != nil {
		t.Fatal(err)
	}
	key, tag := receipt().Key, receipt().Tag
	found := false
	for _, open := range []bool{true, false} {
		if !open {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(text, tag[:])
			for name, secret := range map[string][]byte{"code": []byte(code), "spelt code": []byte(code.String()), "key": key[:], "key in hex": fmt.Appendf(nil, "%x", key)} {
				if bytes.Contains(text, secret) {
					t.Errorf("%s holds the receipt's %s", filepath.Base(f), name)
				}
			}
		}
	}
	if !found {
		t.Error("not even the tag was found: the search proves nothing")
	}
}

func TestIdentityIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	first, err := OpenIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenIdentity(dir)
	if err != nil || again != first {
		t.Errorf("second time: %v, same %v", err, again == first)
	}
	path := filepath.Join(dir, identityFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: %v, %v", info.Mode(), err)
	}
	other := Identity{Secret: identity().Secret, Public: first.Public}
	for name, text := range map[string]string{"empty": "", "one line": first.Public, "halves of two": other.Public + "\n" + other.Secret, "noise": "a\nb"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenIdentity(dir); err == nil || !strings.Contains(err.Error(), "backup") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryStateIsKept(t *testing.T) {
	conformance(t, func(d *desk) {
		all := feedback.CaseStates()
		for i, s := range slices.DeleteFunc(all, func(s feedback.CaseState) bool { return !feedback.CaseReceived.May(s) }) {
			r := seal.Receipt{Tag: Tag{byte(i)}}
			d.must(d.set(d.t.Context(), r, Change{State: s}))
			if got := d.must(d.Get(d.t.Context(), r.Tag)); got.State != s {
				t.Errorf("%s came back as %s", s, got.State)
			}
		}
	})
}
