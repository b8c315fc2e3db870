package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
)

// unhex reads hexadecimal digits with spaces between them.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// hostileRecords are bytes that no record is, each for a reason of its own.
// They are vectors too: add, never change.
func hostileRecords() map[string]string {
	return map[string]string{
		"nothing":                     "",
		"one octet":                   "88",
		"not an array":                "a1 01 02",
		"empty array":                 "80",
		"kind in a long form":         "88 18 07 00 00 f5 20 00 00",
		"kind not a number":           "85 61 61 00 60 f4 00",
		"indefinite array":            "9f 07 00 60 f4 00 ff",
		"indefinite text":             "85 07 00 7f 61 61 ff f4 00",
		"indefinite bytes":            "8d 03 00 00 60 01 60 60 00 f4 80 80 5f 41 61 ff 80",
		"too few elements":            "84 07 00 60 f4",
		"too many elements":           "86 07 00 60 f4 00 00",
		"octets behind the record":    "85 07 00 60 f4 00 00",
		"cut off":                     "85 07 00 60 f4",
		"uptime in a long form":       "85 07 18 01 60 f4 00",
		"uptime as 8 octets":          "85 07 1b 00 00 00 00 00 00 00 01 60 f4 00",
		"uptime as a float":           "85 07 f9 00 00 60 f4 00",
		"uptime negative":             "85 07 20 60 f4 00",
		"uptime null":                 "85 07 f6 60 f4 00",
		"uptime as a bignum":          "85 07 c2 41 01 60 f4 00",
		"uptime of 2^63":              "85 07 1b 80 00 00 00 00 00 00 00 60 f4 00",
		"tagged text":                 "85 07 00 d8 20 60 f4 00",
		"text of 2^63 octets":         "85 07 00 7b 80 00 00 00 00 00 00 00 f4 00",
		"text of 2^64-1 octets":       "85 07 00 7b ff ff ff ff ff ff ff ff f4 00",
		"array of 2^63 elements":      "9b 80 00 00 00 00 00 00 00 07",
		"list of 2^32-1 choices":      "8d 03 00 00 60 01 60 60 00 f4 9a ff ff ff ff 80 40 80",
		"text not UTF-8":              "85 07 00 62 c3 28 f4 00",
		"text with a surrogate":       "85 07 00 63 ed a0 80 f4 00",
		"text with NUL":               "85 07 00 61 00 f4 00",
		"text as bytes":               "85 07 00 40 f4 00",
		"truth as a number":           "85 07 00 60 01 00",
		"truth undefined":             "85 07 00 60 f7 00",
		"truth as simple value 24":    "85 07 00 60 f8 18 00",
		"list null":                   "8d 03 00 00 60 01 60 60 00 f4 f6 80 40 80",
		"receipt null":                "8d 03 00 00 60 01 60 60 00 f4 80 80 f6 80",
		"score 6":                     "8d 03 00 00 60 01 60 60 06 f4 80 80 40 80",
		"score 256":                   "8d 03 00 00 60 01 60 60 19 01 00 f4 80 80 40 80",
		"nested 7 deep":               "85 07 00 81 81 81 81 81 81 80 f4 00",
		"nonce of 15 octets":          "85 01 4f" + strings.Repeat("00", 15) + "00 60 60",
		"nonce as a list":             "85 01 90" + strings.Repeat("00", 16) + "00 60 60",
		"map instead of an array":     "a5 01 02 03 04 05 06 07 08 09 0a",
		"replaces with a boot inside": "83 04 50" + strings.Repeat("00", 16) + "8d 01 00 00 60 01 60 60 00 f4 80 80 40 80",
		"kind 0":                      "82 00 00",
		"kind 23, not known yet":      "82 17 00",
		"flag of no rule":             "84 09 00 50" + strings.Repeat("00", 16) + "80",
		"flag of one text":            "84 09 00 50" + strings.Repeat("00", 16) + "65 62 75 72 73 74",
		"flag of 2^32-1 rules":        "84 09 00 50" + strings.Repeat("00", 16) + "9a ff ff ff ff 61 61",
		"flag of a nameless rule":     "84 09 00 50" + strings.Repeat("00", 16) + "81 60",
		"flag of 15 octets":           "84 09 00 4f" + strings.Repeat("00", 15) + "81 61 61",
		"flag of nothing":             "84 09 00 f6 81 61 61",
		"flag with its answer":        "84 09 00 8d 03 00 00 60 01 60 60 00 f4 80 80 40 80 81 61 61",
	}
}

