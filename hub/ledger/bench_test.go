package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"nghe/hub/database"
	"nghe/hub/database/pgtest"
)

// backlog is what a kiosk brings after n ratings: a few questions, residents in
// no hurry, packed as an uplink would.
func backlog(b testing.TB, device string, n, batch int) []Delivery {
	k := newKiosk(b, device, "qt-"+device)
	k.measure(0, noon.Add(-30*24*time.Hour), 100_000)
	uptime := int64(0)
	for i := range n {
		noise := sha256.Sum256(fmt.Appendf(nil, "%s %d", device, i))
		uptime += int64(noise[0])*second + int64(noise[1])<<8 + int64(noise[2])
		a := satisfied(uptime, noise[3]%5+1)
		if i%2 == 1 {
			a.Question, a.Score, a.Choices = "low", 0, []string{[]string{"slow", "rude", "far"}[noise[4]%3]}
		}
		k.add(a)
	}
	var all []Delivery
	for at := uint64(0); at < k.head().Seq; at += uint64(batch) {
		all = append(all, k.delivery(at, min(at+uint64(batch), k.head().Seq)))
	}
	return all
}

// BenchmarkAppend measures what one hub commits: kiosks × batch records a
// commit, each commit on disk before the next begins.
func BenchmarkAppend(b *testing.B) {
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		for _, group := range []struct{ kiosks, batch int }{{1, 1}, {100, 1}, {1, 1000}, {10, 1000}} {
			b.Run(fmt.Sprintf("%s/%dx%d", engine, group.kiosks, group.batch), func(b *testing.B) {
				benchAppend(b, engine, group.kiosks, group.batch)
			})
		}
	}
}

func benchAppend(b *testing.B, engine database.Engine, kiosks, batch int) {
	url := "sqlite:" + filepath.Join(b.TempDir(), "hub.db")
	if engine == database.Postgres {
		url = pgtest.URL(b)
	}
	h := openHub(b, url)
	commits := max(200/kiosks, 20)
	brought := make([][]Delivery, kiosks)
	for i := range brought {
		brought[i] = backlog(b, fmt.Sprint(i), commits*batch, batch)
	}
	records, used, spent := 0, 0, time.Duration(0)
	for b.Loop() {
		if used == commits { // start over on an empty ledger
			b.StopTimer()
			h.empty()
			used = 0
			b.StartTimer()
		}
		group := make([]Delivery, kiosks)
		for i := range group {
			group[i] = brought[i][used]
			records += len(group[i].Records)
		}
		before := cpu(b)
		h.append(group...)
		spent += cpu(b) - before
		used++
	}
	b.ReportMetric(float64(spent.Microseconds())/float64(records), "cpu-µs/record") // of this process: holds on a busy machine
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
}

// cpu is what this process has used so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (h *hub) empty() {
	for _, table := range []string{"segments", "journals", "events", "boots", "runs", "clocks", "answers", "counts"} {
		h.must("DELETE FROM " + table)
	}
}

// TestSizeOnDisk measures what an answer takes, indexes and counts included,
// and keeps it from growing unnoticed.
func TestSizeOnDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100,000 answers")
	}
	path := filepath.Join(t.TempDir(), "hub.db")
	h := openHub(t, "sqlite:"+path)
	const kiosks, each = 10, 10_000
	for i := range kiosks {
		for _, d := range backlog(t, fmt.Sprint(i), each, 1000) {
			h.append(d)
		}
	}
	if h.total() != kiosks*each {
		t.Fatalf("counted %d, want %d", h.total(), kiosks*each)
	}
	signed := 0
	if err := h.db.Read().QueryRowContext(t.Context(), "SELECT sum(length(frame)) FROM segments").Scan(&signed); err != nil {
		t.Fatal(err)
	}
	h.db.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	row := float64(info.Size()-int64(signed)) / (kiosks * each)
	t.Logf("%d answers: %.1f B each with indexes and counts, and %.1f B of segments", kiosks*each, row, float64(signed)/(kiosks*each))
	if row > 95 {
		t.Errorf("an answer takes %.1f B, want at most 95", row)
	}
}

// BenchmarkAudit and BenchmarkRebuild read 100,000 records.
func BenchmarkAudit(b *testing.B) {
	h := filled(b)
	for b.Loop() {
		if a, err := h.Audit(context.Background(), verifyDevice); err != nil || !a.Whole() {
			b.Fatal(a.Problems, err)
		}
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkRebuild(b *testing.B) {
	h := filled(b)
	for b.Loop() {
		if err := h.Rebuild(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "records/s")
}

func filled(b *testing.B) *hub {
	h := openHub(b, "sqlite:"+filepath.Join(b.TempDir(), "hub.db"))
	for i := range 10 {
		h.append(backlog(b, fmt.Sprint(i), 10_000, 1000)...)
	}
	return h
}
