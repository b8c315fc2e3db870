package vitals

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nghe/shared/wire"
)

// machine is a pretended sysfs and procfs.
type machine struct {
	t     *testing.T
	root  string
	space Space
	fails error
}

func pretend(t *testing.T) (*machine, *Monitor) {
	m := &machine{t: t, root: t.TempDir(), space: Space{Free: 20 << 30, Total: 30 << 30, FilesFree: 1e6, FilesTotal: 2e6}}
	v := New(Config{Dir: m.root, Sys: m.root + "/sys", Proc: m.root + "/proc",
		Disk: func(string) (Space, error) { return m.space, m.fails }})
	return m, v
}

func (m *machine) set(file, text string) {
	m.t.Helper()
	full := filepath.Join(m.root, file)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text+"\n"), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func held(v *Monitor) []string {
	names := []string{}
	for _, c := range v.Conditions() {
		names = append(names, c.Name)
	}
	return names
}

func reading(v *Monitor, name string) int64 {
	for _, r := range v.Snapshot().Readings {
		if r.Name == name {
			return r.Value
		}
	}
	return -1
}

func TestConditionsOfTheMachine(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		space Space
		want  []string
	}{
		{name: "nothing known"},
		{name: "disk low", space: Space{Free: 900 << 20, Total: 30 << 30}, want: []string{"disk-low"}},
		{name: "disk full", space: Space{Free: 90 << 20, Total: 30 << 30}, want: []string{"disk-full", "disk-low"}},
		{name: "no inodes", space: Space{Free: 20 << 30, Total: 30 << 30, FilesFree: 12, FilesTotal: 1e6}, want: []string{"disk-full", "disk-low"}},
		{name: "hottest zone counts", files: map[string]string{
			"sys/class/thermal/thermal_zone0/temp": "41000", "sys/class/thermal/thermal_zone1/temp": "81500"}, want: []string{"hot"}},
		{name: "overheating", files: map[string]string{"sys/class/thermal/thermal_zone0/temp": "96000"}, want: []string{"overheating", "hot"}},
		{name: "weak supply now", files: map[string]string{"sys/devices/platform/soc/soc:firmware/get_throttled": "50005"},
			want: []string{"throttled", "under-voltage"}},
		{name: "weak supply once", files: map[string]string{"sys/devices/platform/soc/soc:firmware/get_throttled": "0x50000"}},
		{name: "voltage sensor", files: map[string]string{
			"sys/class/hwmon/hwmon2/name": "rpi_volt", "sys/class/hwmon/hwmon2/in0_lcrit_alarm": "1"}, want: []string{"under-voltage"}},
		{name: "another sensor", files: map[string]string{
			"sys/class/hwmon/hwmon2/name": "nct6775", "sys/class/hwmon/hwmon2/in0_lcrit_alarm": "1"}},
		{name: "mains gone", files: map[string]string{"sys/class/power_supply/AC/type": "Mains", "sys/class/power_supply/AC/online": "0",
			"sys/class/power_supply/BAT0/type": "Battery", "sys/class/power_supply/BAT0/capacity": "77"}, want: []string{"on-battery"}},
		{name: "battery low", files: map[string]string{"sys/class/power_supply/AC/type": "Mains", "sys/class/power_supply/AC/online": "0",
			"sys/class/power_supply/BAT0/type": "Battery", "sys/class/power_supply/BAT0/capacity": "7"}, want: []string{"battery-low", "on-battery"}},
		{name: "charging", files: map[string]string{"sys/class/power_supply/AC/type": "Mains", "sys/class/power_supply/AC/online": "1",
			"sys/class/power_supply/BAT0/type": "Battery", "sys/class/power_supply/BAT0/capacity": "7"}},
		{name: "memory", files: map[string]string{"proc/self/statm": "90000 60000 100 1 0 1 0"}, want: []string{"memory-high"}},
		{name: "worn card", files: map[string]string{"sys/block/mmcblk0/device/life_time": "0x02 0x09"}, want: []string{"card-worn"}},
		{name: "new card", files: map[string]string{"sys/block/mmcblk0/device/life_time": "0x01 0x01"}},
		{name: "no screen", files: map[string]string{"sys/class/drm/card0-HDMI-A-1/status": "disconnected", "sys/class/drm/card0-DP-1/status": "disconnected"},
			want: []string{"no-screen"}},
		{name: "one screen", files: map[string]string{"sys/class/drm/card0-HDMI-A-1/status": "disconnected", "sys/class/drm/card0-DP-1/status": "connected"}},
		{name: "rubbish", files: map[string]string{"sys/class/thermal/thermal_zone0/temp": "warm", "proc/self/statm": "x",
			"sys/devices/platform/soc/soc:firmware/get_throttled": "?", "sys/block/mmcblk0/device/life_time": "??", "proc/meminfo": "MemAvailable:"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, v := pretend(t)
			for file, text := range c.files {
				m.set(file, text)
			}
			if c.space.Total > 0 {
				m.space = c.space
			}
			v.Read()
			if got := held(v); !slices.Equal(got, append([]string{}, c.want...)) {
				t.Errorf("conditions = %v, want %v", got, c.want)
			}
		})
	}
}

