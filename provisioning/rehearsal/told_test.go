package rehearsal

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/bulletin"
	"nghe/hub/cases"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// openBulletin gives a far hub something to tell, and composes it.
func (f *far) openBulletin() {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	f.cases, err = cases.Open(ctx, cases.Config{DB: f.db, Logger: f.log})
	f.must(err)
	f.bulletin, err = bulletin.Open(ctx, bulletin.Config{DB: f.db, Epoch: f.ledger.Epoch, Sign: f.authority.Sign, CasesKey: "age1rehearsal",
		Boxes: func(ctx context.Context, since uint64, most int) ([]bulletin.Box, error) {
			some, err := f.cases.Boxes(ctx, since, most)
			all := make([]bulletin.Box, len(some))
			for i, b := range some {
				all[i] = bulletin.Box(b)
			}
			return all, err
		}, Look: 50 * time.Millisecond, Logger: f.log})
	f.must(err)
	var running sync.WaitGroup
	running.Go(func() { _ = f.bulletin.Run(ctx) })
	f.compose = func() { cancel(); running.Wait() }
}

// receipt is one of many, without the slow derivation.
func receipt(n int) (r seal.Receipt) {
	binary.BigEndian.PutUint64(r.Tag[:], uint64(n)+1)
	binary.BigEndian.PutUint64(r.Key[:], uint64(n)+1)
	return r
}

// learn makes n cases, each as if its message had been opened.
func (f *far) learn(from, n int) {
	f.t.Helper()
	for i := from; i < from+n; i++ {
		r := receipt(i)
		f.must(f.cases.Learn(context.Background(), r.Tag[:], r.Key[:], [16]byte{1}))
	}
}

func (n *near) state(i int) feedback.CaseState {
	news, _, err := n.told.News(receipt(i))
	n.far.must(err)
	return news.State
}

// A kiosk catches up over a line that breaks again and again, while its hub
// dies and comes back and residents tap.
func TestBulletinOverABreakingLine(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f *far) {
		const many = 4000
		f.learn(0, many)
		n := newNear(t, f)
		l := newLine(t, f.address)
		l.through(n)
		n.connect()
		for round := range 6 {
			n.tap(5)
			time.Sleep(rand.N(60 * time.Millisecond))
			l.cut()
			if round%3 == 2 {
				f.kill()
				f.start()
			}
			f.learn(many+round, 1)
		}
		n.uplink.Try()
		eventually(t, "the last case", func() bool { return n.state(many+5) == feedback.CaseReceived })
		eventually(t, "the head", func() bool { return n.told.Version() == f.bulletin.Head() })
		for i := range many + 6 {
			if n.state(i) != feedback.CaseReceived {
				t.Fatalf("case %d is %q", i, n.state(i))
			}
		}
		n.settled()
		exactlyOnce(t, f, n)
	})
}

// A hub falls back to an older copy and says so: what it told in the lost time
// goes, the rest stays.
func TestBulletinAfterARestore(t *testing.T) {
	f := sqliteFar(t)
	f.learn(0, 900)
	a, b := newNear(t, f), newNear(t, f)
	a.connect()
	b.connect()
	eventually(t, "all cases at both", func() bool { return a.state(899) != 0 && b.state(899) != 0 })
	b.disconnect()
	eventually(t, "the head", func() bool { return a.told.Version() == f.bulletin.Head() })
	if _, err := f.ledger.RaiseEpoch(context.Background()); err != nil {
		t.Fatal(err)
	}
	before := a.told.Version()
	eventually(t, "a version of the new epoch", func() bool { return f.bulletin.Head() > before })
	f.stop()
	f.start() // sessions keep the epoch they began with
	f.learn(900, 1)
	b.connect()
	a.uplink.Try()
	for _, n := range []*near{a, b} {
		eventually(t, "the new case", func() bool { return n.state(900) == feedback.CaseReceived })
		eventually(t, "the head", func() bool { return n.told.Version() == f.bulletin.Head() })
		if n.state(0) != feedback.CaseReceived || n.state(899) != feedback.CaseReceived {
			t.Error("a case was forgotten")
		}
	}
}

// screenOf asks a kiosk's loopback API.
func screenOf(address, method, path, body string) (int, map[string]any, error) {
	request, err := http.NewRequest(method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := impatient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err
	}
	var reply map[string]any
	return response.StatusCode, reply, json.Unmarshal(text, &reply)
}

// asks waits until a kiosk asks a questionnaire.
func (w *ward) asks(address, id string) {
	w.t.Helper()
	w.eventually("questionnaire "+id+" at "+address, func() error {
		_, reply, err := screenOf(address, http.MethodGet, "/api/questionnaires", "")
		if err != nil {
			return err
		}
		if first := reply["questionnaires"].([]any)[0].(map[string]any); first["id"] != id {
			return fmt.Errorf("asks %v", first["id"])
		}
		return nil
	})
}

