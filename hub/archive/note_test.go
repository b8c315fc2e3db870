package archive_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"

	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/shared/blob"
)

func notesOf(t *testing.T, store archive.Store) archive.Notes {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return archive.Notes{Store: store,
		Sign:   func(st []byte) ([]byte, error) { return ed25519.Sign(private, st), nil },
		Verify: func(st, sig []byte) bool { return ed25519.Verify(public, st, sig) }}
}

func plant(t *testing.T, store archive.Store, key, text string) {
	t.Helper()
	if err := store.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if err := store.Put(t.Context(), key, blob.Of([]byte(text)), strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

func TestNoteIsReadAsItWasWritten(t *testing.T) {
	n := notesOf(t, &archivetest.Memory{})
	for _, text := range []string{"", "one line", "two\nlines\n", "\n\n"} {
		key := "notes/" + blob.Of([]byte(text)).Hash.String()
		for range 2 { // the same again is fine
			if err := n.Put(t.Context(), key, []byte(text)); err != nil {
				t.Fatalf("put %q: %v", text, err)
			}
		}
		if got, err := n.Get(t.Context(), key); err != nil || string(got) != text {
			t.Errorf("get %q: %q %v", text, got, err)
		}
	}
	if err := n.Put(t.Context(), "notes/long", bytes.Repeat([]byte{'x'}, 9<<10)); err == nil {
		t.Error("a note that could not be read again was put")
	}
}

func TestOtherNoteOfThisHubStays(t *testing.T) {
	n := notesOf(t, &archivetest.Memory{})
	if err := n.Put(t.Context(), "notes/a", []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := n.Put(t.Context(), "notes/a", []byte("second")); !errors.Is(err, archive.ErrExists) {
		t.Errorf("second put: %v, want ErrExists", err)
	}
	if got, err := n.Get(t.Context(), "notes/a"); err != nil || string(got) != "first" {
		t.Errorf("get: %q %v", got, err)
	}
}

// Whoever can write to the archive can neither speak for the hub nor keep it
// from speaking.
func TestForgedNoteIsNotBelieved(t *testing.T) {
	store := &archivetest.Memory{}
	n := notesOf(t, store)
	if err := n.Put(t.Context(), "notes/true", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	body, _ := store.Get(t.Context(), "notes/true")
	var honest bytes.Buffer
	_, _ = honest.ReadFrom(body)
	if err := notesOf(t, store).Put(t.Context(), "notes/other-hub", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	for key, text := range map[string]string{
		"notes/empty": "", "notes/json": "{}", "notes/moved": honest.String(),
		"notes/changed": strings.Replace(honest.String(), "kept", "lost", 1),
		"notes/cut":     honest.String()[:len(honest.String())-10],
		"notes/more":    "more\n" + honest.String(),
		"notes/long":    strings.Repeat("x", 1<<20),
	} {
		plant(t, store, key, text)
	}
	var believed []string
	unproven, err := n.All(t.Context(), "notes/", func(key string, text []byte) error {
		believed = append(believed, key+"="+string(text))
		return nil
	})
	if err != nil || !slices.Equal(believed, []string{"notes/true=kept"}) || len(unproven) != 8 {
		t.Errorf("believed %q, unproven %q, %v", believed, unproven, err)
	}
	if err := n.Put(t.Context(), "notes/json", []byte("true now")); err != nil {
		t.Fatalf("put where a forged one stands: %v", err)
	}
	if got, err := n.Get(t.Context(), "notes/json"); err != nil || string(got) != "true now" {
		t.Errorf("get: %q %v", got, err)
	}
}
