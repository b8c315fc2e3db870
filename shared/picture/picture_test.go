package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"strings"
	"testing"
	"time"
)

func segment(marker byte, body ...byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(2+len(body))), body...)
}

// passes is a progressive photo of one colour that comes in one pass and as many
// more, each of a few bytes.
func passes(width, height uint16, more int) []byte {
	b := append([]byte{0xff, 0xd8}, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)...)
	size := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte{8}, height), width)
	b = append(b, segment(markSOF2, append(size, 1, 1, 0x11, 0)...)...)
	b = append(b, segment(0xc4, append(append([]byte{0, 1, 1}, make([]byte, 14)...), 0, 1)...)...)
	b = append(b, segment(0xc4, append(append([]byte{0x10, 1, 1}, make([]byte, 14)...), 0xe0, 0)...)...)
	blocks := (int(width) + 7) / 8 * ((int(height) + 7) / 8)
	b = append(b, segment(markSOS, 1, 1, 0, 0, 0, 0)...)
	b = append(b, make([]byte, (blocks+7)/8)...) // every block as the one before
	scan := append(segment(markSOS, 1, 1, 0, 1, 63, 0x10), bytes.Repeat([]byte{0xaa}, (2*blocks+7)/8)...)
	return append(append(b, bytes.Repeat(scan, more)...), 0xff, markEOI)
}

func baseline(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// told makes a JPEG claim another size.
func told(body []byte, width, height uint16) []byte {
	l, _ := walk(body)
	body = bytes.Clone(body)
	binary.BigEndian.PutUint16(body[l.frame:], height)
	binary.BigEndian.PutUint16(body[l.frame+2:], width)
	return body
}

// behind puts segments behind the first two octets.
func behind(photo []byte, segments ...[]byte) []byte {
	return append(append(bytes.Clone(photo[:2]), bytes.Join(segments, nil)...), photo[2:]...)
}

func TestJPEG(t *testing.T) {
	plain := baseline(t, 40, 30)
	scan := bytes.Index(plain, []byte{0xff, markSOS})
	for name, c := range map[string]struct {
		body []byte
		fits bool
	}{
		"baseline":                {plain, true},
		"with a tail and a place": {append(behind(plain, segment(0xe1, []byte("Exif\x00\x00GPS")...)), "tail"...), true},
		"progressive":             {passes(64, 48, MaxPasses-1), true},
		"25 million":              {told(plain, 5000, 5000), true},
		"more":                    {told(plain, 5000, 5001), false},
		"11 million in passes":    {told(passes(64, 48, 1), 4000, 2750), true},
		"12 million in passes":    {told(passes(64, 48, 1), 4000, 3000), false},
		"a pass too many":         {passes(64, 48, MaxPasses), false},
		"scans of a baseline":     {append(bytes.Clone(plain[:len(plain)-2]), bytes.Repeat(plain[scan:len(plain)-2], maxScans)...), false},
		"without pixels":          {told(plain, 0, 30), false},
		"12 bits a colour":        {bytes.Replace(plain, []byte{0xff, markSOF0, 0, 17, 8}, []byte{0xff, markSOF0, 0, 17, 12}, 1), false},
		"broken DQT":              {behind(plain, segment(0xdb, 0, 1, 2)), false},
		"DQT of junk":             {behind(plain, segment(0xdb, []byte("<script>")...)), false},
		"DHT of junk":             {behind(plain, segment(0xc4, []byte("GPS 18.7 105.7")...)), false},
		"cut":                     {plain[:len(plain)-2], false},
		"cut in a segment":        {plain[:scan+3], false},
		"no frame":                {append(bytes.Clone(plain[:2]), plain[scan:]...), false},
		"no scan":                 {append(bytes.Clone(plain[:scan]), 0xff, markEOI), false},
		"a page":                  {[]byte("<html>"), false},
		"nothing":                 {nil, false},
	} {
		err := JPEG(c.body)
		if (err == nil) != c.fits || err != nil && !errors.Is(err, Err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is let through is decoded whole, and soon: as many passes as there may be
// over as many pixels.
func TestTheDearestPhoto(t *testing.T) {
	body := passes(4000, 2750, MaxPasses-1)
	if err := JPEG(body); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := jpeg.Decode(bytes.NewReader(body)); err != nil {
		t.Error(err)
	}
	t.Logf("%d bytes decoded in %v", len(body), time.Since(began))
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		width, height int
		need          int64
		fits          bool
	}{
		{5000, 5000, NeedJPEG, true}, {5000, 5001, NeedJPEG, false}, {5000, 5000, NeedLossy, true}, {3200, 3200, NeedLossless, true},
		{3300, 3300, NeedLossless, false}, {0, 10, 1, false}, {10, -1, 1, false}, {1 << 30, 1, 1, false},
	} {
		if err := Fits(c.width, c.height, c.need); (err == nil) != c.fits || err != nil && !strings.Contains(err.Error(), " by ") {
			t.Errorf("%d by %d at %d bytes: %v", c.width, c.height, c.need, err)
		}
	}
}

// FuzzJPEG: nothing is read beyond its end.
func FuzzJPEG(f *testing.F) {
	f.Add(passes(16, 16, 2))
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := JPEG(body); err != nil && !errors.Is(err, Err) {
			t.Error(err)
		}
	})
}
