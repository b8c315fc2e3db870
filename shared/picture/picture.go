// Package picture says which photos may be sent and can be shown: one rule for
// the kiosk that takes a photo and for the hub that decodes it.
//
// It promises that a photo it lets pass fits the memory and the time the hub has
// for it, and that its tables are those a decoder takes. It judges by a file's
// own bytes, and decodes no more than one block of eight by eight pixels.
package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
)

// Limits on a photo, so that a few bytes cannot ask for all the memory or all
// the time there is.
const (
	MaxPixels = 25_000_000
	MaxMemory = 160 << 20 // bytes, while it is decoded
	MaxPasses = 32        // of a progressive JPEG; cameras and programs make about ten
	maxScans  = 4         // of any other: one for each component
)

// Bytes of memory that a pixel takes at most while it is decoded.
const (
	NeedJPEG        = 3
	NeedProgressive = 3 + 3*4 // and its coefficients, as 32 bits each
	NeedLossy       = 2       // WebP
	NeedLossless    = 16      // WebP, 32 bits a pixel, twice, and its tables; PNG, 64 bits, twice
)

// Err says that it is no photo that may be sent and shown.
var Err = errors.New("photo is not within the limits")

// Fits says whether a picture of that size can be decoded. Its error is an Err.
func Fits(width, height int, need int64) error {
	pixels := int64(width) * int64(height)
	if width < 1 || height < 1 || pixels > MaxPixels || pixels*need > MaxMemory {
		return fmt.Errorf("%w: %d by %d", Err, width, height)
	}
	return nil
}

// Markers of JPEG (ITU-T T.81, table B.1).
const (
	markSOF0 = 0xc0 // baseline
	markSOF2 = 0xc2 // progressive
	markRST0 = 0xd0
	markRST7 = 0xd7
	markEOI  = 0xd9
	markSOS  = 0xda
)

// layout is what the segments of a JPEG file say.
type layout struct {
	frame       int // where the height stands, in two octets, before the width; 0: nowhere
	progressive bool
	scans       int
}

// JPEG says whether a JPEG photo can be shown. Its error is an Err.
func JPEG(body []byte) error {
	l, whole := walk(body)
	if !whole || l.frame == 0 {
		return fmt.Errorf("%w: no whole JPEG", Err)
	}
	need, scans := int64(NeedJPEG), maxScans
	if l.progressive {
		need, scans = NeedProgressive, MaxPasses
	}
	height, width := binary.BigEndian.Uint16(body[l.frame:]), binary.BigEndian.Uint16(body[l.frame+2:])
	if err := Fits(int(width), int(height), need); err != nil {
		return err
	}
	if l.scans < 1 || l.scans > scans {
		return fmt.Errorf("%w: %d scans", Err, l.scans)
	}
	return tables(body, l.frame)
}

// tables has a decoder read every table and the start of every scan, by telling
// it that the picture is one pixel: it passes over the rest.
func tables(body []byte, frame int) error {
	one := io.MultiReader(bytes.NewReader(body[:frame]), bytes.NewReader([]byte{0, 1, 0, 1}), bytes.NewReader(body[frame+4:]))
	if _, err := jpeg.Decode(one); err != nil {
		return fmt.Errorf("%w: %w", Err, err)
	}
	return nil
}

// walk goes over the segments of a file up to its end.
func walk(b []byte) (l layout, whole bool) {
	if len(b) < 2 || b[0] != 0xff || b[1] != 0xd8 {
		return l, false
	}
	for at := 2; at+1 < len(b); {
		marker := b[at+1]
		switch {
		case b[at] != 0xff, marker == 0, marker == 0xff, marker >= markRST0 && marker <= markRST7: // coded, or filler
			at++
			continue
		case marker == markEOI:
			return l, true
		case at+4 > len(b):
			return l, false
		case marker >= markSOF0 && marker <= markSOF2 && l.frame == 0 && at+9 <= len(b):
			l.frame, l.progressive = at+5, marker == markSOF2
		case marker == markSOS:
			l.scans++
		}
		at += 2 + int(binary.BigEndian.Uint16(b[at+2:]))
	}
	return l, false
}
