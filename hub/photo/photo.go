// Package photo makes the photos that residents took safe to show.
//
// It promises that what it returns holds pixels and nothing else, that no format
// is tried but JPEG, PNG and WebP by their own first bytes, and that a few bytes
// cannot ask for all the memory there is: sizes are read before anything is
// decoded.
//
// It recognises nobody and nothing in them.
package photo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// Limits on a photo, so that a few bytes cannot ask for all the memory there is.
const (
	maxPixels = 25_000_000
	maxBytes  = 160 << 20 // of memory while it is decoded
	quality   = 88
)

// Err says that it is no photo that can be shown.
var Err = errors.New("photo is not a JPEG, PNG or WebP within the limits")

// format is how pictures of one kind are read, and how many bytes of memory a
// pixel takes at most meanwhile.
type format struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	need   int64
}

// formatOf looks at the bytes themselves, whatever they are called. It asks no
// registry of formats: any package may put one there.
func formatOf(body []byte) format {
	switch {
	case bytes.HasPrefix(body, []byte("\x89PNG")):
		return format{png.DecodeConfig, png.Decode, 16} // 64 bits a pixel, twice when interlaced
	case bytes.HasPrefix(body, []byte("RIFF")) && lossy(body):
		return format{webp.DecodeConfig, webp.Decode, 2}
	case bytes.HasPrefix(body, []byte("RIFF")):
		return format{webp.DecodeConfig, webp.Decode, 16} // 32 bits a pixel, twice, and its tables
	case progressive(body):
		return format{jpeg.DecodeConfig, jpeg.Decode, 3 + 3*4} // and its coefficients, as 32 bits each
	}
	return format{jpeg.DecodeConfig, jpeg.Decode, 3}
}

// Redraw makes a photo anew from its pixels, as a JPEG. It may take 160 MiB of
// memory meanwhile, and the tables of a lossless WebP as much again: have one
// made at a time. Its error is an Err.
func Redraw(body []byte) ([]byte, error) {
	f := formatOf(body)
	config, err := f.config(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", Err, err)
	}
	pixels := int64(config.Width) * int64(config.Height)
	if config.Width < 1 || config.Height < 1 || pixels > maxPixels || pixels*f.need > maxBytes {
		return nil, fmt.Errorf("%w: %d by %d", Err, config.Width, config.Height)
	}
	return encode(f.decode(bytes.NewReader(body)))
}

func encode(photo image.Image, err error) ([]byte, error) {
	if err != nil {
		return nil, fmt.Errorf("%w: %w", Err, err)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, photo, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("%w: %w", Err, err)
	}
	return b.Bytes(), nil
}

// progressive looks for the frame header of a JPEG that comes in passes.
func progressive(body []byte) bool {
	for i := 2; i+4 <= len(body) && body[i] == 0xFF; {
		marker := body[i+1]
		switch {
		case marker == 0xFF: // filler
			i++
			continue
		case marker == 0xC2:
			return true
		case marker == 0xC0 || marker == 0xC1 || marker == 0xDA:
			return false
		}
		i += 2 + int(body[i+2])<<8 + int(body[i+3])
	}
	return true // not seen to be otherwise: the dearer of the two
}

// lossy looks whether the picture of a WebP file is, and has no transparency,
// which is not.
func lossy(body []byte) bool {
	const head, extended, transparent = 8, 8 + 10, 0x10 // octets of a chunk's head, of an extended file's; a flag there
	for rest := body[min(len(body), 12):]; len(rest) >= head; {
		switch name := string(rest[:4]); {
		case name == "VP8 ":
			return true
		case name == "VP8L", name == "VP8X" && (len(rest) < extended || rest[head]&transparent != 0):
			return false
		}
		size := int64(binary.LittleEndian.Uint32(rest[4:]))
		if size += size % 2; size > int64(len(rest)-head) {
			return false
		}
		rest = rest[head+size:]
	}
	return false
}
