package rehearsal

import (
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nghe/hub/database/pgtest"
)

var (
	soak  = flag.Duration("soak", 0, "tap and kill for this long instead of a fixed number of taps")
	taps  = flag.Int("taps", 2000, "taps of the kill campaign")
	chaos = flag.Uint64("seed", 1, "seed of the kill campaign")
)

// TestKilledAgainAndAgain taps while hub and kiosk are killed with -9 at
// random moments: every tap that got its 201 reaches the export exactly once.
func TestKilledAgainAndAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("the kill campaign runs without -short")
	}
	t.Run("sqlite", func(t *testing.T) { killed(t, newWard(t)) })
	t.Run("postgresql", func(t *testing.T) { killed(t, newWard(t, "--database", pgtest.URL(t))) })
}

func killed(t *testing.T, w *ward) {
	random := rand.New(rand.NewPCG(*chaos, 0))
	over := make(chan struct{})
	var kills kills
	var killing sync.WaitGroup
	killing.Go(func() { w.killUntil(over, random, &kills) })

	var ids []string
	begun := time.Now()
	for i := 0; i < *taps || time.Since(begun) < *soak || kills.fewest() < *taps/200; i++ {
		ids = append(ids, w.tap(fmt.Sprintf("tap-%d", i), 1+i%5))
	}
	close(over)
	killing.Wait()
	t.Logf("%d taps, hub killed %d times, kiosk killed %d times", len(ids), kills[0].Load(), kills[1].Load())
	w.holds(ids)
	w.kiosk.stop()
	w.hub.stop()
}

// kills counts those of the hub and those of the kiosk. However fast taps are,
// they go on until there were enough of each: one for every 200.
type kills [2]atomic.Int64

func (k *kills) fewest() int { return int(min(k[0].Load(), k[1].Load())) }

// killUntil kills one of the two, waits a little, and starts it again.
func (w *ward) killUntil(over <-chan struct{}, random *rand.Rand, kills *kills) {
	for {
		which := random.IntN(2)
		victim := []*process{w.hub, w.kiosk}[which]
		select {
		case <-over:
			return
		case <-time.After(time.Duration(random.IntN(400)) * time.Millisecond):
		}
		victim.kill()
		kills[which].Add(1)
		time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		victim.start()
	}
}

// TestOldCopyPutBack copies the kiosk's data folder, taps 50 times, puts the
// old copy back and taps 80 times more: what reached the hub or is on the disk
// is there once, and the hub says what it suspects.
func TestOldCopyPutBack(t *testing.T) {
	w := newWard(t)
	tapMany := func(name string, n int) (ids []string) {
		for i := range n {
			ids = append(ids, w.tap(fmt.Sprintf("%s-%d", name, i), 1+i%5))
		}
		return ids
	}
	before := tapMany("before", 20)
	w.holds(before)
	if strings.Contains(w.fleetPage(), suspected) {
		t.Error("the console suspects an honest kiosk")
	}
	w.kiosk.stop()
	copyFolder(t, w.path("kiosk"), w.path("copy"))
	w.kiosk.start()
	lost := tapMany("between", 50)
	w.holds(append(before, lost...))
	w.kiosk.kill()
	if err := os.RemoveAll(w.path("kiosk")); err != nil {
		t.Fatal(err)
	}
	copyFolder(t, w.path("copy"), w.path("kiosk"))
	w.kiosk.start()
	after := tapMany("after", 80)
	w.holds(append(append(before, lost...), after...))

	text, err := w.command("status", "--json")
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid([]byte(text)) || !strings.Contains(text, `"clone-or-rollback-suspected"`) {
		t.Errorf("hub status does not say that a clone or rollback is suspected:\n%s", text)
	}
	if page := w.fleetPage(); !strings.Contains(page, suspected) {
		t.Errorf("the console's fleet page does not say so either:\n%s", page)
	}
}

// suspected is how the console says that a clone or rollback is.
const suspected = "Nghi bản sao hoặc khôi phục cũ"

// fleetPage is what the first account sees after signing in.
func (w *ward) fleetPage() string {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	response, err := browser.PostForm("http://"+w.console+"/signin", url.Values{"name": {"admin"}, "password": {firstPassword}, "next": {"/"}})
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || response.Request.URL.Path != "/" {
		w.t.Fatalf("sign in: %s at %s, %v", response.Status, response.Request.URL, err)
	}
	return strings.ReplaceAll(html.UnescapeString(string(text)), "\u00a0", " ")
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copy %s: %v %s", from, err, out)
	}
}
