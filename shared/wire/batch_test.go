package wire

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

func TestPackRefuses(t *testing.T) {
	many := make([][]byte, MaxBatchCount+1)
	for i := range many {
		many[i] = []byte{1}
	}
	for name, records := range map[string][][]byte{
		"no records":       nil,
		"an empty record":  {{1}, {}},
		"a long record":    {make([]byte, MaxRecord+1)},
		"too many records": many,
		"too many bytes":   repeat(make([]byte, MaxRecord), MaxBatchRaw/MaxRecord+1),
	} {
		if b, _, err := Pack(JournalID{}, Point{}, records); err == nil {
			t.Errorf("%s: packed into %d bytes", name, len(b.Body))
		}
	}
}

func repeat(r []byte, n int) (all [][]byte) {
	for range n {
		all = append(all, r)
	}
	return all
}

// samePacked checks that a batch gives back exactly the records packed, the
// points their chain leads to, and the end that Pack named.
func samePacked(t testing.TB, base Point, records [][]byte) {
	t.Helper()
	b, end, err := Pack(JournalID{1}, base, records)
	if err != nil {
		t.Fatalf("pack %d records: %v", len(records), err)
	}
	got, points, err := b.Records()
	if err != nil {
		t.Fatalf("unpack %d records: %v", len(records), err)
	}
	if len(got) != len(records) || len(points) != len(records) {
		t.Fatalf("%d records and %d points of %d", len(got), len(points), len(records))
	}
	chain := base.Chain
	for i, r := range records {
		if !bytes.Equal(got[i], r) {
			t.Fatalf("record %d of %d: %x comes back as %x", i+1, len(records), r, got[i])
		}
		chain = chain.Extend(r)
		if points[i] != At(base.Seq+uint64(i)+1, chain) {
			t.Fatalf("point %d is %v", i+1, points[i])
		}
	}
	if again, err := b.End(); err != nil || again != end || end != points[len(points)-1] {
		t.Fatalf("end %v, %v; Pack said %v", again, err, end)
	}
}

func TestPackedRecordsComeBack(t *testing.T) {
	var all [][]byte
	for _, r := range sampleRecords() {
		b, err := EncodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	for name, records := range map[string][][]byte{
		"one of each":           all,
		"one octet":             {{0}},
		"the longest":           {bytes.Repeat([]byte{7}, MaxRecord)},
		"as many bytes as fit":  repeat(bytes.Repeat([]byte{7}, MaxRecord), MaxBatchRaw/MaxRecord),
		"as many as fit":        repeat([]byte{0x82, 9, 5}, MaxBatchCount),
		"not CBOR":              {{0xff}, {0x9f, 0, 0}, {0x82, 0x09}, {0x82, 0x09, 0x1b, 1}, {0x80, 0, 0}, {0x98, 0, 0}},
		"uptimes in long forms": {{0x82, 9, 0x18, 5}, {0x82, 9, 0x19, 0, 5}, {0x82, 9, 0x1a, 0, 0, 1, 0}, {0x82, 9, 0x1b, 0, 0, 0, 0, 1, 0, 0, 0}},
		"uptimes at the edges":  uptimes(0, 0x17, 0x18, 0xff, 0x100, 0xffff, 0x10000, math.MaxUint32, math.MaxUint32+1, 1<<63-1, 1<<63, math.MaxUint64, 0, math.MaxUint64),
		"negative uptime":       {{0x82, 9, 0x20}, {0x82, 9, 0x1c}, {0x82, 9, 0x40}},
	} {
		t.Run(name, func(t *testing.T) {
			samePacked(t, At(0, JournalID{1}.Genesis()), records)
			samePacked(t, At(1_000_000, Chain{3}), records)
		})
	}
}

func uptimes(all ...uint64) (records [][]byte) {
	for _, u := range all {
		records = append(records, append(appendUint([]byte{0x83, 9}, u), 0))
	}
	return records
}

func TestRandomRecordsComeBack(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		records := ratings(t, 1+r.IntN(50), seed, seed%2 == 0)
		for range r.IntN(20) {
			records[r.IntN(len(records))] = randomRecord(r)
		}
		samePacked(t, At(uint64(r.IntN(1e6)), Chain{byte(seed)}), records)
	}
}

// randomRecord is like a record at its beginning, as far as chance has it.
func randomRecord(r *rand.Rand) []byte {
	b := []byte{0x80 | byte(r.IntN(32)), byte(r.IntN(26)), byte(r.IntN(32))}[:1+r.IntN(3)]
	for range r.IntN(40) {
		b = append(b, byte(r.IntN(4)))
	}
	return b
}

// TestPackMayRunAtOnce is for the race detector.
func TestPackMayRunAtOnce(t *testing.T) {
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			samePacked(t, Point{}, ratings(t, 200, 1, true))
		})
	}
}

func TestChain(t *testing.T) {
	short, long := make([]byte, 480), make([]byte, 481) // either side of Extend's two ways
	for _, r := range [][]byte{nil, {1}, short, long, make([]byte, MaxRecord)} {
		c := Chain{1, 2, 3}
		if got, want := c.Extend(r), plainExtend(c, r); got != want {
			t.Errorf("Extend of %d bytes is %v, want %v", len(r), got, want)
		}
	}
	id := JournalID{0xab, 15: 0xcd}
	if got, err := ParseJournalID(id.String()); err != nil || got != id {
		t.Errorf("ParseJournalID(%s) = %s, %v", id, got, err)
	}
	for _, s := range []string{"", "ab", "zz" + id.String()[2:], id.String() + "00"} {
		if _, err := ParseJournalID(s); err == nil {
			t.Errorf("ParseJournalID(%q) accepts it", s)
		}
	}
	if c := id.Genesis(); !bytes.HasPrefix(c[:], id[:]) || c.ID() != RecordID(id) {
		t.Errorf("genesis of %s is %s", id, c)
	}
}
