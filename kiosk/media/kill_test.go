package media

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"nghe/shared/blob"
	"nghe/shared/feedback"
)

// childDir makes the test binary a kiosk with its spool there instead of a test.
const childDir = "NGHE_MEDIA_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// child keeps blobs until it is killed, and says of each that it was kept, or
// that it will be deleted.
func child(dir string) error {
	s, err := Open(config(dir, newClock()))
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		keep := s.Put
		if i%7 > 3 {
			keep = s.Hold
		}
		ref, err := keep(random(200+i%5*10_000), feedback.AttachedVoice)
		if err != nil {
			return err
		}
		fmt.Println("kept", ref.Hash)
		if i%7 > 4 {
			err = s.Release(ref.Hash)
		}
		if i%7 == 6 {
			err = errors.Join(err, s.Blur())
		}
		if err != nil {
			return err
		}
		switch i % 5 {
		case 1:
			err = s.Stored(ref.Hash)
		case 2:
			err = s.Archived(ref.Hash)
		case 3:
			fmt.Println("deletes", ref.Hash)
			err = s.Delete(ref.Hash)
			fmt.Println("deleted", ref.Hash)
		}
		if err != nil {
			return err
		}
	}
}

// A kiosk is killed again and again in the middle of its work. Whatever it said
// was kept is there, whole; what it said was deleted is not.
func TestKill(t *testing.T) {
	dir, rounds := t.TempDir(), 25
	if testing.Short() {
		rounds = 5
	}
	chance := rand.New(rand.NewPCG(1, 2))
	said := map[blob.Hash]string{}
	for range rounds {
		killed(t, dir, time.Duration(20+chance.IntN(120))*time.Millisecond, said)
	}
	s := mustOpen(t, config(dir, newClock()))
	for h, last := range said {
		e, here := s.Find(h)
		if last == "kept" && !here || last == "deleted" && here {
			t.Errorf("%s blob %s: here %v", last, h, here)
		}
		if !here {
			continue
		}
		content, err := s.ReadAt(h, 0, int(e.Ref.Size))
		if err != nil || blob.Of(content) != e.Ref {
			t.Errorf("blob %s: %v, or other bytes", h, err)
		}
	}
	t.Logf("%d blobs in %d rounds", len(said), rounds)
	if len(said) < rounds {
		t.Error("the test looked at next to nothing")
	}
	if n := files(t, dir); n != len(s.all) {
		t.Errorf("%d files for %d blobs", n, len(s.all))
	}
}

func killed(t *testing.T, dir string, after time.Duration, said map[blob.Hash]string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(after, func() { cmd.Process.Kill() })
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		did, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		h, err := blob.ParseHash(name)
		if err != nil {
			t.Fatalf("kiosk said %q", line)
		}
		said[h] = did
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the kiosk was not killed, it ended: %v %s", err, complaint.String())
	}
}
