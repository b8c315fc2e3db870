package rehearsal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestArchiveDecays has somebody take a blob and all segments out of the
// archive, and cut another blob short. A day later the hub has found it: the
// segments are there again, and the kiosk, which was told that its blobs are
// archived and still has them, has sent both again. hub audit says so before and
// after.
func TestArchiveDecays(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a hub and a kiosk; run without -short")
	}
	t.Parallel()
	clock := &ahead{}
	w := planWard(t)
	archive := w.path("archive")
	w.archivesTo(archive)
	w.serveHere(clock, archive)
	w.enrol()
	w.tap("before", 4)
	w.say(saying(t, 0))
	w.reaches("safe", func(s standing) bool { return s.Safe == s.Head })
	w.archived(partsOfSaid)
	audit := func() error {
		out, err := w.command("audit", "--archive", archive, "--reread")
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	}
	if err := audit(); err != nil {
		t.Fatal(err)
	}

	blobs, err := filepath.Glob(filepath.Join(archive, "blobs", "sha256", "*", "*"))
	if err != nil || len(blobs) != partsOfSaid {
		t.Fatalf("blobs in the archive: %v, %v", blobs, err)
	}
	if err := errors.Join(os.Remove(blobs[0]), os.Truncate(blobs[1], 100), os.RemoveAll(filepath.Join(archive, "segments"))); err != nil {
		t.Fatal(err)
	}
	if err := audit(); err == nil || !strings.Contains(err.Error(), "is missing in the archive") || !strings.Contains(err.Error(), "is damaged in the archive") {
		t.Errorf("hub audit says of an archive that decays: %v", err)
	}
	clock.advance(25 * time.Hour)
	w.eventually("the archive is whole again", audit)
	w.archived(partsOfSaid)
}
