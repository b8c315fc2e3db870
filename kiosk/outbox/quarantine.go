package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nghe/shared/sqlite"
)

const setAside = "damaged-"

// MustReopen reports whether nothing more will be kept until the outbox is
// closed and opened again: after a failed sync, a file that is gone, or damage.
func MustReopen(err error) bool {
	return errors.Is(err, sqlite.ErrBroken) || errors.Is(err, ErrGone) || damaged(err)
}

// damaged reports whether only a new file helps.
func damaged(err error) bool {
	return errors.Is(err, ErrDamaged) || sqlite.IsCorrupt(err)
}

// quarantine moves the database file, with its log, to names under which SQLite
// would open the pair again. It deletes nothing. Both names are there until
// the copy is durable, and the file goes before its log: a cut in between must
// not leave a file without its log, which would pass for whole.
func quarantine(cfg Config, name string) (string, error) {
	from := filepath.Join(cfg.Dir, name)
	to := filepath.Join(cfg.Dir, fmt.Sprintf("%s%d-%s", setAside, cfg.Now().UnixMicro(), name))
	err := each(func(suffix string) error { return os.Link(from+suffix, to+suffix) })
	if err == nil {
		err = cfg.SyncDir(cfg.Dir)
	}
	if err == nil {
		err = each(func(suffix string) error { return os.Remove(from + suffix) })
	}
	if err == nil {
		err = os.Remove(from + "-shm")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("set damaged journal aside: %w", err)
	}
	return to, cfg.SyncDir(cfg.Dir)
}

func each(f func(suffix string) error) error {
	for _, suffix := range []string{"", "-wal", "-journal"} {
		if err := f(suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Quarantined lists the damaged journals set aside in this folder, oldest
// first. Each is a condition that needs a person: answers the hub had not
// received may still be read from it. It is cleared by moving the file away.
func (r *Reader) Quarantined() ([]string, error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return nil, fmt.Errorf("list damaged journals: %w", err)
	}
	var found []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), setAside) && (strings.HasSuffix(e.Name(), fileName) || strings.HasSuffix(e.Name(), heldName)) {
			found = append(found, filepath.Join(r.dir, e.Name()))
		}
	}
	slices.Sort(found)
	return found, nil
}
