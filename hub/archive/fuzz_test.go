package archive

import (
	"bytes"
	"testing"
)

// Whatever a cut leaves in a partial file, what is read from it is within the
// blob and the file, and reading only that part again gives the same.
func FuzzFrames(f *testing.F) {
	two := append(frame(0, some(300, 1)), frame(300, some(200, 2))...)
	f.Add([]byte{}, uint64(0))
	f.Add(two, uint64(500))
	f.Add(two, uint64(400))
	f.Add(two[:len(two)-1], uint64(500))
	f.Add(append(two, 0xff, 0xff, 0xff, 0xff), uint64(1000))
	f.Fuzz(func(t *testing.T, file []byte, size uint64) {
		var got []byte
		take := func(piece []byte) error {
			got = append(got, piece...)
			return nil
		}
		offset, length, err := readFrames(bytes.NewReader(file), size, take)
		if err != nil || offset > size || length > int64(len(file)) || offset != uint64(len(got)) {
			t.Fatalf("%d of %d bytes from %d of %d, %d taken, %v", offset, size, length, len(file), len(got), err)
		}
		first := got
		got = nil
		again, to, err := readFrames(bytes.NewReader(file[:length]), size, take)
		if err != nil || again != offset || to != length || !bytes.Equal(got, first) {
			t.Fatalf("read again: %d, %d, %v; was %d, %d", again, to, err, offset, length)
		}
	})
}
