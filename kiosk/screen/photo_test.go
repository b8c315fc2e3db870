package screen

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// jpegOf is a real picture; seed makes its content.
func jpegOf(t testing.TB, width, height int, seed uint64) []byte {
	t.Helper()
	chance := rand.New(rand.NewPCG(seed, 1))
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = byte(chance.IntN(256))
	}
	img.Set(0, 0, color.White)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 80}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// segment is one of a JPEG file.
func segment(marker byte, body string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(2+len(body))), body...)
}

// behind puts segments behind the first two octets.
func behind(photo []byte, segments ...[]byte) []byte {
	return slices.Concat(photo[:2], slices.Concat(segments...), photo[2:])
}

const secretPlace = "GPS 19.7333 N 105.9000 E"

func TestJPEGKeepsItsPictureOnly(t *testing.T) {
	bare := jpegOf(t, 40, 30, 1)
	jfif := "JFIF\x00\x01\x02\x00\x00\x01\x00\x01"
	for name, c := range map[string]struct{ photo, want []byte }{
		"bare":      {bare, bare},
		"exif":      {behind(bare, segment(0xe1, "Exif\x00\x00"+secretPlace)), bare},
		"every app": {behind(bare, segment(0xe2, "ICC_PROFILE"+secretPlace), segment(0xed, secretPlace), segment(0xef, secretPlace), segment(0xee, "Adobe")), bare},
		"comment":   {behind(bare, segment(0xfe, secretPlace)), bare},
		"jfif":      {behind(bare, segment(0xe0, jfif+"\x00\x00")), behind(bare, segment(0xe0, jfif+"\x00\x00"))},
		"thumbnail": {behind(bare, segment(0xe0, jfif+"\x01\x01"+secretPlace)), behind(bare, segment(0xe0, jfif+"\x00\x00"))},
		"jfxx":      {behind(bare, segment(0xe0, "JFXX\x00"+secretPlace)), bare},
		"tail":      {slices.Concat(bare, []byte("<html>"+secretPlace)), bare},
		"second":    {slices.Concat(bare, behind(bare, segment(0xe1, secretPlace))), bare},
		"fill":      {slices.Concat(bare[:2], []byte{0xff, 0xff}, bare[2:]), bare},
	} {
		clean, mediaType, want := cleanPhoto(slices.Clone(c.photo))
		if want != "" || mediaType != "image/jpeg" || !bytes.Equal(clean, c.want) || bytes.Contains(clean, []byte(secretPlace)) {
			t.Errorf("%s: %q %q, %d bytes, want %d", name, want, mediaType, len(clean), len(c.want))
			continue
		}
		before, err1 := jpeg.Decode(bytes.NewReader(c.photo))
		after, err2 := jpeg.Decode(bytes.NewReader(clean))
		if err1 != nil || err2 != nil || !bytes.Equal(before.(*image.YCbCr).Y, after.(*image.YCbCr).Y) {
			t.Errorf("%s: another picture: %v, %v", name, err1, err2)
		}
	}
}

