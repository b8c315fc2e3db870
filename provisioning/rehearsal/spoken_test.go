package rehearsal

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"
	seeded "math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// spoken is a Vietnamese sentence, "Cống trước nhà bị nghẹt, mong phường cho
// người đến sửa", said by espeak-ng: 8,000 readings a second, 16 bits, one
// channel. How it was made stands in the file itself, as its comment.
//
//go:embed testdata/spoken.wav
var spoken []byte

const spokenRate = 8000

// recordingFile is where a browser can hear it.
func recordingFile(t *testing.T) string {
	t.Helper()
	return keep(t, "spoken.wav", spoken)
}

func keep(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// filmFile is what the camera sees: orange on the left, blue on the right.
func filmFile(t *testing.T) string {
	t.Helper()
	const width, height = 640, 480
	film := fmt.Appendf(nil, "YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420\n", width, height)
	grain := seeded.NewPCG(1, 2)
	plane := func(width, height int, left, right byte, coarse uint64) {
		for range height {
			for x := range width {
				is := left
				if x >= width/2 {
					is = right
				}
				film = append(film, is+byte(grain.Uint64()%coarse))
			}
		}
	}
	for range 2 {
		film = append(film, "FRAME\n"...)
		plane(width, height, 150, 60, 32) // so grainy that its bytes can be told
		plane(width/2, height/2, 40, 200, 1)
		plane(width/2, height/2, 190, 100, 1)
	}
	return keep(t, "film.y4m", film)
}

// stepsPerSecond of loudness: 20 ms each.
const stepsPerSecond = 50

// spokenLoudness is how loud the sentence is, step by step.
func spokenLoudness(t testing.TB) []float64 {
	t.Helper()
	at := 12
	for at+8 <= len(spoken) && string(spoken[at:at+4]) != "data" {
		at += 8 + int(binary.LittleEndian.Uint32(spoken[at+4:]))
	}
	if at+8 > len(spoken) {
		t.Fatal("the spoken clip is no recording")
	}
	data := spoken[at+8:]
	var loud []float64
	for step := 2 * spokenRate / stepsPerSecond; len(data) >= step; data = data[step:] {
		sum := 0.0
		for i := 0; i < step; i += 2 {
			v := float64(int16(binary.LittleEndian.Uint16(data[i:]))) / 32768
			sum += v * v
		}
		loud = append(loud, math.Sqrt(sum*2/float64(step)))
	}
	return loud
}

// alike is how well a recording follows a stretch of a sentence that is said
// again and again, from -1 to 1 for equal.
func alike(heard, said []float64) float64 {
	best := -1.0
	for shift := range said {
		stretch := make([]float64, len(heard))
		for i := range heard {
			stretch[i] = said[(i+shift)%len(said)]
		}
		best = max(best, correlation(heard, stretch))
	}
	return best
}

func correlation(a, b []float64) float64 {
	mean := func(v []float64) (m float64) {
		for _, x := range v {
			m += x / float64(len(v))
		}
		return m
	}
	ma, mb := mean(a), mean(b)
	var ab, aa, bb float64
	for i := range a {
		ab += (a[i] - ma) * (b[i] - mb)
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
	}
	return ab / math.Sqrt(aa*bb)
}
