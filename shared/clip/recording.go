package clip

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// MaxRecording is the length of one recording in bytes: a minute and a half at
// 24 kbit/s.
const MaxRecording = 256 << 10

// Type of every recording.
const Type = "audio/ogg; codecs=opus"

var (
	errNotOpus = errors.New("is no recording in Ogg Opus; make one with: opusenc --bitrate 24 --downmix-mono")
	errCut     = errors.New("is cut off, or something follows the recording; export it again")
	errLong    = errors.New("is longer than 256 KiB; read the text sentence by sentence, or at fewer bits")
)

// Check says what is wrong with a recording. It looks at the frame, one logical
// stream from its first page to its last, and does not decode it.
func Check(recording []byte) error {
	if len(recording) > MaxRecording {
		return errLong
	}
	first, rest, ok := page(recording)
	if !ok || first.flags&firstPage == 0 || !bytes.HasPrefix(first.body, []byte("OpusHead")) {
		return errNotOpus
	}
	last := first
	for len(rest) > 0 {
		if last.flags&lastPage != 0 {
			return errCut
		}
		if last, rest, ok = page(rest); !ok || last.serial != first.serial {
			return errCut
		}
	}
	if last.flags&lastPage == 0 {
		return errCut
	}
	return nil
}

// ogg is a page of RFC 3533.
type ogg struct {
	flags  byte
	serial uint32
	body   []byte
}

const (
	firstPage = 2
	lastPage  = 4
	pageHead  = 27 // bytes before the table of segments
)

func page(b []byte) (p ogg, rest []byte, ok bool) {
	if len(b) < pageHead || !bytes.HasPrefix(b, []byte("OggS\x00")) {
		return p, nil, false
	}
	body := pageHead + int(b[26])
	if len(b) < body {
		return p, nil, false
	}
	after := body
	for _, segment := range b[pageHead:body] {
		after += int(segment)
	}
	if len(b) < after {
		return p, nil, false
	}
	return ogg{b[5], binary.LittleEndian.Uint32(b[14:]), b[body:after]}, b[after:], true
}
