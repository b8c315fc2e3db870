package archive_test

import (
	"errors"
	"strings"
	"testing"

	"nghe/hub/archive"
	"nghe/hub/archive/archivetest"
	"nghe/shared/blob"
)

func TestOnlyItsHubChangesAnArchive(t *testing.T) {
	store := &archivetest.Memory{}
	ours := archive.Own(notesOf(t, store), "ours")
	if taken, err := archive.Taken(t.Context(), store); taken || err != nil {
		t.Errorf("an empty archive is taken: %t %v", taken, err)
	}
	put := func(o *archive.Owned, key string) error {
		return o.Put(t.Context(), key, blob.Of([]byte(key)), strings.NewReader(key))
	}
	if err := put(ours, "a"); err != nil {
		t.Fatal(err)
	}
	if taken, err := archive.Taken(t.Context(), store); !taken || err != nil {
		t.Errorf("an archive in use is free: %t %v", taken, err)
	}
	theirs := archive.Own(notesOf(t, store), "theirs")
	for what, err := range map[string]error{"put": put(theirs, "b"), "delete": theirs.Delete(t.Context(), "a"), "claim": theirs.Claim(t.Context())} {
		if !errors.Is(err, archive.ErrForeign) || !errors.Is(err, archive.ErrSetup) {
			t.Errorf("%s by another hub: %v", what, err)
		}
	}
	if body, err := theirs.Get(t.Context(), "a"); err != nil {
		t.Errorf("read by another hub: %v", err)
	} else {
		body.Close()
	}
	if err := ours.Delete(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}

func TestArchiveThatIsAwayIsClaimedLater(t *testing.T) {
	store := &archivetest.Failing{}
	o := archive.Own(notesOf(t, store), "ours")
	store.Fail(func(string, string) archivetest.Fault { return archivetest.Refused })
	if err := o.Claim(t.Context()); err == nil || errors.Is(err, archive.ErrForeign) {
		t.Errorf("claim while it is away: %v", err)
	}
	store.Fail(nil)
	if err := o.Put(t.Context(), "a", blob.Of([]byte("a")), strings.NewReader("a")); err != nil {
		t.Error(err)
	}
}
