package rehearsal

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	seeded "math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/kiosk/media"
	"nghe/kiosk/outbox"
	"nghe/shared/blob"
	"nghe/shared/feedback"
)

// leave keeps a message with one sealed photo of n bytes.
func (n *near) leave(size int) blob.Ref {
	n.t.Helper()
	b := make([]byte, size)
	_, _ = rand.Read(b)
	ref, err := n.media.Put(b, feedback.AttachedPhoto)
	n.far.must(err)
	_, err = n.outbox.PutMessage(fmt.Sprintf("message-%s", ref.Hash)[:40], outbox.Message{
		Questionnaire: "message", Version: 1, Question: "message", Language: "vi", Choices: []string{"gop-y"}, Content: ref.Hash, Receipt: [16]byte(ref.Hash[:16]),
		Attachments: []feedback.Attachment{{Kind: feedback.AttachedPhoto, Reader: feedback.ReaderCases, Hash: feedback.Hash(ref.Hash), Size: ref.Size}}})
	n.far.must(err)
	return ref
}

func (n *near) stored() int { count, _ := n.media.Count(media.Stored); return count }

// wholeAtHub compares a blob's bytes with its name.
func (f *far) wholeAtHub(ref blob.Ref) {
	f.t.Helper()
	body, err := f.spool.Open(ref)
	f.must(err)
	defer body.Close()
	if err := blob.Check(ref, body); err != nil {
		f.t.Errorf("at the hub: %v", err)
	}
	known, err := f.ledger.Blob(context.Background(), ref.Hash)
	if err != nil || known.Stored == 0 {
		f.t.Errorf("the ledger knows %+v, %v", known, err)
	}
}

// TestTapDuringALongUpload: a photo fills a narrow line for a long time, and
// every tap meanwhile is stored at the hub, and acknowledged, within a second.
func TestTapDuringALongUpload(t *testing.T) {
	f := sqliteFar(t)
	n := newNear(t, f)
	n.timing.Silence, n.timing.Write = 10*time.Second, 10*time.Second
	l := newLine(t, f.address)
	l.narrow.Store(160 << 10)
	l.through(n)
	n.connect()
	n.settled()
	n.leave(2 << 20)
	eventually(t, "the upload under way", func() bool { return f.intake.Stats().Chunks > 3 })
	var waits []time.Duration
	for range 10 {
		time.Sleep(150 * time.Millisecond)
		begun := time.Now()
		n.tap(1)
		n.settled()
		waits = append(waits, time.Since(begun))
	}
	if n.stored() > 0 {
		t.Fatal("the upload was over before the taps: nothing was measured")
	}
	slices.Sort(waits)
	t.Logf("10 taps during an upload over 160 KiB/s: median %v, slowest %v", waits[5].Round(time.Millisecond), waits[9].Round(time.Millisecond))
	if waits[8] > time.Second { // one may meet a busy machine
		t.Errorf("taps waited %v behind a photo", waits)
	}
	l.narrow.Store(0)
	l.cut()
	eventually(t, "the photo stored", func() bool { return n.stored() == 1 })
	exactlyOnceWith(t, f, 1, n)
}

// TestVoicesOfOneKioskKeepNobodyOut: kiosks with far more to bring than the hub
// can write take all it has, and the taps and the one voice of another arrive as
// if they were alone.
func TestVoicesOfOneKioskKeepNobodyOut(t *testing.T) {
	f := sqliteFar(t)
	var greedy []*near
	for range 3 {
		n := newNear(t, f)
		for range 48 {
			n.leave(1 << 20)
		}
		greedy = append(greedy, n)
	}
	modest := newNear(t, f)
	modest.connect()
	modest.settled()
	for _, n := range greedy {
		n.connect()
	}
	chunks := func() uint64 { return f.intake.Stats().Chunks }
	eventually(t, "the uploads under way", func() bool { return chunks() > 30 })
	begun, before := time.Now(), chunks()
	var waits []time.Duration
	for range 20 {
		time.Sleep(50 * time.Millisecond)
		tapped := time.Now()
		modest.tap(1)
		modest.settled()
		waits = append(waits, time.Since(tapped))
	}
	left := time.Now()
	ref := modest.leave(100_000)
	eventually(t, "the one voice", func() bool { return modest.stored() == 1 })
	voice := time.Since(left)
	rate := float64(chunks()-before) / time.Since(begun).Seconds()
	unsent := 0
	for _, n := range greedy {
		count, _ := n.media.Count(media.Pending)
		unsent += count
	}
	slices.Sort(waits)
	t.Logf("beside %.0f chunks a second: 20 taps, median %v, slowest %v; a voice of 100 kB %v; %d MiB still to come",
		rate, waits[10].Round(time.Millisecond), waits[19].Round(time.Millisecond), voice.Round(time.Millisecond), unsent)
	if unsent < len(greedy) {
		t.Fatal("the uploads were over before the taps: nothing was measured")
	}
	if waits[18] > time.Second || voice > 10*time.Second { // one may meet a busy machine
		t.Errorf("taps waited %v, the voice %v behind others' voices", waits, voice)
	}
	f.wholeAtHub(ref)
}

