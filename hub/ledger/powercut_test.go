package ledger

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"nghe/shared/sqlite/powercut"
	"nghe/shared/wire"
)

var cutStates = flag.Int("powercut.n", 120, "disk states that the power-cut tests look at")

// Whatever the disk shows after a cut at any operation, the ledger is whole and
// holds every batch that an Append had reported before it.
func TestPowerCutKeepsWhatWasAcknowledged(t *testing.T) {
	dir := t.TempDir()
	disk, err := powercut.Record(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(disk.Close)
	h := openHub(t, "sqlite:"+dir+"/hub.db?vfs="+disk.VFS())
	if err := disk.SyncDir(dir); err != nil { // as sqlite.Open did, unseen by the disk
		t.Fatal(err)
	}
	acked := acknowledged(t, h, disk)
	h.db.Close()

	states, first := 0, acked[0].ops
	for ; states < *cutStates; states++ {
		at := first + states*(disk.Ops()-first)/max(*cutStates-1, 1)
		choice := powercut.Choices[states%len(powercut.Choices)]
		survives(t, disk.Cut(at, choice, uint64(states)), last(acked, at), fmt.Sprintf("cut after %d, %s", at, choice))
	}
	t.Logf("%d states of %d operations", states, disk.Ops())
}

// promise is what had been reported once the disk had seen ops operations.
type promise struct {
	ops      int
	received map[wire.JournalID]wire.Point
	answers  int64
}

func last(acked []promise, at int) promise {
	p := acked[0]
	for _, later := range acked {
		if later.ops <= at {
			p = later
		}
	}
	return p
}

// acknowledged lets three kiosks deliver in groups, fork, replace and be timed,
// and notes every promise as it is made.
func acknowledged(t *testing.T, h *hub, disk *powercut.Disk) []promise {
	received := map[wire.JournalID]wire.Point{}
	acked := []promise{{ops: disk.Ops(), received: map[wire.JournalID]wire.Point{}}}
	note := func(outcomes []Outcome) {
		p := promise{ops: disk.Ops(), received: map[wire.JournalID]wire.Point{}, answers: h.total()}
		for _, o := range outcomes {
			received[o.Standing.Journal] = o.Standing.Received
		}
		for j, r := range received {
			p.received[j] = r
		}
		acked = append(acked, p)
	}
	var kiosks []*kiosk
	for i := range 3 {
		kiosks = append(kiosks, newKiosk(t, fmt.Sprint(i), "qt-01"))
	}
	for round := range 6 {
		var group []Delivery
		for i, k := range kiosks {
			from := k.head().Seq
			if round == 0 {
				from = 0
			}
			for n := range 5 * (i + 1) {
				k.rate(int64(round)*minute+int64(n), uint8(n%5+1))
			}
			if round == 3 {
				k.measure(4*minute, noon, 9)
			}
			group = append(group, k.rest(from))
		}
		note(h.append(group...))
	}
	k := kiosks[0]
	k.fork(8, k.head(), wire.ForkDiffers)
	note(h.append(k.rest(8)))
	return acked
}

func survives(t *testing.T, state powercut.State, want promise, when string) {
	dir, err := os.MkdirTemp(t.TempDir(), "state")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := state.Save(dir); err != nil {
		t.Fatal(err)
	}
	h := openHub(t, "sqlite:"+dir+"/hub.db")
	defer h.db.Close()
	for journal, point := range want.received {
		if j := h.listed(journal, 0); j.Received.Seq < point.Seq || j.Received.Seq == point.Seq && j.Received != point {
			t.Errorf("%s: journal %s is at %s, %s was acknowledged", when, journal, j.Received, point)
		}
	}
	if got := h.total(); got < want.answers {
		t.Errorf("%s: %d answers counted, %d were acknowledged", when, got, want.answers)
	}
	if a, err := h.Audit(t.Context(), verifyDevice); err != nil || !a.Whole() {
		t.Errorf("%s: audit found %v, %v", when, a.Problems, err)
	}
}
