package photo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"strings"
	"testing"
)

// photograph has a tail, a place and a time beside its pixels.
func photograph(t *testing.T, width, height int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, color.RGBA{uint8(x), uint8(y), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	exif := append([]byte{0xFF, 0xE1, 0, 40}, []byte("Exif\x00\x00GPS 19.7423N 105.9017E 2026  ")...)
	exif = append(exif, make([]byte, 42-len(exif))...)
	return append(append(append(bytes.Clone(b.Bytes()[:2]), exif...), b.Bytes()[2:]...), []byte("SECRET TAIL")...)
}

// webpFile is a picture of 24 by 16 that Chromium wrote, with its metadata.
func webpFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".webp")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// riff is a WebP file of chunks.
func riff(chunks ...string) []byte {
	body := "WEBP"
	for i := 0; i+1 < len(chunks); i += 2 {
		body += chunks[i] + string(binary.LittleEndian.AppendUint32(nil, uint32(len(chunks[i+1])))) + chunks[i+1] + strings.Repeat("\x00", len(chunks[i+1])%2)
	}
	return []byte("RIFF" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body)
}

// vp8 is the picture alone in a lossy file.
func vp8(t *testing.T) string {
	b := webpFile(t, "lossy")
	at := bytes.Index(b, []byte("VP8 "))
	return string(b[at+8 : at+8+int(binary.LittleEndian.Uint32(b[at+4:]))])
}

// What comes out holds pixels and nothing else; what is no photo is said to be
// none.
func TestRedraw(t *testing.T) {
	var asPNG bytes.Buffer
	if err := png.Encode(&asPNG, image.NewRGBA(image.Rect(0, 0, 30, 20))); err != nil {
		t.Fatal(err)
	}
	animated := "\x02\x00\x00\x00\x17\x00\x00\x0f\x00\x00"
	for name, c := range map[string]struct {
		photo []byte
		width int // 0: refused
	}{
		"jpeg":            {photograph(t, 64, 48), 64},
		"png":             {append(asPNG.Bytes(), "SECRET TAIL"...), 30},
		"webp":            {append(webpFile(t, "lossy"), "SECRET TAIL"...), 24},
		"webp plain":      {riff("VP8 ", vp8(t)), 24},
		"webp lossless":   {webpFile(t, "lossless"), 24},
		"webp alpha":      {webpFile(t, "alpha"), 24},
		"page":            {[]byte("<html><script>alert(1)</script>"), 0},
		"webp head alone": {[]byte("RIFF\x24\x00\x00\x00WEBPVP8 "), 0},
		"webp cut":        {webpFile(t, "lossy")[:530], 0},
		"webp animated":   {riff("VP8X", animated, "ANIM", "\x00\x00\x00\x00\x00\x00", "ANMF", strings.Repeat("\x00", 16)+"VP8 "+vp8(t)), 0},
		"webp bomb":       {riff("VP8L", "\x2f\xff\xff\xff\x0f\x00\x00"), 0},
		"webp two sizes":  {riff("VP8X", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "VP8 ", vp8(t)), 0},
		"gif":             {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), 0},
		"cut":             {photograph(t, 64, 48)[:300], 0},
		"none":            {[]byte{}, 0},
		"bomb":            {hugePNG(t, 30_000, 30_000), 0},
		"wide":            {hugePNG(t, 1<<30, 1), 0},
	} {
		drawn, err := Redraw(t.Context(), c.photo)
		if c.width == 0 {
			if !errors.Is(err, Err) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		img, bad := jpeg.Decode(bytes.NewReader(drawn))
		if err != nil || bad != nil || img.Bounds().Dx() != c.width {
			t.Errorf("%s: %v, %v", name, err, bad)
		}
		for _, secret := range []string{"SECRET TAIL", "GPS", "Exif", "sRGB"} {
			if bytes.Contains(drawn, []byte(secret)) {
				t.Errorf("%s still holds %q", name, secret)
			}
		}
	}
}

// hugePNG says it is large and has no pixels.
func hugePNG(t *testing.T, width, height uint32) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	out := b.Bytes()
	for i, v := range []uint32{width, height} {
		for j := range 4 {
			out[16+4*i+j] = byte(v >> (24 - 8*j))
		}
	}
	return fixCRC(out)
}