func TestReadings(t *testing.T) {
	m, v := pretend(t)
	m.set("proc/self/statm", "90000 5000 100 1 0 1 0")
	m.set("proc/meminfo", "MemTotal:  4000000 kB\nMemAvailable:  2000000 kB")
	m.set("proc/uptime", "8123.55 9000.00")
	v.Read()
	for name, want := range map[string]int64{DiskFree: 20 << 30, DiskTotal: 30 << 30, Memory: 64 << 20,
		MemoryAvailable: 30 * (64 << 20), MachineUptime: 8123} {
		if got := reading(v, name); got != want {
			t.Errorf("reading %s = %d, want %d", name, got, want)
		}
	}
}

func TestEdgeDoesNotFlap(t *testing.T) {
	m, v := pretend(t)
	for _, step := range []struct {
		temp string
		want bool
	}{{"79900", false}, {"80000", true}, {"79000", true}, {"75000", true}, {"74900", false}, {"79900", false}} {
		m.set("sys/class/thermal/thermal_zone0/temp", step.temp)
		v.Read()
		if got := len(held(v)) > 0; got != step.want {
			t.Errorf("hot at %s = %v, want %v", step.temp, got, step.want)
		}
	}
}

func TestUnreadableDisk(t *testing.T) {
	m, v := pretend(t)
	m.fails = errors.New("input/output error")
	v.Read()
	if got := held(v); !slices.Equal(got, []string{"disk-unread"}) {
		t.Errorf("conditions = %v", got)
	}
	m.fails = nil
	v.Read()
	if got := held(v); len(got) != 0 {
		t.Errorf("conditions once readable = %v", got)
	}
}

func TestRealDisk(t *testing.T) {
	v := New(Config{Dir: t.TempDir()})
	v.Read()
	if reading(v, DiskTotal) <= 0 || reading(v, Memory) <= 0 {
		t.Errorf("readings of this machine = %v", v.Snapshot().Readings)
	}
}

func TestOneLinkConditionAtATime(t *testing.T) {
	_, v := pretend(t)
	v.Raise(Storage, 0)
	v.Link(NoRoute, 0)
	v.Link(CaptivePortal, 302)
	if got := held(v); !slices.Equal(got, []string{"storage-fails", "captive-portal"}) {
		t.Errorf("conditions = %v", got)
	}
	v.Link("", 0)
	if got := held(v); !slices.Equal(got, []string{"storage-fails"}) {
		t.Errorf("conditions once connected = %v", got)
	}
}

func TestClockIsJudgedBeyondItsDoubt(t *testing.T) {
	_, v := pretend(t)
	for _, c := range []struct {
		ahead, width time.Duration
		want         bool
	}{{time.Second, 0, false}, {-3 * time.Second, 100 * time.Millisecond, true}, {3 * time.Second, 8 * time.Second, false}, {time.Hour, time.Second, true}} {
		v.Clock(c.ahead, c.width)
		if got := len(held(v)) > 0; got != c.want {
			t.Errorf("clock-off at %v ± %v = %v, want %v", c.ahead, c.width, got, c.want)
		}
		if got := reading(v, ClockAhead); got != c.ahead.Microseconds() {
			t.Errorf("clock_ahead = %d", got)
		}
	}
}

