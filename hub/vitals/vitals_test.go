package vitals

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"nghe/hub/database"
	"nghe/hub/database/pgtest"
	"nghe/shared/wire"
)

var noon = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

func TestState(t *testing.T) {
	usual := Device{Contact: noon, Connected: true}
	gone := Device{Contact: noon}
	scheduled := Device{Contact: noon, Period: 4 * time.Hour}
	calling := Device{Contact: noon, Period: 4 * time.Hour, Connected: true}
	daily := Device{Contact: noon, Period: 24 * time.Hour, Grace: 8 * time.Hour}
	for _, c := range []struct {
		name  string
		d     Device
		after time.Duration
		want  State
	}{
		{"just heard", usual, 0, Online},
		{"one report missed", usual, 2*time.Minute + 59*time.Second, Online},
		{"two missed", usual, 3 * time.Minute, Late},
		{"silent for an afternoon", usual, 6 * time.Hour, Late},
		{"silent for longer", usual, 6*time.Hour + time.Minute, Lost},
		{"rebooting", gone, 2 * time.Minute, Online},
		{"not back", gone, 3 * time.Minute, Late},
		{"on its schedule", scheduled, time.Second, Waiting},
		{"almost due", scheduled, 4*time.Hour + 119*time.Second, Waiting},
		{"past its deadline", scheduled, 4*time.Hour + 2*time.Minute, Late},
		{"long past it", scheduled, 10 * time.Hour, Lost},
		{"calling", calling, 2 * time.Minute, Online},
		{"calling, line dead", calling, 3 * time.Minute, Waiting},
		{"long grace: late never comes before due", daily, 31 * time.Hour, Waiting},
		{"long grace over", daily, 32 * time.Hour, Lost},
		{"clock of the hub went back", usual, -time.Hour, Online},
		{"paused", Device{Contact: noon, PausedUntil: noon.Add(48 * time.Hour)}, 47 * time.Hour, Paused},
		{"pause over", Device{Contact: noon, PausedUntil: noon.Add(48 * time.Hour)}, 48 * time.Hour, Lost},
		{"never heard", Device{}, 0, Waiting},
	} {
		if got := c.d.State(noon.Add(c.after)); got != c.want {
			t.Errorf("%s: after %v %s, want %s", c.name, c.after, got, c.want)
		}
	}
	if got := scheduled.Due(); !got.Equal(noon.Add(4*time.Hour + 2*time.Minute)) {
		t.Errorf("due at %v", got)
	}
}

// States only get graver while nothing is heard, and the spans of a silence
// are exactly that silence.
func TestSilenceAddsUp(t *testing.T) {
	for _, d := range []Device{
		{Contact: noon.Add(17 * time.Minute), Connected: true},
		{Contact: noon, Period: 4 * time.Hour}, {Contact: noon.Add(time.Second), Period: 30 * time.Hour, Grace: time.Hour, Connected: true},
		{Contact: noon, PausedUntil: noon.Add(100 * time.Minute)}, {Contact: noon, settled: noon.Add(90 * time.Minute)},
	} {
		for _, silent := range []time.Duration{time.Second, 3 * time.Minute, 59 * time.Minute, 5 * time.Hour, 50 * time.Hour, 400 * time.Hour} {
			until := d.Contact.Add(silent)
			var sum time.Duration
			spans := d.silence(until)
			for i, s := range spans {
				sum += s.to.Sub(s.from)
				if hourOf(s.from) != hourOf(s.to.Add(-1)) {
					t.Errorf("span %v … %v leaves its hour", s.from, s.to)
				}
				if d.State(s.to.Add(-1)) != s.state {
					t.Errorf("span %v … %v is %s at its begin, %s at its end", s.from, s.to, s.state, d.State(s.to.Add(-1)))
				}
				if i > 0 && !spans[i-1].to.Equal(s.from) {
					t.Errorf("gap before %v", s.from)
				}
			}
			want := min(silent, Kept)
			if d.settled.After(d.Contact) {
				want = min(Kept, max(0, until.Sub(d.settled)))
			}
			if sum != want {
				t.Errorf("%+v silent for %v: spans cover %v", d, silent, sum)
			}
		}
	}
}

// world is an open store with a clock of its own.
type world struct {
	*Vitals
	clock *time.Time
}

func onEach(t *testing.T, run func(t *testing.T, w world)) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			url := "sqlite:" + filepath.Join(t.TempDir(), "hub.db")
			if engine == "postgres" {
				url = pgtest.URL(t)
			}
			db, err := database.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			clock := noon
			v, err := Open(t.Context(), Config{DB: db, Now: func() time.Time { return clock }})
			if err != nil {
				t.Fatal(err)
			}
			run(t, world{v, &clock})
		})
	}
}

func (w world) device(t *testing.T, id string) Device {
	t.Helper()
	d, err := w.Device(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestKeepsTheLastWord(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		if _, err := w.Device(t.Context(), "d1"); !errors.Is(err, ErrNoDevice) {
			t.Fatalf("Device before any contact: %v", err)
		}
		w.Contact("d1", noon, "1.2.3", -40*time.Second)
		said := wire.Vitals{Uptime: 5, Backlog: 12, Bytes: 400, Oldest: 99, Readings: []wire.Reading{{Name: "disk_free", Value: 7}},
			Conditions: []wire.Condition{{Name: "hot", Level: wire.ConditionWarning, Since: 3, Value: 81000}}}
		w.Report("d1", said, noon.Add(time.Second))
		d := w.device(t, "d1")
		if d.Program != "1.2.3" || d.ClockAhead != -40*time.Second || !d.Connected || !d.Contact.Equal(noon.Add(time.Second)) || !d.Reported.Equal(d.Contact) {
			t.Errorf("device = %+v", d)
		}
		if fmt.Sprint(d.Vitals) != fmt.Sprint(said) {
			t.Errorf("vitals = %+v, want %+v", d.Vitals, said)
		}
		w.Gone("d1", noon.Add(90*time.Second))
		w.Contact("d2", noon, "1.2.3", 0)
		all, err := w.Fleet(t.Context())
		if err != nil || len(all) != 2 || all[0].ID != "d1" || all[0].Connected || !all[0].Contact.Equal(noon.Add(90*time.Second)) || !all[1].Connected {
			t.Errorf("fleet = %+v, %v", all, err)
		}
	})
}

