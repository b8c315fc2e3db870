package bulletin

import (
	"crypto/sha256"
	"database/sql"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"nghe/shared/feedback"
	"nghe/shared/sqlite"
	"nghe/shared/wire"
)

// said is a recording in pieces.
func said(name, sound string, pieces int) (all []wire.ClipPart) {
	size := (len(sound) + pieces - 1) / pieces
	chunks := slices.Collect(slices.Chunk([]byte(sound), size))
	for n, octets := range chunks {
		all = append(all, wire.ClipPart{Name: name, Part: uint16(n), Parts: uint16(len(chunks)), Sum: sha256.Sum256([]byte(sound)), Octets: octets})
	}
	return all
}

func hears(t *testing.T, b *Bulletin, name, want string) {
	t.Helper()
	got, err := b.Recording(name)
	if err != nil || string(got) != want || (got == nil) != (want == "") {
		t.Errorf("%s at version %d: %q, %v, want %q", name, b.Version(), got, err, want)
	}
}

func TestRecordings(t *testing.T) {
	b := opened(t)
	hears(t, b, "vi/a", "")
	if in, err := b.RecordedIn(); err != nil || len(in) != 0 {
		t.Errorf("recorded in %v, %v", in, err)
	}
	hello := said("vi/a", "xin chào bà con", 3)
	apply(t, b, 1, wire.BulletinBody{Clips: []wire.ClipPart{hello[2], hello[0]}})
	hears(t, b, "vi/a", "") // not all of it
	apply(t, b, 2, wire.BulletinBody{Clips: append(said("zh-Hans/b", "您好", 1), hello[1])})
	hears(t, b, "vi/a", "xin chào bà con")
	hears(t, b, "zh-Hans/b", "您好")
	hears(t, b, "vi/b", "")
	if in, err := b.RecordedIn(); err != nil || !slices.Contains(in, feedback.Language("vi")) || !slices.Contains(in, feedback.Language("zh-Hans")) || len(in) != 2 {
		t.Errorf("recorded in %v, %v", in, err)
	}

	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = openAt(t, b.cfg.Dir)
	hears(t, b, "vi/a", "xin chào bà con")

	again := said("vi/a", "chào nhé", 2) // shorter, and another voice
	apply(t, b, 3, wire.BulletinBody{Clips: again[:1]})
	hears(t, b, "vi/a", "")
	apply(t, b, 4, wire.BulletinBody{Clips: append(again[1:], wire.ClipPart{Name: "vi/a", Part: 2})})
	hears(t, b, "vi/a", "chào nhé")
	apply(t, b, 5, wire.BulletinBody{Clips: []wire.ClipPart{{Name: "zh-Hans/b"}, {Name: "vi/none", Part: 7}}})
	hears(t, b, "zh-Hans/b", "")
	apply(t, b, 6, wire.BulletinBody{Clips: said("vi/c", "mới", 1), Forget: 5})
	hears(t, b, "vi/a", "")
	hears(t, b, "vi/c", "mới")
}

// Whatever a hub mixes up, a kiosk plays what was recorded or nothing.
func TestRecordingsThatDoNotFit(t *testing.T) {
	good := said("vi/a", "một hai ba bốn", 2)
	for name, change := range map[string]func(p []wire.ClipPart) []wire.ClipPart{
		"another octet":   func(p []wire.ClipPart) []wire.ClipPart { p[1].Octets = []byte("x"); return p },
		"another hash":    func(p []wire.ClipPart) []wire.ClipPart { p[1].Sum[0] ^= 1; return p },
		"both hashes":     func(p []wire.ClipPart) []wire.ClipPart { p[0].Sum[0] ^= 1; p[1].Sum[0] ^= 1; return p },
		"one is missing":  func(p []wire.ClipPart) []wire.ClipPart { return p[:1] },
		"the first is":    func(p []wire.ClipPart) []wire.ClipPart { return p[1:] },
		"one too many":    func(p []wire.ClipPart) []wire.ClipPart { p[1].Parts = 3; return p },
		"a wrong place":   func(p []wire.ClipPart) []wire.ClipPart { p[1].Part, p[1].Parts = 2, 3; return p },
		"the other order": func(p []wire.ClipPart) []wire.ClipPart { p[0].Part, p[1].Part = 1, 0; return p },
	} {
		b := opened(t)
		apply(t, b, 1, wire.BulletinBody{Clips: change(slices.Clone(good))})
		if got, err := b.Recording("vi/a"); err != nil || got != nil {
			t.Errorf("%s: plays %q, %v", name, got, err)
		}
	}
}

// A kiosk of an earlier program was told everything but recordings. It keeps
// what it has, and asks to be told again.
func TestEarlierFileIsToldAgain(t *testing.T) {
	dir := t.TempDir()
	earlier := fstest.MapFS{}
	for _, name := range []string{"00001_bulletin.sql", "00002_orders.sql"} {
		text, err := fs.ReadFile(migrations, "migrations/"+name)
		if err != nil {
			t.Fatal(err)
		}
		earlier[name] = &fstest.MapFile{Data: text}
	}
	db, err := sqlite.Open(sqlite.Config{Path: filepath.Join(dir, fileName)})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(earlier, table); err != nil {
		t.Fatal(err)
	}
	old := &Bulletin{db: db}
	body := boxes("a received")
	if err := db.Write(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec(query("trust"), sql.Named("custody", []byte(public(custody)))); err != nil {
			return err
		}
		if err := keepBoxes(tx, 7, body); err != nil {
			return err
		}
		_, err := tx.Exec(query("stand"), sql.Named("version", int64(7)), sql.Named("forgotten", int64(0)))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	b := openAt(t, dir)
	if box, known, err := b.Box(tagOf("a")); b.Version() != 0 || !known || err != nil {
		t.Errorf("stands at %d with %q, %v", b.Version(), box, err)
	}
	body.Clips = said("vi/a", "xin chào", 2)
	apply(t, b, 7, body)
	hears(t, b, "vi/a", "xin chào")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if again := openAt(t, dir); again.Version() != 7 {
		t.Errorf("told again at every start: stands at %d", again.Version())
	}
}
