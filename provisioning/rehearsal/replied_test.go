package rehearsal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"nghe/shared/seal"
)

// look asks a kiosk what became of a message.
func (w *ward) look(address string, code seal.Code) (map[string]any, error) {
	_, reply, err := screenOf(address, http.MethodPost, "/api/receipts", fmt.Sprintf(`{"code":%q}`, code))
	return reply, err
}

// told waits until a kiosk tells a state of a case, or refuses with that code.
func (w *ward) told(address string, code seal.Code, state string) (reply map[string]any) {
	w.t.Helper()
	w.eventually(state+" at "+address, func() (err error) {
		reply, err = w.look(address, code)
		refused, _ := reply["error"].(map[string]any)
		if err == nil && reply["state"] != state && refused["code"] != state {
			time.Sleep(time.Second) // codes are rationed
			err = fmt.Errorf("says %v", reply)
		}
		return err
	})
	return reply
}

// claim posts what somebody with the code says, until it is acknowledged.
func (w *ward) claim(address, path, body string) (id string) {
	w.t.Helper()
	w.eventually("claim at "+address, func() error {
		status, reply, err := screenOf(address, http.MethodPost, path, body)
		if err == nil && status != http.StatusCreated {
			err = fmt.Errorf("%d %v", status, reply)
		}
		id, _ = reply["id"].(string)
		return err
	})
	return id
}

// A message is left at one kiosk and answered. At another, without any hub, its
// sender has the case reopened; that kiosk is killed, and asked once more. When
// the hub is back it shows the case reopened, once, and every kiosk tells it.
func TestReopenedAtAnotherKiosk(t *testing.T) {
	w := newWard(t)
	second, other := w.neighbour()
	s := saying(t, 1)
	s.code = seal.Code("4Q7K9M2XHT")
	w.say(s)
	w.eventually("the message at the hub", func() error {
		out, err := w.command("cases", "set", code, "answered", "--note", "Đã khơi cống.")
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	})
	for _, address := range []string{w.screen, second} {
		if reply := w.told(address, s.code, "answered"); reply["may_reply"] != true {
			t.Errorf("at %s nothing can be said of it: %v", address, reply)
		}
	}
	version := fmt.Sprint(w.told(second, s.code, "answered")["version"])
	w.hub.kill()
	reopen := fmt.Sprintf(`{"request":"reopen","code":%q,"version":%s,"reopen":true,"score":1}`, code, version)
	first := w.claim(second, "/api/replies", reopen)
	asked := w.claim(second, "/api/rights", fmt.Sprintf(`{"request":"see","code":%q,"right":"see"}`, code))
	other.kill()
	other.start()
	w.await("http://" + second + "/api/status")
	if again := w.claim(second, "/api/replies", reopen); again != first || first == "" || asked == "" {
		t.Errorf("repeated after a kill: record %q, first %q; the right's %q", again, first, asked)
	}
	if said, _ := w.told(second, s.code, "answered")["said"].(map[string]any); said["reply"] != "reopened" || fmt.Sprint(said["rights"]) != "[see]" {
		t.Errorf("said here: %v", said)
	}
	// Meanwhile somebody at the first kiosk, where nobody knows of that, confirms.
	w.claim(w.screen, "/api/replies", strings.Replace(strings.Replace(reopen, "reopen\"", "confirm\"", 1), "true", "false", 1))
	w.hub.start()
	w.await("http://" + w.console + "/healthz")
	for _, address := range []string{w.screen, second} {
		if reply := w.told(address, s.code, "reopened"); reply["may_reply"] != false || reply["note"] != "Đã khơi cống." {
			t.Errorf("told %v", reply)
		}
	}
	w.eventually("both replies", func() error { return w.repliedTo("reopened") })
	w.eventually("the right in the queue", func() error {
		out, err := w.command("rights", "list")
		if err == nil && strings.Count(out, " see ") != 1 {
			err = fmt.Errorf("rights:\n%s", out)
		}
		return err
	})
	if out, err := w.command("audit"); err != nil {
		t.Errorf("audit: %v\n%s", err, out)
	}
	w.deletes(s.code, second, w.screen)
	w.codeIsNowhere()
}

// deletes has a message deleted by its code, as the sender asks at the first
// kiosk: each of them says then that it was, not that the code is wrong.
func (w *ward) deletes(code seal.Code, addresses ...string) {
	w.t.Helper()
	w.claim(addresses[0], "/api/rights", fmt.Sprintf(`{"request":"delete","code":%q,"right":"delete"}`, code))
	w.eventually("the request settled", func() error {
		out, err := w.command("rights", "list")
		found := regexp.MustCompile(`(?m)^(\d+)\s+delete\s`).FindStringSubmatch(out)
		if err != nil || found == nil {
			return fmt.Errorf("rights: %v\n%s", err, out)
		}
		_, err = w.command("rights", "settle", found[1])
		return err
	})
	for _, address := range addresses {
		w.told(address, code, "deleted")
	}
}

// repliedTo says whether the hub has the one case in a state that its sender
// brought about, with the low score of who had it reopened.
func (w *ward) repliedTo(state string) error {
	out, err := w.command("export", "cases")
	var line struct {
		State, By, Reply string
		ReplyScore       int `json:"reply_score"`
	}
	if err == nil {
		err = json.Unmarshal([]byte(out), &line)
	}
	if err == nil && (line.State != state || line.By != "(resident)" || line.Reply != "reopened" || line.ReplyScore != 1) {
		err = fmt.Errorf("exported %s", out)
	}
	return err
}
