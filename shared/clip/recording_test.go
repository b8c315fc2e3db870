package clip

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// pageOf is a page of a stream, of at most 254 bytes of body.
func pageOf(flags byte, serial uint32, body string) []byte {
	p := append([]byte("OggS\x00"), flags)
	p = append(p, make([]byte, 8)...)
	p = binary.LittleEndian.AppendUint32(p, serial)
	p = append(p, make([]byte, 8)...)
	return append(append(p, 1, byte(len(body))), body...)
}

func TestCheck(t *testing.T) {
	first, next, last := pageOf(2, 7, "OpusHead…"), pageOf(0, 7, "sound"), pageOf(4, 7, "")
	whole := bytes.Join([][]byte{first, next, last}, nil)
	for name, c := range map[string]struct {
		recording []byte
		want      error
	}{
		"whole":          {whole, nil},
		"nothing":        {nil, errNotOpus},
		"text":           {[]byte("xin chào"), errNotOpus},
		"another kind":   {bytes.Replace(whole, []byte("OpusHead"), []byte("\x01vorbis "), 1), errNotOpus},
		"from within":    {whole[len(first):], errNotOpus},
		"no end":         {whole[:len(first)+len(next)], errCut},
		"cut in a page":  {whole[:len(whole)-len(last)-2], errCut},
		"cut in a head":  {whole[:len(whole)-3], errCut},
		"cut in a table": {whole[:len(whole)-1], errCut},
		"trailing":       {append(bytes.Clone(whole), 0), errCut},
		"two streams":    {append(bytes.Clone(whole), whole...), errCut},
		"another serial": {bytes.Join([][]byte{first, pageOf(0, 8, "sound"), last}, nil), errCut},
		"long":           {make([]byte, MaxRecording+1), errLong},
	} {
		if err := Check(c.recording); err != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(pageOf(2, 7, "OpusHead"))
	f.Fuzz(func(t *testing.T, b []byte) { _ = Check(b) })
}
