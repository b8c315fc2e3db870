package screen

import (
	"bytes"
	"encoding/binary"
	"errors"

	"nghe/shared/picture"
)

const wantPhoto = "a JPEG photo, or a WebP one without transparency and not lossless, whole and without animation, " +
	"of at most 25 million pixels; a progressive JPEG of at most 11 million, in at most 32 passes"

var errPhoto = errors.New("not a photo this kiosk takes")

// cleanPhoto takes everything out of a photo that is not its picture: where and
// when it was taken, by what, thumbnails, comments, and what follows its end. It
// takes no photo that the hub would not show. body is overwritten.
func cleanPhoto(body []byte) (clean []byte, mediaType, want string) {
	err := errPhoto
	switch {
	case bytes.HasPrefix(body, []byte("\xff\xd8\xff")):
		mediaType = "image/jpeg"
		if clean, err = cleanJPEG(body); err == nil {
			err = picture.JPEG(clean)
		}
	case len(body) >= 12 && string(body[:4]) == "RIFF" && string(body[8:12]) == "WEBP":
		mediaType = "image/webp"
		clean, err = cleanWebP(body)
	}
	if err != nil {
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
	in, out []byte
	at      int
}

func cleanJPEG(b []byte) (clean []byte, err error) {
	j := jpegFile{in: b, out: append(b[:0], 0xff, markSOI), at: 2}
	for {
		marker, err := j.marker()
		if err != nil {
			return nil, err
		}
		if marker == markEOI {
			return append(j.out, 0xff, markEOI), nil
		}
		if err := j.segment(marker); err != nil {
			return nil, err
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
	case marker >= markSOF0 && marker <= markSOF2, marker == markDHT, marker == markDQT, marker == markDRI:
		j.keep(marker, body)
		return nil
	case marker == markSOS:
		j.keep(marker, body)
		return j.scan()
	}
	return errPhoto
}

func (j *jpegFile) keep(marker byte, body []byte) {
	j.out = append(append(j.out, 0xff, marker), body...)
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

// cleanWebP keeps the picture, by RFC 9649, which a camera's is lossy and opaque.
func cleanWebP(b []byte) ([]byte, error) {
	total := 8 + int(binary.LittleEndian.Uint32(b[4:]))
	if total > len(b) || total < 12 {
		return nil, errPhoto
	}
	out := b[:12]
	for at := 12; at < total; {
		if at+8 > total {
			return nil, errPhoto
		}
		name, size := string(b[at:at+4]), int(binary.LittleEndian.Uint32(b[at+4:]))
		end := at + 8 + size + size%2
		if size < 0 || end > total {
			return nil, errPhoto
		}
		chunk := b[at:end]
		at = end
		switch name {
		case "VP8 ":
			if len(out) > 12 || lossyFits(chunk[8:8+size]) != nil {
				return nil, errPhoto
			}
			out = append(out, chunk...)
		case "VP8L", "ALPH", "ANIM", "ANMF":
			return nil, errPhoto
		}
	}
	if len(out) == 12 {
		return nil, errPhoto
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out, nil
}

// lossyFits looks at the head of a VP8 key frame (RFC 6386, 9.1).
func lossyFits(body []byte) error {
	if len(body) <= 10 || body[0]&1 != 0 || string(body[3:6]) != "\x9d\x01\x2a" {
		return errPhoto
	}
	width, height := binary.LittleEndian.Uint16(body[6:])&0x3fff, binary.LittleEndian.Uint16(body[8:])&0x3fff
	return picture.Fits(int(width), int(height), picture.NeedLossy)
}
