package screen

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// maxPixels of a photo. Whoever decodes it takes four bytes for each.
const maxPixels = 25_000_000

const wantPhoto = "a JPEG or WebP photo of at most 25 million pixels, whole and without animation"

var errPhoto = errors.New("not a photo this kiosk takes")

// cleanPhoto takes everything out of a photo that is not its picture: where and
// when it was taken, by what, thumbnails, comments, and what follows its end.
// It decodes no pixel. body is overwritten.
func cleanPhoto(body []byte) (clean []byte, mediaType, want string) {
	var width, height int
	var err error
	switch {
	case bytes.HasPrefix(body, []byte("\xff\xd8\xff")):
		mediaType = "image/jpeg"
		clean, width, height, err = cleanJPEG(body)
	case len(body) >= 12 && string(body[:4]) == "RIFF" && string(body[8:12]) == "WEBP":
		mediaType = "image/webp"
		clean, width, height, err = cleanWebP(body)
	default:
		err = errPhoto
	}
	if err != nil || width <= 0 || height <= 0 || width*height > maxPixels {
		return nil, "", wantPhoto
	}
	return clean, mediaType, ""
}

// Markers of JPEG (ITU-T T.81, table B.1).
const (
	markSOF0 = 0xc0 // baseline
	markSOF2 = 0xc2 // progressive
	markDHT  = 0xc4
	markSOI  = 0xd8
	markEOI  = 0xd9
	markSOS  = 0xda
	markDQT  = 0xdb
	markDRI  = 0xdd
	markAPP0 = 0xe0
	markAPPF = 0xef
	markCOM  = 0xfe
)

// jpegFile walks the segments of a file and writes those it keeps over its start:
// never ahead of where it reads.
type jpegFile struct {
	in, out       []byte
	at            int
	width, height int
}

func cleanJPEG(b []byte) (clean []byte, width, height int, err error) {
	j := jpegFile{in: b, out: append(b[:0], 0xff, markSOI), at: 2}
	for {
		marker, err := j.marker()
		if err != nil {
			return nil, 0, 0, err
		}
		if marker == markEOI {
			return append(j.out, 0xff, markEOI), j.width, j.height, nil
		}
		if err := j.segment(marker); err != nil {
			return nil, 0, 0, err
		}
	}
}

// marker reads the next one, behind any number of fill octets.
func (j *jpegFile) marker() (byte, error) {
	if j.at >= len(j.in) || j.in[j.at] != 0xff {
		return 0, errPhoto
	}
	for j.at < len(j.in) && j.in[j.at] == 0xff {
		j.at++
	}
	if j.at >= len(j.in) {
		return 0, errPhoto
	}
	j.at++
	return j.in[j.at-1], nil
}

func (j *jpegFile) segment(marker byte) error {
	if j.at+2 > len(j.in) {
		return errPhoto
	}
	size := int(binary.BigEndian.Uint16(j.in[j.at:]))
	if size < 2 || j.at+size > len(j.in) {
		return errPhoto
	}
	body := j.in[j.at : j.at+size] // begins with its length
	j.at += size
	switch {
	case marker == markAPP0 && size >= 16 && bytes.HasPrefix(body[2:], []byte("JFIF\x00")):
		head := [14]byte(body[:14])
		head[0], head[1] = 0, 16
		j.out = append(append(j.out, 0xff, markAPP0), head[:]...)
		j.out = append(j.out, 0, 0) // no thumbnail
		return nil
	case marker >= markAPP0 && marker <= markAPPF, marker == markCOM:
		return nil
	case marker >= markSOF0 && marker <= markSOF2:
		return j.frame(marker, body)
	case marker == markDHT, marker == markDQT, marker == markDRI:
		j.keep(marker, body)
		return nil
	case marker == markSOS && j.width > 0:
		j.keep(marker, body)
		return j.scan()
	}
	return errPhoto
}

func (j *jpegFile) keep(marker byte, body []byte) {
	j.out = append(append(j.out, 0xff, marker), body...)
}

func (j *jpegFile) frame(marker byte, body []byte) error {
	if len(body) < 8 || j.width > 0 {
		return errPhoto
	}
	j.height, j.width = int(binary.BigEndian.Uint16(body[3:])), int(binary.BigEndian.Uint16(body[5:]))
	if j.width == 0 || j.height == 0 {
		return errPhoto
	}
	j.keep(marker, body)
	return nil
}

// scan copies coded data up to the next marker that is not one of its own.
func (j *jpegFile) scan() error {
	for from := j.at; j.at+1 < len(j.in); j.at++ {
		next := j.in[j.at+1]
		if j.in[j.at] != 0xff || next == 0 || next >= 0xd0 && next <= 0xd7 || next == 0xff {
			continue
		}
		j.out = append(j.out, j.in[from:j.at]...)
		return nil
	}
	return errPhoto // it is cut off
}

// Bits of the flags of an extended WebP file.
const (
	webpAlpha    = 0x10
	webpAnimated = 0x02
)

// cleanWebP keeps the picture and its transparency, by RFC 9649.
func cleanWebP(b []byte) (clean []byte, width, height int, err error) {
	total := 8 + int(binary.LittleEndian.Uint32(b[4:]))
	if total > len(b) || total < 12 {
		return nil, 0, 0, errPhoto
	}
	out, seen := b[:12], ""
	for at := 12; at < total; {
		if at+8 > total {
			return nil, 0, 0, errPhoto
		}
		name, size := string(b[at:at+4]), int(binary.LittleEndian.Uint32(b[at+4:]))
		end := at + 8 + size + size%2
		if size < 0 || end > total {
			return nil, 0, 0, errPhoto
		}
		chunk := b[at:end]
		at = end
		switch name {
		case "VP8 ", "VP8L", "VP8X":
			w, h, ok := webpSize(name, chunk[8:8+size])
			if !ok || seen != "" && (seen != "VP8X" || name == "VP8X" || w != width || h != height) {
				return nil, 0, 0, errPhoto
			}
			seen, width, height = name, w, h
		case "ALPH":
			if seen != "VP8X" {
				return nil, 0, 0, errPhoto
			}
		default:
			continue // metadata, profiles, and whatever else is no picture
		}
		out = append(out, chunk...)
	}
	if seen != "VP8 " && seen != "VP8L" {
		return nil, 0, 0, errPhoto
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out, width, height, nil
}

// webpSize reads the size of a picture. Of an extended header it leaves only
// what is said of transparency.
func webpSize(name string, body []byte) (width, height int, ok bool) {
	switch {
	case name == "VP8X" && len(body) == 10 && body[0]&webpAnimated == 0:
		body[0] &= webpAlpha
		return 1 + int(body[4]) + int(body[5])<<8 + int(body[6])<<16, 1 + int(body[7]) + int(body[8])<<8 + int(body[9])<<16, true
	case name == "VP8L" && len(body) > 5 && body[0] == 0x2f:
		bits := binary.LittleEndian.Uint32(body[1:])
		return 1 + int(bits&0x3fff), 1 + int(bits>>14&0x3fff), true
	case name == "VP8 " && len(body) > 10 && body[0]&1 == 0 && string(body[3:6]) == "\x9d\x01\x2a":
		return int(binary.LittleEndian.Uint16(body[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(body[8:]) & 0x3fff), true
	}
	return 0, 0, false
}
