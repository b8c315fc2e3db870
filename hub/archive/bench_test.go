package archive

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"nghe/shared/blob"
)

// A chunk costs what writing and syncing it costs, and a 64th of making a blob
// of 4 MiB whole; x-bare is against a bare file that grows by synced chunks.
func BenchmarkSpoolChunk(b *testing.B) {
	const chunks = 64
	content := some(chunks*piece, 1)
	bare := bareChunk(b, content)
	s, err := OpenSpool(SpoolConfig{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.SetBytes(piece)
	var ref blob.Ref
	for i := 0; b.Loop(); i++ {
		at := i % chunks * piece
		if at == 0 {
			content[0], content[1] = byte(i/chunks), byte(i/chunks>>8)
			ref = blob.Of(content)
		}
		_, whole, err := s.Append(ref, uint64(at), content[at:at+piece])
		if err == nil && whole {
			err = s.Remove(ref)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(bare), "x-bare")
}

func bareChunk(b *testing.B, content []byte) time.Duration {
	const n = 256
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	began := time.Now()
	for i := range n {
		if _, err := f.Write(content[i%64*piece : i%64*piece+piece]); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began) / n
}
