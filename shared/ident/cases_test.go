package ident

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A kiosk that was enrolled before hubs had a cases key keeps its identity; one
// that has a key has it under the answer's MAC.
func TestCasesKeyMayBeMissingButNotChanged(t *testing.T) {
	a := mustAuthority(t, noon)
	k, key, dir := kitFor(a), mustKey(t), t.TempDir()
	q := mustRequest(t, k, key, 1)
	old := identityFor(t, a, k, key.Public(), noon)
	if err := old.Save(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, identityFile))
	if err != nil || bytes.Contains(text, []byte("cases_key")) {
		t.Errorf("an old identity says %s, %v", text, err)
	}
	if back, err := LoadIdentity(dir); err != nil || back.CasesKey != "" {
		t.Errorf("LoadIdentity = %q, %v", back.CasesKey, err)
	}
	with := old
	with.CasesKey = "age1" + strings.Repeat("q", 58)
	answer := q.Answer(TicketKey(k.Secret), with)
	if got, err := k.Accept(q, answer); err != nil || got.CasesKey != with.CasesKey {
		t.Errorf("Accept = %q, %v", got.CasesKey, err)
	}
	if err := with.Save(dir); err != nil {
		t.Fatal(err)
	}
	if back, err := LoadIdentity(dir); err != nil || back.CasesKey != with.CasesKey {
		t.Errorf("LoadIdentity = %q, %v", back.CasesKey, err)
	}
	for _, other := range []string{"", "age1" + strings.Repeat("p", 58)} {
		changed := answer
		changed.Identity.CasesKey = other
		if _, err := k.Accept(q, changed); !errors.Is(err, ErrMAC) {
			t.Errorf("with key %q in its place: %v", other, err)
		}
	}
	for _, bad := range []string{"age1short", "AGE-SECRET-KEY-1" + strings.Repeat("Q", 58), "age1" + strings.Repeat("q", 5000), "age1" + strings.Repeat("q", 58) + "\nage1"} {
		with.CasesKey = bad
		if err := with.Save(dir); err == nil || !strings.Contains(err.Error(), "cases_key") {
			t.Errorf("key %.20q: %v", bad, err)
		}
	}
}
