package rehearsal

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/database"
	"nghe/hub/registry"
	"nghe/hub/server"
	"nghe/kiosk/uplink"
	"nghe/shared/feedback"
	"nghe/shared/ident"
	"nghe/shared/invariants"
)

var (
	kiosks = flag.Int("kiosks", 3, "kiosks of the rehearsed ward")
	days   = flag.Int("days", 1, "days it lives; each takes a few seconds")
)

const (
	aDay       = 4 * time.Second // of the rehearsal
	tapsPerDay = 60              // at each kiosk
)

// TestWard lives some days of a whole ward in one process: the hub as it is
// served, kiosks that residents tap, lines that are cut, swallow and lie, a hub
// that stops and starts, one kiosk rolled back to an old copy, one cloned. Then
// everything is mended, and whoever was thanked is in the export once. The seed
// repeats what is done, not in which order the machine does it.
func TestWard(t *testing.T) {
	seed := *chaos
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("%d kiosks, %d days, seed %d", *kiosks, *days, seed)
	v := &village{t: t, random: rand.New(rand.NewPCG(seed, 1)), thanks: map[string]thanked{}}
	v.found()
	for day := range *days {
		v.live(day)
	}
	v.mend()
	v.judge()
}

// village is a hub and its kiosks.
type village struct {
	t      *testing.T
	cfg    server.Config
	stop   func()
	random *rand.Rand
	homes  []*home // the last one is a clone, once it is made

	mu     sync.Mutex
	thanks map[string]thanked // by record id
	failed []error            // what went wrong away from the test's goroutine
}

// thanked is a record a resident was thanked for.
type thanked struct {
	id      invariants.ID
	home    *home
	seq     uint64
	takenBy string // id of the answer that took its place
	lost    bool   // its last copy may have gone with a disk
}

// home is one kiosk with the line it hangs on.
type home struct {
	*near
	line    *line
	random  *rand.Rand
	name    string
	taps    int
	suspect bool // rolled back or cloned: the hub must say so
	last    string
	lastAt  time.Time
}

// found starts the hub and enrols the kiosks.
func (v *village) found() {
	v.cfg = server.Config{Data: filepath.Join(v.t.TempDir(), "hub"), Kiosks: freeTCP(v.t), Listen: freeTCP(v.t),
		FirstPassword: firstPassword, Logger: slog.New(slog.DiscardHandler), Print: func(string) {}}
	v.start()
	v.t.Cleanup(func() { v.stop() })
	places := feedback.Seed().Places
	v.tickets(func(r *registry.Registry) error {
		for i := range *kiosks {
			kit, err := r.Ticket(context.Background(), places[i%len(places)].ID, "rehearsal", time.Hour)
			if err != nil {
				return err
			}
			v.homes = append(v.homes, v.enrol(fmt.Sprintf("kiosk %d", i), kit))
		}
		return nil
	})
}

// start serves until stop is called; stop waits for the end.
func (v *village) start() {
	v.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, v.cfg) }()
	v.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			v.t.Errorf("the hub ended with %v", err)
		}
	})
	eventually(v.t, "the hub", func() bool {
		response, err := http.Get("http://" + v.cfg.Listen + "/healthz")
		if err == nil {
			response.Body.Close()
		}
		return err == nil && response.StatusCode == http.StatusOK
	})
}

func (v *village) enrol(name string, kit ident.Kit) *home {
	v.t.Helper()
	far := &far{t: v.t, address: v.cfg.Kiosks, log: v.cfg.Logger}
	h := &home{name: name, random: rand.New(rand.NewPCG(v.random.Uint64(), 2)),
		near: &near{t: v.t, far: far, dir: v.t.TempDir(), timing: hasty, proxy: direct}}
	var err error
	h.key, err = ident.OpenKey(v.t.TempDir())
	far.must(err)
	eventually(v.t, "enrolment of "+name, func() bool { // the hub admits a few strangers a second
		h.id, err = uplink.Enrol(context.Background(), kit, h.key, "rehearsal")
		return err == nil
	})
	h.open()
	v.settle(h)
	return h
}

// settle hangs a kiosk on a line of its own.
func (v *village) settle(h *home) {
	h.line = newLine(v.t, v.cfg.Kiosks)
	h.line.through(h.near)
	h.connect()
	v.t.Cleanup(func() { h.close() })
}

