package rehearsal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
)

// TestRevokedKioskComesBackWithANewKit does what the hub's sentences tell ward
// IT to do, and nothing else: a new kit in the old one's place.
func TestRevokedKioskComesBackWithANewKit(t *testing.T) {
	w := newWard(t)
	before := []string{w.tap("before-1", 5), w.tap("before-2", 1)}
	w.holds(before)
	device := w.device()
	w.revoke(device)
	waiting := []string{w.tap("while-revoked", 2)}
	w.eventually("the kiosk to be told", func() error { return w.logSays("kiosk", "ended its trust") })
	w.kiosk.stop()
	if err := os.Remove(w.path("kit")); err != nil {
		t.Fatal(err)
	}
	w.enrol()
	w.holds(append(append(before, waiting...), w.tap("after", 4)))
	if again := w.device(); again == device {
		t.Errorf("the kiosk still is %s, whose trust has ended", again)
	}
	w.suspectsNobody()
}

// suspectsNobody reads what hub status says of every device.
func (w *ward) suspectsNobody() {
	w.t.Helper()
	text, err := w.command("status", "--json")
	if err != nil {
		w.t.Fatal(err)
	}
	var said struct {
		Devices []struct{ Device, Suspicion string }
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil || len(said.Devices) < 2 {
		w.t.Fatalf("hub status: %v, %d devices", err, len(said.Devices))
	}
	for _, d := range said.Devices {
		if d.Suspicion != "" {
			w.t.Errorf("hub status suspects %s: %s", d.Device, d.Suspicion)
		}
	}
}

// device is the one in the kiosk's identity.
func (w *ward) device() string {
	w.t.Helper()
	text, err := os.ReadFile(w.path("kiosk/identity/identity.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	var id struct{ Device string }
	if err := json.Unmarshal(text, &id); err != nil {
		w.t.Fatal(err)
	}
	return id.Device
}

// operator is signed in at the console as the first account, which may read
// messages.
func (w *ward) operator() *http.Client {
	w.t.Helper()
	w.decide("account", "reader", "admin")
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	response, err := client.PostForm("http://"+w.console+"/signin", url.Values{"name": {"admin"}, "password": {firstPassword}})
	if err != nil {
		w.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		w.t.Fatalf("sign in: %s", response.Status)
	}
	return client
}

func (w *ward) revoke(device string) {
	w.t.Helper()
	form := url.Values{"confirm": {device}, "reason": {"diễn tập: máy bị mất"}}
	response, err := w.operator().PostForm("http://"+w.console+"/devices/"+device+"/revoke", form)
	if err != nil {
		w.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		w.t.Fatalf("revoke %s: %s", device, response.Status)
	}
}

func (w *ward) logSays(name, words string) error {
	text, err := os.ReadFile(w.path(name + ".log"))
	if err == nil && !strings.Contains(string(text), words) {
		err = fmt.Errorf("the %s's log does not say %q", name, words)
	}
	return err
}
