package bulletin

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"nghe/shared/clip"
	"nghe/shared/wire"
)

// recordingOf is one in Ogg Opus, of about so many bytes that nothing packs.
func recordingOf(seed uint64, size int) string {
	random := rand.New(rand.NewPCG(seed, 0))
	page := func(flags byte, body []byte) []byte {
		p := append([]byte("OggS\x00"), flags)
		p = append(append(p, make([]byte, 20)...), byte(len(body)/255+1))
		p = append(append(p, bytes.Repeat([]byte{255}, len(body)/255)...), byte(len(body)%255))
		return append(p, body...)
	}
	sound := page(2, []byte("OpusHead"))
	for len(sound) < size {
		body := make([]byte, 4000)
		for at := 0; at < len(body); at += 8 {
			binary.LittleEndian.PutUint64(body[at:], random.Uint64())
		}
		sound = append(sound, page(0, body)...)
	}
	return string(append(sound, page(4, nil)...))
}

// plays is what a reader can play: recordings whose pieces are all there.
func (r *reader) plays() map[string]string {
	all := map[string]string{}
	for name, parts := range r.clips {
		var sound []byte
		for n := range len(parts) {
			sound = append(sound, parts[uint16(n)].Octets...)
		}
		first := parts[0]
		if len(parts) > 0 && len(parts) == int(first.Parts) && sha256.Sum256(sound) == first.Sum {
			all[name] = string(sound)
		}
	}
	return all
}

func (o *office) publish(files map[string]string) Published {
	o.t.Helper()
	p, err := o.Publish(o.t.Context(), folder(o.t, files), "lan")
	if err != nil {
		o.t.Fatal(err)
	}
	o.refresh()
	return p
}

func TestRecordingsAreTold(t *testing.T) {
	conformance(t, func(o *office) {
		long, short := recordingOf(1, 100_000), recordingOf(2, 4_000)
		files := map[string]string{
			"speech/vi/chao.ogg": long, "speech/vi/chao.txt": "\ufeffXin chào bà con.\r\n",
			"speech/en/hello.opus": short, "speech/en/hello.txt": "Hello.", "questionnaires/q.json": question,
		}
		p := o.publish(files)
		if p.Recordings != 2 || p.Bytes < len(long)+len(short) {
			t.Errorf("published %+v", p)
		}
		r, old := o.reader(), o.reader()
		old.old = true
		r.catchUp()
		if got := r.plays(); len(got) != 2 || got[clip.Name("vi", "Xin chào bà con.")] != long || got[clip.Name("en", "Hello.")] != short {
			t.Errorf("a kiosk plays %d recordings", len(got))
		}
		if r.bytes > r.frames*40_000 || r.frames > 8 {
			t.Errorf("%d bytes in %d frames", r.bytes, r.frames)
		}
		if old.catchUp(); len(old.clips) != 0 || old.version != r.version || old.sheet == nil || old.bytes > 4_000 {
			t.Errorf("a kiosk that knows no recordings is at %d of %d after %d bytes, with pieces of %d", old.version, r.version, old.bytes, len(old.clips))
		}
		head := o.Head()
		if o.publish(files); o.Head() != head {
			t.Error("publishing the same again made a version")
		}
		other := recordingOf(3, 40_000)
		files["speech/vi/chao.ogg"] = other
		delete(files, "speech/en/hello.opus")
		delete(files, "speech/en/hello.txt")
		o.publish(files)
		before := r.bytes
		if r.catchUp(); len(r.plays()) != 1 || r.plays()[clip.Name("vi", "Xin chào bà con.")] != other || len(r.clips[clip.Name("vi", "Xin chào bà con.")]) != 3 {
			t.Errorf("after a change a kiosk plays %d recordings", len(r.plays()))
		}
		if r.bytes-before > 44_000 {
			t.Errorf("a change of 40 kB took %d bytes", r.bytes-before)
		}
		o.mu.Lock()
		o.epoch++
		o.mu.Unlock()
		o.refresh()
		late := o.reader().catchUp()
		if r.catchUp(); len(late.plays()) != 1 || r.plays()[clip.Name("vi", "Xin chào bà con.")] != other {
			t.Errorf("in a new time a kiosk plays %d recordings, a new one %d", len(r.plays()), len(late.plays()))
		}
		o.publish(map[string]string{"questionnaires/q.json": question})
		if r.catchUp(); len(r.plays()) != 0 {
			t.Error("what is published no more is still played")
		}
	})
}

