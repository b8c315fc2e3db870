package deletion

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"nghe/hub/ledger"
	"nghe/shared/blob"
	"nghe/shared/wire"
)

// sign stands for the hub's custody key, before and after a restore.
func sign(statement []byte) ([]byte, error) {
	sum := sha256.Sum256(append([]byte("custody"), statement...))
	return sum[:], nil
}

func (h *hub) again(unproven ...string) {
	h.t.Helper()
	if got, err := h.Again(h.t.Context()); err != nil || !slices.Equal(got, unproven) {
		h.t.Fatalf("again: not believed are %q, want %q; %v", got, unproven, err)
	}
}

// A restore from a copy that knows of no deletion: the archive remembers, and
// what a kiosk brings back is taken away again.
func TestAgainAfterRestore(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		m := message()
		s := h.archived(m)
		blobOnly := h.archived(message())
		_, err := h.Receipt(t.Context(), s.Tag, "Bà Hoa yêu cầu", "lan")
		h.ok(err)
		_, err = h.Blob(t.Context(), blobOnly.Parts[0].Hash, "theo yêu cầu", "lan")
		h.ok(err)
		h.noMark("Hoa", "lan", "yêu cầu")
		h.put(s.Parts[0]) // an older state of the bucket came back
		h.again()
		if at := h.is(s.Parts[0]); at != "" {
			t.Errorf("it came back to %s", at)
		}
		// The same archive, an empty disk.
		fresh := openHub(t, "sqlite:"+t.TempDir()+"/restored.db")
		fresh.store = h.store
		fresh.Deletions = fresh.open(Config{Spool: fresh.spool, Store: h.store, Executes: true})
		spared := h.archived(message())
		forged := fmt.Sprintf("%sreceipt-%x", marksPrefix, spared.Tag)
		h.ok(h.store.Put(t.Context(), forged, blob.Of([]byte("{}")), strings.NewReader("{}")))
		fresh.again(forged)
		list, err := fresh.List(t.Context(), 0, 10)
		if err != nil || len(list) != 2 || list[0].Done.IsZero() || list[0].At.IsZero() || !strings.Contains(list[0].Reason, "remembered") {
			t.Errorf("list = %+v, %v", list, err)
		}
		// Segments and kiosks bring the records back, and a kiosk its blob.
		p := blobOnly.Parts[0]
		fresh.kiosk.Deliver(noon, wire.Answer{Uptime: 1, Questionnaire: "message", Version: 1, Question: "message", Language: "vi",
			Attachments: []wire.Attachment{{Kind: p.Kind, Reader: 1, Hash: p.Hash, Size: p.Size}}})
		if _, _, err := fresh.spool.Append(p.Ref, 0, p.Sealed); err != nil {
			t.Fatal(err)
		}
		fresh.ok(fresh.Late(t.Context()))
		if at := fresh.is(p); at != "" {
			t.Errorf("it came back to %s", at)
		}
		if err := fresh.ledger.BlobStored(t.Context(), p.Hash, noon); !errors.Is(err, ledger.ErrDeleted) {
			t.Errorf("it may be stored again: %v", err)
		}
		fresh.again(forged) // twice is once
		told, err := fresh.Told(t.Context())
		if err != nil || len(told) != 2 {
			t.Errorf("told = %+v, %v", told, err)
		}
	})
}

// noMark wants nothing of who asked or why in the archive.
func (h *hub) noMark(words ...string) {
	h.t.Helper()
	n := 0
	h.ok(h.store.List(h.t.Context(), marksPrefix, func(key string) error {
		body, err := h.store.Get(h.t.Context(), key)
		h.ok(err)
		defer body.Close()
		var text bytes.Buffer
		_, err = text.ReadFrom(body)
		for _, w := range words {
			if strings.Contains(text.String(), w) {
				h.t.Errorf("%s says %s", key, text.String())
			}
		}
		n++
		return err
	}))
	if n == 0 {
		h.t.Error("the archive remembers nothing")
	}
}

func TestMarks(t *testing.T) {
	mark := `{"kind":%q,"name":%q,"asked_us":1}`
	for text, ok := range map[string]bool{
		fmt.Sprintf(mark, "blob", strings.Repeat("ab", 32)): true, fmt.Sprintf(mark, "receipt", strings.Repeat("ab", 16)): true,
		fmt.Sprintf(mark, "blob", strings.Repeat("ab", 16)): false, fmt.Sprintf(mark, "receipt", ""): false,
		fmt.Sprintf(mark, "case", strings.Repeat("ab", 16)): false, fmt.Sprintf(mark, "blob", "x"): false, "": false, "{}": false,
	} {
		if _, err := parseMark([]byte(text)); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A hub in a hurry is started without its archive: what is there stays to be
// deleted until it is at hand again.
func TestOrderWaitsForTheArchive(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		s := h.archived(message())
		without := h.open(Config{Spool: h.spool, Executes: true})
		d, err := without.Receipt(t.Context(), s.Tag, "theo yêu cầu", "lan")
		h.ok(err)
		if err := without.Work(t.Context()); err == nil || !d.Done.IsZero() {
			t.Errorf("done at %v without the archive, work = %v", d.Done, err)
		}
		h.ok(h.Work(t.Context()))
		if at := h.left(s); at != "" {
			t.Errorf("left is %s", at)
		}
		list, err := h.List(t.Context(), 0, 1)
		if err != nil || len(list) != 1 || list[0].Done.IsZero() || list[0].Marked.IsZero() {
			t.Errorf("with the archive %+v, %v", list, err)
		}
	})
}
