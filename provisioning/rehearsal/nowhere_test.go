package rehearsal

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"nghe/hub/archive/s3test"
	"nghe/hub/database/pgtest"
	"nghe/shared/invariants"
	"nghe/shared/seal"
)

// secretsOf plants what the resident said, and how the files that hold voices
// and photos begin.
func secretsOf(code seal.Code, words, phone string) *invariants.Canaries {
	var c invariants.Canaries
	key := code.Receipt().Key
	for name, secret := range map[string]string{
		"words": words, "decomposed words": norm.NFD.String(words), "phone": phone,
		"code": string(code), "code as shown": code.String(), "code in small letters": strings.ToLower(string(code)), "receipt's key": string(key[:]),
		"JPEG": "\xff\xd8\xff\xe0\x00\x10JFIF\x00", "WebM": "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01", "Opus": "OpusHead\x01", "Exif": "Exif\x00\x00MM", "Exif the other way": "Exif\x00\x00II",
	} {
		c.Plant(name, []byte(secret))
	}
	return &c
}

// tables stand at the beginning of every JPEG, the same in most.
const tables = 700

// plantMedia plants what of a recording or a photo is like no other file.
func plantMedia(c *invariants.Canaries, name string, body []byte) {
	const piece, different = 24, 18
	planted := 0
	for ; len(body) >= piece; body = body[piece:] {
		seen := map[byte]bool{}
		for _, b := range body[:piece] {
			seen[b] = true
		}
		if len(seen) >= different && planted < 50 {
			c.Plant(name, body[:piece])
			planted++
		}
	}
	if planted < 20 {
		panic(fmt.Sprintf("of the %s only %d pieces are like no other", name, planted))
	}
}

// nowhere looks into every file of the ward, and what else there is.
func (w *ward) nowhere(secrets *invariants.Canaries, when string, beside ...string) {
	w.t.Helper()
	before := secrets.Looked()
	if err := secrets.LookInto(append(beside, w.dir)...); err != nil {
		w.t.Fatal(err)
	}
	for _, found := range secrets.Found() {
		w.t.Errorf("%s: %v", when, found)
	}
	if secrets.Looked()-before < 100_000 {
		w.t.Errorf("%s: only %d bytes were looked at", when, secrets.Looked()-before)
	}
	if left, err := os.ReadDir(w.path("temp")); err != nil || len(left) > 0 {
		w.t.Errorf("%s: left in the temporary folder: %v, %v", when, left, err)
	}
}

// somewhere proves the search by what does lie open: the receipt's tag, at hub
// and kiosk.
func (w *ward) somewhere(code seal.Code) {
	w.t.Helper()
	tag := code.Receipt().Tag
	for _, folder := range []string{"hub", "kiosk"} {
		var control invariants.Canaries
		control.Plant("tag", tag[:])
		if err := control.LookInto(w.path(folder)); err != nil || len(control.Found()) == 0 {
			w.t.Errorf("not even the receipt's tag was found at the %s: the search proves nothing, %v", folder, err)
		}
	}
}

// TestNowhereInPostgreSQL looks for what was said in the files of a database
// that the hub shares with others, its write-ahead log too.
func TestNowhereInPostgreSQL(t *testing.T) {
	if testing.Short() {
		t.Skip("kills real programs; run without -short")
	}
	t.Parallel()
	database, begun := pgtest.URL(t), time.Now().Add(-time.Second)
	s3 := s3test.Start(t)
	w := planWard(t, "--database", database)
	w.archivesTo(s3.Location)
	w.hides()
	w.found()
	s := w.say(saying(t, 0))
	secrets := secretsOf(s.code, s.words, s.phone)
	plantMedia(secrets, "voice", s.voice)
	plantMedia(secrets, "photo", s.photo[tables:])
	w.hub.kill()
	w.kiosk.kill()
	w.nowhere(secrets, "after both were killed", s3.Data)
	w.nowhereIn(secrets, database, begun)
	w.hub.start()
	w.kiosk.start()
	w.await("http://" + w.screen + "/api/status")
	w.archived(partsOfSaid)
	w.readable(w.operator(), s)
	w.decide("cases", "set", s.code.String(), "answered", "--note", reply)
	w.nowhere(secrets, "after it was read", s3.Data)
	w.nowhereIn(secrets, database, begun)

	var control invariants.Canaries
	tag := s.code.Receipt().Tag
	control.Plant("tag", tag[:])
	w.lookInto(&control, database, "data/pg_wal", begun)
	if len(control.Found()) == 0 {
		t.Error("not even the receipt's tag was found in the database: the search proves nothing")
	}
}

func (w *ward) nowhereIn(secrets *invariants.Canaries, database string, since time.Time) {
	w.t.Helper()
	w.lookInto(secrets, database, ".", since)
	for _, found := range secrets.Found() {
		w.t.Errorf("in PostgreSQL: %v", found)
	}
}

// lookInto searches every file in a folder of a PostgreSQL server that was
// written since.
func (w *ward) lookInto(secrets *invariants.Canaries, database, folder string, since time.Time) {
	w.t.Helper()
	if out, err := exec.Command("psql", database, "-c", "CHECKPOINT").CombinedOutput(); err != nil {
		w.t.Fatalf("have PostgreSQL write everything: %v\n%s", err, out)
	}
	where, err := url.Parse(database)
	if err != nil {
		w.t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(where.Query().Get("host"), folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if info, err := d.Info(); err != nil || info.ModTime().Before(since) {
			return nil // gone meanwhile, or older than any secret
		}
		content, err := os.ReadFile(path)
		secrets.Look(path, content)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