// TestHostileRecordsAreAlmostGood: what hostileRecords spoils is good before.
func TestHostileRecordsAreAlmostGood(t *testing.T) {
	for _, digits := range []string{
		"85 07 00 60 f4 00",
		"8d 03 00 00 60 01 60 60 00 f4 80 80 40 80",
		"8d 03 00 00 60 01 60 60 00 f4 80 80 41 61 80",
		"85 01 50" + strings.Repeat("00", 16) + "00 60 60",
		"83 04 50" + strings.Repeat("00", 16) + "8d 03 00 00 60 01 60 60 00 f4 80 80 40 80",
		"84 09 00 50" + strings.Repeat("00", 16) + "81 61 61",
	} {
		if _, err := DecodeRecord(unhex(t, digits)); err != nil {
			t.Errorf("%s: %v", digits, err)
		}
	}
	for _, digits := range []string{
		"09 83 00 00 60",
		"01 89 01 60 50" + strings.Repeat("00", 16) + "00 00 00 80 00 40",
		"03 86 50" + strings.Repeat("00", 16) + "82 00 58 20" + strings.Repeat("00", 32) + "01 01 41 00 40",
	} {
		if _, err := DecodeFrame(unhex(t, digits)); err != nil {
			t.Errorf("%s: %v", digits, err)
		}
	}
}

func TestHostileRecords(t *testing.T) {
	for name, digits := range hostileRecords() {
		b := unhex(t, digits)
		r, err := DecodeRecord(b)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %x gives %+v, %v; want an *Error", name, b, r, err)
		}
		if strings.HasPrefix(name, "kind ") && !strings.Contains(name, "form") && !strings.Contains(name, "number") && err != ErrUnknownKind {
			t.Errorf("%s: %v, want ErrUnknownKind", name, err)
		}
	}
	if _, err := DecodeRecord(append([]byte{0x85, 0x07, 0x00, 0x79, 0x40, 0x00}, make([]byte, MaxRecord)...)); err == nil {
		t.Error("a record over the limit is accepted")
	}
}

// TestEveryCutIsRefused: no sample is a sample any more when octets are
// missing at its end or added to it.
func TestEveryCutIsRefused(t *testing.T) {
	for name, r := range sampleRecords() {
		whole, _ := EncodeRecord(r)
		for n := range whole {
			if _, err := DecodeRecord(whole[:n]); err == nil {
				t.Errorf("%s: the first %d of %d octets are accepted", name, n, len(whole))
			}
		}
		if _, err := DecodeRecord(append(bytes.Clone(whole), 0)); err == nil {
			t.Errorf("%s: an octet behind it is accepted", name)
		}
	}
	for name, f := range sampleFrames() {
		whole, _ := EncodeFrame(f)
		for n := range whole {
			if _, err := DecodeFrame(whole[:n]); err == nil {
				t.Errorf("%s: the first %d of %d octets are accepted", name, n, len(whole))
			}
		}
		if _, err := DecodeFrame(append(bytes.Clone(whole), 0)); err == nil {
			t.Errorf("%s: an octet behind it is accepted", name)
		}
	}
}