// exactlyOnceWith is exactlyOnce where some records are messages.
func exactlyOnceWith(t *testing.T, f *far, messages int, kiosks ...*near) {
	t.Helper()
	rows := f.rows()
	for _, k := range kiosks {
		for _, id := range k.thanks {
			if rows[id] != 1 {
				t.Errorf("answer %s is at the hub %d times", id, rows[id])
			}
			delete(rows, id)
		}
	}
	if len(rows) != messages {
		t.Errorf("%d more records at the hub, want %d messages", len(rows), messages)
	}
}

// A hub that lost what lay in its spool, parts and wholes, gets it again.
func TestHubLosesItsSpool(t *testing.T) {
	f := sqliteFar(t)
	n := newNear(t, f)
	l := newLine(t, f.address)
	l.through(n)
	first := n.leave(300_000)
	n.connect()
	eventually(t, "the first stored", func() bool { return n.stored() == 1 })
	l.narrow.Store(500 << 10)
	l.cut()
	second := n.leave(1 << 20)
	eventually(t, "the second under way", func() bool { now, _, _ := f.spool.Offset(second); return now > 100_000 })
	f.kill()
	f.must(os.RemoveAll(f.shelf))
	l.narrow.Store(0)
	f.start()
	eventually(t, "the second stored", func() bool { return n.stored() == 2 })
	eventually(t, "the first again", func() bool { _, whole, _ := f.spool.Offset(first); return whole })
	f.wholeAtHub(first)
	f.wholeAtHub(second)
}

// Two machines of one image bring the same blobs, each of its own.
func TestCopiedMachineBringsTheSameBlobs(t *testing.T) {
	f := sqliteFar(t)
	a := newNear(t, f)
	refs := []blob.Ref{a.leave(200_000), a.leave(200_000)}
	a.close()
	b := &near{t: t, far: f, dir: t.TempDir(), key: a.key, id: a.id, timing: a.timing, proxy: direct}
	copyAll(t, a.dir, b.dir)
	t.Cleanup(func() { b.close() })
	for _, n := range []*near{a, b} {
		n.open()
		n.connect()
		eventually(t, "all stored", func() bool { return n.stored() == 2 })
		n.close()
	}
	for _, ref := range refs {
		f.wholeAtHub(ref)
	}
	if got := f.intake.Stats().Blobs; got != 2 {
		t.Errorf("%d blobs came, want each once", got)
	}
}

const (
	photosEach = 2_900_000 // bytes; 8 of them are more than 20 MiB
	photoCount = 8
	oneMiB     = 1 << 20
)

