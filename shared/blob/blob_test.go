package blob

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestVerifierTakesExactlyTheBlob(t *testing.T) {
	content := bytes.Repeat([]byte("nghe dân nói "), 10_000)
	want := Of(content)
	changed := bytes.Clone(content)
	changed[77] ^= 1
	for _, c := range []struct {
		name  string
		bytes []byte
		whole bool
	}{
		{"the blob", content, true},
		{"cut short", content[:len(content)-1], false},
		{"one byte more", append(bytes.Clone(content), 0), false},
		{"one bit changed", changed, false},
		{"nothing", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Check(want, bytes.NewReader(c.bytes))
			if c.whole != (err == nil) || (err != nil && !errors.Is(err, ErrDamaged)) {
				t.Errorf("Check = %v, want whole %v", err, c.whole)
			}
		})
	}
}

func TestSumAndOfAgree(t *testing.T) {
	for _, content := range []string{"", "a", strings.Repeat("x", ChunkSize+1)} {
		got, err := Sum(strings.NewReader(content))
		if want := Of([]byte(content)); err != nil || got != want {
			t.Errorf("Sum(%d bytes) = %v, %v, want %v", len(content), got, err, want)
		}
	}
}

func TestHashIsReadBackOnlyAsWritten(t *testing.T) {
	h := Of([]byte("một")).Hash
	if got, err := ParseHash(h.String()); err != nil || got != h {
		t.Errorf("ParseHash(%s) = %s, %v", h, got, err)
	}
	if want := "sha256/" + h.String()[:2] + "/" + h.String(); h.Path() != want {
		t.Errorf("Path = %s, want %s", h.Path(), want)
	}
	for _, bad := range []string{"", "..", h.String()[1:], strings.ToUpper(h.String()), h.String() + "00", "../../etc/passwd"} {
		if _, err := ParseHash(bad); err == nil {
			t.Errorf("ParseHash(%q) took it", bad)
		}
	}
}
