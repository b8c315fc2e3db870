//go:build !linux && !windows

package kit

import "os"

// prepare knows no terminal here: files and the environment remain.
func prepare(*os.File, bool) (restore func(), err error) { return nil, errNoTerminal }
