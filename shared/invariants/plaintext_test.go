package invariants

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCanariesAreFoundHoweverTheyAreWritten(t *testing.T) {
	const words = "Đường trước nhà văn hóa ngập nước, xin sửa giúp."
	recording := make([]byte, 100_000)
	chance := rand.New(rand.NewPCG(1, 2))
	for i := range recording {
		recording[i] = byte(chance.IntN(256))
	}
	escaped, _ := json.Marshal(map[string]string{"words": words})
	inUTF16 := ""
	for _, r := range "0912345678" {
		inUTF16 += string(r) + "\x00"
	}
	for name, c := range map[string]struct {
		content string
		want    string
	}{
		"nothing":        {strings.Repeat("một điều khác hẳn ", 1000), ""},
		"as they are":    {"log: " + words + "\n", "words"},
		"a part":         {"…" + words[10:40], "words"},
		"JSON":           {string(escaped), "words"},
		"escaped JSON":   {`{"w":"\u0110\u01b0\u1eddng tr\u01b0\u1edbc nh\u00e0 v\u0103n h\u00f3a"}`, "words"},
		"an address":     {"GET /?w=" + url.QueryEscape(words), "words"},
		"hexadecimal":    {"body=" + hex.EncodeToString([]byte(words)), "words"},
		"capitals":       {strings.ToUpper(hex.EncodeToString([]byte(words))), "words"},
		"base64":         {base64.StdEncoding.EncodeToString([]byte("x" + words)), "words"},
		"base64 again":   {base64.URLEncoding.EncodeToString([]byte("xy" + words)), "words"},
		"UTF-16":         {inUTF16, "phone"},
		"a phone number": {"+84 0912345678", "phone"},
		"half a phone":   {"0912345", ""},
		"a recording":    {string(recording[5000:5100]), "recording"},
		"across a page":  {string(recording[:40]) + "\x00\x00\x00\x07" + string(recording[40:80]), "recording"},
	} {
		var found Canaries
		found.Plant("words", []byte(words))
		found.Plant("phone", []byte("0912345678"))
		found.Plant("recording", recording)
		found.Look("here", []byte(c.content))
		got := ""
		for _, v := range found.Found() {
			if v.Rule != Plaintext || v.Where != "here" {
				t.Errorf("%s: %v", name, v)
			}
			got += strings.Fields(v.Detail)[0]
		}
		if got != c.want || found.Looked() != int64(len(c.content)) {
			t.Errorf("%s: found %q, want %q; looked at %d", name, got, c.want, found.Looked())
		}
	}
}

func TestCanariesLookIntoEveryFile(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", ".hidden")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"kiosk.db-wal": "…secret secret…", "log": "nothing", "secret secret.tmp": ""} {
		if err := os.WriteFile(filepath.Join(deep, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var c Canaries
	c.Plant("it", []byte("secret secret"))
	if err := c.LookInto(dir); err != nil || len(c.Found()) != 2 {
		t.Errorf("found %v, %v; want it in a file and in a name", c.Found(), err)
	}
	if err := c.LookInto(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there was searched")
	}
}

func TestShortCanaryPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a canary of three bytes is taken")
		}
	}()
	new(Canaries).Plant("x", []byte("abc"))
}
