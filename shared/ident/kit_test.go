package ident

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func kitText(t *testing.T, k Kit) string {
	t.Helper()
	var b strings.Builder
	if err := k.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestKitReadsBackAsWritten(t *testing.T) {
	k := kitFor(mustAuthority(t, noon))
	k.Note = "Mang tới nhà văn hóa trước thứ Sáu <b>&</b>"
	back, err := ReadKit(strings.NewReader(kitText(t, k)))
	if err != nil || !reflect.DeepEqual(back, k) {
		t.Fatalf("ReadKit = %+v, %v, want %+v", back, err, k)
	}
}

func TestKitExpiryIsOnlyRemarked(t *testing.T) {
	k := kitFor(mustAuthority(t, noon))
	k.Expires = time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC)
	back, err := ReadKit(strings.NewReader(kitText(t, k)))
	if err != nil || !back.Expired(noon) || !back.Expired(k.Expires) || back.Expired(k.Expires.Add(-time.Second)) {
		t.Errorf("an expired kit: %v", err)
	}
}

func TestKitCutAnywhereIsRefused(t *testing.T) {
	whole := strings.TrimSpace(kitText(t, kitFor(mustAuthority(t, noon))))
	for n := range len(whole) {
		_, err := ReadKit(strings.NewReader(whole[:n]))
		if refusal := (*Refusal)(nil); !errors.As(err, &refusal) || refusal.Do == "" {
			t.Fatalf("kit cut at %d of %d: %v, want a Refusal that says what to do", n, len(whole), err)
		}
	}
}

func TestKitThatIsNotExactIsRefused(t *testing.T) {
	good := kitText(t, kitFor(mustAuthority(t, noon)))
	set := func(key string, value any) string {
		var m map[string]any
		if err := json.Unmarshal([]byte(good), &m); err != nil {
			t.Fatal(err)
		}
		m[key] = value
		if value == nil {
			delete(m, key)
		}
		text, _ := json.Marshal(m)
		return string(text)
	}
	for _, c := range []struct{ name, text, says string }{
		{"unknown key", set("colour", "red"), "colour"},
		{"key in capitals", strings.Replace(good, `"pin"`, `"Pin"`, 1), "Pin"},
		{"key that folds to another", strings.Replace(good, `"secret"`, "\"\u017fecret\"", 1), "unknown key"},
		{"key twice", strings.Replace(good, `"pin"`, `"pin":"x","pin"`, 1), "twice"},
		{"unknown key in place", strings.Replace(good, `"ward"`, `"note":"","ward"`, 1), "note"},
		{"two kits", good + good, "nothing after"},
		{"byte order mark", "\ufeff" + good, "one JSON object"},
		{"bad UTF-8", strings.Replace(good, "Bình", "B\xecnh", 1), "UTF-8"},
		{"HTML of a captive portal", "<!doctype html>", "one JSON object"},
		{"null", "null", "one JSON object"},
		{"list", "[]", "one JSON object"},
		{"too long", good + strings.Repeat(" ", maxMessage), "longer"},
		{"too deep", strings.Replace(good, `"hub":`, `"hub":`+strings.Repeat("[", 100), 1), "deep"},
		{"version 2", set("version", 2), "update this program"},
		{"no pin", set("pin", nil), "pin"},
		{"short pin", set("pin", "sha256-AAAA"), "pin"},
		{"pin with padding bits", set("pin", "sha256-"+strings.Repeat("A", 42)+"B"), "pin"},
		{"no ticket", set("ticket", ""), "ticket"},
		{"short secret", set("secret", "abc"), "secret"},
		{"secret in capitals", set("secret", strings.Repeat("A", 32)), "secret"},
		{"no expiry", set("expires", nil), "expires"},
		{"expiry in words", set("expires", "tomorrow"), "types"},
		{"no hub", set("hub", []string{}), "hub"},
		{"plain http", set("hub", []string{"http://hub.example"}), "https://host:port"},
		{"hub with a path", set("hub", []string{"https://hub.example/x"}), "https://host:port"},
		{"hub with a password", set("hub", []string{"https://a:b@hub.example"}), "https://host:port"},
		{"hub without a host", set("hub", []string{"https://:443"}), "https://host:port"},
		{"hub in another script", set("hub", []string{"https://phường.example"}), "https://host:port"},
		{"hub with an escape", set("hub", []string{"https://hub%2eexample"}), "https://host:port"},
		{"hub with a zone", set("hub", []string{"https://[fe80::1%25eth0]"}), "https://host:port"},
		{"too many hubs", set("hub", strings.Split(strings.Repeat("https://h ", 9), " ")), "1 to 8"},
		{"no place", set("place", nil), "id"},
		{"place turned around", set("place", map[string]string{"id": "x", "name": "a\u202eb"}), "name"},
		{"note too long", set("note", strings.Repeat("ư", maxNote+1)), "note"},
	} {
		_, err := ReadKit(strings.NewReader(c.text))
		refusal := (*Refusal)(nil)
		if !errors.As(err, &refusal) || refusal.Do == "" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a Refusal with %q", c.name, err, c.says)
		}
	}
}

func FuzzReadKit(f *testing.F) {
	k := Kit{Version: 1, Hub: []string{"https://[::1]:8443"}, Pin: pinPrefix + strings.Repeat("A", 43), Ticket: "abcdefgh",
		Secret: strings.Repeat("a", 32), Place: Place{"qt-01", "Nhà văn hóa", ""}, Expires: noon}
	var text bytes.Buffer
	if err := k.Write(&text); err != nil {
		f.Fatal(err)
	}
	f.Add(text.Bytes())
	f.Add([]byte(`{"version":1,"version":2}`))
	f.Add([]byte(`{"hub":["https://a",{"b":[1e999]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := ReadKit(bytes.NewReader(data))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := k.Write(&out); err != nil {
			t.Fatalf("a kit that was read cannot be written: %v", err)
		}
		back, err := ReadKit(&out)
		if err != nil || back.Secret != k.Secret || back.Place != k.Place || !reflect.DeepEqual(back.Hub, k.Hub) {
			t.Fatalf("read back %+v, %v, want %+v", back, err, k)
		}
		_ = EnrolTLS(k)
	})
}
