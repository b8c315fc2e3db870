package wire

import (
	"encoding/binary"
	"math/bits"

	"github.com/klauspost/compress/zstd"
)

// The first octet of Batch.Body says how the rest is laid out. Append only.
const layoutColumns = 1

// Layout 1. Ratings differ in little but their uptime and score, so a record is
// taken apart into its uptime (second element of most records) and the rest,
// its shape. Four columns follow one another, each packed on its own because
// random bytes would spoil the statistics of the others:
//
//	shapes  every distinct shape once, in order of first use
//	order   for each record the number of its shape
//	widths  for each uptime how many octets its difference from the one before takes
//	times   those differences: all lowest octets, then all second ones, …
//
// It restores any sequence of records byte for byte; a record that has no
// uptime in that position is all shape.
type columns struct{ shapes, order, widths, times []byte }

// compressor and expander keep no state between calls. The expander writes
// into memory that its caller measured, and never beyond it.
var (
	compressor = must(zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderCRC(false),
		zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(MaxBatchRaw)))
	expander = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(0),
		zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(MaxBatchRaw),
		zstd.WithDecoderMaxWindow(MaxBatchRaw)))
)

// layOut makes the Body of a batch.
func layOut(records [][]byte) []byte {
	var c columns
	numbers, last := make(map[string]uint64, 64), uint64(0)
	var shape, times []byte // times: 8 octets for each uptime, of which widths says how many count
	for _, r := range records {
		uptime, rest := uptimeOf(r)
		lifted := rest > 2
		if shape = append(shape[:0], 0); lifted {
			shape[0] = 1
			shape = append(append(shape, r[:2]...), r[rest:]...)
			delta := zigzag(int64(uptime - last))
			times, last = binary.LittleEndian.AppendUint64(times, delta), uptime
			c.widths = append(c.widths, byte(bits.Len64(delta)+7)/8)
		} else {
			shape = append(shape, r...)
		}
		number, known := numbers[string(shape)]
		if !known {
			number = uint64(len(numbers))
			numbers[string(shape)] = number
			c.shapes = binary.AppendUvarint(c.shapes, uint64(len(shape)-1)<<1|uint64(shape[0]))
			c.shapes = append(c.shapes, shape[1:]...)
		}
		c.order = binary.AppendUvarint(c.order, number)
	}
	c.times = planes(times, c.widths)
	body := []byte{layoutColumns}
	for _, column := range [][]byte{c.shapes, c.order, c.widths, c.times} {
		body = appendColumn(body, column)
	}
	return body
}

// uptimeOf finds the unsigned integer behind a record's kind and the index of
// what follows it; 0 when there is none, or none in its shortest form.
func uptimeOf(r []byte) (uptime uint64, rest int) {
	if len(r) < 3 || r[0] < 0x82 || r[0] > 0x97 || r[1] > 0x17 {
		return 0, 0
	}
	head := r[2]
	if head <= 0x17 {
		return uint64(head), 3
	}
	if head > 0x1b {
		return 0, 0
	}
	size := 1 << (head - 0x18)
	if len(r) < 3+size {
		return 0, 0
	}
	for _, b := range r[3 : 3+size] {
		uptime = uptime<<8 | uint64(b)
	}
	if size == 1 && uptime <= 0x17 || size > 1 && uptime>>(4*size) == 0 {
		return 0, 0
	}
	return uptime, 3 + size
}

// appendUint writes a CBOR unsigned integer in its shortest form.
func appendUint(b []byte, v uint64) []byte {
	switch {
	case v <= 0x17:
		return append(b, byte(v))
	case v <= 0xff:
		return append(b, 0x18, byte(v))
	case v <= 0xffff:
		return binary.BigEndian.AppendUint16(append(b, 0x19), uint16(v))
	case v <= 0xffffffff:
		return binary.BigEndian.AppendUint32(append(b, 0x1a), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, 0x1b), v)
}

func zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// planes turns rows of 8 octets into columns, dropping what widths says is 0.
func planes(rows, widths []byte) []byte {
	out := make([]byte, 0, len(rows)/2)
	for p := range 8 {
		for i, w := range widths {
			if int(w) > p {
				out = append(out, rows[8*i+p])
			}
		}
	}
	return out
}

// appendColumn writes a column behind its length and its packed length; equal
// lengths mean that it is not packed.
func appendColumn(body, column []byte) []byte {
	body = binary.AppendUvarint(body, uint64(len(column)))
	if len(column) >= 32 {
		if packed := compressor.EncodeAll(column, nil); len(packed) < len(column) {
			return append(binary.AppendUvarint(body, uint64(len(packed))), packed...)
		}
	}
	return append(binary.AppendUvarint(body, uint64(len(column))), column...)
}