// TestEveryFlipIsRefusedOrFaithful: with any one octet changed, a sample is
// refused, or is another value whose bytes are exactly those.
func TestEveryFlipIsRefusedOrFaithful(t *testing.T) {
	for _, r := range sampleRecords() {
		whole, _ := EncodeRecord(r)
		for i := range whole {
			for _, flip := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
				b := bytes.Clone(whole)
				b[i] ^= flip
				sameRecord(t, b)
			}
		}
	}
	for _, f := range sampleFrames() {
		whole, _ := EncodeFrame(f)
		for i := range whole {
			for _, flip := range []byte{1, 8, 32, 128, 255} {
				b := bytes.Clone(whole)
				b[i] ^= flip
				sameFrame(t, b)
			}
		}
	}
}

func sameRecord(t testing.TB, b []byte) {
	t.Helper()
	r, err := DecodeRecord(b)
	if err != nil {
		return
	}
	if again, err := EncodeRecord(r); err != nil || !bytes.Equal(again, b) {
		t.Errorf("%x is read as %+v, which is written as %x, %v", b, r, again, err)
	}
}

func sameFrame(t testing.TB, b []byte) {
	t.Helper()
	f, err := DecodeFrame(b)
	if err != nil {
		return
	}
	if again, err := EncodeFrame(f); err != nil || !bytes.Equal(again, b) {
		t.Errorf("%x is read as %+v, which is written as %x, %v", b, f, again, err)
	}
}

func TestRandomBytesNeverPanic(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 20_000 {
		b := make([]byte, r.IntN(200))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if len(b) > 1 {
			b[1], b[0] = byte(r.IntN(24)), 0x80|byte(r.IntN(24))
		}
		sameRecord(t, b)
		if len(b) > 0 {
			b[0] = byte(r.IntN(10))
		}
		sameFrame(t, b)
		batch := Batch{Count: uint32(1 + r.IntN(30)), Raw: uint32(30 + r.IntN(400)), Body: append([]byte{layoutColumns}, b...)}
		_, _, _ = batch.Records()
	}
}

// bomb is one zstd frame of n blocks of 128 KiB, each a repeated octet in 4
// octets of input. size is the content size it states, or none when negative.
func bomb(n int, size int64) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd}
	if size >= 0 {
		b = binary.LittleEndian.AppendUint64(append(b, 0xe0), uint64(size))
	} else {
		b = append(b, 0x00, 0x50) // window 1 MiB
	}
	for i := range n {
		head := uint32(128<<10)<<3 | 1<<1
		if i == n-1 {
			head |= 1
		}
		b = append(b, byte(head), byte(head>>8), byte(head>>16), 'x')
	}
	return b
}

// oneColumn is a body whose shapes claim size octets in packed.
func oneColumn(size int, packed []byte) []byte {
	b := binary.AppendUvarint([]byte{layoutColumns}, uint64(size))
	b = binary.AppendUvarint(b, uint64(len(packed)))
	return append(b, packed...)
}

