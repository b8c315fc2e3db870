package server

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"nghe/hub/cases"
	"nghe/shared/command"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

const lights = `{"id":"lights","version":1,"title":{"vi":"Đèn đường","en":"Street lights"},"questions":[{"id":"satisfied","kind":"satisfaction","text":{"vi":"Đèn có sáng không?","en":"Are the lights on?"}}]}`

// hubCommand runs one command on a hub's folder.
func hubCommand(data string, args ...string) (int, string) {
	var out bytes.Buffer
	code := Main(append(args, "--data", data), &out, &out)
	return code, out.String()
}

// onceServed is a data folder with an empty database.
func onceServed(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "hub.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPublishCommand(t *testing.T) {
	slog.SetDefault(slog.New(slog.NewTextHandler(t.Output(), nil)))
	data, dir := onceServed(t), t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "questionnaires"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "questionnaires", "lights.json")
	for _, c := range []struct {
		text string
		code int
		want string
	}{
		{lights, command.Done, "questionnaires  lights 1"},
		{lights, command.Done, "warning: 2 texts are not in ko, 2 not in zh-Hans"},
		{strings.Replace(lights, "Đèn có sáng không?", "Đèn sáng chưa?", 1), command.Failed, "questionnaires/lights.json, version: it differs"},
		{strings.Replace(lights, `"en":"Are`, `"ko":"Are`, 1), command.Failed, "text.en: write this text"},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if code, out := hubCommand(data, "publish", dir); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("hub publish = %d\n%s\nwant %d with %q", code, out, c.code, c.want)
		}
	}
}

// The samples of make run are published as they stand beside a running hub, and
// say what they are.
func TestSamplesArePublished(t *testing.T) {
	const samples = "../../provisioning/demo/published"
	cfg, _, _ := started(t)
	if code, out := hubCommand(cfg.Data, "publish", samples); code != command.Done || !strings.Contains(out, "notices         3\ncontacts        3\nhouses          2\nareas           15\n") {
		t.Fatalf("hub publish = %d\n%s", code, out)
	}
	files, err := filepath.Glob(samples + "/notices/*.json")
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var n feedback.Notice
		if err := json.Unmarshal(text, &n); err != nil || !n.Sample {
			t.Errorf("%s does not say that it is a sample: %v", file, err)
		}
		for _, l := range feedback.Languages() {
			if n.Said[l] == "" || n.Title[l] == "" || n.Body[l] == "" {
				t.Errorf("%s is not written in %s", file, l)
			}
		}
	}
}

// The examples of the README, put into files of their names, are published.
func TestReadmeIsPublished(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, officer, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, example := range regexp.MustCompile("(?s)\n`([a-z/]+\\.json)`:[^\n]*\n\n```json\n(.*?)```").FindAllSubmatch(readme, -1) {
		file := filepath.Join(dir, string(example[1]))
		text := strings.Replace(string(example[2]), "age1…", officer, 1)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	cfg, _, _ := started(t)
	const want = "questionnaires  market 1 (by schedule)\ntexts           2\nnotices         1\ncontacts        1\nhouses          2\nareas           1\nnamed readers   1\n"
	if code, out := hubCommand(cfg.Data, "publish", dir); code != command.Done || !strings.Contains(out, want) || strings.Contains(out, "is over") {
		t.Errorf("hub publish = %d\n%s\nwant\n%s", code, out, want)
	}
}

func TestCasesCommand(t *testing.T) {
	data := onceServed(t)
	const code = "4Q7K9-M2XHT"
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"cases", "set", code, "in-progress"}, command.Failed, "no message under this code has reached the hub"},
		{[]string{"delete", "receipt", code, "--reason", "theo luật"}, command.Failed, "no message under this code has reached the hub"},
		{[]string{"cases", "set", code, "in-progress", "--not-here-yet"}, command.Done, "Đang xử lý (in-progress), version 1"},
		{[]string{"cases", "set", "4q7k9m2xht", "answered", "--note", "Đã lắp đèn.", "--not-here-yet"}, command.Done, "version 2"},
		{[]string{"cases", "set", code, "classified", "--not-here-yet"}, command.Failed, "only be reopened"},
		{[]string{"cases", "set", code, "lost"}, command.Usage, "no state"},
		{[]string{"cases", "set", "4Q7K9", "closed"}, command.Usage, "not a receipt code"},
		{[]string{"export", "cases"}, command.Done, `"state":"answered"`},
		{[]string{"export", "cases", "--from", "2036-01-01"}, command.Done, ""},
	} {
		got, out := hubCommand(data, c.args...)
		if got != c.code || !strings.Contains(out, c.want) {
			t.Errorf("hub %q = %d\n%s\nwant %d with %q", c.args, got, out, c.code, c.want)
		}
		if strings.Contains(strings.ReplaceAll(strings.ToUpper(out), "-", ""), "4Q7K9M2XHT") && c.code != command.Usage {
			t.Errorf("hub %q printed the code:\n%s", c.args[:2], out)
		}
	}
	_, out := hubCommand(data, "export", "cases")
	var line caseLine
	tag := seal.Code("4Q7K9M2XHT").Receipt().Tag
	if err := json.Unmarshal([]byte(out), &line); err != nil || line.Receipt != hex.EncodeToString(tag[:]) || line.Note != "Đã lắp đèn." || line.Open {
		t.Errorf("exported %+v, %v; want tag %x", line, err, tag)
	}
	if _, out := hubCommand(data, "export", "cases", "--from", "2036-01-01"); out != "" {
		t.Errorf("cases of the future: %s", out)
	}
}