// A photo is judged by what it says of its size before any of it is decoded:
// 25 million pixels at most, fewer where each takes more memory.
func TestPhotoIsMeasuredFirst(t *testing.T) {
	for _, size := range [][2]uint32{{5001, 5000}, {20_000, 20_000}, {1 << 30, 1}, {4000, 4000}} { // the last as a PNG of 64 bits
		_, err := Redraw(t.Context(), hugePNG(t, size[0], size[1]))
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d by %d", size[0], size[1])) {
			t.Errorf("%d by %d: %v", size[0], size[1], err)
		}
	}
	for want, body := range map[string][]byte{
		"16384 by 16384": riff("VP8L", "\x2f\xff\xff\xff\x0f\x00\x00"),
		"5001 by 5000":   riff("VP8 ", "\x10\x00\x00\x9d\x01\x2a\x89\x13\x88\x13"+strings.Repeat("\x00", 20)),
		"4000 by 4000":   riff("VP8X", "\x10\x00\x00\x00\x9f\x0f\x00\x9f\x0f\x00", "ALPH", "\x01", "VP8 ", vp8(t)), // transparent: twice 32 bits
	} {
		if _, err := Redraw(t.Context(), body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a WebP of %s: %v", want, err)
		}
	}
	large := photograph(t, 16, 16)
	at := bytes.Index(large, []byte{0xFF, 0xC0}) + 5
	copy(large[at:], []byte{0x13, 0x88, 0x13, 0x89}) // 5000 high, 5001 wide
	if _, err := Redraw(t.Context(), large); err == nil || !strings.Contains(err.Error(), "5001 by 5000") {
		t.Errorf("a JPEG of 25 million and five thousand pixels: %v", err)
	}
}

func TestLossy(t *testing.T) {
	for name, c := range map[string]struct {
		body []byte
		want bool
	}{
		"as Chromium writes it": {webpFile(t, "lossy"), true}, "plain": {riff("VP8 ", "x"), true}, "odd chunk before": {riff("ICCP", "abc", "VP8 ", "x"), true},
		"lossless": {webpFile(t, "lossless"), false}, "transparent": {webpFile(t, "alpha"), false}, "another chunk says so": {riff("ICCP", "VP8 ", "VP8L", "x"), false},
		"short head": {riff("VP8X", "\x00"), false}, "nothing": {riff(), false}, "cut": {[]byte("RIFF"), false}, "too long": {[]byte("RIFF\xff\xff\xff\xffWEBPICCP\xff\xff\xff\xff"), false},
	} {
		if got := lossy(c.body); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A photo of thousands of passes, which take minutes, is refused; one that is
// being decoded is left when nobody waits for it.
func TestPassesAreBounded(t *testing.T) {
	if _, err := Redraw(t.Context(), passes(6040, 1736, 1500)); !errors.Is(err, Err) || !strings.Contains(err.Error(), "scans") {
		t.Errorf("1,500 passes: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Redraw(ctx, photograph(t, 640, 480)); !errors.Is(err, context.Canceled) || errors.Is(err, Err) {
		t.Errorf("nobody waits: %v", err)
	}
}

// What is asked for its next bytes after nobody waits gives none.
func TestDecodingIsLeft(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, given := &slowly{ctx, make([]byte, 10*little)}, 0
	for {
		n, err := r.Read(make([]byte, 4096))
		if given += n; err != nil {
			break
		}
		if given == 2*little {
			cancel()
		}
	}
	if given != 2*little {
		t.Errorf("%d bytes were read", given)
	}
}

// passes is a progressive photo of one pass and as many more.
func passes(width, height uint16, more int) []byte {
	segment := func(marker byte, body ...byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(2+len(body))), body...)
	}
	b := append([]byte{0xff, 0xd8}, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)...)
	size := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte{8}, height), width)
	b = append(b, segment(0xc2, append(size, 1, 1, 0x11, 0)...)...)
	b = append(b, segment(0xc4, append(append([]byte{0, 1, 1}, make([]byte, 14)...), 0, 1)...)...)
	b = append(b, segment(0xc4, append(append([]byte{0x10, 1, 1}, make([]byte, 14)...), 0xe0, 0)...)...)
	b = append(b, segment(0xda, 1, 1, 0, 0, 0, 0)...)
	b = append(b, make([]byte, (int(width)+7)/8*((int(height)+7)/8)/8+1)...)
	return append(append(b, bytes.Repeat(append(segment(0xda, 1, 1, 0, 1, 63, 0x10), make([]byte, 20)...), more)...), 0xff, 0xd9)
}

func fixCRC(b []byte) []byte {
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func FuzzRedraw(f *testing.F) {
	for _, name := range []string{"lossy", "lossless", "alpha"} {
		b, err := os.ReadFile("testdata/" + name + ".webp")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		drawn, err := Redraw(t.Context(), body)
		if (err == nil) != (len(drawn) > 0) || err != nil && !errors.Is(err, Err) {
			t.Errorf("%d octets, %v", len(drawn), err)
		}
	})
}