// TestBombs: a few KiB that would inflate to a GiB are refused in under 10 ms
// and 4 MiB.
func TestBombs(t *testing.T) {
	const gib = 8192 // blocks
	skippable := bytes.Repeat([]byte{0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0}, 30_000)
	empty := bytes.Repeat([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0}, 28_000)
	for name, body := range map[string][]byte{
		"1 GiB, size not stated":    oneColumn(MaxBatchRaw, bomb(gib, -1)),
		"1 GiB, size stated":        oneColumn(MaxBatchRaw, bomb(gib, 1<<30)),
		"1 GiB, stated as 1 MiB":    oneColumn(MaxBatchRaw, bomb(gib, MaxBatchRaw)),
		"2^63 bytes stated":         oneColumn(MaxBatchRaw, bomb(1, math.MinInt64)),
		"column of 1 GiB":           oneColumn(1<<30, bomb(gib, -1)),
		"30,000 skippable frames":   oneColumn(MaxBatchRaw, skippable),
		"28,000 empty frames":       oneColumn(MaxBatchRaw, empty),
		"window of 2^41":            oneColumn(MaxBatchRaw, append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0xff}, bomb(9, -1)[6:]...)),
		"a dictionary nobody has":   oneColumn(MaxBatchRaw, []byte{0x28, 0xb5, 0x2f, 0xfd, 0x23, 9, 9, 9, 9, 0, 1, 0, 0}),
		"packed longer than body":   {layoutColumns, 0x80, 0x02, 0x7f, 0},
		"packed longer than column": oneColumn(8, bomb(1, -1)),
	} {
		b := Batch{Count: 1, Raw: MaxBatchRaw, Body: body}
		if len(body) > MaxFrame {
			t.Errorf("%s: %d bytes would not fit a frame", name, len(body))
		}
		var err error
		taken, memory := cost(func() { _, _, err = b.Records() })
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v, want an *Error", name, err)
		}
		t.Logf("%s: %v, %d KiB", name, taken, memory>>10)
		if taken > 10*time.Millisecond*slowdown || memory > 4<<20 {
			t.Errorf("%s: %v and %d KiB to refuse %d bytes", name, taken, memory>>10, len(body))
		}
	}
}

// cost is the least of several runs, so that a busy machine does not count.
func cost(f func()) (time.Duration, uint64) {
	least, memory := time.Hour, uint64(math.MaxUint64)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		f()
		least = min(least, time.Since(start))
		runtime.ReadMemStats(&after)
		memory = min(memory, after.TotalAlloc-before.TotalAlloc)
	}
	return least, memory
}

// TestLargestBatchIsBounded: the most a stranger can make us unpack.
func TestLargestBatchIsBounded(t *testing.T) {
	records := make([][]byte, MaxBatchCount)
	for i := range records {
		records[i] = binary.BigEndian.AppendUint64(append([]byte{0x82, 0x09, 0x1b}, byte(i>>8), byte(i)), uint64(i)<<20|1<<60)
		records[i] = append(records[i], make([]byte, MaxBatchRaw/MaxBatchCount-len(records[i]))...)
	}
	b, _, err := Pack(JournalID{}, Point{}, records)
	if err != nil {
		t.Fatal(err)
	}
	taken, memory := cost(func() { _, _, err = b.Records() })
	if err != nil || memory > 6<<20 || taken > 100*time.Millisecond*slowdown {
		t.Errorf("%d records in %d bytes: %v, %d KiB, %v", b.Count, len(b.Body), taken, memory>>10, err)
	}
}

func TestBatchLies(t *testing.T) {
	records := ratings(t, 100, 3, true)
	honest, _, err := Pack(JournalID{1}, At(5, Chain{9}), records)
	if err != nil {
		t.Fatal(err)
	}
	for name, lie := range map[string]func(*Batch){
		"one more record":      func(b *Batch) { b.Count++ },
		"one record fewer":     func(b *Batch) { b.Count-- },
		"no records":           func(b *Batch) { b.Count = 0 },
		"all the records":      func(b *Batch) { b.Count = MaxBatchCount },
		"2^32-1 records":       func(b *Batch) { b.Count = math.MaxUint32 },
		"one more byte":        func(b *Batch) { b.Raw++ },
		"one byte fewer":       func(b *Batch) { b.Raw-- },
		"no bytes":             func(b *Batch) { b.Raw = 0 },
		"1 MiB":                func(b *Batch) { b.Raw = MaxBatchRaw },
		"2^32-1 bytes":         func(b *Batch) { b.Raw = math.MaxUint32 },
		"no body":              func(b *Batch) { b.Body = nil },
		"body cut":             func(b *Batch) { b.Body = b.Body[:len(b.Body)-1] },
		"body longer":          func(b *Batch) { b.Body = append(bytes.Clone(b.Body), 0) },
		"layout 0":             func(b *Batch) { b.Body = append([]byte{0}, b.Body[1:]...) },
		"layout 2":             func(b *Batch) { b.Body = append([]byte{2}, b.Body[1:]...) },
		"a sequence over 2^60": func(b *Batch) { b.Base.Seq = math.MaxUint64 },
	} {
		b := honest
		lie(&b)
		var e *Error
		if got, _, err := b.Records(); !errors.As(err, &e) {
			t.Errorf("%s: %d records, %v; want an *Error", name, len(got), err)
		}
		if _, err := b.End(); err == nil {
			t.Errorf("%s: End accepts it", name)
		}
	}
}