// tickets makes kits beside the hub: over HTTP a ward's worth of them would be
// taken for someone who guesses passwords.
func (v *village) tickets(do func(*registry.Registry) error) {
	v.t.Helper()
	ctx := context.Background()
	db, err := database.Open(ctx, "sqlite:"+filepath.Join(v.cfg.Data, "hub.db"))
	if err != nil {
		v.t.Fatal(err)
	}
	defer db.Close()
	authority, err := ident.OpenAuthority(filepath.Join(v.cfg.Data, "authority"), time.Now())
	if err != nil {
		v.t.Fatal(err)
	}
	r, err := registry.Open(ctx, registry.Config{DB: db, Authority: authority, Hub: []string{"https://" + v.cfg.Kiosks}, Logger: v.cfg.Logger})
	if err == nil {
		err = do(r)
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

// live is one day: residents tap everywhere while things break.
func (v *village) live(day int) {
	var old string
	rolled, cloned := v.homes[0], v.homes[min(1, *kiosks-1)]
	if day == *days/2 {
		old = v.copyOf(rolled)
		v.clone(cloned)
	}
	until := time.Now().Add(aDay)
	var all sync.WaitGroup
	for _, h := range v.homes {
		all.Go(func() { v.open(h, until) })
	}
	for range 2 { // meanwhile the hub stops, for less than half the day
		time.Sleep(time.Duration(v.random.Int64N(int64(aDay / 4))))
		v.stop()
		time.Sleep(time.Duration(v.random.Int64N(int64(aDay / 8))))
		v.start()
	}
	all.Wait()
	if old != "" {
		v.rollBack(rolled, old)
	}
}

// open is a kiosk's day.
func (v *village) open(h *home, until time.Time) {
	for time.Now().Before(until) {
		time.Sleep(time.Duration(h.random.Int64N(int64(2 * aDay / tapsPerDay))))
		v.fail(h.tapOne(v))
		if h.random.IntN(20) == 0 {
			h.trouble()
		}
	}
	h.calm()
}

func (v *village) fail(err error) {
	if err == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.failed = append(v.failed, err)
}

// tapOne is a resident: one rating, sometimes in the place of the last.
func (h *home) tapOne(v *village) error {
	h.taps++
	replaces := ""
	if h.last != "" && h.random.IntN(8) == 0 && time.Since(h.lastAt) < 30*time.Second {
		replaces = h.last
	}
	a := feedback.Answer{Questionnaire: "today", Version: 1, Question: "satisfied", Language: "vi", Score: 1 + h.random.IntN(5)}
	r, err := h.outbox.Put(fmt.Sprintf("%s-%d", strings.ReplaceAll(h.name, " ", "-"), h.taps), a, replaces)
	if err != nil {
		return fmt.Errorf("%s, tap %d: %w", h.name, h.taps, err)
	}
	h.last, h.lastAt = r.ID.String(), time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.thanks[h.last] = thanked{id: invariants.ID(r.ID), home: h, seq: r.Seq}
	if earlier, ok := v.thanks[replaces]; ok {
		earlier.takenBy = h.last
		v.thanks[replaces] = earlier
	}
	return nil
}

// trouble is something that happens to lines and machines.
func (h *home) trouble() {
	switch h.random.IntN(5) {
	case 0, 1:
		h.line.cut()
	case 2:
		h.line.swallow.Store(true)
	case 3:
		h.line.portal.Store(true)
		h.line.cut()
	case 4: // the agent is started again
		h.close()
		h.open()
		h.connect()
	}
	time.Sleep(time.Duration(h.random.Int64N(int64(aDay / 10))))
	h.calm()
}

func (h *home) calm() {
	h.line.portal.Store(false)
	if h.line.swallow.Swap(false) {
		h.line.cut() // what it swallowed is gone
	}
	h.uplink.Try()
}

func (v *village) copyOf(h *home) string {
	h.close()
	to := v.t.TempDir()
	copyAll(v.t, h.dir, to)
	h.open()
	h.connect()
	return to
}

// clone makes a second machine with everything the first has.
func (v *village) clone(h *home) {
	second := &home{name: h.name + " again", random: rand.New(rand.NewPCG(v.random.Uint64(), 3)), suspect: true,
		near: &near{t: v.t, far: h.far, dir: v.copyOf(h), key: h.key, id: h.id, timing: hasty, proxy: direct}}
	h.suspect = true
	second.open()
	v.settle(second)
	v.homes = append(v.homes, second)
}

// rollBack puts an old copy in the place of a kiosk's data. What it had not
// delivered went with the disk.
func (v *village) rollBack(h *home, old string) {
	h.suspect = true
	h.disconnect()
	b, err := h.outbox.Branch()
	h.far.must(err)
	h.close()
	h.far.must(os.RemoveAll(h.dir))
	h.dir, h.last = old, ""
	h.open()
	h.connect()
	for id, one := range v.thanks {
		if one.home == h && one.seq > b.Received.Seq {
			one.lost = true
			v.thanks[id] = one
		}
	}
}

// mend takes every fault away and waits until nothing waits. Two machines of
// one identity take turns.
func (v *village) mend() {
	for _, h := range v.homes {
		h.disconnect()
	}
	for _, h := range v.homes {
		v.fail(h.tapOne(v)) // a rolled-back kiosk must have something to say
	}
	for _, h := range v.homes {
		h.connect()
		if h.suspect {
			h.settled()
			h.disconnect()
		}
	}
	for _, h := range v.homes {
		if !h.suspect {
			h.settled()
		}
	}
}

// exportedRow is what the checks need of a line of hub export answers.
type exportedRow struct {
	ID, Device string
	Flags      []string
}

// judge compares what residents were thanked for with export, status and audit.
func (v *village) judge() {
	if err := errors.Join(v.failed...); err != nil {
		v.t.Fatal(err)
	}
	var check invariants.Checker
	rows, standing := map[string]bool{}, 0
	for line := range strings.Lines(v.command("export", "answers", "--format", "ndjson")) {
		var row exportedRow
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			v.t.Fatal(err)
		}
		id, err := hex.DecodeString(row.ID)
		if err != nil || len(id) != 16 {
			v.t.Fatalf("exported id %q", row.ID)
		}
		check.Held(invariants.ID(id))
		check.Counted("export", invariants.ID(id))
		if _, known := v.thanks[row.ID]; !known {
			v.t.Errorf("answer %s is exported, and nobody was thanked for it", row.ID)
		}
		rows[row.ID] = slices.Contains(row.Flags, "replaced")
		if !rows[row.ID] {
			standing++
		}
	}
	for id, one := range v.thanks {
		check.Thanked(one.id)
		if one.lost {
			check.Destroyed(one.id)
		}
		later, replaced := v.thanks[one.takenBy]
		if rows[id] != replaced && !one.lost && !later.lost {
			v.t.Errorf("answer %s of %s: exported as replaced: %v, taken back: %v", id, one.home.name, rows[id], replaced)
		}
	}
	for _, h := range v.homes {
		check.Waiting(h.name, int(h.waiting()))
	}
	v.suspected(&check)
	for _, found := range check.Check() {
		v.t.Error(found)
	}
	v.t.Logf("%d answers thanked for, %d exported, %d of them stand", len(v.thanks), len(rows), standing)
	if len(v.thanks) < *kiosks**days*tapsPerDay/4 {
		v.t.Errorf("only %d taps: this proves little", len(v.thanks))
	}
	v.t.Log(v.command("audit"))
}

// suspected wants the hub to name the rolled-back kiosk and the clones, and no
// honest one.
func (v *village) suspected(check *invariants.Checker) {
	var said struct {
		Devices []struct{ Device, Suspicion string }
	}
	if err := json.Unmarshal([]byte(v.command("status", "--json")), &said); err != nil {
		v.t.Fatal(err)
	}
	suspicion := map[string]string{}
	for _, d := range said.Devices {
		suspicion[d.Device] = d.Suspicion
	}
	for _, h := range v.homes {
		switch found := suspicion[h.id.Device]; {
		case h.suspect && found != "clone-or-rollback-suspected":
			v.t.Errorf("%s was rolled back or cloned, the hub says %q", h.name, found)
		case !h.suspect && found != "":
			check.Forked(h.name, found)
		}
	}
}

// command is the hub's own, beside the one that serves.
func (v *village) command(args ...string) string {
	v.t.Helper()
	var out, errs bytes.Buffer
	if code := server.Main(append(args, "--data", v.cfg.Data), &out, &errs); code != 0 {
		v.t.Errorf("hub %s = %d\n%s\n%s", args[0], code, &out, &errs)
	}
	return out.String()
}