// restore is layOut backwards, for bytes from a stranger: count records of raw
// bytes in all, or an error. It takes memory in proportion to those two, which
// the caller has checked, whatever body claims.
func restore(body []byte, count, raw int) ([][]byte, error) {
	if len(body) == 0 || body[0] != layoutColumns {
		return nil, Errorf(CodeVersion, "batch body in a layout not known to this program")
	}
	var c columns
	rest := body[1:]
	for _, column := range []struct {
		into  *[]byte
		limit int
	}{{&c.shapes, raw + 3*count}, {&c.order, 3 * count}, {&c.widths, count}, {&c.times, 8 * count}} {
		var err error
		if *column.into, rest, err = takeColumn(rest, column.limit); err != nil {
			return nil, err
		}
	}
	if len(rest) != 0 {
		return nil, Errorf(CodeMalformed, "batch body goes on for %d bytes", len(rest))
	}
	uptimes, err := c.uptimes()
	if err != nil {
		return nil, err
	}
	return c.rebuild(uptimes, count, raw)
}

func takeColumn(body []byte, limit int) (column, rest []byte, err error) {
	size, body, err := takeUint(body, limit)
	if err != nil {
		return nil, nil, err
	}
	packed, body, err := takeUint(body, len(body))
	if err != nil {
		return nil, nil, err
	}
	if packed > len(body) || packed > size {
		return nil, nil, Errorf(CodeMalformed, "batch body ends within a column")
	}
	if packed == size {
		return body[:size], body[size:], nil
	}
	column, err = expander.DecodeAll(body[:packed], make([]byte, 0, size))
	if err != nil || len(column) != size {
		return nil, nil, Errorf(CodeMalformed, "batch body: column of %d bytes, said %d: %v", len(column), size, err)
	}
	return column, body[packed:], nil
}

// takeUint reads an unsigned LEB128 number in its shortest form.
func takeUint(b []byte, limit int) (int, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, nil, Errorf(CodeMalformed, "batch body: not a number")
	}
	if v > uint64(limit) {
		return 0, nil, Errorf(CodeTooLarge, "batch body: %d, limit %d", v, limit)
	}
	return int(v), b[n:], nil
}

// uptimes undoes planes and the differences.
func (c columns) uptimes() ([]uint64, error) {
	all, next := make([]uint64, len(c.widths)), 0
	for p := range 8 {
		for i, w := range c.widths {
			if int(w) <= p {
				continue
			}
			if next == len(c.times) {
				return nil, Errorf(CodeMalformed, "batch body: too few times")
			}
			b := c.times[next]
			if int(w) > 8 || int(w) == p+1 && b == 0 {
				return nil, Errorf(CodeMalformed, "batch body: time of width %d", w)
			}
			all[i] |= uint64(b) << (8 * p)
			next++
		}
	}
	if next != len(c.times) {
		return nil, Errorf(CodeMalformed, "batch body: %d times left over", len(c.times)-next)
	}
	last := uint64(0)
	for i, delta := range all {
		last += uint64(unzigzag(delta))
		all[i] = last
	}
	return all, nil
}

// rebuild puts shapes and uptimes together again.
func (c columns) rebuild(uptimes []uint64, count, raw int) ([][]byte, error) {
	type shape struct {
		bytes  []byte
		lifted bool
	}
	var shapes []shape
	records, out := make([][]byte, 0, count), make([]byte, 0, raw)
	for range count {
		number, rest, err := takeUint(c.order, len(shapes))
		if err != nil {
			return nil, err
		}
		c.order = rest
		if number == len(shapes) {
			head, rest, err := takeUint(c.shapes, 2*MaxRecord+1)
			if err != nil {
				return nil, err
			}
			size := head >> 1
			if size == 0 || size > len(rest) || head&1 == 1 && size < 2 {
				return nil, Errorf(CodeMalformed, "batch body: shape of %d bytes", size)
			}
			shapes = append(shapes, shape{rest[:size], head&1 == 1})
			c.shapes = rest[size:]
		}
		s, from := shapes[number], len(out)
		if s.lifted && len(uptimes) == 0 || len(out)+len(s.bytes) > raw {
			return nil, Errorf(CodeMalformed, "batch holds more than it said")
		}
		if s.lifted {
			out = appendUint(append(out, s.bytes[:2]...), uptimes[0])
			out, uptimes = append(out, s.bytes[2:]...), uptimes[1:]
		} else {
			out = append(out, s.bytes...)
		}
		if len(out)-from > MaxRecord {
			return nil, Errorf(CodeTooLarge, "record of %d bytes, limit %d", len(out)-from, MaxRecord)
		}
		records = append(records, out[from:len(out):len(out)])
	}
	if len(out) != raw || len(c.order) != 0 || len(c.shapes) != 0 || len(uptimes) != 0 {
		return nil, Errorf(CodeMalformed, "batch holds other than it said")
	}
	return records, nil
}