func TestCodeComesByStandardInput(t *testing.T) {
	for text, want := range map[string]seal.Code{"4Q7K9-M2XHT\n": "4Q7K9M2XHT", " 4q7k9m2xht": "4Q7K9M2XHT", "": "", "x\n4Q7K9-M2XHT": ""} {
		code, err := readCode("-", strings.NewReader(text))
		if code != want || (err == nil) != (want != "") {
			t.Errorf("read %q from %q, %v", code, text, err)
		}
	}
}

func TestOrderCommand(t *testing.T) {
	data := onceServed(t)
	if code, out := hubCommand(data, "order", "pause", "--for", "10m"); code != command.Done || !strings.Contains(out, "holds until") {
		t.Fatalf("order pause = %d %s", code, out)
	}
	if code, out := hubCommand(data, "order", "sync-now"); code != command.Done {
		t.Fatalf("order sync-now = %d %s", code, out)
	}
	_, list := hubCommand(data, "order", "list")
	var id string
	for line := range strings.Lines(list) {
		if field := strings.Fields(line); len(field) > 1 && field[1] == "pause" {
			id = field[0]
		}
	}
	if id == "" || !strings.Contains(list, "sync-now") {
		t.Fatalf("orders:\n%s", list)
	}
	if code, out := hubCommand(data, "order", "cancel", id); code != command.Done {
		t.Errorf("order cancel = %d %s", code, out)
	}
	if code, out := hubCommand(data, "order", "cancel", id); code != command.Usage || !strings.Contains(out, "order list") {
		t.Errorf("order cancel again = %d %s", code, out)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--for", "7d"}, command.Done, "holds until"},
		{[]string{"--for", "40d"}, command.Failed, "at most 30 days"},
		{[]string{"--for", "a week"}, command.Usage, `"a week" is no time; write 30m, 48h or 7d`},
		{[]string{"--device", "nobody"}, command.Usage, `there is no device "nobody"; hub status lists them`},
	} {
		if code, out := hubCommand(data, append([]string{"order", "pause"}, c.args...)...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("order pause %s = %d %s, want %d with %q", c.args, code, out, c.code, c.want)
		}
	}
	for _, args := range [][]string{{"order", "pause", "--device", "nobody"}, {"order", "pause", "--for", "9000h"}, {"order", "pause", "--for", "0s"}} {
		if code, out := hubCommand(data, args...); code == command.Done {
			t.Errorf("hub %v: %s", args, out)
		}
	}
}

// Who names a place, as the console does, hears which devices it has.
func TestOrderForAPlaceNamesItsDevices(t *testing.T) {
	h, _, _ := inside(t, "", &lines{})
	enrolled(t, h)
	devices, err := h.registry.Devices(t.Context())
	if err != nil || len(devices) != 1 {
		t.Fatal(devices, err)
	}
	place := devices[0].Place
	if code, out := hubCommand(h.cfg.Data, "order", "pause", "--device", place); code != command.Usage || !strings.Contains(out, fmt.Sprintf("%q is a place; name a device of it: %s", place, devices[0].ID)) {
		t.Errorf("order for a place = %d %s", code, out)
	}
	if code, out := hubCommand(h.cfg.Data, "order", "pause", "--device", "qt-12"); code != command.Usage || !strings.Contains(out, "no device is in use there") {
		t.Errorf("order for an empty place = %d %s", code, out)
	}
}

// A hub that runs composes what a command beside it has written.
func TestServerTellsWhatCommandsWrote(t *testing.T) {
	cfg, _, _ := started(t)
	head := func() (version uint64) {
		if err := useTelling(t.Context(), storage{Data: cfg.Data}, func(_ store, t telling) error {
			version = t.bulletin.Head()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return version
	}
	await := func(what string, after uint64) uint64 {
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if now := head(); now > after {
				return now
			}
		}
		t.Fatalf("waited in vain: %s", what)
		return 0
	}
	first := await("the first bulletin", 0)
	begun := time.Now()
	if code, out := hubCommand(cfg.Data, "cases", "set", "4Q7K9-M2XHT", "answered", "--not-here-yet"); code != command.Done {
		t.Fatal(out)
	}
	await("the case's box", first)
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("composed after %v", took)
	}
	id, err := cases.OpenIdentity(filepath.Join(cfg.Data, "authority"))
	if err != nil || id.Public == "" {
		t.Errorf("cases identity: %v", err)
	}
}