// TestHostileColumns spoils a small batch one column at a time.
func TestHostileColumns(t *testing.T) {
	// two records 82 09 05 and 82 09 07: one shape (lifted, 82 09), two uptimes
	const good = "01  03 03 05 82 09  02 02 00 00  02 02 01 01  02 02 0a 04"
	b := Batch{Count: 2, Raw: 6, Body: unhex(t, good)}
	records, _, err := b.Records()
	if err != nil || !bytes.Equal(records[0], unhex(t, "820905")) || !bytes.Equal(records[1], unhex(t, "820907")) {
		t.Fatalf("the good one gives %x, %v", records, err)
	}
	for name, body := range map[string]string{
		"shape not there":         "01  03 03 05 82 09  02 02 00 02  02 02 01 01  02 02 0a 04",
		"first shape skipped":     "01  03 03 05 82 09  02 02 01 00  02 02 01 01  02 02 0a 04",
		"shape left over":         "01  06 06 05 82 09 05 82 08  02 02 00 00  02 02 01 01  02 02 0a 04",
		"shape of no bytes":       "01  01 01 01  02 02 00 00  02 02 01 01  02 02 0a 04",
		"shape of one, lifted":    "01  02 02 03 82  02 02 00 00  02 02 01 01  02 02 0a 04",
		"shape longer than all":   "01  03 03 7f 82 09  02 02 00 00  02 02 01 01  02 02 0a 04",
		"number in a long form":   "01  83 00 03 05 82 09  02 02 00 00  02 02 01 01  02 02 0a 04",
		"number without end":      "01  ff ff ff ff ff ff ff ff ff ff ff",
		"number of 2^63":          "01  80 80 80 80 80 80 80 80 80 01 00",
		"too few in order":        "01  03 03 05 82 09  01 01 00  02 02 01 01  02 02 0a 04",
		"too many in order":       "01  03 03 05 82 09  03 03 00 00 00  02 02 01 01  02 02 0a 04",
		"too few widths":          "01  03 03 05 82 09  02 02 00 00  01 01 01  01 01 0a",
		"too many widths":         "01  03 03 05 82 09  02 02 00 00  03 03 01 01 00  02 02 0a 04",
		"width 9":                 "01  03 03 05 82 09  02 02 00 00  02 02 09 01  09 09 0a 04 00 00 00 00 00 00 00",
		"width 255":               "01  03 03 05 82 09  02 02 00 00  02 02 ff 01  09 09 0a 04 01 01 01 01 01 01 01",
		"time wider than need be": "01  03 03 05 82 09  02 02 00 00  02 02 02 01  03 03 0a 04 00",
		"too few times":           "01  03 03 05 82 09  02 02 00 00  02 02 01 01  01 01 0a",
		"too many times":          "01  03 03 05 82 09  02 02 00 00  02 02 01 01  03 03 0a 04 00",
		"column missing":          "01  03 03 05 82 09  02 02 00 00  02 02 01 01",
		"more columns":            good + " 00 00",
		"packed is longer":        "01  03 04 05 82 09 00  02 02 00 00  02 02 01 01  02 02 0a 04",
		"uptime left over":        "01  07 07 05 82 09 06 82 09 07  02 02 00 01  02 02 01 01  02 02 0a 04",
		"packed, yet no shorter":  "01  03 0c 28 b5 2f fd 20 03 19 00 00 05 82 09  02 02 00 00  02 02 01 01  02 02 0a 04",
		"packed is no zstd":       "01  03 02 05 82  02 02 00 00  02 02 01 01  02 02 0a 04",
	} {
		b.Body = unhex(t, body)
		var e *Error
		if records, _, err := b.Records(); !errors.As(err, &e) {
			t.Errorf("%s: %x, %v; want an *Error", name, records, err)
		}
	}
	// 20,000 times the longest shape would be 160 MiB
	amplified := binary.AppendUvarint(nil, MaxRecord<<1)
	amplified = append(amplified, make([]byte, MaxRecord)...)
	body := appendColumn([]byte{layoutColumns}, amplified)
	body = appendColumn(body, make([]byte, MaxBatchCount))
	body = appendColumn(appendColumn(body, nil), nil)
	_, memory := cost(func() { _, _, err = Batch{Count: MaxBatchCount, Raw: MaxBatchRaw, Body: body}.Records() })
	if err == nil || memory > 4<<20 {
		t.Errorf("amplified %d bytes: %v, %d KiB", len(body), err, memory>>10)
	}
	long := binary.AppendUvarint(nil, (MaxRecord+1)<<1)
	long = append(long, make([]byte, MaxRecord+1)...)
	body = appendColumn(appendColumn(appendColumn(appendColumn([]byte{layoutColumns}, long), []byte{0}), nil), nil)
	if _, _, err := (Batch{Count: 1, Raw: MaxRecord + 1, Body: body}).Records(); err == nil {
		t.Error("a record over the limit is accepted")
	}
	long = binary.AppendUvarint(nil, MaxRecord<<1|1) // and one more octet for its uptime
	long = append(long, make([]byte, MaxRecord)...)
	body = appendColumn(appendColumn(appendColumn(appendColumn([]byte{layoutColumns}, long), []byte{0}), []byte{0}), nil)
	if _, _, err := (Batch{Count: 1, Raw: MaxRecord + 1, Body: body}).Records(); err == nil {
		t.Error("a record over the limit once its uptime is back is accepted")
	}
}

