package wire

import (
	"encoding/hex"
	"errors"
	"maps"
	"strings"
	"testing"
)

// hostileFrames are bytes that no frame is, each for a reason of its own. They
// are vectors too: add, never change.
func hostileFrames() map[string]string {
	all := map[string]string{
		"nothing":                "",
		"a type alone":           "09",
		"type 0":                 "00 83 00 00 60",
		"type 255":               "ff 83 00 00 60",
		"not an array":           "09 00",
		"2^63 offers":            "01 89 01 60 50" + strings.Repeat("00", 16) + "00 00 00 9b 80 00 00 00 00 00 00 00 00 40",
		"65 empty offers":        "01 89 01 60 50" + strings.Repeat("00", 16) + "00 00 00 98 41" + strings.Repeat("f6", 65) + "00 40",
		"an offer null":          "01 89 01 60 50" + strings.Repeat("00", 16) + "00 00 00 81 f6 00 40",
		"code over 16 bits":      "09 83 1a 00 01 00 00 00 60",
		"detail of 2^63 octets":  "09 83 00 00 7b 80 00 00 00 00 00 00 00",
		"body of 2^32-1 octets":  "03 86 50" + strings.Repeat("00", 16) + "82 00 58 20" + strings.Repeat("00", 32) + "01 01 5a ff ff ff ff 40",
		"indefinite body":        "03 86 50" + strings.Repeat("00", 16) + "82 00 58 20" + strings.Repeat("00", 32) + "01 01 5f 41 00 ff 40",
		"a map with a key twice": "09 a2 00 00 00 00",
		"a frame within a frame": "09 09 83 00 00 60",
		"HTML of a login portal": hex.EncodeToString([]byte("<!DOCTYPE html><title>Wi-Fi")),
	}
	maps.Copy(all, hostileChunks())
	return all
}

const (
	name32  = "58 20 00010203 04050607 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f "
	over60  = "1b 10 00 00 00 00 00 00 01 "
	highest = "1b ff ff ff ff ff ff ff ff "
)

// hostileChunks spoil "05 84 NAME 04 01 41 00", an octet of a blob of four, and
// "06 83 NAME 04 02", which says that all of it is there.
func hostileChunks() map[string]string {
	return map[string]string{
		"chunk, name of 31 octets":                 "05 84 58 1f" + strings.Repeat("00", 31) + "04 01 41 00",
		"chunk, name of 33 octets":                 "05 84 58 21" + strings.Repeat("00", 33) + "04 01 41 00",
		"chunk, name as a list":                    "05 84 98 20" + strings.Repeat("00", 32) + "04 01 41 00",
		"chunk, name null":                         "05 84 f6 04 01 41 00",
		"chunk, too few elements":                  "05 83 " + name32 + "04 01",
		"chunk, too many elements":                 "05 85 " + name32 + "04 01 41 00 00",
		"chunk, octets behind it":                  "05 84 " + name32 + "04 01 41 00 00",
		"chunk, cut off":                           "05 84 " + name32 + "04 01 42 00",
		"chunk, size in a long form":               "05 84 " + name32 + "18 04 01 41 00",
		"chunk, size negative":                     "05 84 " + name32 + "20 00 40",
		"chunk, size null":                         "05 84 " + name32 + "f6 00 40",
		"chunk, size as a float":                   "05 84 " + name32 + "f9 44 00 00 40",
		"chunk, size over 2^60":                    "05 84 " + name32 + over60 + "00 40",
		"chunk, one octet beyond the blob":         "05 84 " + name32 + "04 04 41 00",
		"chunk, begins in it and ends beyond":      "05 84 " + name32 + "04 03 42 00 00",
		"chunk, question beyond the blob":          "05 84 " + name32 + "04 05 40",
		"chunk, offset and length pass 2^64":       "05 84 " + name32 + "04 " + highest + "41 00",
		"chunk, size and offset 2^64-1":            "05 84 " + name32 + highest + highest + "40",
		"chunk, bytes null":                        "05 84 " + name32 + "04 01 f6",
		"chunk, bytes as text":                     "05 84 " + name32 + "04 01 61 61",
		"chunk, bytes as a list":                   "05 84 " + name32 + "04 01 81 00",
		"chunk, bytes without end":                 "05 84 " + name32 + "04 01 5f 41 00 ff",
		"chunk, bytes of 2^63 octets":              "05 84 " + name32 + "04 01 5b 80 00 00 00 00 00 00 00",
		"chunk, bytes of 2^32-1 octets":            "05 84 " + name32 + "04 01 5a ff ff ff ff 00",
		"ack of a chunk, name of 31 octets":        "06 83 58 1f" + strings.Repeat("00", 31) + "04 02",
		"ack of a chunk, offset over 2^60":         "06 83 " + name32 + over60 + "01",
		"ack of a chunk, offset negative":          "06 83 " + name32 + "20 01",
		"ack of a chunk, offset in a long form":    "06 83 " + name32 + "18 04 02",
		"ack of a chunk, state over 8 bits":        "06 83 " + name32 + "04 19 01 00",
		"ack of a chunk, state null":               "06 83 " + name32 + "04 f6",
		"ack of a chunk, state negative":           "06 83 " + name32 + "04 20",
		"ack of a chunk, too few elements":         "06 82 " + name32 + "04",
		"ack of a chunk, too many elements":        "06 84 " + name32 + "04 02 00",
		"ack of a chunk, octets behind it":         "06 83 " + name32 + "04 02 00",
		"ack of a chunk, a chunk under its number": "06 84 " + name32 + "04 01 41 00",
	}
}

// TestHostileChunksAreAlmostGood: what hostileChunks spoils is good before.
func TestHostileChunksAreAlmostGood(t *testing.T) {
	for _, digits := range []string{"05 84 " + name32 + "04 01 41 00", "06 83 " + name32 + "04 02"} {
		if _, err := DecodeFrame(unhex(t, digits)); err != nil {
			t.Errorf("%s: %v", digits, err)
		}
	}
}

func TestHostileFrames(t *testing.T) {
	all := hostileFrames()
	all["type 10"] = "0a 83 00 00 60" // until somebody gives it a meaning
	all["nested to the stack end"] = "09" + strings.Repeat("81", 100_000)
	for name, digits := range all {
		var e *Error
		if f, err := DecodeFrame(unhex(t, digits)); !errors.As(err, &e) {
			t.Errorf("%s: %+v, %v; want an *Error", name, f, err)
		}
	}
	for name, f := range map[string]Frame{
		"a chunk over the limit": Chunk{Size: 1 << 20, Bytes: make([]byte, MaxChunk+1)},
		"a chunk in the limit":   Chunk{Size: 1 << 20, Bytes: make([]byte, MaxChunk)},
	} {
		b, err := encoding.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var e *Error
		_, err = DecodeFrame(append([]byte{byte(f.frame())}, b...))
		if tooLarge := errors.As(err, &e) && e.Code == CodeTooLarge; tooLarge != strings.Contains(name, "over") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var e *Error
	if _, err := DecodeFrame(make([]byte, MaxFrame+1)); !errors.As(err, &e) || e.Code != CodeTooLarge {
		t.Errorf("a frame over the limit: %v", err)
	}
}