// size makes a JPEG claim other measures than it has.
func size(photo []byte, width, height uint16) []byte {
	photo = slices.Clone(photo)
	at := bytes.Index(photo, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(photo[at+5:], height)
	binary.BigEndian.PutUint16(photo[at+7:], width)
	return photo
}

func TestPhotoRefused(t *testing.T) {
	bare := jpegOf(t, 16, 16, 1)
	scan := bytes.Index(bare, []byte{0xff, 0xda})
	for name, photo := range map[string][]byte{
		"nothing":          nil,
		"html":             []byte("<html>"),
		"svg":              []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`),
		"gif":              []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"),
		"png":              []byte("\x89PNG\r\n\x1a\n"),
		"pdf":              []byte("%PDF-1.7"),
		"26 Mpx":           size(bare, 6500, 4000),
		"a flood":          size(bare, 65535, 65535),
		"no height":        size(bare, 16, 0),
		"no width":         size(bare, 0, 16),
		"cut in its scan":  bare[:scan+40],
		"cut before it":    bare[:scan],
		"cut in a length":  bare[:3],
		"no frame":         slices.Concat(bare[:2], bare[scan:]),
		"two frames":       behind(bare, segment(0xc0, "\x08\x00\x10\x00\x10\x01\x01\x11\x00")),
		"lossless":         behind(bare, segment(0xc3, "\x08\x00\x10\x00\x10\x01\x01\x11\x00")),
		"arithmetic":       behind(bare, segment(0xcc, "\x00")),
		"segment too long": behind(bare, []byte{0xff, 0xe1, 0xff, 0xff}),
		"length of 1":      behind(bare, []byte{0xff, 0xe1, 0, 1}),
		"no marker":        behind(bare, []byte{0, 1, 2}),
		"riff of wave":     []byte("RIFF\x04\x00\x00\x00WAVE"),
		"webp without":     []byte("RIFF\x04\x00\x00\x00WEBP"),
		"webp too long":    []byte("RIFF\xff\xff\xff\xffWEBP"),
		"webp animated":    riff(chunk("VP8X", "\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00"), chunk("ANIM", "\x00\x00\x00\x00\x00\x00")),
		"webp chunk":       riff([]byte("VP8L\xff\xff\xff\x7f")),
		"webp twice":       riff(webpLossy, webpLossy),
		"webp lossless":    riff(webpLossless),
		"webp transparent": riff(chunk("VP8X", "\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00"), chunk("ALPH", "\x00\x01"), webpLossy),
		"webp 26 Mpx":      riff(chunk("VP8 ", "\x10\x00\x00\x9d\x01\x2a\x89\x13\x88\x14"+strings.Repeat("\x00", 20))),
		"broken DQT":       behind(bare, segment(0xdb, "\x00"+secretPlace)),
		"broken DHT":       behind(bare, segment(0xc4, secretPlace)),
		"12 bits a colour": bytes.Replace(bare, []byte{0xff, 0xc0, 0, 17, 8}, []byte{0xff, 0xc0, 0, 17, 12}, 1),
		"progressive, big": bytes.Replace(size(bare, 4000, 3000), []byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1),
		"many scans":       slices.Concat(bare[:len(bare)-2], bytes.Repeat(bare[scan:len(bare)-2], 40), bare[len(bare)-2:]),
	} {
		if clean, mediaType, want := cleanPhoto(slices.Clone(photo)); want == "" {
			t.Errorf("%s: taken as %s of %d bytes", name, mediaType, len(clean))
		}
	}
}

func chunk(name, body string) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body)))
	return append(append(b, body...), make([]byte, len(body)%2)...)
}

func riff(chunks ...[]byte) []byte {
	all := slices.Concat(chunks...)
	return slices.Concat(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(all))), []byte("WEBP"), all)
}

// Pictures of one pixel, as browsers make them.
var (
	webpLossy    = mustChunk("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
	webpLossless = mustChunk("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
)

func mustChunk(text string) []byte {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b[12:]
}

func TestWebPKeepsItsPictureOnly(t *testing.T) {
	extended := func(flags string) []byte { return chunk("VP8X", flags+"\x00\x00\x00\x00\x00\x00\x00\x00\x00") }
	for name, c := range map[string]struct{ photo, want []byte }{
		"lossy":    {riff(webpLossy), riff(webpLossy)},
		"metadata": {riff(extended("\x2c"), chunk("ICCP", secretPlace), webpLossy, chunk("EXIF", secretPlace+"."), chunk("XMP ", secretPlace), chunk("mine", secretPlace)), riff(webpLossy)},
		"tail":     {slices.Concat(riff(webpLossy), []byte(secretPlace)), riff(webpLossy)},
	} {
		clean, mediaType, want := cleanPhoto(slices.Clone(c.photo))
		if want != "" || mediaType != "image/webp" || !bytes.Equal(clean, c.want) {
			t.Errorf("%s: %q %q, %x, want %x", name, want, mediaType, clean, c.want)
		}
	}
}

// FuzzCleanPhoto: no file is read beyond its end, what is taken is taken again
// unchanged, and nothing that looks like metadata stays before the picture.
func FuzzCleanPhoto(f *testing.F) {
	bare := jpegOf(f, 16, 16, 1)
	f.Add(bare)
	f.Add(behind(bare, segment(0xe1, "Exif\x00\x00"+secretPlace)))
	f.Add(riff(webpLossy))
	f.Add(riff(chunk("VP8X", strings.Repeat("\x00", 10)), webpLossy, chunk("EXIF", secretPlace)))
	f.Fuzz(func(t *testing.T, photo []byte) {
		given := len(photo)
		clean, mediaType, want := cleanPhoto(photo)
		if want != "" {
			return
		}
		if len(clean) > given {
			t.Fatalf("%d bytes of %d", len(clean), given)
		}
		again, mediaTypeAgain, want := cleanPhoto(slices.Clone(clean))
		if want != "" || mediaTypeAgain != mediaType || !bytes.Equal(again, clean) {
			t.Fatalf("cleaned twice: %q %q %x, first %x", want, mediaTypeAgain, again, clean)
		}
	})
}
