// Package vitals keeps what this machine knows of its own health: readings
// (disk, temperature, memory, clock against the hub) and named conditions that
// somebody may have to act on.
//
// It promises that the list of conditions is closed, that a condition appears
// once with the moment it began, that at most one condition of the line holds
// at a time, and that whoever waits on Changed is woken when one begins or ends.
//
// It does not send anything, repair anything or decide what a tap may do.
package vitals

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"nghe/shared/wire"
)

// Backlog is what waits for the hub.
type Backlog struct {
	Records, Bytes uint64
	Oldest         int64 // wall clock of the oldest, microseconds since 1970 UTC; 0 for none
}

// Config of a Monitor. Only Dir is needed.
type Config struct {
	Dir     string                          // data folder; its disk is watched
	Sys     string                          // root of sysfs; empty means /sys
	Proc    string                          // root of procfs; empty means /proc
	Every   time.Duration                   // between readings; 0 means 15 s
	Disk    func(dir string) (Space, error) // nil asks the file system
	Backlog func() (Backlog, error)         // nil reports none
	Uptime  func() time.Duration            // since the boot record; nil counts from New
	Now     func() time.Time                // nil means time.Now
	Logger  *slog.Logger                    // nil means slog.Default
}

// Monitor holds the present state. Its methods may be called from anywhere.
type Monitor struct {
	cfg Config

	mu         sync.Mutex // guards what follows
	readings   map[string]int64
	conditions map[Name]wire.Condition
	changed    chan struct{} // closed, and replaced, at every change
}

// New makes a Monitor that has read nothing yet: call Read, or Run.
func New(cfg Config) *Monitor {
	cfg.Sys, cfg.Proc = cmp.Or(cfg.Sys, "/sys"), cmp.Or(cfg.Proc, "/proc")
	cfg.Every = cmp.Or(cfg.Every, 15*time.Second)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Disk == nil {
		cfg.Disk = statfs
	}
	if cfg.Uptime == nil {
		begin := time.Now()
		cfg.Uptime = func() time.Duration { return time.Since(begin) }
	}
	return &Monitor{cfg: cfg, readings: map[string]int64{},
		conditions: map[Name]wire.Condition{}, changed: make(chan struct{})}
}

// Run reads the machine again and again until ctx ends.
func (v *Monitor) Run(ctx context.Context) error {
	tick := time.NewTicker(v.cfg.Every)
	defer tick.Stop()
	for {
		v.Read()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Raise says that a condition holds. Raising it again changes only its value.
func (v *Monitor) Raise(n Name, value int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.raise(n, value)
}

// Clear says that a condition holds no longer.
func (v *Monitor) Clear(n Name) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear(n)
}

// Note keeps a reading that somebody else took; a negative one is not known.
func (v *Monitor) Note(reading string, value int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if value < 0 {
		delete(v.readings, reading)
		return
	}
	v.readings[reading] = value
}

// Link says what is wrong with the line to the hub; "" says nothing is.
func (v *Monitor) Link(n Name, value int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for held := range v.conditions {
		if meanings[held].link && held != n {
			v.clear(held)
		}
	}
	if n != "" {
		v.raise(n, value)
	}
}

// Clock says how far the hub's clock is ahead of this machine's, and how wide
// the doubt is.
func (v *Monitor) Clock(ahead, width time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.readings[ClockAhead] = ahead.Microseconds()
	v.readings[ClockWidth] = width.Microseconds()
	v.band(ClockOff, ahead.Microseconds(), int64((ahead.Abs() - width).Microseconds()), clockOff, clockOff/2)
}

// Told notes which bulletin this kiosk holds.
func (v *Monitor) Told(version uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.readings[Bulletin] = int64(version)
}

// Changed is closed when a condition next begins or ends.
func (v *Monitor) Changed() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.changed
}

// Conditions that hold now, the gravest first.
func (v *Monitor) Conditions() []wire.Condition {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.SortedFunc(maps.Values(v.conditions), func(a, b wire.Condition) int {
		return cmp.Or(cmp.Compare(b.Level, a.Level), cmp.Compare(a.Name, b.Name))
	})
}

// Snapshot is what to tell the hub.
func (v *Monitor) Snapshot() wire.Vitals {
	s := wire.Vitals{Uptime: uint64(v.cfg.Uptime().Microseconds()), Wall: v.cfg.Now().UnixMicro(),
		Readings: v.allReadings(), Conditions: v.Conditions()}
	if v.cfg.Backlog == nil {
		return s
	}
	b, err := v.cfg.Backlog()
	if err != nil {
		v.cfg.Logger.Warn("count backlog for vitals", "err", err)
	}
	s.Backlog, s.Bytes, s.Oldest = b.Records, b.Bytes, b.Oldest
	return s
}

func (v *Monitor) allReadings() []wire.Reading {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := make([]wire.Reading, 0, len(v.readings))
	for _, name := range slices.Sorted(maps.Keys(v.readings)) {
		all = append(all, wire.Reading{Name: name, Value: v.readings[name]})
	}
	return all
}

func (v *Monitor) raise(n Name, value int64) {
	c, held := v.conditions[n]
	if !held {
		c = wire.Condition{Name: string(n), Level: n.Level(), Since: v.cfg.Now().UnixMicro()}
		v.signal()
	}
	c.Value = value
	v.conditions[n] = c
}

func (v *Monitor) clear(n Name) {
	if _, held := v.conditions[n]; held {
		delete(v.conditions, n)
		v.signal()
	}
}

// band raises n when badness reaches up and clears it below down; in between
// it stays as it is, so that a reading on the edge does not flap.
func (v *Monitor) band(n Name, value, badness, up, down int64) {
	_, held := v.conditions[n]
	switch {
	case badness >= up || held && badness >= down:
		v.raise(n, value)
	default:
		v.clear(n)
	}
}

func (v *Monitor) signal() {
	close(v.changed)
	v.changed = make(chan struct{})
}
