package rehearsal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestHubLostAndRestored takes the hub's disk away. What comes back from the
// last copy, from segments and from the kiosk is exactly what was tapped, also
// what the hub had acknowledged and not yet archived, and what it never saw.
// The kiosk, told to keep safe records for a second only, has long let go of
// most.
func TestHubLostAndRestored(t *testing.T) {
	w := newWard(t)
	w.hub.stop()
	archiving := []string{"--archive", w.path("archive"), "--archive-on-same-disk-is-ok"}
	w.hub.args = append(w.hub.args, archiving...)
	w.hub.start()
	w.kiosk.stop()
	w.kiosk.args = append(w.kiosk.args, "--keep", "1s")
	w.kiosk.start()
	key := w.path("recovery.txt")
	if err := os.WriteFile(key, []byte(recoveryKey(t, w.path("hub.log"))), 0o600); err != nil {
		t.Fatal(err)
	}

	var ids []string
	tapMany := func(name string, n int) {
		for i := range n {
			ids = append(ids, w.tap(fmt.Sprintf("%s-%d", name, i), 1+i%5))
		}
	}
	tapMany("before-copy", 30)
	w.letGo()
	if out, err := w.command("backup", append(archiving, "--recovery-key", key)...); err != nil || !strings.Contains(out, "whole") {
		t.Fatalf("hub backup: %v %s", err, out)
	}
	tapMany("after-copy", 20)
	w.letGo()
	floor := w.kioskStanding().Floor
	tapMany("acknowledged", 10)
	w.hub.kill()
	if err := os.RemoveAll(w.path("hub")); err != nil {
		t.Fatal(err)
	}
	tapMany("kiosk-only", 15)

	out, err := w.command("restore", append(archiving, "--recovery-key", key)...)
	if err != nil || !strings.Contains(out, "The ledger is whole") {
		t.Fatalf("hub restore: %v %s", err, out)
	}
	t.Log("\n" + out)
	w.hub.start()
	w.holds(ids)
	if s := w.kioskStanding(); s.Floor < floor {
		t.Errorf("the kiosk's floor fell from %d to %d", floor, s.Floor)
	}
	tapMany("afterwards", 5)
	w.holds(ids)
	w.letGo() // safe moves again, under the new epoch
	status, err := w.command("status", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Epoch   uint64 `json:"epoch"`
		OffDisk string `json:"off_disk_store"`
		Lost    uint64 `json:"records_declared_lost"`
	}
	if err := json.Unmarshal([]byte(status), &said); err != nil || said.Epoch < 1_700_000_000 || said.OffDisk == "" || said.Lost != 0 {
		t.Errorf("status = %+v, %v", said, err)
	}
	w.kiosk.stop()
	w.hub.stop()
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

// recoveryKey finds what a hub printed when it was first started.
func recoveryKey(t *testing.T, log string) string {
	t.Helper()
	text, err := os.ReadFile(log)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1") {
			return line
		}
	}
	t.Fatal(errors.Join(err, errors.New("the hub printed no recovery key")))
	return ""
}