// TestBlobsThroughCutsAndKills uploads more than 20 MiB with both programs
// killed at random and the line cut after every MiB of blobs: every hash is equal
// in the end, and a cut wasted one chunk at most.
func TestBlobsThroughCutsAndKills(t *testing.T) {
	if testing.Short() {
		t.Skip("kills real programs; run without -short")
	}
	w := newWard(t)
	w.message("first", nil) // taken once the hub has told the kiosk who reads
	w.kiosk.stop()
	l := newReader(t, w)
	l.closed.Store(true) // nothing gets through before all is there
	w.kiosk.start()
	for i := range photoCount {
		w.message(fmt.Sprintf("message-%d", i), photograph(t, uint64(i)))
	}
	kept := w.blobsOf("kiosk/media/pending") // and perhaps the words of the first
	total := int64(0)
	for _, size := range kept {
		total += size
	}
	if len(kept) < 2*photoCount || total < 20<<20 {
		t.Fatalf("%d blobs of %d bytes wait", len(kept), total)
	}
	w.kiosk.kill() // and its patience with the line
	l.every.Store(oneMiB)
	l.narrow.Store(4 << 20)
	l.closed.Store(false)
	w.kiosk.start()
	over := make(chan struct{})
	var kills kills
	var killing sync.WaitGroup
	killing.Go(func() { w.killSlowly(over, seeded.New(seeded.NewPCG(*chaos, 9)), &kills) })
	w.eventually("all blobs at the hub", func() error {
		if here := w.blobsOf("hub/spool/whole"); len(here) < len(kept) {
			return fmt.Errorf("%d of %d blobs", len(here), len(kept))
		}
		return nil
	})
	close(over)
	killing.Wait()
	w.eventually("the kiosk knows", func() error {
		if stored := w.blobsOf("kiosk/media/stored"); len(stored) < len(kept) {
			return fmt.Errorf("%d of %d blobs stored", len(stored), len(kept))
		}
		return nil
	})
	w.sameBlobs(kept)
	wasted, overhead := l.payload.Load()-total, l.raw.Load()-l.payload.Load()
	t.Logf("%d bytes of blobs; %d sent as %d chunks over %d connections, %d cut under a chunk (hub killed %d times, kiosk %d)",
		total, l.payload.Load(), l.chunks.Load(), l.dials.Load(), l.broken.Load(), kills[0].Load(), kills[1].Load())
	t.Logf("wasted: %d bytes, %.2f chunks a cut; TLS, frames, records and all else: %d bytes, %.2f %%",
		wasted, float64(wasted)/float64(l.broken.Load())/blob.ChunkSize, overhead, 100*float64(overhead)/float64(total))
	if flew := l.flew.Load(); wasted > flew || flew > l.broken.Load()*blob.ChunkSize {
		t.Errorf("%d bytes wasted, want at most the %d that were on their way in %d cuts, and those at most one chunk a cut", wasted, flew, l.broken.Load())
	}
	if wasted < 0 || l.broken.Load() < total/oneMiB/2 || kills.fewest() < 3 {
		t.Errorf("%d bytes wasted, %d cuts, kills %d: too few to prove anything", wasted, l.broken.Load(), kills.fewest())
	}
	if out, err := w.command("audit"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// killSlowly leaves both time to do something.
func (w *ward) killSlowly(over <-chan struct{}, random *seeded.Rand, kills *kills) {
	for {
		select {
		case <-over:
			return
		case <-time.After(time.Duration(400+random.IntN(900)) * time.Millisecond):
		}
		which := random.IntN(2)
		victim := []*process{w.hub, w.kiosk}[which]
		victim.kill()
		kills[which].Add(1)
		time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		victim.start()
	}
}

// blobsOf lists the blobs in a folder of the ward: the hash in a file's name,
// and its size.
func (w *ward) blobsOf(folder string) map[string]int64 {
	w.t.Helper()
	entries, err := os.ReadDir(w.path(filepath.FromSlash(folder)))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	all := map[string]int64{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // moved on meanwhile
		}
		for part := range strings.SplitSeq(e.Name(), "-") {
			if len(part) == 2*sha256.Size {
				all[part] = info.Size()
			}
		}
	}
	return all
}

// sameBlobs reads what the hub keeps.
func (w *ward) sameBlobs(want map[string]int64) {
	w.t.Helper()
	for name, size := range want {
		b, err := os.ReadFile(w.path(fmt.Sprintf("hub/spool/whole/%s-%d", name, size)))
		if sum := sha256.Sum256(b); err != nil || hex.EncodeToString(sum[:]) != name {
			w.t.Errorf("blob %s at the hub has hash %x, %v", name, sum, err)
		}
	}
}

// message posts words, and a photo if there is one, until they are acknowledged.
func (w *ward) message(request string, photo []byte) {
	w.t.Helper()
	body, contentType := messageForm(request, photo)
	w.eventually("message "+request, func() error {
		response, err := impatient.Post("http://"+w.screen+"/api/messages", contentType, bytes.NewReader(body))
		if err != nil {
			return err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode != http.StatusCreated {
			err = fmt.Errorf("%s: %s", response.Status, text)
		}
		return err
	})
}

func messageForm(request string, photo []byte) (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	add := func(name, mediaType string, content []byte) {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {mediaType},
			"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename="blob"`, name)}})
		if err == nil {
			_, err = part.Write(content)
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	consents := ""
	if photo != nil {
		consents = fmt.Sprintf(`{"purpose":"photo","text":"%x"}`, shownText("photo"))
	}
	add("message", "application/json", fmt.Appendf(nil, `{"request":%q,"code":"4Q7K9M2XHT","kind":"gop-y","reader":"cases","language":"vi",`+
		`"questionnaire":"message","version":1,"subject":"","consents":[%s]}`, request, consents))
	add("words", "text/plain", []byte("Ảnh chụp đường trước nhà văn hóa."))
	if photo != nil {
		add("photo", "image/jpeg", photo)
	}
	w.Close()
	return b.Bytes(), w.FormDataContentType()
}

// photograph is a JPEG of noise, a little under photosEach.
func photograph(t *testing.T, seed uint64) []byte {
	t.Helper()
	noise := seeded.NewChaCha8([32]byte{byte(seed)})
	for side := 2250; ; side -= 20 {
		img := image.NewGray(image.Rect(0, 0, side, side))
		_, _ = noise.Read(img.Pix)
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, nil); err != nil {
			t.Fatal(err)
		}
		if b.Len() <= photosEach {
			return b.Bytes()
		}
	}
}