// Boxes told meanwhile are told all the same, and a kiosk that is cut off at any
// frame goes on where it was.
func TestRecordingsAmongOtherNews(t *testing.T) {
	conformance(t, func(o *office) {
		files := map[string]string{}
		for n := range 6 {
			files[fmt.Sprintf("speech/vi/%d.ogg", n)] = recordingOf(uint64(n), 30_000+n*7_000)
			files[fmt.Sprintf("speech/vi/%d.txt", n)] = fmt.Sprint("Câu ", n)
		}
		for n := range 900 {
			o.set(n, bare("received"))
		}
		o.publish(files)
		cut := o.reader()
		for n := range 30 {
			o.set(n*20, bare("answered"))
			o.refresh()
			cut.one(n == 0)
		}
		cut.catchUp().whole()
		if len(cut.plays()) != 6 {
			t.Errorf("plays %d recordings of 6", len(cut.plays()))
		}
	})
}

func TestPublishRefusesRecordings(t *testing.T) {
	o := newOffice(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	sound := recordingOf(1, 3_000)
	for name, c := range map[string]struct {
		files      map[string]string
		file, want string
	}{
		"no text":         {map[string]string{"speech/vi/a.ogg": sound}, "speech/vi/a.txt", "missing"},
		"no recording":    {map[string]string{"speech/vi/a.txt": "Xin chào"}, "speech/vi/a.txt", "no recording"},
		"empty text":      {map[string]string{"speech/vi/a.ogg": sound, "speech/vi/a.txt": " \n"}, "speech/vi/a.txt", "write something"},
		"loose marks":     {map[string]string{"speech/vi/a.ogg": sound, "speech/vi/a.txt": "Xin cha\u0300o"}, "speech/vi/a.txt", "NFC"},
		"no Ogg":          {map[string]string{"speech/vi/a.ogg": "ID3…", "speech/vi/a.txt": "Xin"}, "speech/vi/a.ogg", "Ogg Opus"},
		"cut off":         {map[string]string{"speech/vi/a.ogg": sound[:2_000], "speech/vi/a.txt": "Xin"}, "speech/vi/a.ogg", "cut off"},
		"too long":        {map[string]string{"speech/vi/a.ogg": recordingOf(1, maxFile), "speech/vi/a.txt": "Xin"}, "speech/vi/a.ogg", "256 KiB"},
		"another kind":    {map[string]string{"speech/vi/a.mp3": sound, "speech/vi/a.txt": "Xin"}, "speech/vi/a.mp3", "*.ogg"},
		"a folder below":  {map[string]string{"speech/vi/b/a.ogg": sound}, "speech/vi/b", "no meaning"},
		"no language":     {map[string]string{"speech/a.ogg": sound, "speech/a.txt": "Xin"}, "speech/a.ogg", "each language"},
		"a wrong one":     {map[string]string{"speech/vn/a.ogg": sound, "speech/vn/a.txt": "Xin"}, "speech/vn", "zh-Hans"},
		"one text twice":  {map[string]string{"speech/vi/a.ogg": sound, "speech/vi/a.txt": "Xin", "speech/vi/b.ogg": sound, "speech/vi/b.txt": "Xin "}, "speech/vi/b.ogg", "speech/vi/a.ogg already"},
		"both endings":    {map[string]string{"speech/vi/a.ogg": sound, "speech/vi/a.opus": sound, "speech/vi/a.txt": "Xin"}, "speech/vi/a.opus", "already"},
		"a file for them": {map[string]string{"speech": "x"}, "speech", "no meaning"},
	} {
		_, err := o.Publish(t.Context(), folder(t, c.files), "")
		told := (*Refused)(nil)
		if !errors.As(err, &told) || told.File != c.file || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (%+v), want %s with %q", name, err, told, c.file, c.want)
		}
	}
	many := map[string]string{}
	for n := range 40 {
		many[fmt.Sprintf("speech/vi/%02d.ogg", n)], many[fmt.Sprintf("speech/vi/%02d.txt", n)] = recordingOf(1, 240_000), fmt.Sprint("Câu ", n)
	}
	if _, err := o.Publish(t.Context(), folder(t, many), ""); err == nil || !strings.Contains(err.Error(), "8 MiB") {
		t.Errorf("forty minutes of sound: %v", err)
	}
	if o.refresh(); len(o.reader().catchUp().clips) != 0 {
		t.Error("something refused was told")
	}
}

// The largest piece fits a frame with the largest sheet.
func TestPieceIsSmallEnough(t *testing.T) {
	if perPart > wire.MaxClipPart || 2*(perPart+200) > perFrame || 3*perPart < perFrame || perPart+200 > perVersion {
		t.Errorf("pieces of %d bytes, versions of %d, frames of %d", perPart, perVersion, perFrame)
	}
}
