package uplink

import (
	"time"

	"nghe/shared/wire"
)

// clock remembers the last reading against the hub, over sessions.
type clock struct {
	known    bool
	hub      int64         // hub's clock at uptime; the true one lies in [hub, hub+width]
	uptime   time.Duration // since the boot record
	width    time.Duration
	recorded time.Duration // uptime of the last record
	ahead    time.Duration // of the hub, as last recorded
	written  bool
}

const (
	clockEvery = time.Hour   // between records that say nothing new
	clockMoved = time.Second // an error that changed by more is news
	drift      = 10_000      // a quartz loses at most a hundred parts in a million
)

// learn takes a round trip: at some moment between sent and heard the hub's
// clock showed now.
func (c *clock) learn(now int64, sent, heard time.Duration) {
	c.known, c.hub, c.uptime, c.width = true, now, heard, heard-sent
}

// reading is the hub's clock at uptime as far as this machine's crystal can
// carry it, and how far it is ahead of wall.
func (c *clock) reading(uptime time.Duration, wall time.Time) (r wire.Clock, ahead time.Duration) {
	since := uptime - c.uptime
	doubt := since / drift
	hub, width := c.hub+(since-doubt).Microseconds(), c.width+2*doubt
	ahead = time.Duration(hub+width.Microseconds()/2-wall.UnixMicro()) * time.Microsecond
	return wire.Clock{Uptime: uint64(uptime.Microseconds()), Wall: wall.UnixMicro(), Cause: wire.ClockHub,
		Hub: hub, Width: uint64(width.Microseconds())}, ahead
}

// due says whether a reading is worth a record: the first one, one that moved,
// or one an hour later.
func (c *clock) due(uptime, ahead time.Duration) bool {
	return !c.written || uptime-c.recorded >= clockEvery || (ahead-c.ahead).Abs() > clockMoved
}

func (c *clock) wrote(uptime, ahead time.Duration) {
	c.written, c.recorded, c.ahead = true, uptime, ahead
}
