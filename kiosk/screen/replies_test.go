package screen

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nghe/kiosk/bulletin"
	"nghe/kiosk/outbox"
	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// claiming is a screen with a journal, in a folder that a test looks into.
func claiming(t *testing.T, b *told) (http.Handler, *outbox.Outbox, string, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	o, err := outbox.Open(outbox.Config{Dir: dir, Place: "qt-07", Program: "test", Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	served, now, log := informed(t, b, func(c *Config) { c.Outbox, c.Claims = o, o })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*now = now.Add(codeEvery) // a try for each: another test rations them
		served.ServeHTTP(w, r)
	}), o, dir, log
}

const replied = `{"request":"r-1","code":"` + mine + `","version":3,"reopen":true,"score":2}`

func say(t *testing.T, h http.Handler, path, body string) (*httptest.ResponseRecorder, map[string]any) {
	t.Helper()
	return call(t, h, http.MethodPost, path, body)
}

func newest(t testing.TB, o *outbox.Outbox) wire.Record {
	t.Helper()
	b, err := o.Branch()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := o.Read(b.Head.Seq-1, 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	r, err := wire.DecodeRecord(raw[0])
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReplyIsKept(t *testing.T) {
	b := answered()
	h, o, dir, log := claiming(t, b)
	w, reply := say(t, h, "/api/replies", replied)
	receipt := seal.Code("4Q7K9M2XHT").Receipt()
	r, ok := newest(t, o).(wire.CaseReply)
	if w.Code != 201 || reply["seq"] != 2.0 || len(reply["id"].(string)) != 32 || reply["held"] != false {
		t.Errorf("%d %v", w.Code, reply)
	}
	if !ok || r.Case != 3 || !r.Reopen || r.Score != 2 || [16]byte(r.Receipt) != receipt.Tag || r.MAC != receipt.ReplyMAC(3, true, 2) {
		t.Errorf("record %+v", r)
	}
	b.news[mineTag()] = bulletin.News{State: feedback.CaseReopened, Version: 4} // the hub has heard it
	if again, same := say(t, h, "/api/replies", replied); again.Code != 201 || same["id"] != reply["id"] || same["seq"] != reply["seq"] {
		t.Errorf("repeated: %d %v", again.Code, same)
	}
	if w, reply := say(t, h, "/api/replies", strings.Replace(replied, "r-1", "r-2", 1)); w.Code != 422 || !strings.Contains(fmt.Sprint(reply), "state") {
		t.Errorf("of a case that was reopened: %d %v", w.Code, reply)
	}
	keepsNoCode(t, dir, log.String())
}

// keepsNoCode looks for the code and the key into every file and line.
func keepsNoCode(t *testing.T, dir, log string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	texts, tag, key := map[string][]byte{"the log": []byte(log)}, mineTag(), seal.Code("4Q7K9M2XHT").Receipt().Key
	found := false
	for _, f := range files {
		if texts[f], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
		found = found || bytes.Contains(texts[f], tag[:])
	}
	for name, text := range texts {
		for _, secret := range [][]byte{[]byte("4Q7K9M2XHT"), []byte(mine), []byte(strings.ToLower(mine)), key[:], fmt.Appendf(nil, "%x", key)} {
			if bytes.Contains(text, secret) {
				t.Errorf("%s holds the code or the key", name)
			}
		}
	}
	if !found {
		t.Error("not even the tag was found: the search proves nothing")
	}
}

func TestReplyRefuses(t *testing.T) {
	at := func(s feedback.CaseState) *told {
		b := answered()
		b.news[mineTag()] = bulletin.News{State: s, Version: 3}
		return b
	}
	swap := func(old, by string) string { return strings.Replace(replied, old, by, 1) }
	for _, c := range []struct {
		name, body string
		b          *told
		status     int
		code       string
	}{
		{"nobody's code", swap(mine, nobodys), answered(), 404, "no-result"},
		{"no bulletin", replied, nil, 404, "no-result"},
		{"short code", swap(mine, "4Q7K9"), answered(), 422, "invalid"},
		{"no version", swap(`"version":3,`, ""), answered(), 422, "invalid"},
		{"version of tomorrow", swap(`"version":3`, `"version":4`), answered(), 422, "invalid"},
		{"version beyond", swap(`"version":3`, `"version":70000`), answered(), 400, "malformed"},
		{"score", swap(`"score":2`, `"score":6`), answered(), 422, "invalid"},
		{"score below", swap(`"score":2`, `"score":-1`), answered(), 422, "invalid"},
		{"no request", swap(`"request":"r-1",`, ""), answered(), 422, "invalid"},
		{"unknown key", swap(`"score"`, `"stars"`), answered(), 400, "malformed"},
		{"too long", swap(mine, strings.Repeat("4", maxSmall)), answered(), 413, "too-large"},
		{"disk fails", replied, &told{fail: errors.New("disk")}, 503, "storage"},
		{"at work", replied, at(feedback.CaseInProgress), 422, "state"},
		{"reopened", replied, at(feedback.CaseReopened), 422, "state"},
		{"withdrawn", replied, at(feedback.CaseWithdrawn), 422, "state"},
		{"of a newer hub", replied, at(99), 422, "state"},
	} {
		h, o, _, log := claiming(t, c.b)
		w, reply := say(t, h, "/api/replies", c.body)
		told, _ := reply["error"].(map[string]any)
		if w.Code != c.status || told["code"] != c.code || told["message"] == "" {
			t.Errorf("%s: %d %v", c.name, w.Code, reply)
		}
		if strings.Contains(w.Body.String()+log.String(), "4Q7K9-M2XH") && c.code != "invalid" {
			t.Errorf("%s: the code is told again: %s %s", c.name, w.Body, log)
		}
		if strings.Contains(log.String(), "refused") {
			t.Errorf("%s: the log tells when somebody spoke of a message: %s", c.name, log)
		}
		if _, boot := newest(t, o).(wire.Boot); !boot {
			t.Errorf("%s: something was kept", c.name)
		}
	}
	for _, state := range []feedback.CaseState{feedback.CaseAnswered, feedback.CaseClosed, feedback.CaseReturned, feedback.CaseNotEligible} {
		h, _, _, _ := claiming(t, at(state))
		if w, reply := say(t, h, "/api/replies", strings.Replace(replied, `"version":3`, `"version":1`, 1)); w.Code != 201 {
			t.Errorf("%s, of an earlier version that was on the screen: %d %v", state, w.Code, reply)
		}
	}
}

func TestReplyConflicts(t *testing.T) {
	h, _, _, _ := claiming(t, answered())
	say(t, h, "/api/replies", replied)
	for path, body := range map[string]string{
		"/api/replies": strings.Replace(replied, "true", "false", 1),
		"/api/rights":  `{"request":"r-1","code":"` + mine + `","right":"see"}`,
	} {
		if w, reply := say(t, h, path, body); w.Code != 409 || !strings.Contains(fmt.Sprint(reply), "conflict") {
			t.Errorf("%s: %d %v", path, w.Code, reply)
		}
	}
}

// leave keeps a message under a code, as one left at this kiosk.
func leave(t *testing.T, o *outbox.Outbox, code string, reader feedback.Reader) {
	t.Helper()
	m := outbox.Message{Questionnaire: "message", Version: 1, Question: "message", Language: "vi", Receipt: seal.Code(code).Receipt().Tag,
		Attachments: []feedback.Attachment{{Kind: feedback.AttachedWords, Reader: reader, Hash: sha256.Sum256([]byte(code)), Size: 9}}, Content: [32]byte{1}}
	if _, err := o.PutMessage("said-"+code, m); err != nil {
		t.Fatal(err)
	}
}

func TestRightIsKeptForAKnownCodeOnly(t *testing.T) {
	h, o, dir, log := claiming(t, answered())
	leave(t, o, "0000000001", feedback.ReaderCases)
	leave(t, o, "0000000002", feedback.ReaderNamed)
	before := newest(t, o)
	for i, c := range []struct {
		name, code, right string
		status            int
		held              any
	}{
		{"nobody's", nobodys, "see", 404, nil},
		{"unknown right", mine, "restrict", 422, nil},
		{"no right", mine, "", 422, nil},
		{"to named officers", "00000-00002", "see", 201, true},
		{"of which a box tells", mine, "delete", 201, false},
		{"left here", "00000-00001", "withdraw", 201, false},
	} {
		w, reply := say(t, h, "/api/rights", fmt.Sprintf(`{"request":%q,"code":%q,"right":%q}`, fmt.Sprint("r-", i), c.code, c.right))
		if w.Code != c.status || reply["held"] != c.held {
			t.Errorf("%s: %d %v", c.name, w.Code, reply)
		}
		if c.status != 201 || c.held == true {
			if got := newest(t, o); fmt.Sprint(got) != fmt.Sprint(before) {
				t.Errorf("%s: the journal has %+v", c.name, got)
			}
			continue
		}
		code, _ := seal.ParseCode(c.code)
		r, ok := newest(t, o).(wire.RightsRequest)
		if !ok || r.Right != c.right || [16]byte(r.Receipt) != code.Receipt().Tag || r.MAC != code.Receipt().RightMAC(c.right) {
			t.Errorf("%s: record %+v", c.name, newest(t, o))
		}
	}
	keepsNoCode(t, dir, log.String())
}

// Neither whoever has just left a message, nor whoever asked to have one deleted,
// is told that their code may be wrong.
func TestLookUpKnowsWhatWasLeftHereOrDeleted(t *testing.T) {
	b := answered()
	h, o, _, _ := claiming(t, b)
	leave(t, o, "0000000001", feedback.ReaderCases)
	leave(t, o, "0000000002", feedback.ReaderCases) // the outbox forgets it a moment later
	b.gone = map[[16]byte]bool{seal.Code("0000000002").Receipt().Tag: true}
	for code, want := range map[string]string{"0000000001": "404 waiting", "0000000002": "410 deleted", nobodys: "404 no-result"} {
		w, reply := say(t, h, "/api/receipts", fmt.Sprintf(`{"code":%q}`, code))
		told, _ := reply["error"].(map[string]any)
		if got := fmt.Sprint(w.Code, " ", told["code"]); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
}

func TestLookUpTellsWhatCanBeSaidAndWas(t *testing.T) {
	b := answered()
	h, _, _, _ := claiming(t, b)
	told := func(want string) {
		t.Helper()
		_, reply := look(t, h, mine)
		if got := fmt.Sprint(reply["may_reply"], " ", reply["said"]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	told("true map[reply: rights:[]]")
	say(t, h, "/api/replies", `{"request":"c","code":"`+mine+`","version":3,"reopen":false,"score":5}`)
	told("true map[reply:confirmed rights:[]]")
	say(t, h, "/api/replies", replied)
	say(t, h, "/api/rights", `{"request":"s","code":"`+mine+`","right":"see"}`)
	told("true map[reply:reopened rights:[see]]")
	b.news[mineTag()] = bulletin.News{State: feedback.CaseReopened, Version: 4}
	told("false map[reply: rights:[see]]")
	b.news[mineTag()] = bulletin.News{State: feedback.CaseAnswered, Version: 5}
	told("true map[reply: rights:[see]]")
}

func TestClaimsCostATry(t *testing.T) {
	b := answered()
	h, now, _ := informed(t, b, func(c *Config) { o := openOutbox(t); c.Outbox, c.Claims = o, o })
	for i := range codesAtOnce {
		path, body := "/api/replies", strings.NewReplacer(mine, nobodys, "r-1", fmt.Sprint(i)).Replace(replied)
		if i%2 == 1 {
			path, body = "/api/rights", fmt.Sprintf(`{"request":"%d","code":%q,"right":"see"}`, i, nobodys)
		}
		if w, _ := say(t, h, path, body); w.Code != 404 {
			t.Fatalf("try %d: %d", i+1, w.Code)
		}
	}
	for path, body := range map[string]string{"/api/replies": replied, "/api/rights": `{"request":"r","code":"` + mine + `","right":"see"}`, "/api/receipts": `{"code":"` + mine + `"}`} {
		if w, _ := say(t, h, path, body); w.Code != 429 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s after too many tries: %d", path, w.Code)
		}
	}
	*now = now.Add(time.Minute)
	if w, _ := say(t, h, "/api/replies", replied); w.Code != 201 {
		t.Errorf("a minute later: %d", w.Code)
	}
}

// A slow network makes the page send a claim again and again: only the first
// is a try, unless the same request comes with another code.
func TestClaimSentAgainCostsNothing(t *testing.T) {
	h, _, _ := informed(t, answered(), func(c *Config) { o := openOutbox(t); c.Outbox, c.Claims = o, o })
	send := func(request, code string, want int) {
		t.Helper()
		body := fmt.Sprintf(`{"request":%q,"code":%q,"right":"see"}`, request, code)
		if w, _ := say(t, h, "/api/rights", body); w.Code != want {
			t.Errorf("request %s: %d, want %d", request, w.Code, want)
		}
	}
	for range 3 {
		send("r-1", mine, 201)
		send("r-1", "4q7k9 m2xht", 201) // the same, typed otherwise
		send("r-2", nobodys, 404)
	}
	for i := range codesAtOnce - 2 {
		send("r-2", fmt.Sprintf("4Q7K9M2X%02d", i), 404) // another code each: a guess
	}
	send("r-2", "4Q7K9M2XZZ", 429)
	send("r-2", "4Q7K9M2XZZ", 429) // what was refused is not paid for
	send("r-3", mine, 429)
	send("r-1", mine, 201)
	send("r-2", nobodys, 404)
}

func TestWhatWasPaidForIsForgotten(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	tries := newTries()
	take := func(n int) time.Duration { return tries.take(fmt.Sprint(n), "4Q7K9M2XHT", now) }
	for n := range 2 * mostPaid {
		now = now.Add(codeEvery)
		if take(n) != 0 {
			t.Fatalf("try %d must wait", n)
		}
	}
	for tries.bucket.take(now) == 0 {
	}
	if take(mostPaid-1) == 0 || take(mostPaid) != 0 || len(tries.paid) != mostPaid {
		t.Errorf("%d are remembered; want the last %d", len(tries.paid), mostPaid)
	}
}

func TestNoClaimsWhilePausedOrWithoutAJournal(t *testing.T) {
	right := `{"request":"r","code":"` + mine + `","right":"see"}`
	paused, _, _ := informed(t, answered(), func(c *Config) {
		o := openOutbox(t)
		c.Outbox, c.Claims, c.Status = o, o, func() Status { return Status{Paused: true, Closed: true} }
	})
	bare, _, _ := informed(t, answered())
	for path, body := range map[string]string{"/api/replies": replied, "/api/rights": right} {
		if w, reply := say(t, paused, path, body); w.Code != 503 || !strings.Contains(fmt.Sprint(reply), "paused") {
			t.Errorf("paused, %s: %d %v", path, w.Code, reply)
		}
		if w, _ := say(t, bare, path, body); w.Code != 404 {
			t.Errorf("no journal, %s: %d", path, w.Code)
		}
		if w, _ := call(t, bare, http.MethodGet, path, ""); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
}
