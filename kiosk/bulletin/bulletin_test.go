package bulletin

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/sqlite"
	"nghe/shared/wire"
)

var custody = ed25519.NewKeyFromSeed(make([]byte, 32))

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// signed makes a frame as a hub does.
func signed(t testing.TB, key ed25519.PrivateKey, version uint64, body wire.BulletinBody) wire.Bulletin {
	t.Helper()
	packed, err := wire.EncodeBulletin(body)
	if err != nil {
		t.Fatal(err)
	}
	return wire.Bulletin{Version: version, Body: packed, Signature: ed25519.Sign(key, wire.BulletinStatement(version, packed))}
}

func question(version int) feedback.Questionnaire {
	q := feedback.Seed().Questionnaires[0]
	q.Version = version
	return q
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func sheetOf(t testing.TB, version int) wire.Sheet {
	return wire.Sheet{
		Questionnaires: [][]byte{encode(t, question(version))},
		Notices:        [][]byte{encode(t, feedback.Notice{ID: "meeting", Title: feedback.Text{"vi": "Họp", "en": "Meeting"}, Body: feedback.Text{"vi": "Họp", "en": "Meeting"}})},
		Texts:          encode(t, feedback.Texts{"slogan": {"vi": "Gần dân", "en": "Close to the people"}}),
		Cases:          "age1cases", Named: []wire.Recipient{{Name: "Bà Lan", Key: "age1lan"}, {Name: "Ông Minh", Key: "age1minh"}},
	}
}

func openAt(t testing.TB, dir string) *Bulletin {
	t.Helper()
	b, err := Open(Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func opened(t testing.TB) *Bulletin {
	t.Helper()
	b := openAt(t, t.TempDir())
	if err := b.Trust(public(custody)); err != nil {
		t.Fatal(err)
	}
	return b
}

func apply(t testing.TB, b *Bulletin, version uint64, body wire.BulletinBody) {
	t.Helper()
	if err := b.Apply(signed(t, custody, version, body)); err != nil {
		t.Fatal(err)
	}
}

func boxes(all ...string) (body wire.BulletinBody) {
	for _, text := range all {
		tag, state, _ := strings.Cut(text, " ")
		if state == "" {
			body.Gone = append(body.Gone, tagOf(tag))
			continue
		}
		body.AddBox(tagOf(tag), fmt.Appendf(nil, "%-24s", state))
	}
	return body
}

func tagOf(s string) (tag [16]byte) { copy(tag[:], s); return tag }

// dump is everything a kiosk knows, in words.
func dump(b *Bulletin, tags ...string) (string, error) {
	var s strings.Builder
	fmt.Fprintf(&s, "%d;", b.Version())
	for _, q := range b.Questionnaires() {
		fmt.Fprintf(&s, " %s %d", q.ID, q.Version)
	}
	fmt.Fprintf(&s, "; %d notices, %d texts, %v %v;", len(b.Notices()), len(b.Texts()), b.Recipients(feedback.ReaderCases), b.Recipients(feedback.ReaderNamed))
	for _, tag := range tags {
		box, known, err := b.Box(tagOf(tag))
		if err != nil {
			return "", err
		}
		if known {
			fmt.Fprintf(&s, " %s %s", tag, strings.TrimSpace(string(box)))
		}
	}
	for _, tag := range tags {
		sound, err := b.Recording("vi/" + tag)
		if err != nil {
			return "", err
		}
		if sound != nil {
			fmt.Fprintf(&s, " %s says %s", tag, sound)
		}
	}
	revoked, err := b.Revoked()
	if err != nil {
		return "", err
	}
	deleted, upto, err := b.Deleted(0)
	fmt.Fprintf(&s, "; %v; %d deleted up to %d; %d held versions", revoked, len(deleted), upto, len(b.sheet.old))
	return s.String(), err
}

func TestDeletedReceiptIsKnown(t *testing.T) {
	b := opened(t)
	mine, other := tagOf("mine"), tagOf("other")
	apply(t, b, 5, wire.BulletinBody{Deleted: []wire.Deletion{{Kind: wire.DeletedReceipt, Name: mine[:]}, {Kind: wire.DeletedBlob, Name: other[:]}}})
	for tag, want := range map[[16]byte]bool{mine: true, other: false} {
		if got, err := b.ReceiptDeleted(tag); got != want || err != nil {
			t.Errorf("%s deleted: %v, %v", tag[:], got, err)
		}
	}
}

func TestEverythingIsThereAfterRestart(t *testing.T) {
	b := opened(t)
	apply(t, b, 5, wire.BulletinBody{Sheet: []wire.Sheet{sheetOf(t, 7)}})
	body := boxes("a received", "b answered")
	body.Since, body.Revoked = 5, []string{"stolen"}
	body.Deleted = []wire.Deletion{{Kind: wire.DeletedBlob, Name: []byte("hash")}}
	apply(t, b, 6, body)
	apply(t, b, 9, boxes("a answered", "c received", "b"))
	want, err := dump(b, "a", "b", "c")
	if err != nil || !strings.HasPrefix(want, "9; today 7; 1 notices, 1 texts, [age1cases] [age1lan age1minh]; a answered c received; [stolen]; 1 deleted up to 6; 1 held") {
		t.Errorf("holds %s, %v", want, err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, b.cfg.Dir)
	if got, err := dump(again, "a", "b", "c"); err != nil || got != want {
		t.Errorf("after a restart\n%s, %v, want\n%s", got, err, want)
	}
	if err := again.Trust(public(custody)); err != nil || again.Version() != 9 {
		t.Errorf("trusting the same hub: version %d, %v", again.Version(), err)
	}
}

func TestApplyRefuses(t *testing.T) {
	other := ed25519.NewKeyFromSeed(append([]byte{1}, make([]byte, 31)...))
	good := wire.BulletinBody{Sheet: []wire.Sheet{sheetOf(t, 8)}, Since: 5}
	good.AddBox(tagOf("a"), []byte(fmt.Sprintf("%-24s", "changed")))
	frame := func(change func(f *wire.Bulletin)) wire.Bulletin {
		f := signed(t, custody, 6, good)
		change(&f)
		return f
	}
	resigned := func(f *wire.Bulletin) {
		f.Signature = ed25519.Sign(custody, wire.BulletinStatement(f.Version, f.Body))
	}
	for name, c := range map[string]struct {
		f    wire.Bulletin
		want error
	}{
		"another key":      {signed(t, other, 6, good), ErrForged},
		"another version":  {frame(func(f *wire.Bulletin) { f.Version = 7 }), ErrForged},
		"a changed octet":  {frame(func(f *wire.Bulletin) { f.Body[len(f.Body)/2] ^= 1 }), ErrForged},
		"no signature":     {frame(func(f *wire.Bulletin) { f.Signature = nil }), ErrForged},
		"cut off":          {frame(func(f *wire.Bulletin) { f.Body = f.Body[:len(f.Body)-3]; resigned(f) }), ErrBroken},
		"another layout":   {frame(func(f *wire.Bulletin) { f.Body[0] = 9; resigned(f) }), ErrBroken},
		"gap":              {signed(t, custody, 9, wire.BulletinBody{Since: 6, Sheet: good.Sheet}), ErrGap},
		"the same version": {signed(t, custody, 5, good), nil},
		"an older version": {signed(t, custody, 4, good), nil},
	} {
		b := opened(t)
		first := boxes("a received")
		first.Sheet = []wire.Sheet{sheetOf(t, 7)}
		apply(t, b, 5, first)
		before, err := dump(b, "a")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Apply(c.f); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if after, err := dump(b, "a"); err != nil || after != before {
			t.Errorf("%s changed something:\n%s, %v\nwas\n%s", name, after, err, before)
		}
		if err := b.load(); err != nil {
			t.Fatal(err)
		}
		if after, err := dump(b, "a"); err != nil || after != before {
			t.Errorf("%s changed the file:\n%s, %v\nwas\n%s", name, after, err, before)
		}
	}
	stranger := openAt(t, t.TempDir())
	if err := stranger.Apply(signed(t, custody, 6, wire.BulletinBody{})); !errors.Is(err, ErrForged) {
		t.Errorf("before any hub is trusted: %v", err)
	}
}

func TestAnotherHubBeginsAnew(t *testing.T) {
	b := opened(t)
	body := boxes("a received")
	body.Sheet, body.Revoked = []wire.Sheet{sheetOf(t, 7)}, []string{"stolen"}
	apply(t, b, 900, body)
	other := ed25519.NewKeyFromSeed(append([]byte{1}, make([]byte, 31)...))
	if err := b.Trust(public(other)); err != nil {
		t.Fatal(err)
	}
	if got, err := dump(b, "a"); err != nil || got != "0;; 0 notices, 0 texts, [] [];; []; 0 deleted up to 0; 0 held versions" {
		t.Errorf("the word of the old hub stayed: %s, %v", got, err)
	}
	if err := b.Apply(signed(t, other, 3, boxes("z received"))); err != nil || b.Version() != 3 {
		t.Errorf("version %d, %v", b.Version(), err)
	}
	if err := b.Apply(signed(t, custody, 901, wire.BulletinBody{})); !errors.Is(err, ErrForged) {
		t.Errorf("the old hub still speaks: %v", err)
	}
	if err := b.Apply(signed(t, other, 4, wire.BulletinBody{Sheet: []wire.Sheet{sheetOf(t, 2)}})); err != nil {
		t.Fatal(err)
	}
	if err := b.load(); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.Questionnaire("today", 7); ok {
		t.Error("the old hub's questionnaire came back")
	}
	if err := b.Trust([]byte("short")); err == nil {
		t.Error("trusted no key")
	}
}

func TestForget(t *testing.T) {
	b := opened(t)
	first := boxes("a one", "b one", "c one")
	first.Revoked = []string{"x", "y"}
	apply(t, b, 10, first)
	second := boxes("a two")
	second.Since, second.Revoked = 10, []string{"y"}
	apply(t, b, 1000, second)
	if got, err := dump(b, "a", "b", "c"); err != nil || !strings.Contains(got, "a two b one c one; [x y]") {
		t.Errorf("too early: %s, %v", got, err)
	}
	last := boxes("b two")
	last.Since, last.Forget = 1000, 999
	apply(t, b, 1001, last)
	if got, err := dump(b, "a", "b", "c"); err != nil || !strings.Contains(got, "a two b two; [y]") {
		t.Errorf("holds %s, %v", got, err)
	}
}

// A resident who began with the old wording finishes with it.
func TestOldVersionsStay(t *testing.T) {
	b := opened(t)
	for version := 1; version <= 3; version++ {
		apply(t, b, uint64(version), wire.BulletinBody{Sheet: []wire.Sheet{sheetOf(t, version)}})
	}
	for _, held := range []*Bulletin{b, func() *Bulletin { b.Close(); return openAt(t, b.cfg.Dir) }()} {
		for version := 1; version <= 3; version++ {
			if q, ok := held.Questionnaire("today", version); !ok || q.Version != version {
				t.Errorf("version %d: %v", version, ok)
			}
		}
		if _, ok := held.Questionnaire("today", 4); ok {
			t.Error("a version that never was is there")
		}
		if now := held.Questionnaires(); len(now) != 1 || now[0].Version != 3 {
			t.Errorf("asks %+v", now)
		}
	}
}

// newer is a questionnaire of a hub that knows another kind of question.
func newer(t testing.TB, id string, version int) []byte {
	q := question(version)
	q.ID = id
	return bytes.Replace(encode(t, q), []byte(`"kind":"`), []byte(`"kind":"drawing-`), 1)
}

// A kiosk that is older than its hub uses what it understands, says how much it
// does not, and shows it once it is updated.
func TestSheetOfANewerHub(t *testing.T) {
	s := sheetOf(t, 8)
	known := question(8)
	known.ID = "guests"
	s.Questionnaires = [][]byte{newer(t, "drawings", 1), newer(t, "today", 9), encode(t, known)}
	s.Notices = append([][]byte{[]byte(`{"id":"film","title":7}`)}, s.Notices...)
	s.Texts = []byte(`{"slogan":["Gần dân"]}`)
	s.Orders = []wire.Order{{ID: "o-1", Kind: 99, Until: 1}}
	b := opened(t)
	apply(t, b, 5, wire.BulletinBody{Sheet: []wire.Sheet{sheetOf(t, 7)}})
	body := boxes("a received")
	body.Sheet, body.Deleted = []wire.Sheet{s}, []wire.Deletion{{Kind: 77, Name: []byte("x")}}
	apply(t, b, 6, body)
	// "today" is asked as it was last understood, where its newer version stood.
	const want = "6; today 7 guests 8; 1 notices, 0 texts, [age1cases] [age1lan age1minh]; a received; []; 1 deleted up to 6; 2 held versions"
	for _, when := range []string{"now", "after a restart"} {
		if got, err := dump(b, "a"); got != want || err != nil {
			t.Errorf("%s knows\n%s, %v, want\n%s", when, got, err, want)
		}
		if got := b.Unread(); got != 4 {
			t.Errorf("%s: %d parts unread, want 4", when, got)
		}
		b.Close()
		b = openAt(t, b.cfg.Dir)
	}
	apply(t, b, 7, wire.BulletinBody{Sheet: []wire.Sheet{sheetOf(t, 9)}})
	if b.Unread() != 0 || b.Questionnaires()[0].Version != 9 {
		t.Errorf("after one it understands: %d unread", b.Unread())
	}
}

// What the ward tells of itself comes among the notices, and hangs on no board.
func TestFactsOfTheWard(t *testing.T) {
	s := sheetOf(t, 7)
	s.Notices = append(s.Notices, []byte(`{"facts":{"houses":[{"caretaker":{"name":"Bà Hoa"}}],"tomorrow":1}}`))
	b := opened(t)
	apply(t, b, 5, wire.BulletinBody{Sheet: []wire.Sheet{s}})
	for _, when := range []string{"now", "after a restart"} {
		if got := b.Facts(); len(got.Houses) != 1 || got.Houses[0].Caretaker.Name != "Bà Hoa" || len(b.Notices()) != 1 || b.Unread() != 0 {
			t.Errorf("%s: %+v, %d notices, %d unread", when, got, len(b.Notices()), b.Unread())
		}
		b.Close()
		b = openAt(t, b.cfg.Dir)
	}
	s.Notices[1] = []byte(`{"facts":{"houses":[{"hours":[{"hours":["dawn"]}]}]}}`)
	apply(t, b, 6, wire.BulletinBody{Sheet: []wire.Sheet{s}})
	if got := b.Facts(); len(got.Houses) != 0 || b.Unread() != 1 {
		t.Errorf("facts of tomorrow: %+v, %d unread", got, b.Unread())
	}
	apply(t, b, 7, wire.BulletinBody{Sheet: []wire.Sheet{sheetOf(t, 7)}})
	if got := b.Facts(); len(got.Houses) != 0 || b.Unread() != 0 {
		t.Errorf("after facts were taken back: %+v, %d unread", got, b.Unread())
	}
}

// With nothing on the sheet that it could show, a kiosk asks nothing of the
// hub's: the screen has questions of its own.
func TestSheetNobodyUnderstands(t *testing.T) {
	s := sheetOf(t, 8)
	s.Questionnaires = [][]byte{newer(t, "drawings", 1), []byte("{")}
	b := opened(t)
	apply(t, b, 5, wire.BulletinBody{Sheet: []wire.Sheet{s}})
	if got := b.Questionnaires(); len(got) != 0 || b.Unread() != 2 || b.Version() != 5 {
		t.Errorf("asks %v, %d unread, version %d", got, b.Unread(), b.Version())
	}
}

// A kiosk with a clock at 1970 that is switched off every night is not paused
// for ever.
func TestOrdersEndOverRestarts(t *testing.T) {
	s := sheetOf(t, 1)
	s.Orders = []wire.Order{{ID: "day", Kind: wire.OrderPause, Issued: 1, Until: 1 + (24 * time.Hour).Microseconds()}}
	dir := t.TempDir()
	for night := range 4 {
		ran := time.Duration(night) * time.Minute // any zero
		b, err := Open(Config{Dir: dir, Monotonic: func() time.Duration { return ran }})
		if err != nil {
			t.Fatal(err)
		}
		if night == 0 {
			if err := b.Trust(public(custody)); err != nil {
				t.Fatal(err)
			}
			apply(t, b, 1, wire.BulletinBody{Sheet: []wire.Sheet{s}})
		}
		if holds := len(b.Orders("me", time.Unix(0, 0))) == 1; holds != (night < 3) {
			t.Errorf("after %d days of 9 hours the order holds: %t", night, holds)
		}
		ran += 9 * time.Hour
		if err := errors.Join(b.KeepTime(), b.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOrdersEnd(t *testing.T) {
	ran := time.Duration(0)
	b, err := Open(Config{Dir: t.TempDir(), Monotonic: func() time.Duration { return ran }})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Trust(public(custody)); err != nil {
		t.Fatal(err)
	}
	issued := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	s := sheetOf(t, 1)
	s.Orders = []wire.Order{
		{ID: "all", Kind: wire.OrderPause, Issued: issued.UnixMicro(), Until: issued.Add(time.Hour).UnixMicro()},
		{ID: "mine", Kind: wire.OrderSyncNow, Device: "me", Issued: issued.UnixMicro(), Until: issued.Add(2 * time.Hour).UnixMicro()},
		{ID: "other", Kind: wire.OrderPause, Device: "you", Issued: issued.UnixMicro(), Until: issued.Add(time.Hour).UnixMicro()},
	}
	apply(t, b, 1, wire.BulletinBody{Sheet: []wire.Sheet{s}})
	hold := func(ranFor time.Duration, now time.Time) string {
		ran = ranFor
		var ids []string
		for _, o := range b.Orders("me", now) {
			ids = append(ids, o.ID)
		}
		return strings.Join(ids, " ")
	}
	for _, c := range []struct {
		name string
		ran  time.Duration
		now  time.Time
		want string
	}{
		{"just issued", time.Second, issued, "all mine"},
		{"one ended by the clock", time.Second, issued.Add(61 * time.Minute), "mine"},
		{"clock at 1970", time.Minute, time.Unix(0, 0), "all mine"},
		{"clock at 1970, an hour of running", time.Hour, time.Unix(0, 0), "mine"},
		{"clock at 1970, two hours", 2 * time.Hour, time.Unix(0, 0), ""},
		{"clock in the future", time.Second, issued.AddDate(1, 0, 0), ""},
	} {
		if got := hold(c.ran, c.now); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	ran = 50 * time.Minute // the same orders come again with another sheet: their time goes on
	apply(t, b, 2, wire.BulletinBody{Sheet: []wire.Sheet{s}})
	if got := hold(61*time.Minute, time.Unix(0, 0)); got != "mine" {
		t.Errorf("after the sheet came again: %q", got)
	}
}

func TestNews(t *testing.T) {
	b := opened(t)
	r, other := seal.Receipt{Tag: tagOf("mine"), Key: [32]byte{1}}, seal.Receipt{Tag: tagOf("other"), Key: [32]byte{2}}
	plain, err := wire.EncodeCaseNews(wire.CaseNews{State: feedback.CaseAnswered, Version: 4, Updated: 1_795_000_020_000_000, Note: "Đã lắp đèn."})
	if err != nil {
		t.Fatal(err)
	}
	box, err := r.Box(plain)
	if err != nil {
		t.Fatal(err)
	}
	var body wire.BulletinBody
	body.AddBox(r.Tag, box)
	body.AddBox(tagOf("rot"), make([]byte, seal.BareBox))
	apply(t, b, 1, body)
	n, known, err := b.News(r)
	if err != nil || !known || n.State != feedback.CaseAnswered || n.Note != "Đã lắp đèn." || n.Version != 4 || n.Updated.UnixMicro() != 1_795_000_020_000_000 {
		t.Errorf("news = %+v, %v, %v", n, known, err)
	}
	for name, r := range map[string]seal.Receipt{"no box": other, "another key": {Tag: r.Tag, Key: other.Key}, "rotten box": {Tag: tagOf("rot")}} {
		if n, known, err := b.News(r); known || err != nil {
			t.Errorf("%s: %+v, %v, %v", name, n, known, err)
		}
	}
}

func TestChangedIsTold(t *testing.T) {
	b := opened(t)
	before := b.Changed()
	apply(t, b, 1, wire.BulletinBody{})
	select {
	case <-before:
	default:
		t.Error("nobody was told")
	}
	before = b.Changed()
	if err := b.Apply(signed(t, custody, 1, wire.BulletinBody{})); err != nil {
		t.Fatal(err)
	}
	select {
	case <-before:
		t.Error("told of nothing")
	default:
	}
}

func TestDamagedFileIsSetAside(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"noise": func(t *testing.T, path string) {
			if err := os.WriteFile(path, slices.Repeat([]byte("noise"), 4000), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"sheet": func(t *testing.T, path string) {
			db, err := sqlite.Open(sqlite.Config{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Write(t.Context(), putRottenSheet); err != nil {
				t.Fatal(err)
			}
			db.Close()
		},
	} {
		b := opened(t)
		apply(t, b, 5, wire.BulletinBody{Sheet: []wire.Sheet{sheetOf(t, 1)}})
		b.Close()
		spoil(t, filepath.Join(b.cfg.Dir, fileName))
		again := openAt(t, b.cfg.Dir)
		if again.Version() != 0 || len(again.Questionnaires()) != 0 {
			t.Errorf("%s: version %d", name, again.Version())
		}
		if _, err := os.Stat(filepath.Join(b.cfg.Dir, damagedName)); err != nil {
			t.Errorf("%s: nothing was set aside: %v", name, err)
		}
		if err := again.Trust(public(custody)); err != nil {
			t.Fatal(err)
		}
		apply(t, again, 5, wire.BulletinBody{Sheet: []wire.Sheet{sheetOf(t, 1)}})
	}
}
