// Package photo makes the photos that residents took safe to show.
//
// It promises that what it returns holds pixels and nothing else, that no format
// is tried but JPEG, PNG and WebP by their own first bytes, that a few bytes
// cannot ask for all the memory or time there is: sizes and passes are counted
// before anything is decoded; and that it stops soon when nobody waits any more.
//
// It recognises nobody and nothing in them.
package photo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"

	"nghe/shared/picture"
)

const quality = 88

// Err says that it is no photo that can be shown.
var Err = errors.New("photo is not a JPEG, PNG or WebP within the limits")

// format is how pictures of one kind are read, and how many bytes of memory a
// pixel takes at most meanwhile; 0 for JPEG, which is judged by its segments.
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
		return format{png.DecodeConfig, png.Decode, picture.NeedLossless}
	case bytes.HasPrefix(body, []byte("RIFF")) && lossy(body):
		return format{webp.DecodeConfig, webp.Decode, picture.NeedLossy}
	case bytes.HasPrefix(body, []byte("RIFF")):
		return format{webp.DecodeConfig, webp.Decode, picture.NeedLossless}
	}
	return format{decode: jpeg.Decode}
}

// Redraw makes a photo anew from its pixels, as a JPEG. It may take 160 MiB of
// memory meanwhile, and the tables of a lossless WebP as much again: have one
// made at a time. It ends early with ctx, and with its cause; any other error is an Err.
func Redraw(ctx context.Context, body []byte) ([]byte, error) {
	f := formatOf(body)
	if err := f.judge(body); err != nil {
		return nil, fmt.Errorf("%w: %w", Err, err)
	}
	img, err := f.decode(&slowly{ctx, body})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("redraw photo: %w", context.Cause(ctx))
	}
	return encode(img, err)
}

// judge looks at what a photo says of itself before any of it is decoded.
func (f format) judge(body []byte) error {
	if f.need == 0 {
		return picture.JPEG(body)
	}
	config, err := f.config(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return picture.Fits(config.Width, config.Height, f.need)
}

// slowly hands out a little at a time, so that a decoder often asks whether to
// go on: a pass over all the pixels may stand in some 20 bytes.
type slowly struct {
	ctx  context.Context
	rest []byte
}

const little = 256

func (s *slowly) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.rest[:min(little, len(s.rest))])
	s.rest = s.rest[n:]
	return n, nil
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
