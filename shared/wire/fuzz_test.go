package wire

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzRecord: bytes are refused, or are exactly what their reading is written
// as.
func FuzzRecord(f *testing.F) {
	for _, r := range sampleRecords() {
		b, err := EncodeRecord(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, digits := range hostileRecords() {
		f.Add(unhex(f, digits))
	}
	f.Fuzz(func(t *testing.T, b []byte) { sameRecord(t, b) })
}

// FuzzFrame: the same for frames.
func FuzzFrame(f *testing.F) {
	for _, frame := range sampleFrames() {
		b, err := EncodeFrame(frame)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, digits := range hostileFrames() {
		f.Add(unhex(f, digits))
	}
	f.Fuzz(func(t *testing.T, b []byte) { sameFrame(t, b) })
}

// FuzzBody: a stranger's body is refused, or holds records that pack into a
// body that holds the same.
func FuzzBody(f *testing.F) {
	for _, n := range []int{1, 4, 60} {
		records := ratings(f, n, uint64(n), true)
		b, _, err := Pack(JournalID{1}, Point{}, records)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b.Body, b.Count, b.Raw)
	}
	f.Add(unhex(f, "01 0303058209 02020000 02020101 02020a04"), uint32(2), uint32(6))
	f.Add(oneColumn(MaxBatchRaw, bomb(64, -1)), uint32(1), uint32(MaxBatchRaw))
	f.Fuzz(func(t *testing.T, body []byte, count, raw uint32) {
		records, _, err := Batch{Count: count, Raw: raw, Body: body}.Records()
		if err != nil {
			return
		}
		total := 0
		for _, r := range records {
			total += len(r)
		}
		if len(records) != int(count) || total != int(raw) {
			t.Fatalf("%d records of %d bytes, said %d of %d", len(records), total, count, raw)
		}
		samePacked(t, Point{}, records)
	})
}

// FuzzPack: any records at all come back. The input is cut into records by
// lengths within it.
func FuzzPack(f *testing.F) {
	f.Add([]byte{3, 0x82, 9, 5, 3, 0x82, 9, 7, 1, 0xff})
	f.Add(lengthen(ratings(f, 8, 1, true)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var records [][]byte
		for len(b) > 1 && len(records) < 500 {
			n := min(1+int(b[0]), len(b)-1)
			records, b = append(records, b[1:1+n]), b[1+n:]
		}
		if len(records) > 0 {
			samePacked(t, At(1, Chain{1}), records)
		}
	})
}

func lengthen(records [][]byte) []byte {
	var b bytes.Buffer
	for _, r := range records {
		b.Write(append(binary.AppendUvarint(nil, uint64(len(r)-1)), r...))
	}
	return b.Bytes()
}
