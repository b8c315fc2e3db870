package screen

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"nghe/kiosk/outbox"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// fingers are a kiosk whose clocks a test moves.
type fingers struct {
	t      *testing.T
	dir    string
	outbox *outbox.Outbox
	screen http.Handler
	at     time.Duration
	cfg    Config
}

func newFingers(t *testing.T) *fingers {
	t.Helper()
	f := &fingers{t: t, dir: t.TempDir(), at: time.Hour}
	o, err := outbox.Open(outbox.Config{Dir: f.dir, Place: "qt-07", Program: "test", Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	f.outbox, f.cfg = o, testConfig(portrait)
	f.cfg.Outbox, f.cfg.Monotonic = o, func() time.Duration { return f.at }
	f.cfg.Now = func() time.Time { return time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC).Add(f.at) }
	f.restart()
	return f
}

// restart forgets what the screen had in memory.
func (f *fingers) restart() { f.screen = newScreen(f.cfg, fstest.MapFS{}).Handler() }

// tap posts a rating and returns its id. What the page is told never depends
// on how it was tapped.
func (f *fingers) tap(request, visit string, score int, more string) string {
	f.t.Helper()
	status, reply := post(f.t, f.screen, fmt.Sprintf(`{"request":%q,"visit":%q,"answer":{"questionnaire":"today","version":1,"question":"satisfied","language":"vi","score":%d}%s}`,
		request, visit, score, more))
	id, _ := reply["id"].(string)
	if status != 201 || len(reply) != 2 || !isHex(id, 32) {
		f.t.Fatalf("%s: %d %v", request, status, reply)
	}
	return id
}

// flags are the rules in the journal, by answer: "id: burst palm".
func (f *fingers) flags() (all []string) {
	f.t.Helper()
	raw, err := f.outbox.Read(0, 1000, 1<<20)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, b := range raw {
		record, err := wire.DecodeRecord(b)
		if err != nil {
			f.t.Fatal(err)
		}
		if flag, ok := record.(wire.Flag); ok {
			all = append(all, flag.Earlier.String()+": "+strings.Join(flag.Rules, " "))
		}
	}
	return all
}

func (f *fingers) want(what string, flags ...string) {
	f.t.Helper()
	if got := fmt.Sprint(f.flags()); got != fmt.Sprint(flags) {
		f.t.Errorf("%s: flags %s, want %s", what, got, flags)
	}
}

func TestRatingsAreFlagged(t *testing.T) {
	f := newFingers(t)
	f.tap("r-1", "a", 5, "")
	f.at += time.Second
	status, _ := post(t, f.screen, `{"request":"r-2","visit":"a","touches":9,"answer":{"questionnaire":"today","version":1,"question":"high","language":"vi","choices":["fast"]}}`)
	f.want("a rating and its reasons")
	f.at += 3 * time.Second
	burst := f.tap("r-3", "b", 4, "")
	f.want("the next visit, 4 s after the rating", burst+": burst")
	f.at += 8 * time.Second
	palm := f.tap("r-4", "c", 1, `,"touches":3`)
	f.want("a palm", burst+": burst", palm+": palm")
	again := f.tap("r-4", "c", 1, `,"touches":3,"extra_taps":12`)
	f.want("and what it did while the tile was locked", burst+": burst", palm+": palm", palm+": hammering")
	f.tap("r-4", "c", 1, `,"touches":3,"extra_taps":12`)
	if again != palm || len(f.flags()) != 3 || status != 201 {
		t.Errorf("repeated once more: %v", f.flags())
	}
}

// However it was tapped, a rating is taken.
func TestNoTapIsTooOdd(t *testing.T) {
	f := newFingers(t)
	odd := f.tap("r-1", "a", 5, `,"touches":2000000,"extra_taps":2000000`)
	f.want("a panel that counts wrongly", odd+": hammering palm")
}

// An answer that waited on the page is judged by when it was tapped.
func TestAnswersThatWaitedAreNoBurst(t *testing.T) {
	f := newFingers(t)
	for i, ago := range []int{30_000, 20_000, 10_000, 5_000} {
		f.tap(fmt.Sprint("r-", i), fmt.Sprint("v-", i), 1+i, fmt.Sprintf(`,"tapped_ms_ago":%d`, ago))
	}
	f.want("tapped seconds apart, told at once")
	last := f.tap("r-9", "v-9", 5, `,"tapped_ms_ago":500`)
	f.want("4.5 s after the one before", last+": burst")
}

// A palm that is taken back takes its flag along.
func TestPalmUndone(t *testing.T) {
	f := newFingers(t)
	palm := f.tap("r-1", "a", 1, `,"touches":4`)
	f.at += 3 * time.Second
	f.tap("r-2", "a", 5, `,"touches":1,"replaces":"`+palm+`"`)
	f.want("with one finger now", palm+": palm")
}

func TestRestartForgets(t *testing.T) {
	f := newFingers(t)
	f.tap("r-1", "a", 5, "")
	f.restart()
	f.tap("r-2", "b", 5, "")
	f.want("nothing is known of the visit before")
}

// A tap counts by the hours of its moment. Nobody is judged by a clock, or by
// hours, that are not known.
func TestOffHours(t *testing.T) {
	opens := feedback.Times{Hours: []string{"01:00-24:00"}} // and it is one o'clock
	for name, c := range map[string]struct {
		hours   []feedback.Times
		known   bool
		ago     int
		flagged bool
	}{
		"open":                  {[]feedback.Times{opens}, true, 0, false},
		"closed a minute ago":   {[]feedback.Times{opens}, true, 60_000, true},
		"clock not known":       {[]feedback.Times{opens}, false, 60_000, false},
		"hours not known":       {nil, true, 60_000, false},
		"one of two times open": {[]feedback.Times{opens, {Hours: []string{"00:00-01:00"}}}, true, 60_000, false},
	} {
		f := newFingers(t)
		f.cfg.ClockKnown = func() bool { return c.known }
		f.cfg.Bulletin = &told{facts: feedback.Facts{Houses: []feedback.House{{Hours: c.hours}}}}
		f.restart()
		f.tap("r-1", "a", 5, fmt.Sprintf(`,"tapped_ms_ago":%d`, c.ago))
		if got := strings.Join(f.flags(), ""); strings.HasSuffix(got, ": off-hours") != c.flagged {
			t.Errorf("%s: flags %q", name, got)
		}
	}
	f := newFingers(t)
	f.cfg.Bulletin = &told{facts: feedback.Facts{Houses: []feedback.House{{Hours: []feedback.Times{opens}}}}}
	f.restart()
	f.tap("r-1", "a", 5, `,"tapped_ms_ago":60000`)
	f.want("a screen that is told of no clock")
}

// The visit's id is used and forgotten: no file has it.
func TestVisitIsNotStored(t *testing.T) {
	f := newFingers(t)
	const canary = "visit-canary-7f3a"
	f.tap("r-1", canary, 5, `,"touches":2`)
	if err := f.outbox.Close(); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(f.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(canary)) {
			t.Errorf("%s holds the visit's id", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
