package kit

import (
	"os"

	"golang.org/x/sys/unix"
)

// prepare fails where f is no terminal; restore undoes it.
func prepare(f *os.File, secret bool) (restore func(), err error) {
	before, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return nil, err
	}
	during := *before
	if secret {
		during.Lflag &^= unix.ECHO
	}
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &during); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, before) }, nil
}
