package outbox

import (
	"errors"
	"os"
	"syscall"
)

// acquire holds path for this process until the file is closed or the process
// dies, and tells whether an outbox was here before. Two outboxes on one journal
// would count uptimes from each other's boot records.
func acquire(path string) (lock *os.File, before bool, err error) {
	_, missing := os.Stat(path)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	return f, missing == nil, nil
}