func (w *ward) paused(address string, want bool) {
	w.t.Helper()
	w.eventually(fmt.Sprint("paused ", want), func() error {
		_, reply, err := screenOf(address, http.MethodGet, "/api/status", "")
		if err == nil && reply["paused"] != want {
			err = fmt.Errorf("paused %v", reply["paused"])
		}
		return err
	})
}

// neighbour is a second kiosk of the ward.
func (w *ward) neighbour() (address string, p *process) {
	w.t.Helper()
	address = freeAddress(w.t)
	cmd := exec.Command(program(w.t, "provisioning"), "kit", "--hub", "http://"+w.console, "--place", "qt-02", "--user", "admin", "--out", w.path("kit-2"))
	cmd.Env = append(os.Environ(), "NGHE_PASSWORD="+firstPassword)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("provisioning kit: %v\n%s", err, out)
	}
	p = &process{t: w.t, path: program(w.t, "kiosk"), log: w.logFile("kiosk-2"), env: w.kiosk.env,
		args: []string{"run", "--data", w.path("kiosk-2"), "--listen", address, "--kit", w.path("kit-2")}}
	w.t.Cleanup(p.kill)
	p.start()
	w.await("http://" + address + "/api/status")
	return address, p
}

func (w *ward) publish(version int, wording string) {
	w.t.Helper()
	dir := w.path("published/questionnaires")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	text := fmt.Sprintf(`{"id":"lights","version":%d,"title":{"vi":"Đèn đường","en":"Street lights"},"questions":[{"id":"satisfied","kind":"satisfaction","text":{"vi":%q,"en":"Are the lights on?"}}]}`, version, wording)
	if err := os.WriteFile(filepath.Join(dir, "1.json"), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	if out, err := w.command("publish", w.path("published")); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
}

const code = "4Q7K9-M2XHT"

// What was published and what became of a message stay at both kiosks without
// a hub, over a restart of each.
func TestPublishedThenOffline(t *testing.T) {
	w := newWard(t)
	second, other := w.neighbour()
	both := map[string]*process{w.screen: w.kiosk, second: other}
	for address := range both {
		w.asks(address, "today")
	}
	begun := time.Now()
	w.publish(1, "Đèn có sáng không?")
	for address := range both {
		w.asks(address, "lights")
	}
	t.Logf("published to both kiosks in %v", time.Since(begun).Round(time.Millisecond))
	if out, err := w.command("cases", "set", code, "answered", "--note", "Đã lắp đèn.", "--not-here-yet"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := w.command("order", "pause", "--for", "3s"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for address := range both {
		w.paused(address, true)
	}
	w.hub.stop()
	for address, kiosk := range both {
		w.paused(address, false) // by itself, with no hub to say so
		kiosk.stop()
		kiosk.start()
		w.await("http://" + address + "/api/status")
		w.asks(address, "lights")
		status, reply, err := screenOf(address, http.MethodPost, "/api/receipts", `{"code":"`+code+`"}`)
		if err != nil || status != http.StatusOK || reply["state"] != "answered" || reply["note"] != "Đã lắp đèn." {
			t.Errorf("receipt at %s: %d %v, %v", address, status, reply, err)
		}
		if status, _, err := screenOf(address, http.MethodPost, "/api/receipts", `{"code":"4Q7K9-M2XHV"}`); err != nil || status != http.StatusNotFound {
			t.Errorf("wrong code at %s: %d, %v", address, status, err)
		}
	}
	w.codeIsNowhere()
}

// codeIsNowhere looks into every file of hub and kiosks.
func (w *ward) codeIsNowhere() {
	w.t.Helper()
	key := seal.Code("4Q7K9M2XHT").Receipt().Key
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, secret := range [][]byte{[]byte(code), []byte("4Q7K9M2XHT"), key[:]} {
			if bytes.Contains(text, secret) {
				w.t.Errorf("%s holds the receipt's code or key", path)
			}
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// A kiosk that is connected hears of it within two seconds.
func TestPublishedLive(t *testing.T) {
	if testing.Short() {
		t.Skip("judges time")
	}
	w := newWard(t)
	w.asks(w.screen, "today")
	var slowest time.Duration
	for version := 1; version <= 3; version++ {
		w.publish(version, fmt.Sprintf("Đèn có sáng không, lần %d?", version))
		begun := time.Now()
		w.eventually("the new wording", func() error {
			_, reply, err := screenOf(w.screen, http.MethodGet, "/api/questionnaires", "")
			if err != nil {
				return err
			}
			if got := reply["questionnaires"].([]any)[0].(map[string]any)["version"]; got != float64(version) {
				return fmt.Errorf("version %v", got)
			}
			return nil
		})
		slowest = max(slowest, time.Since(begun))
	}
	t.Logf("slowest of three: %v", slowest.Round(time.Millisecond))
	if slowest > 2*time.Second {
		t.Errorf("told after %v, want at most 2 s", slowest)
	}
}
