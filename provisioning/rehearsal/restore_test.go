package rehearsal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/hub/archive/s3test"
	"nghe/hub/database/pgtest"
)

// TestHubLostAndRestored takes the hub's disk away, and its database with it;
// what is left is the S3 server, the recovery key and the kiosk, which, told to
// keep safe things for a second only, has long let go of most. What comes back
// is exactly what was tapped and said, also what the hub had acknowledged and
// not yet archived, and what it never saw. What was deleted stays deleted,
// before and after the last copy; of the cases, what was decided after it is
// lost, and said to be.
func TestHubLostAndRestored(t *testing.T) {
	if testing.Short() {
		t.Skip("runs and restores real programs; run without -short")
	}
	t.Run("sqlite", func(t *testing.T) { lostAndRestored(t, func() []string { return nil }) })
	t.Run("postgresql", func(t *testing.T) {
		lostAndRestored(t, func() []string { return []string{"--database", pgtest.URL(t)} })
	})
}

func lostAndRestored(t *testing.T, empty func() []string) {
	t.Parallel()
	s3 := s3test.Start(t)
	w := planWard(t, empty()...)
	w.archivesTo(s3.Location)
	w.kiosk.args = append(w.kiosk.args, "--keep", "1s")
	key := keep(t, "recovery.txt", []byte(w.recoveryKey()))
	w.found()

	var ids []string
	tapMany := func(name string, n int) {
		for i := range n {
			ids = append(ids, w.tap(fmt.Sprintf("%s-%d", name, i), 1+i%5))
		}
	}
	messages := 0
	leave := func() *said {
		s := w.say(saying(t, messages))
		messages++
		ids = append(ids, s.id)
		return s
	}
	tapMany("before-copy", 30)
	kept, closed, deletedEarly := leave(), leave(), leave()
	w.archived(messages * partsOfSaid)
	w.decide("cases", "set", closed.code.String(), "answered", "--note", "Đã xong.")
	w.decide("cases", "set", closed.code.String(), "closed", "--note", "Đã xong.")
	w.decide("delete", "receipt", deletedEarly.code.String(), "--reason", "người gửi yêu cầu")
	w.gone(s3, deletedEarly, messages-1)
	if out, err := w.command("backup", "--recovery-key", key); err != nil || !strings.Contains(out, "whole") {
		t.Fatalf("hub backup: %v %s", err, out)
	}
	tapMany("after-copy", 20)
	after, deletedLate := leave(), leave()
	w.archived((messages - 1) * partsOfSaid)
	w.decide("cases", "set", kept.code.String(), "answered", "--note", "Chưa kịp sao lưu.")
	w.decide("delete", "receipt", deletedLate.code.String(), "--reason", "người gửi yêu cầu")
	w.gone(s3, deletedLate, messages-2)
	w.letGo()
	floor := w.kioskStanding().Floor

	s3.Stop() // what comes now is acknowledged, and nowhere but on the hub's disk and the kiosk's
	tapMany("acknowledged", 10)
	acknowledged := leave()
	w.reaches("received", func(s standing) bool { return s.Received == s.Head })
	w.stored(partsOfSaid)
	w.hub.kill()
	if err := os.RemoveAll(w.path("hub")); err != nil {
		t.Fatal(err)
	}
	s3.Start()
	tapMany("kiosk-only", 15)
	neverSeen := leave()

	w.replaceDatabase(empty())
	begun := time.Now()
	out, err := w.command("restore", "--recovery-key", key)
	if err != nil || !strings.Contains(out, "The ledger is whole") || !strings.Contains(out, "Lost: decisions made between ") {
		t.Fatalf("hub restore: %v %s", err, out)
	}
	t.Logf("restored in %v:\n%s", time.Since(begun).Round(time.Millisecond), out)
	w.hub.start()
	w.holds(ids)
	w.archived((messages - 2) * partsOfSaid)
	t.Logf("refilled %v after the restore began", time.Since(begun).Round(time.Millisecond))
	if s := w.kioskStanding(); s.Floor < floor {
		t.Errorf("the kiosk's floor fell from %d to %d", floor, s.Floor)
	}
	operator := w.operator()
	for _, s := range []*said{kept, closed, after, acknowledged, neverSeen} {
		w.readable(operator, s)
	}
	for _, s := range []*said{deletedEarly, deletedLate} {
		w.deleted(operator, s)
	}
	w.receiptSays(closed, "Đã đóng", "Đã xong.")
	w.receiptSays(kept, "Mới tiếp nhận")
	tapMany("afterwards", 5)
	w.holds(ids)
	w.letGo() // safe moves again, under the new epoch
	w.wholeAgain()
	w.kiosk.stop()
	w.hub.stop()
}

