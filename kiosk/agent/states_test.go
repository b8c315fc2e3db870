package agent

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nghe/kiosk/media"
	"nghe/kiosk/screen"
	"nghe/kiosk/uplink"
	"nghe/kiosk/vitals"
	"nghe/shared/command"
)

// Those of the machine that nobody before it can see or do anything about.
var silent = []vitals.Name{vitals.NoScreen, vitals.MemoryHigh, vitals.Throttled, vitals.Forked, vitals.BlobsEarly, vitals.BlobsRefused}

func TestEveryConditionIsAStateOrSilent(t *testing.T) {
	for _, n := range vitals.Names() {
		if s, said := stateOf[n]; said == (n.OfLine() || slices.Contains(silent, n)) || said && !slices.Contains(screen.States(), s) {
			t.Errorf("%s is the state %q", n, s)
		}
	}
}

func TestStates(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	enrolled(t, data)
	k := opened(t, data)
	status := func() (states []string) {
		var now struct{ States []string }
		text := ask(t, k.screen().Handler(), http.MethodGet, "/api/status", "", nil).text
		if err := json.Unmarshal([]byte(text), &now); err != nil || now.States == nil {
			t.Fatalf("%s: %v", text, err)
		}
		return now.States
	}
	for _, c := range k.vitals.Conditions() { // of the machine the test runs on
		k.vitals.Clear(vitals.Name(c.Name))
	}
	if got := status(); len(got) != 0 {
		t.Errorf("a healthy machine says %v", got)
	}
	k.vitals.Raise(vitals.Hot, 81_000)
	k.vitals.Raise(vitals.UnderVoltage, 0)
	k.vitals.Raise(vitals.BatteryLow, 5)
	k.vitals.Raise(vitals.NoVoice, 0)
	k.vitals.Link(vitals.NoRoute, 0)
	if got := status(); !slices.Equal(got, []string{"no-voice", "hot", "power"}) {
		t.Errorf("states are %v", got)
	}
	k.begun = k.begun.Add(-offlineAfter)
	if got := status(); !slices.Equal(got, []string{"offline", "no-voice", "hot", "power"}) {
		t.Errorf("minutes later states are %v", got)
	}
}

func TestOffline(t *testing.T) {
	now := time.Unix(1_795_000_000, 0)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, c := range []struct {
		name  string
		line  uplink.Status
		begun time.Duration
		want  bool
	}{
		{"just begun", uplink.Status{State: uplink.Idle}, time.Second, false},
		{"no line for long", uplink.Status{State: uplink.Idle}, 6 * time.Minute, true},
		{"connected", uplink.Status{State: uplink.Connected, Contact: ago(48 * time.Hour)}, 72 * time.Hour, false},
		{"a hiccup", uplink.Status{State: uplink.Waiting, Contact: ago(4 * time.Minute)}, time.Hour, false},
		{"no hiccup any more", uplink.Status{State: uplink.Connecting, Contact: ago(5 * time.Minute)}, time.Hour, true},
	} {
		if got := offline(c.line, ago(c.begun), now); got != c.want {
			t.Errorf("%s: offline = %t", c.name, got)
		}
	}
}

func TestAtMost(t *testing.T) {
	for n, want := range map[int64]int64{-1: 10, 0: 10, 10: 10, 11: 20, 20: 20, 21: 50, 51: 100, 101: 200, 201: 500, 499: 500, 501: 1000, 1_234_567: 2_000_000} {
		if got := atMost(n); got != want {
			t.Errorf("atMost(%d) = %d, want %d", n, got, want)
		}
	}
}

// card is what the caretaker sees, without the time of day.
func card(t *testing.T, k *kiosk) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(ask(t, k.screen().Handler(), http.MethodGet, "/api/caretaker", "", nil).text), &all); err != nil {
		t.Fatal(err)
	}
	if now, err := time.Parse(time.RFC3339, all["now"].(string)); err != nil || now.Second() != 0 {
		t.Errorf("now is %v: %v", all["now"], err)
	}
	delete(all, "now")
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// roomy is a kiosk on a disk that nobody else writes to.
func roomy(t *testing.T) *kiosk {
	t.Helper()
	data := filepath.Join(smallDisk(t, 256*mib), "data")
	enrolled(t, data)
	k, err := open(Config{Data: data, Listen: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Room: Room{Reserve: -1, Ratings: 5000, Steps: media.Steps{Early: 22 * mib, NoVoice: 14 * mib, NoPhoto: 8 * mib, NoWords: 4 * mib}}.filled()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.close)
	return k
}

func TestCaretaker(t *testing.T) {
	k := roomy(t)
	for _, c := range k.vitals.Conditions() {
		k.vitals.Clear(vitals.Name(c.Name))
	}
	k.vitals.Link(vitals.ConnectionRefused, 0)
	k.tellRoom()
	k.vitals.Raise(vitals.OnReserve, 100_000)
	day, hour := time.Now().In(vietnam).Format("2006-01-02"), time.Now().In(vietnam).Format("2006-01-02T15:00:00-07:00")
	want := fmt.Sprintf(`{"conditions":[{"level":"severe","name":"on-reserve","since":"%sT00:00:00+07:00","value":100000},`+
		`{"level":"warning","name":"connection-refused","since":"%s","value":0}],`+
		`"connected":false,"contact":"","device":"%s","hub":"127.0.0.1:9","place":{"id":"qt-03","name":"Nhà văn hóa Hòa Bình"},`+
		`"printer":"","program":"%s","room":{"days":-1,"free":201326592,"ratings":700000},"started":"%s","states":["on-reserve"],`+
		`"waiting":{"files":10,"records":10,"since":"%s"},"ward":"Phường Quảng Tiến"}`, day, hour, k.member.current().Device[:8], command.Version(), day, day)
	if got := card(t, k); got != want {
		t.Errorf("the card says\n%s\nwant\n%s", got, want)
	}
}

// Who looks at the card before and after a visit must not learn that a message
// was left, and less that it is held back for named officers.
func TestCardTellsNothingOfAVisit(t *testing.T) {
	k := roomy(t)
	look := func() string {
		k.vitals.Read()
		if err := k.makeRoom(); err != nil {
			t.Fatal(err)
		}
		return card(t, k)
	}
	before := look()
	for _, l := range []letter{
		{request: "n", code: "4Q7K9M2XHT", kind: "phan-anh", reader: "named", words: "Chỉ để một người đọc.", photo: picture(t, 1500)},
		{request: "c", code: "4Q7K9M2XHV", kind: "gop-y", reader: "cases", words: "Cho cả phường.", voice: recording(100_000)},
	} {
		mustSend(t, k, l)
		if after := look(); after != before {
			t.Errorf("a message to %s shows:\n%s\n%s", l.reader, before, after)
		}
	}
	for _, secret := range []string{"4Q7K9", "held", "ticket", "secret", "identity"} {
		if strings.Contains(before, secret) {
			t.Errorf("the card tells %q:\n%s", secret, before)
		}
	}
}
