package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"nghe/shared/blob"
)

// childDir makes the test binary a hub that spools in that folder.
const childDir = "NGHE_ARCHIVE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// nth is the nth blob that is sent, the same in parent and child.
func nth(n int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	return some(1+r.IntN(6*piece), byte(n))
}

// child spools one blob after another until it is killed, from wherever it
// finds itself, and says what is held only once Append has returned.
func child(dir string) error {
	s, err := OpenSpool(SpoolConfig{Dir: dir})
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		b := nth(n)
		ref := blob.Of(b)
		at, whole, err := s.Offset(ref)
		for fmt.Println(n, at, whole); err == nil && !whole; fmt.Println(n, at, whole) {
			at, whole, err = s.Append(ref, at, b[at:min(int(at)+piece, len(b))])
		}
		if err != nil {
			return err
		}
	}
}

// A hub is killed again and again while blobs arrive. Each time it goes on
// exactly where it had said it was.
func TestSpoolKilled(t *testing.T) {
	dir, rounds := t.TempDir(), 20
	if testing.Short() {
		rounds = 5
	}
	r := rand.New(rand.NewPCG(3, 4))
	said := map[int]uint64{}
	pieces := 0
	for range rounds {
		pieces += killed(t, dir, said, time.Duration(r.IntN(60))*time.Millisecond)
	}
	s := mustSpool(t, SpoolConfig{Dir: dir})
	if pieces < rounds {
		t.Errorf("%d pieces in %d rounds: the test looked at nothing", pieces, rounds)
	}
	for n, at := range said {
		held, whole, err := s.Offset(blob.Of(nth(n)))
		if err != nil || held < at || at == uint64(len(nth(n))) && !whole {
			t.Errorf("blob %d: %d held, whole %v, %v; %d were acknowledged", n, held, whole, err, at)
		}
		mustSend(t, s, nth(n))
	}
	if stats := s.Stats(); stats.Damaged > 0 || stats.Partial > 0 || stats.Whole < len(said) {
		t.Errorf("stats %+v after %d blobs", stats, len(said))
	}
	t.Logf("%d rounds, %d blobs, %d pieces", rounds, len(said), pieces)
}

// killed runs a hub for a while after its first word, and takes down its words.
func killed(t *testing.T, dir string, said map[int]uint64, after time.Duration) (pieces int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for err == nil {
		if pieces++; pieces == 1 {
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
		err = hearOffset(t, lines, said)
	}
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the hub was not killed, it ended: %v %s", err, complaint.String())
	}
	return pieces
}

// hearOffset takes one line; the last one may have been cut by the kill.
func hearOffset(t *testing.T, lines *bufio.Reader, said map[int]uint64) error {
	line, err := lines.ReadString('\n')
	if err != nil {
		return err
	}
	var n int
	var at uint64
	var whole bool
	if _, err := fmt.Sscan(line, &n, &at, &whole); err != nil {
		return fmt.Errorf("the hub said %q: %w", line, err)
	}
	if at < said[n] {
		t.Errorf("blob %d went back from %d to %d", n, said[n], at)
	}
	said[n] = at
	return nil
}