// replaceDatabase has the hub work on another, empty one.
func (w *ward) replaceDatabase(database []string) {
	for i := range database {
		w.hub.args[slices.Index(w.hub.args, w.database[i])] = database[i]
	}
	w.database = database
}

// decide is an operator's command.
func (w *ward) decide(name string, args ...string) {
	w.t.Helper()
	if out, err := w.command(name, args...); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
}

// gone waits until nothing of a deleted message is left in the archive or at
// the kiosk, which hold so many messages then.
func (w *ward) gone(s3 *s3test.Server, s *said, left int) {
	w.t.Helper()
	begun := time.Now()
	defer func() {
		w.t.Logf("%s was gone everywhere after %v", s.request, time.Since(begun).Round(time.Millisecond))
	}()
	w.eventually("the end of "+s.request, func() error {
		there := 0
		err := filepath.WalkDir(filepath.Join(s3.Data, "objects/nghe/blobs"), func(_ string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				there++
			}
			return err
		})
		if here := len(w.blobsOf("kiosk/media/archived")); err == nil && (there != left*partsOfSaid || here != left*partsOfSaid) {
			err = fmt.Errorf("%d blobs in the archive, %d at the kiosk, want %d", there, here, left*partsOfSaid)
		}
		return err
	})
}

// deleted wants a message to be shut for good, and its end to be told.
func (w *ward) deleted(browser *http.Client, s *said) {
	w.t.Helper()
	status, text := w.page(browser, "/messages/"+s.id+"/open", url.Values{"part": {"content", "contact"}})
	if status != http.StatusUnprocessableEntity || strings.Contains(text, s.words) {
		w.t.Errorf("%s was deleted; opening it: %d\n%s", s.request, status, text)
	}
	w.receiptSays(s, "Dữ liệu đã được xóa")
}

// receiptSays is what the public page answers under a code.
func (w *ward) receiptSays(s *said, words ...string) {
	w.t.Helper()
	status, text := w.page(http.DefaultClient, "/r/"+string(s.code), nil)
	for _, words := range words {
		if status != http.StatusOK || !strings.Contains(text, words) {
			w.t.Errorf("the receipt of %s does not say %q: %d\n%s", s.request, words, status, text)
		}
	}
}

// wholeAgain wants the hub's own account of itself to be that of a hub which was
// restored and misses nothing.
func (w *ward) wholeAgain() {
	w.t.Helper()
	status, err := w.command("status", "--json")
	if err != nil {
		w.t.Fatal(err)
	}
	var said struct {
		Epoch   uint64 `json:"epoch"`
		OffDisk string `json:"off_disk_store"`
		Lost    uint64 `json:"records_declared_lost"`
	}
	if err := json.Unmarshal([]byte(status), &said); err != nil || said.Epoch < 1_700_000_000 || said.OffDisk == "" || said.Lost != 0 {
		w.t.Errorf("status = %+v, %v", said, err)
	}
}

type standing struct{ Head, Received, Safe, Floor uint64 }

func (w *ward) kioskStanding() (s standing) {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(program(w.t, "kiosk"), "status", "--json", "--data", w.path("kiosk"))
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("kiosk status: %v %s", err, &stderr)
	}
	if err := json.Unmarshal(stdout.Bytes(), &s); err != nil {
		w.t.Fatal(err)
	}
	if s.Floor > s.Safe || s.Safe > s.Received {
		w.t.Fatalf("the kiosk let go of what is not safe: %+v", s)
	}
	return s
}

// letGo waits until the kiosk has let go of all it holds.
func (w *ward) letGo() {
	w.t.Helper()
	w.eventually("the kiosk lets go", func() error {
		if s := w.kioskStanding(); s.Floor < s.Head {
			return fmt.Errorf("it stands at %+v", s)
		}
		return nil
	})
}

// recoveryKey makes the key before the hub serves: what that prints is a log.
func (w *ward) recoveryKey() string {
	w.t.Helper()
	cmd := exec.Command(program(w.t, "hub"), "recovery-key", "--data", w.path("hub"))
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "\nAGE-SECRET-KEY-PQ-1") {
		w.t.Fatalf("hub recovery-key: %v\n%s", err, out)
	}
	return string(out)
}
