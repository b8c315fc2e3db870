package printer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const (
	chunk = 4 << 10                // octets sent before the clock is looked at
	stall = 3 * time.Second        // a printer that takes nothing for so long is not there
	whole = 20 * time.Second       // one sheet
	reply = 300 * time.Millisecond // a printer that can answer does so at once
)

// device is the printer's file, open.
type device struct {
	f       *os.File
	answers bool // it can be read as well
}

// openDevice opens what is there and makes nothing: a file in the place of a
// printer that was pulled out would swallow every sheet. It never waits.
func openDevice(path string) (device, error) {
	const flags = syscall.O_NONBLOCK | syscall.O_NOCTTY
	info, err := os.Stat(path)
	if err != nil {
		return device{}, err
	}
	if info.Mode()&fs.ModeCharDevice != 0 {
		if f, err := os.OpenFile(path, os.O_RDWR|flags, 0); err == nil {
			return device{f, true}, nil
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|flags, 0)
	return device{f: f}, err
}

// write ends when all was taken, nothing was for a while, or it takes too long.
func (d device) write(b []byte) error {
	end := time.Now().Add(whole)
	for len(b) > 0 {
		limit := time.Now().Add(stall)
		if limit.After(end) {
			limit = end
		}
		if err := d.f.SetWriteDeadline(limit); err != nil && !errors.Is(err, os.ErrNoDeadline) { // a plain file never waits
			return err
		}
		n, err := d.f.Write(b[:min(len(b), chunk)])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// ask is what the printer says of its paper. One that does not answer has some:
// many never do.
func (d device) ask() (empty bool, err error) {
	if !d.answers {
		return false, nil
	}
	d.read(time.Now().Add(time.Millisecond)) // what it said unasked
	if err := d.write(paper); err != nil {
		return false, fmt.Errorf("ask for the paper's state: %w", err)
	}
	for end := time.Now().Add(reply); time.Now().Before(end); {
		answer, err := d.read(end)
		if empty, known := status(answer); known {
			return empty, nil
		}
		if err != nil {
			return false, nil
		}
	}
	return false, nil
}

func (d device) read(until time.Time) ([]byte, error) {
	b := make([]byte, 64)
	if err := d.f.SetReadDeadline(until); err != nil {
		return nil, err
	}
	n, err := d.f.Read(b)
	return b[:max(n, 0)], err
}