func TestChangedSignalsBeginAndEndOnly(t *testing.T) {
	_, v := pretend(t)
	signalled := func(act func()) bool {
		c := v.Changed()
		act()
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	if !signalled(func() { v.Raise(Hot, 81_000) }) {
		t.Error("no signal at the beginning")
	}
	if signalled(func() { v.Raise(Hot, 82_000) }) {
		t.Error("signal for a new value")
	}
	if !signalled(func() { v.Clear(Hot) }) || signalled(func() { v.Clear(Hot) }) {
		t.Error("want one signal at the end")
	}
}

func TestRunReadsAgainAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var free atomic.Uint64
		free.Store(20 << 30)
		v := New(Config{Sys: "/nowhere", Proc: "/nowhere", Disk: func(string) (Space, error) { return Space{Free: free.Load(), Total: 30 << 30}, nil }})
		done := make(chan error)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- v.Run(ctx) }()
		synctest.Wait()
		free.Store(1)
		changed, begin := v.Changed(), time.Now()
		<-changed
		if took := time.Since(begin); took != 15*time.Second {
			t.Errorf("noticed after %v", took)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestSnapshotFitsTheWire(t *testing.T) {
	_, v := pretend(t)
	v.cfg.Backlog = func() (Backlog, error) { return Backlog{Records: 7, Bytes: 99, Oldest: 5}, nil }
	for _, n := range Names() {
		v.Raise(n, 1<<40)
	}
	s := v.Snapshot()
	b, err := wire.EncodeFrame(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.DecodeFrame(b); err != nil {
		t.Fatal(err)
	}
	if s.Backlog != 7 || s.Bytes != 99 || s.Oldest != 5 {
		t.Errorf("backlog = %d, %d, %d", s.Backlog, s.Bytes, s.Oldest)
	}
}

func TestLit(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  bool
	}{
		{"nothing known", nil, true},
		{"connected", map[string]string{"HDMI-A-1/status": "connected"}, true},
		{"pulled out", map[string]string{"HDMI-A-1/status": "disconnected"}, false},
		{"awake", map[string]string{"HDMI-A-1/status": "connected", "HDMI-A-1/dpms": "On", "DP-1/status": "disconnected", "DP-1/dpms": "Off"}, true},
		{"asleep", map[string]string{"HDMI-A-1/status": "connected", "HDMI-A-1/dpms": "Off"}, false},
	} {
		m, v := pretend(t)
		for file, text := range c.files {
			m.set("sys/class/drm/card0-"+file, text)
		}
		if got := v.Lit(); got != c.want {
			t.Errorf("%s: lit = %t", c.name, got)
		}
	}
}

// A letter to a named officer takes a few KiB and a file; what the hub is told a
// minute later must not show it.
func TestReadingsOfTheDiskAreCoarse(t *testing.T) {
	m, v := pretend(t)
	m.space.Free, m.space.FilesFree = 20<<30|5<<20, 1e6
	v.Read()
	free, files := reading(v, DiskFree), reading(v, FilesFree)
	m.space.Free, m.space.FilesFree = m.space.Free-70_000, m.space.FilesFree-4
	v.Read()
	if reading(v, DiskFree) != free || reading(v, FilesFree) != files || free < 20<<30 || files < 999_000 {
		t.Errorf("disk_free %d, then %d; files_free %d, then %d", free, reading(v, DiskFree), files, reading(v, FilesFree))
	}
}

func TestNote(t *testing.T) {
	_, v := pretend(t)
	v.Note(DaysLeft, 400)
	if got := reading(v, DaysLeft); got != 400 {
		t.Errorf("days_left = %d", got)
	}
	v.Note(DaysLeft, -1)
	if got := reading(v, DaysLeft); got != -1 {
		t.Errorf("days_left = %d though nobody knows", got)
	}
}

func TestEveryConditionSaysWhatToDo(t *testing.T) {
	for _, n := range Names() {
		if n.Level() == 0 || n.Words() == "" {
			t.Errorf("condition %s has level %d and words %q", n, n.Level(), n.Words())
		}
	}
}
