package agent

import (
	"net/url"
	"slices"
	"time"

	"nghe/kiosk/printer"
	"nghe/kiosk/screen"
	"nghe/kiosk/uplink"
	"nghe/kiosk/vitals"
	"nghe/shared/wire"
)

// stateOf is what a condition of the machine is to those who stand before it;
// those of the line are only "offline", and that after a while.
var stateOf = map[vitals.Name]screen.State{
	vitals.OutOfService: screen.StateOutOfService,
	vitals.Storage:      screen.StateDiskFails,
	vitals.OutboxUnread: screen.StateDiskFails,
	vitals.DiskUnread:   screen.StateDiskFails,
	vitals.SetAside:     screen.StateDiskFails,
	vitals.BlobsMissing: screen.StateDiskFails,
	vitals.OnReserve:    screen.StateOnReserve,
	vitals.NoWords:      screen.StateNoWords,
	vitals.NoPhoto:      screen.StateNoPhoto,
	vitals.NoVoice:      screen.StateNoVoice,
	vitals.DiskLow:      screen.StateNearlyFull,
	vitals.DiskFull:     screen.StateNearlyFull,
	vitals.RecordsEarly: screen.StateNearlyFull,
	vitals.ClockOff:     screen.StateClockWrong,
	vitals.Hot:          screen.StateHot,
	vitals.Overheating:  screen.StateHot,
	vitals.UnderVoltage: screen.StatePower,
	vitals.OnBattery:    screen.StatePower,
	vitals.BatteryLow:   screen.StatePower,
	vitals.CardWorn:     screen.StateDiskWorn,
	vitals.ScreenFrozen: screen.StateScreenFrozen,
	vitals.Misinformed:  screen.StateOutdated,
	vitals.ToldNewer:    screen.StateOutdated,
}

// ofRoom are conditions that one message more may begin.
var ofRoom = []vitals.Name{vitals.DiskLow, vitals.DiskFull, vitals.BlobsEarly, vitals.RecordsEarly,
	vitals.NoVoice, vitals.NoPhoto, vitals.NoWords, vitals.OnReserve, vitals.OutOfService}

// states are plain words for the screen, which knows nothing of a line.
func (k *kiosk) states(paused bool) []screen.State {
	held := map[screen.State]bool{screen.StatePaused: paused, screen.StateOffline: offline(k.line(), k.begun, time.Now())}
	for _, c := range k.vitals.Conditions() {
		held[stateOf[vitals.Name(c.Name)]] = true
	}
	if k.printer != nil {
		held[screen.StateNoPaper] = k.printer.State() == printer.Empty
		held[screen.StateNoPrinter] = k.printer.State() == printer.Missing
	}
	return slices.DeleteFunc(screen.States(), func(s screen.State) bool { return !held[s] })
}

// offlineAfter is how long a line may hiccup before anybody is told.
const offlineAfter = 5 * time.Minute

// offline counts from the last contact, or from when this program began.
func offline(line uplink.Status, begun, now time.Time) bool {
	last := begun
	if line.Contact.After(last) {
		last = line.Contact
	}
	return line.State != uplink.Connected && now.Sub(last) >= offlineAfter
}

// caretaker tells of the vitals what may be read out, each number as coarse as
// its type says.
func (k *kiosk) caretaker() screen.Caretaker {
	line, now := k.line(), k.vitals.Snapshot()
	c := screen.Caretaker{
		Hub: k.hub(line), Connected: line.State == uplink.Connected, Started: k.day(k.begun),
		Conditions: conditions(now), Waiting: k.waiting(now),
		Room: screen.Room{Ratings: reading(now, vitals.RatingsLeft), Days: reading(now, vitals.DaysLeft), Free: reading(now, vitals.DiskFree)},
	}
	if !line.Contact.IsZero() {
		c.Contact = k.day(line.Contact)
	}
	if id := k.member.current(); id != nil {
		c.Device = id.Device[:8]
	}
	if k.printer != nil {
		c.Printer = string(k.printer.State())
	}
	return c
}

// hub is where this kiosk dials, or is to enrol.
func (k *kiosk) hub(line uplink.Status) string {
	all := []string{line.Hub}
	if id := k.member.current(); id != nil {
		all = append(all, id.Hub...)
	}
	if kit := k.member.pending(); kit != nil {
		all = append(all, kit.Hub...)
	}
	for _, address := range all {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			return u.Host
		}
	}
	return ""
}

// vietnam has no summer time.
var vietnam = time.FixedZone("ICT", 7*60*60)

func (k *kiosk) day(t time.Time) string {
	ahead, _ := k.clockAhead()
	return t.Add(ahead).In(vietnam).Format(time.DateOnly)
}

var levelNames = map[wire.ConditionLevel]string{wire.ConditionNote: "note", wire.ConditionWarning: "warning", wire.ConditionSevere: "severe"}

func conditions(v wire.Vitals) (all []screen.Condition) {
	for _, c := range v.Conditions {
		if c.Name == string(vitals.MemoryHigh) {
			continue // it comes and goes with a photo that is being sealed; the hub hears of it
		}
		exact := time.UnixMicro(c.Since).In(vietnam)
		hour := exact.Hour()
		if slices.Contains(ofRoom, vitals.Name(c.Name)) {
			hour = 0
		}
		since := time.Date(exact.Year(), exact.Month(), exact.Day(), hour, 0, 0, 0, vietnam)
		all = append(all, screen.Condition{Name: c.Name, Level: levelNames[c.Level], Value: c.Value, Since: since.Format(time.RFC3339)})
	}
	return all
}

// waiting says the same of a kiosk that holds nothing and of one that holds
// today's.
func (k *kiosk) waiting(v wire.Vitals) screen.Waiting {
	oldest := time.Now()
	if was := time.UnixMicro(v.Oldest); v.Oldest > 0 && was.Before(oldest) {
		oldest = was
	}
	return screen.Waiting{Records: atMost(int64(v.Backlog)), Files: atMost(reading(v, vitals.BlobsPending)), Since: k.day(oldest)}
}

// atMost rounds up to 10, 20, 50, 100, …: none and a few are the same.
func atMost(n int64) int64 {
	most := int64(10)
	for i := 0; most < n; i++ {
		most = most * [...]int64{20, 25, 20}[i%3] / 10
	}
	return most
}

// reading is -1 where nobody took it.
func reading(v wire.Vitals, name string) int64 {
	for _, r := range v.Readings {
		if r.Name == name {
			return r.Value
		}
	}
	return -1
}
