package wire

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// ratings makes n records as a house makes them: sessions of four questions,
// 1 to 8 s between two taps, minutes between two sessions, most people
// satisfied. Uptimes are in microseconds, so about 22 bits of each record are
// pure chance.
func ratings(t testing.TB, n int, seed uint64, withReasons bool) [][]byte {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	uptime, records := uint64(r.IntN(4e11)), make([][]byte, 0, n)
	for len(records) < n {
		uptime += uint64(r.ExpFloat64() * 240e6)
		for _, a := range session(r, withReasons) {
			uptime += 1_000_000 + uint64(r.IntN(7_000_000))
			a.Uptime = uptime
			b, err := EncodeRecord(a)
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, b)
		}
	}
	return records[:n]
}

func session(r *rand.Rand, withReasons bool) []Answer {
	language := "vi"
	if r.IntN(25) == 0 {
		language = "en"
	}
	ask := func(questionnaire, question string) Answer {
		return Answer{Questionnaire: questionnaire, Version: 1, Question: question, Language: language}
	}
	rate := func(question string) Answer {
		a := ask("today", question)
		a.Score = skewed(r)
		return a
	}
	if !withReasons {
		return []Answer{rate("satisfied"), rate("attitude"), rate("speed"), rate("place")}
	}
	agree := func(question string) Answer {
		a := ask("model", question)
		a.Choices = []string{[]string{"yes", "yes", "yes", "yes", "yes", "partly", "no", "none"}[r.IntN(8)]}
		return a
	}
	first := rate("satisfied")
	return []Answer{first, reasons(r, ask("today", followUp(first.Score))), agree("listens"), agree("explains")}
}

func skewed(r *rand.Rand) uint8 {
	switch p := r.IntN(100); {
	case p < 62:
		return 5
	case p < 87:
		return 4
	case p < 94:
		return 3
	case p < 97:
		return 2
	}
	return 1
}

func followUp(score uint8) string { return []string{"low", "low", "mid", "high", "high"}[score-1] }

func reasons(r *rand.Rand, a Answer) Answer {
	if r.IntN(4) == 0 {
		a.Skipped = true
		return a
	}
	all := []string{"friendly", "fast", "helpful", "listens", "thanks-apologises", "on-time", "transparent", "place", "other"}
	for _, i := range r.Perm(len(all))[:1+r.IntN(2)] {
		a.Choices = append(a.Choices, all[i])
	}
	return a
}

// TestBytesPerRating holds the size of a backlog on the wire to its budget.
func TestBytesPerRating(t *testing.T) {
	for name, c := range map[string]struct {
		withReasons bool
		count       int
		most        float64
	}{
		"four scores, 1000":                 {false, 1000, 4.2},
		"score, reasons, two slogans, 1000": {true, 1000, 6},
		"four scores, 4":                    {false, 4, 40},
		"score alone":                       {false, 1, 60},
	} {
		records := ratings(t, c.count, 1, c.withReasons)
		b, _, err := Pack(JournalID{1}, At(0, JournalID{1}.Genesis()), records)
		if err != nil {
			t.Fatal(err)
		}
		got := float64(len(b.Body)) / float64(c.count)
		plain := float64(len(compressor.EncodeAll(bytes.Join(records, nil), nil))) / float64(c.count)
		t.Logf("%s: %.2f B a record packed; zstd alone %.2f B, raw %.1f B", name, got, plain, float64(b.Raw)/float64(c.count))
		if got > c.most {
			t.Errorf("%s: %.2f B a record, budget %.2f", name, got, c.most)
		}
	}
}

func BenchmarkPack(b *testing.B) {
	for name, withReasons := range map[string]bool{"scores": false, "reasons": true} {
		b.Run(name, func(b *testing.B) {
			records, j := ratings(b, 1000, 1, withReasons), JournalID{1}
			b.ReportAllocs()
			packed := 0
			for b.Loop() {
				batch, _, err := Pack(j, At(0, j.Genesis()), records)
				if err != nil {
					b.Fatal(err)
				}
				packed = len(batch.Body)
			}
			perRecord(b, len(records), packed)
		})
	}
}

func BenchmarkRecords(b *testing.B) {
	for name, withReasons := range map[string]bool{"scores": false, "reasons": true} {
		b.Run(name, func(b *testing.B) {
			records, j := ratings(b, 1000, 1, withReasons), JournalID{1}
			batch, _, err := Pack(j, At(0, j.Genesis()), records)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := batch.Records(); err != nil {
					b.Fatal(err)
				}
			}
			perRecord(b, len(records), len(batch.Body))
		})
	}
}

func perRecord(b *testing.B, records, packed int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
	b.ReportMetric(float64(packed)/float64(records), "B/record")
}

func BenchmarkDecodeRecord(b *testing.B) {
	records := ratings(b, 1000, 1, true)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := DecodeRecord(records[i%len(records)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeRecord(b *testing.B) {
	a := Answer{Uptime: 123456789, Questionnaire: "today", Version: 1, Question: "satisfied", Language: "vi", Score: 5}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EncodeRecord(a); err != nil {
			b.Fatal(err)
		}
	}
}
