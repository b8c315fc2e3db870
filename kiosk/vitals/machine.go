package vitals

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Names of readings.
const (
	DiskFree        = "disk_free"        // bytes
	DiskTotal       = "disk_total"       // bytes
	FilesFree       = "files_free"       // inodes
	Temperature     = "temperature"      // thousandths of a degree Celsius, the hottest zone
	ThrottledBits   = "throttled"        // Raspberry Pi firmware's bits
	Battery         = "battery"          // per cent
	Memory          = "memory"           // bytes resident in the agent, rounded
	MemoryAvailable = "memory_available" // bytes
	MachineUptime   = "machine_uptime"   // seconds since the kernel started
	CardWear        = "card_wear"        // per cent of the card's stated life, in steps of ten
	ClockAhead      = "clock_ahead"      // microseconds the hub's clock is ahead
	ClockWidth      = "clock_width"      // microseconds of doubt in that
	RatingsLeft     = "ratings_left"     // that will still fit the disk
	DaysLeft        = "days_left"        // they will last at the pace of late
	BlobsPending    = "blobs_pending"    // sealed blobs to be sent
	BytesPending    = "bytes_pending"    // their bytes
	Bulletin        = "bulletin"         // version held; the hub sends what follows it
)

// Where conditions begin and, after a pause for breath, end again.
const (
	diskLow    = 1 << 30   // bytes: about a million ratings
	diskFull   = 200 << 20 // bytes: what the outbox may need to keep its promises
	filesLow   = 1000      // inodes
	hot        = 80_000    // thousandths of a degree: a Pi slows down at 80 °C
	tooHot     = 95_000    // most mini-PCs switch off near 100 °C
	cooled     = 5_000
	batteryLow = 20        // per cent
	memoryHigh = 128 << 20 // bytes: three times the agent's budget
	cardWorn   = 80        // per cent
	clockOff   = 2_000_000 // microseconds
)

// Readings of disk and memory are rounded: exact ones, told every minute, would
// tell the minute in which a message that is held back was written.
const (
	coarseBytes = 64 << 20
	coarseFiles = 1024
	coarseRSS   = 64 << 20 // up: sealing one message takes less
)

// Bits of the firmware's get_throttled that speak of now, not of the past.
const (
	bitUnderVoltage = 1 << 0
	bitsThrottled   = 1<<1 | 1<<2 | 1<<3
)

// Space is what a file system has.
type Space struct {
	Free, Total uint64 // bytes
	FilesFree   uint64 // inodes; 0 with FilesTotal 0 where there is no such limit
	FilesTotal  uint64
}

func statfs(dir string) (Space, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return Space{}, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	size := uint64(s.Bsize)
	return Space{Free: s.Bavail * size, Total: s.Blocks * size, FilesFree: s.Ffree, FilesTotal: s.Files}, nil
}

