package printer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// plugged is a printer that answers: the other end of a terminal.
type plugged struct {
	*os.File
	mu     sync.Mutex // guards what follows
	answer []byte
	got    []byte // besides questions
}

// plug makes one, and device a name of it.
func plug(t *testing.T, device string) *plugged {
	t.Helper()
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var name string
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(raw.Control(func(fd uintptr) { name, err = unlocked(int(fd)) }), err); err != nil {
		t.Fatal(err)
	}
	p := &plugged{File: f}
	var answering sync.WaitGroup
	answering.Go(p.listen)
	t.Cleanup(func() { f.Close(); answering.Wait() })
	_ = os.Remove(device) // of the one before
	if err := os.Symlink(name, device); err != nil {
		t.Fatal(err)
	}
	return p
}

// unlocked lets a terminal be opened, and pass on every octet as it is.
func unlocked(fd int) (name string, err error) {
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return "", err
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return "", err
	}
	mode, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return "", err
	}
	mode.Iflag, mode.Oflag, mode.Lflag = 0, 0, 0
	return fmt.Sprintf("/dev/pts/%d", n), unix.IoctlSetTermios(fd, unix.TCSETS, mode)
}

func (p *plugged) listen() {
	for b := make([]byte, 4096); ; {
		n, err := p.Read(b)
		if errors.Is(err, unix.EIO) { // nobody has it open
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			return
		}
		p.take(b[:n])
	}
}

func (p *plugged) take(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, b...)
	for bytes.HasSuffix(p.got, paper) {
		p.got = bytes.TrimSuffix(p.got, paper)
		_, _ = p.Write(p.answer) // it may be plugged out
	}
}

func (p *plugged) says(answer ...byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *plugged) taken() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.got)
}

// waits for the end of a sheet.
func (p *plugged) waits(t *testing.T) []byte {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if got := p.taken(); bytes.HasSuffix(got, cut) {
			return got
		}
	}
	t.Fatal("no sheet came out")
	return nil
}
