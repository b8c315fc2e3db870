package kit

import (
	"os"

	"golang.org/x/sys/windows"
)

// prepare fails where f is no console; restore undoes it.
func prepare(f *os.File, secret bool) (restore func(), err error) {
	console := windows.Handle(f.Fd())
	var before uint32
	if err := windows.GetConsoleMode(console, &before); err != nil {
		return nil, err
	}
	during := before
	if secret {
		during &^= windows.ENABLE_ECHO_INPUT
	}
	if err := windows.SetConsoleMode(console, during); err != nil {
		return nil, err
	}
	return func() { _ = windows.SetConsoleMode(console, before) }, nil
}