// Read examines the machine once. What a machine does not have is not reported.
func (v *Monitor) Read() {
	space, err := v.cfg.Disk(v.cfg.Dir)
	if err != nil {
		v.cfg.Logger.Warn("examine disk", "err", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.disk(space, err)
	v.heat()
	v.firmware()
	v.power()
	v.memory()
	v.card()
	v.display()
}

func (v *Monitor) disk(s Space, err error) {
	if err != nil {
		v.raise(DiskUnread, 0)
		return
	}
	v.clear(DiskUnread)
	v.readings[DiskFree], v.readings[DiskTotal] = int64(s.Free/coarseBytes*coarseBytes), int64(s.Total)
	v.readings[FilesFree] = int64(s.FilesFree / coarseFiles * coarseFiles)
	free := int64(s.Free)
	if s.FilesTotal > 0 && s.FilesFree < filesLow {
		free = 0
	}
	v.band(DiskLow, v.readings[DiskFree], -free, -diskLow, -diskLow*11/10)
	v.band(DiskFull, v.readings[DiskFree], -free, -diskFull, -diskFull*3/2)
}

func (v *Monitor) heat() {
	hottest, found := int64(0), false
	for _, file := range v.glob("class/thermal/thermal_zone*/temp") {
		if t, ok := number(file); ok && (t > hottest || !found) {
			hottest, found = t, true
		}
	}
	if !found {
		return
	}
	v.readings[Temperature] = hottest
	v.band(Hot, hottest, hottest, hot, hot-cooled)
	v.band(Overheating, hottest, hottest, tooHot, tooHot-cooled)
}

// firmware reads a Raspberry Pi's own opinion of its power and heat, or where
// the kernel does not show that, the alarm of its voltage sensor.
func (v *Monitor) firmware() {
	text, ok := read(filepath.Join(v.cfg.Sys, "devices/platform/soc/soc:firmware/get_throttled"))
	if !ok {
		v.voltage()
		return
	}
	bits, err := strconv.ParseInt(strings.TrimPrefix(text, "0x"), 16, 64)
	if err != nil {
		return
	}
	v.readings[ThrottledBits] = bits
	v.band(UnderVoltage, bits, bits&bitUnderVoltage, 1, 1)
	v.band(Throttled, bits, bits&bitsThrottled, 1, 1)
}

func (v *Monitor) voltage() {
	for _, file := range v.glob("class/hwmon/hwmon*/in0_lcrit_alarm") {
		if name, _ := read(filepath.Join(filepath.Dir(file), "name")); name != "rpi_volt" {
			continue
		}
		if alarm, ok := number(file); ok {
			v.band(UnderVoltage, alarm, alarm, 1, 1)
		}
	}
}

func (v *Monitor) power() {
	mains, online, charge := false, false, int64(-1)
	for _, file := range v.glob("class/power_supply/*/type") {
		dir := filepath.Dir(file)
		kind, _ := read(file)
		switch kind {
		case "Mains", "USB":
			on, ok := number(filepath.Join(dir, "online"))
			mains, online = mains || ok, online || on != 0
		case "Battery", "UPS":
			if c, ok := number(filepath.Join(dir, "capacity")); ok {
				charge = max(charge, c)
			}
		}
	}
	v.supply(mains && !online, charge)
}

// supply judges: dark is true when a mains plug is known and dead, charge is
// the fullest battery's or negative.
func (v *Monitor) supply(dark bool, charge int64) {
	running := dark && charge >= 0 // a dead socket beside a live machine without battery is a spare one
	if charge >= 0 {
		v.readings[Battery] = charge
	}
	v.holds(OnBattery, running, charge)
	v.holds(BatteryLow, running && charge < batteryLow, charge)
}

func (v *Monitor) memory() {
	if text, ok := read(filepath.Join(v.cfg.Proc, "self/statm")); ok {
		if f := strings.Fields(text); len(f) > 1 {
			pages, _ := strconv.ParseInt(f[1], 10, 64)
			rss := pages * int64(os.Getpagesize())
			v.readings[Memory] = (rss + coarseRSS - 1) / coarseRSS * coarseRSS
			v.band(MemoryHigh, v.readings[Memory], rss, memoryHigh, memoryHigh*9/10)
		}
	}
	if kib, ok := v.meminfo("MemAvailable:"); ok {
		v.readings[MemoryAvailable] = kib << 10 / coarseBytes * coarseBytes
	}
	if text, ok := read(filepath.Join(v.cfg.Proc, "uptime")); ok {
		whole, _, _ := strings.Cut(text, ".")
		if s, err := strconv.ParseInt(whole, 10, 64); err == nil {
			v.readings[MachineUptime] = s
		}
	}
}

func (v *Monitor) meminfo(key string) (int64, bool) {
	text, _ := read(filepath.Join(v.cfg.Proc, "meminfo"))
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == key {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// card reads the wear that an eMMC or SD card states of itself: two octets, 1
// for up to ten per cent, 11 for beyond its life.
func (v *Monitor) card() {
	worst := int64(-1)
	for _, file := range v.glob("block/mmcblk*/device/life_time") {
		text, _ := read(file)
		for _, octet := range strings.Fields(text) {
			if n, err := strconv.ParseInt(strings.TrimPrefix(octet, "0x"), 16, 16); err == nil {
				worst = max(worst, n*10)
			}
		}
	}
	if worst >= 0 {
		v.readings[CardWear] = worst
		v.band(CardWorn, worst, worst, cardWorn+10, cardWorn+10)
	}
}

func (v *Monitor) display() {
	known, connected := v.displays("status", "disconnected")
	v.holds(NoScreen, known && !connected, 0)
}

// displays says whether the machine tells of any, and of one that is not as said.
func (v *Monitor) displays(file, said string) (known, other bool) {
	for _, path := range v.glob("class/drm/card*-*/" + file) {
		is, ok := read(path)
		known, other = known || ok, other || is != said
	}
	return known, other
}

// Lit says whether a display is there and awake, as far as the machine tells: a
// browser paints nothing for one that is not.
func (v *Monitor) Lit() bool {
	plugs, connected := v.displays("status", "disconnected")
	lamps, awake := v.displays("dpms", "Off")
	return (connected || !plugs) && (awake || !lamps)
}

func (v *Monitor) holds(n Name, held bool, value int64) {
	if held {
		v.raise(n, value)
	} else {
		v.clear(n)
	}
}

func (v *Monitor) glob(pattern string) []string {
	files, _ := filepath.Glob(filepath.Join(v.cfg.Sys, pattern)) // the patterns are constant and well-formed
	return files
}

func read(file string) (string, bool) {
	b, err := os.ReadFile(file)
	return strings.TrimSpace(string(b)), err == nil
}

func number(file string) (int64, bool) {
	text, _ := read(file)
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
