package agent

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"nghe/kiosk/media"
	"nghe/kiosk/outbox"
	"nghe/kiosk/vitals"
	"nghe/shared/blob"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// opened is a kiosk that does nothing by itself.
func opened(t *testing.T, data string) *kiosk {
	t.Helper()
	k, err := open(Config{Data: data, Listen: "127.0.0.1:0", Room: Room{Reserve: -1}.filled(),
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.close)
	return k
}

func mustSend(t *testing.T, k *kiosk, l letter) reply {
	t.Helper()
	r := send(t, k.screen().Handler(), l)
	if r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.text)
	}
	return r
}

func count(k *kiosk, state media.State) int {
	n, _ := k.media.Count(state)
	return n
}

// timed gives a kiosk's outbox a clock that the test moves.
func timed(t *testing.T, k *kiosk) (pass func(time.Duration)) {
	t.Helper()
	if err := k.outbox.Outbox.Close(); err != nil {
		t.Fatal(err)
	}
	var mono time.Duration
	o, err := outbox.Open(outbox.Config{Dir: k.cfg.Data, Place: "qt-03", Program: "test", Monotonic: func() time.Duration { return mono }, Logger: k.log})
	if err != nil {
		t.Fatal(err)
	}
	k.outbox.Outbox = o
	return func(d time.Duration) { mono += d }
}

// A held message's blobs may be sent once its record is in the journal, also
// when a cut came between the two.
func TestHeldBlobsFollowTheirRecord(t *testing.T) {
	for name, cut := range map[string]bool{"as usual": false, "after a cut": true} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			enrolled(t, data)
			k := opened(t, data)
			pass := timed(t, k)
			r := mustSend(t, k, letter{request: "m", code: "4Q7K9M2XHT", kind: "phan-anh", reader: "named", words: "Chỉ để một người đọc.", contact: `{"name":"Lan"}`})
			if err := k.release(); err != nil || !r.Held || count(k, media.Held) != 2 || count(k, media.Pending) != 0 {
				t.Fatalf("held %v, %d blobs held, %d to be sent, %v", r.Held, count(k, media.Held), count(k, media.Pending), err)
			}
			pass(49 * time.Hour)
			if cut {
				if n, err := k.outbox.Outbox.Release(); n != 1 || err != nil {
					t.Fatal(n, err)
				}
				k.close()
				k = opened(t, data)
			} else if err := k.release(); err != nil {
				t.Fatal(err)
			}
			if count(k, media.Held) != 0 || count(k, media.Pending) != 2 {
				t.Errorf("%d blobs held, %d to be sent", count(k, media.Held), count(k, media.Pending))
			}
		})
	}
}

// A crash between a blob and its record leaves a blob that nobody names; it
// goes after a day, and those that are named stay.
func TestOrphansAreSwept(t *testing.T) {
	data := t.TempDir()
	enrolled(t, data)
	k := opened(t, data)
	mustSend(t, k, letter{request: "m", code: "4Q7K9M2XHT", kind: "phan-anh", reader: "cases", words: "Có tên."})
	orphan, err := k.media.Put([]byte("sealed, and then the power went"), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.sweep(0); err != nil || count(k, media.Pending) != 2 {
		t.Errorf("%d blobs right after, %v", count(k, media.Pending), err)
	}
	k.close()
	k = opened(t, data)
	tomorrow, err := media.Open(media.Config{Dir: filepath.Join(data, "media"), Now: func() time.Time { return time.Now().Add(25 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	k.media = tomorrow
	if err := k.sweep(0); err != nil || count(k, media.Pending) != 1 {
		t.Errorf("%d blobs a day later, %v", count(k, media.Pending), err)
	}
	if _, here := k.media.Find(orphan.Hash); here {
		t.Error("the orphan is still here")
	}
}

func TestMissingBlobIsTold(t *testing.T) {
	data := t.TempDir()
	enrolled(t, data)
	k := opened(t, data)
	mustSend(t, k, letter{request: "m", code: "4Q7K9M2XHT", kind: "phan-anh", reader: "cases", words: "Có tên.", contact: `{"name":"Lan"}`})
	for e := range k.media.In(media.Pending) {
		if err := k.media.Delete(e.Ref.Hash); err != nil {
			t.Fatal(err)
		}
		break
	}
	if err := k.sweep(0); err != nil {
		t.Fatal(err)
	}
	for _, c := range k.vitals.Conditions() {
		if c.Name == string(vitals.BlobsMissing) && c.Value == 1 {
			return
		}
	}
	t.Errorf("conditions %v", k.vitals.Conditions())
}

// What the law deletes goes from the disk when the hub tells, however far it has
// come, and the journal stays whole.
func TestDeletionByOrder(t *testing.T) {
	data := t.TempDir()
	r := enrolled(t, data)
	k := opened(t, data)
	codes := []seal.Code{"4Q7K9M2XHT", "4Q7K9M2XHV", "4Q7K9M2XHW"}
	for i, reader := range []string{"cases", "named", "cases"} {
		mustSend(t, k, letter{request: fmt.Sprint(i), code: string(codes[i]), kind: "gop-y", reader: reader, words: "Xin xóa.", contact: `{"name":"Lan"}`})
	}
	var kept []blob.Hash
	for e := range k.media.In(media.Pending) {
		kept = append(kept, e.Ref.Hash) // two of the first message, two of the third
	}
	before, err := k.outbox.Branch()
	if err != nil {
		t.Fatal(err)
	}
	k.close()
	var deleted []wire.Deletion
	for _, code := range codes[:2] {
		tag := code.Receipt().Tag
		deleted = append(deleted, wire.Deletion{Kind: wire.DeletedReceipt, Name: tag[:]})
	}
	deleted = append(deleted, wire.Deletion{Kind: wire.DeletedBlob, Name: kept[2][:]}, wire.Deletion{Kind: wire.DeletedBlob, Name: make([]byte, 32)})
	tell(t, data, r.hub, 2, wire.BulletinBody{Since: 1, Deleted: deleted})

	k = opened(t, data)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.watchDeletions(ctx) }()
	eventually(t, func() error {
		if named, err := k.outbox.Blobs(); err != nil || len(named) != 1 {
			return fmt.Errorf("%d blobs named, %w", len(named), err)
		}
		return nil
	})
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if count(k, media.Pending) != 1 || count(k, media.Held) != 0 {
		t.Errorf("%d blobs to be sent, %d held", count(k, media.Pending), count(k, media.Held))
	}
	if _, here := k.media.Find(kept[3]); !here {
		t.Error("a blob that nobody deleted is gone")
	}
	chain, held, err := k.outbox.ChainAt(before.Head.Seq)
	if err != nil || !held || chain != before.Head.Chain || k.outbox.Verify() != nil {
		t.Errorf("the journal changed: %v", err)
	}
	if err := k.sweep(0); err != nil || len(k.vitals.Conditions()) > 0 && k.vitals.Conditions()[0].Name == string(vitals.BlobsMissing) {
		t.Errorf("what was deleted is called missing: %v, %v", k.vitals.Conditions(), err)
	}
}