func TestStripTellsHowEachHourWasSpent(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		w.Contact("d1", noon, "1", 0)
		for m := 1; m <= 30; m++ {
			w.Report("d1", wire.Vitals{}, noon.Add(time.Duration(m)*time.Minute))
			if m%7 == 0 {
				if err := w.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.Contact("d1", noon.Add(9*time.Hour), "1", 0) // back after eight hours and a half
		now := noon.Add(9*time.Hour + 10*time.Minute)
		d := w.device(t, "d1")
		got, err := w.Strip(t.Context(), d, now)
		if err != nil || len(got) != 14*24 {
			t.Fatalf("strip of %d hours, %v", len(got), err)
		}
		at := func(h int) Hour { return got[len(got)-10+h] }
		for h, want := range map[int]Hour{
			0: {Online: 33 * time.Minute, Late: 27 * time.Minute},
			1: {Late: time.Hour},
			6: {Late: 31 * time.Minute, Lost: 29 * time.Minute},
			8: {Lost: time.Hour},
			9: {Online: 3 * time.Minute, Late: 7 * time.Minute},
		} {
			want.Start = noon.Add(time.Duration(h) * time.Hour)
			if at(h) != want {
				t.Errorf("hour %d = %+v, want %+v", h, at(h), want)
			}
		}
		if at(-1).Worst() != "" || at(0).Worst() != Late || at(8).Worst() != Lost {
			t.Errorf("worst = %q %q %q", at(-1).Worst(), at(0).Worst(), at(8).Worst())
		}
		strips, err := w.Strips(t.Context(), []Device{d, {ID: "nobody"}}, now)
		if err != nil || fmt.Sprint(strips["d1"]) != fmt.Sprint(got) || len(strips["nobody"]) != len(got) {
			t.Errorf("Strips differs from Strip: %v", err)
		}
	})
}

func TestPauseAndScheduleDoNotRewriteThePast(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		w.Contact("d1", noon, "1", 0)
		*w.clock = noon.Add(time.Hour)
		if err := w.Pause(t.Context(), "d1", noon.Add(3*time.Hour), "flood"); err != nil {
			t.Fatal(err)
		}
		*w.clock = noon.Add(4 * time.Hour)
		if err := w.Schedule(t.Context(), "d1", 12*time.Hour, time.Hour); err != nil {
			t.Fatal(err)
		}
		now := noon.Add(5 * time.Hour)
		d := w.device(t, "d1")
		if d.PauseReason != "flood" || d.Period != 12*time.Hour || d.Grace != time.Hour || d.State(now) != Waiting {
			t.Errorf("device = %+v, %s", d, d.State(now))
		}
		got, err := w.Strip(t.Context(), d, now)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []Hour{{Online: 3 * time.Minute, Late: 57 * time.Minute}, {Paused: time.Hour}, {Paused: time.Hour}, {Late: time.Hour}, {Waiting: time.Hour}} {
			want.Start = noon.Add(time.Duration(i) * time.Hour)
			if h := got[len(got)-6+i]; h != want {
				t.Errorf("hour %d = %+v, want %+v", i, h, want)
			}
		}
	})
}

func TestOldHoursAreForgotten(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		w.Contact("d1", noon, "1", 0)
		w.Report("d1", wire.Vitals{}, noon.Add(time.Minute))
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		*w.clock = noon.Add(Kept + 3*time.Hour)
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := database.Collect(t.Context(), w.cfg.DB.Read(), "read hours", w.sql["hours"], scanHour, "d1", 0)
		if err != nil || len(rows) != 0 {
			t.Errorf("%d hours left, %v", len(rows), err)
		}
	})
}

// What could not be written comes with the next flush, and is bounded.
func TestFailedFlushLosesNothingAtFirst(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		w.Contact("d1", noon, "1.2.3", 0)
		w.Report("d1", wire.Vitals{Backlog: 4}, noon.Add(time.Second))
		good := w.sql["keep device"]
		w.sql["keep device"] = "UPDATE no_such_table SET a = 1"
		if err := w.Flush(t.Context()); err == nil {
			t.Fatal("want an error")
		}
		for i := range 3 * maxWaiting {
			w.Report("d1", wire.Vitals{Backlog: uint64(i)}, noon.Add(time.Duration(i)*time.Second))
		}
		if err := w.Flush(t.Context()); err == nil || len(w.waiting["d1"]) > maxWaiting {
			t.Fatalf("%d signs wait, %v", len(w.waiting["d1"]), err)
		}
		w.sql["keep device"] = good
		if d := w.device(t, "d1"); d.Vitals.Backlog != 3*maxWaiting-1 || d.Program != "1.2.3" {
			t.Errorf("device = %+v", d)
		}
	})
}

func TestRunWritesAndWritesOnceMoreAtTheEnd(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		w.cfg.Flush = time.Hour
		go func() { done <- w.Run(ctx) }()
		w.Contact("d1", noon, "1", 0)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if _, err := scan(w.cfg.DB.Read().QueryRowContext(t.Context(), w.sql["device"], "d1")); err != nil {
			t.Errorf("nothing written: %v", err)
		}
	})
}
