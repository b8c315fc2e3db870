package server

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/hub/archive"
	"nghe/hub/chores"
	"nghe/hub/ledger"
	"nghe/hub/letters"
	"nghe/shared/blob"
	"nghe/shared/command"
	"nghe/shared/feedback"
)

// Somebody takes a blob and every segment out of the archive, and spoils
// another blob: hub audit says so, and the hub finds it within a day, asks for
// what it cannot mend, and says so everywhere until it is back.
func TestArchiveIsLookedAtAgain(t *testing.T) {
	dir, log := t.TempDir(), &lines{}
	cfg := Config{Data: filepath.Join(dir, "hub"), Archive: filepath.Join(dir, "archive"), SameDiskOK: true}
	h, url, stop := insideOf(t, cfg, log)
	sent := enrolled(t, h).Send(time.Now(), message(t, h, func(n int) []byte { return bytes.Repeat([]byte{9}, n) })).Arrive(h.spool, time.Now())
	archived := func() bool {
		totals, err := h.ledger.BlobTotals(t.Context())
		journals, err2 := h.ledger.Journals(t.Context())
		unsafe := slices.ContainsFunc(journals, func(j ledger.Journal) bool { return j.Safe.Seq < j.Received.Seq })
		return errors.Join(err, err2) == nil && totals.Waiting+totals.Missing == 0 && !unsafe
	}
	eventually(t, "all is archived", archived)
	eventually(t, "the first audit is over", func() bool {
		all, err := h.done.Status(t.Context())
		return err == nil && slices.ContainsFunc(all, func(c chores.Status) bool { return c.Name == "archive-audit" && c.Runs > 0 })
	})
	audit := func(want int, says string, args ...string) {
		t.Helper()
		out := run(t, want, append([]string{"audit", "--data", cfg.Data, "--archive", cfg.Archive}, args...)...)
		if !strings.Contains(out, says) {
			t.Errorf("audit %v does not say %q:\n%s", args, says, out)
		}
	}
	audit(command.Done, "", "--reread")
	gone, spoilt := sent.Part(feedback.AttachedWords), sent.Part(feedback.AttachedPhoto)
	if err := errors.Join(os.Remove(filepath.Join(cfg.Archive, archive.BlobKey(gone.Hash))), os.RemoveAll(filepath.Join(cfg.Archive, "segments")),
		os.Truncate(filepath.Join(cfg.Archive, archive.BlobKey(spoilt.Hash)), 100)); err != nil {
		t.Fatal(err)
	}
	audit(command.Failed, "blob "+gone.Hash.String()+" is missing in the archive")
	audit(command.Failed, "records 1 to ")
	audit(command.Failed, "blob "+spoilt.Hash.String()+" is damaged in the archive", "--reread")
	if err := h.auditArchive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.letters.Open(t.Context(), spoilt.Hash); !errors.Is(err, letters.ErrNotHere) {
		t.Errorf("open what is lost: %v", err)
	}
	if s := statusOf(t, "--data", cfg.Data); s.LostBlobs != 2 || s.LostSince == "" || s.Audited == "" {
		t.Errorf("status: %d lost since %q, audited %q", s.LostBlobs, s.LostSince, s.Audited)
	}
	if out := run(t, command.Done, "status", "--data", cfg.Data); !strings.Contains(out, "The archive has lost 2 blobs") {
		t.Errorf("status:\n%s", out)
	}
	request, err := http.NewRequest(http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, page := ask(t, request); !strings.Contains(page, "nghe_archive_lost_blobs 2") || !strings.Contains(page, "nghe_chores_failing 0") {
		t.Errorf("metrics:\n%s", page)
	}
	audit(command.Failed, "2 blobs were archived, are lost there")
	sent.Arrive(h.spool, time.Now(), feedback.AttachedWords, feedback.AttachedPhoto) // the kiosk brings them again
	eventually(t, "all is archived again", archived)
	audit(command.Done, "", "--reread")
	if s := statusOf(t, "--data", cfg.Data); s.LostBlobs != 0 || s.LostSince != "" {
		t.Errorf("status: %d lost since %q", s.LostBlobs, s.LostSince)
	}
	stop()
}

// What a hub at work has put into the archive a moment ago, and notes now, is no
// problem; what it never notes is one.
func TestAuditWaitsForWhatIsBeingNoted(t *testing.T) {
	h, _, stop := inside(t, "", &lines{}) // without an archive: nothing else notes
	defer stop()
	sent := enrolled(t, h).Send(time.Now(), message(t, h, func(n int) []byte { return bytes.Repeat([]byte{9}, n) })).Arrive(h.spool, time.Now())
	noted, never := sent.Part(feedback.AttachedWords), sent.Part(feedback.AttachedPhoto)
	go func() {
		time.Sleep(noting / 10)
		if err := h.ledger.BlobArchived(t.Context(), noted.Hash, time.Now()); err != nil {
			t.Error(err)
		}
	}()
	still, err := stillUnsaid(t.Context(), h.ledger, []ledger.Shelved{{Ref: blob.Ref{Hash: noted.Hash}}, {Ref: blob.Ref{Hash: never.Hash}}})
	if err != nil || len(still) != 1 || still[0].Hash != never.Hash {
		t.Errorf("%d are still unsaid, %v", len(still), err)
	}
}