// TestColumnsClaimNoMemory: a column that claims a GiB gets none, whichever it
// is, and one that claims little gets little for all it inflates to.
func TestColumnsClaimNoMemory(t *testing.T) {
	begin := unhex(t, "01  03 03 05 82 09  02 02 00 00  02 02 01 01")
	for name, before := range map[string]int{"shapes": 1, "order": 6, "widths": 10, "times": 14} {
		packed := bomb(8, -1)
		for _, size := range []int{1 << 30, 200} {
			body := binary.AppendUvarint(bytes.Clone(begin[:before]), uint64(size))
			body = append(binary.AppendUvarint(body, uint64(len(packed))), packed...)
			var err error
			_, memory := cost(func() { _, _, err = Batch{Count: 100, Raw: 300, Body: body}.Records() })
			if err == nil || memory > 256<<10 {
				t.Errorf("%s claims %d: %v, %d KiB", name, size, err, memory>>10)
			}
		}
	}
}

// TestListsClaimNoMemory: an octet of input is not a structure in memory.
func TestListsClaimNoMemory(t *testing.T) {
	const n = 100_000
	list := append([]byte{0x9a, 0, n >> 16, n >> 8 & 0xff, n & 0xff}, bytes.Repeat([]byte{0xf6}, n)...)
	frame := append(unhex(t, "01 89 01 60 50"+strings.Repeat("00", 16)+"00 00 00"), list...)
	frame = append(frame, 0x00, 0x40)
	var err error
	_, memory := cost(func() { _, err = DecodeFrame(frame) })
	if err == nil || memory > 64<<10 {
		t.Errorf("%d offers in %d bytes: %v, %d KiB", n, len(frame), err, memory>>10)
	}
}
