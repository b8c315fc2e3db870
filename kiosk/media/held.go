package media

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A held blob lies in a slot: a file of folder held that was made, empty, by
// Open or Blur, and is filled where it lies. So the file was not born with the
// blob, neither its name nor its inode has a place in any order, and the folder
// does not change.
//
//	head (one sector: what name says of any other blob, then zeros) | sealed bytes
//
// The head is written last: a slot without one was cut and holds nothing.
const (
	headSize   = 512
	spareEvery = 24 * time.Hour // how often, beside at Open, there are made as many as should be
)

func isSlot(name string) bool { return strings.HasPrefix(name, "slot-") }

// inSlot reads what lies in a slot: nothing, a blob, or what is neither.
func (s *Spool) inSlot(f file) (e Entry, ok bool, err error) {
	path := filepath.Join(s.folder(Held), f.name)
	head := make([]byte, headSize)
	if f.size > 0 {
		if head, err = s.cfg.disk.read(path, headSize); err != nil {
			return e, false, err
		}
	}
	name := strings.TrimRight(string(head), "\x00")
	if name == "" {
		return e, false, s.empty(f)
	}
	e, ok = parseName(name, Held)
	e.slot = f.name
	return e, ok && f.size == headSize+int64(e.Ref.Size), nil
}

// empty clears a slot whose filling was cut.
func (s *Spool) empty(f file) error {
	if f.size == 0 {
		return nil
	}
	return s.cfg.disk.clear(filepath.Join(s.folder(Held), f.name))
}

// fill keeps a blob in a slot drawn by lot.
func (s *Spool) fill(e Entry, sealed []byte) (Entry, error) {
	free, err := s.free(1)
	if err != nil {
		return e, err
	}
	e.slot = free[rand.IntN(len(free))]
	err = s.cfg.disk.fill(s.path(e), headSize, sealed)
	if err == nil {
		head := make([]byte, headSize)
		copy(head, e.name())
		err = s.cfg.disk.fill(s.path(e), 0, head)
	}
	if err != nil {
		return e, errors.Join(full(err), s.cfg.disk.clear(s.path(e)))
	}
	return e, nil
}

// free lists the empty slots, and makes some where there are too few.
func (s *Spool) free(atLeast int) (names []string, err error) {
	files, err := s.cfg.disk.list(s.folder(Held))
	if err != nil {
		return nil, err
	}
	taken := map[string]bool{}
	for _, f := range files {
		if taken[f.name] = true; isSlot(f.name) && f.size == 0 {
			names = append(names, f.name)
		}
	}
	if len(names) >= atLeast {
		return names, nil
	}
	for n := 0; len(names) < s.cfg.Slots; n++ {
		name := fmt.Sprintf("slot-%04d", n)
		if taken[name] {
			continue
		}
		if err := s.cfg.disk.create(filepath.Join(s.folder(Held), name)); err != nil {
			return nil, full(err)
		}
		names = append(names, name)
	}
	return names, s.cfg.disk.syncDir(s.folder(Held))
}

// Blur takes from the slots what the file system tells of the last change to
// each. Call it about every minute, whether anything is held or not: then the
// times of all slots are those of the last call.
func (s *Spool) Blur() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.blur(); err != nil {
		return fmt.Errorf("hide when blobs came: %w", err)
	}
	return nil
}

func (s *Spool) blur() error {
	if at := s.cfg.Monotonic(); s.spared == 0 || at-s.spared >= spareEvery {
		if _, err := s.free(s.cfg.Slots); err != nil && !errors.Is(err, ErrFull) {
			return err
		}
		s.spared = at + 1
	}
	files, err := s.cfg.disk.list(s.folder(Held))
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	for _, f := range files {
		if isSlot(f.name) {
			err = errors.Join(err, s.cfg.disk.date(filepath.Join(s.folder(Held), f.name), now))
		}
	}
	return errors.Join(err, s.cfg.disk.date(s.folder(Held), now))
}

// copyOut writes a held blob to a file of its own, which is born now.
func (s *Spool) copyOut(is, will Entry) error {
	content, err := s.cfg.disk.read(s.path(is), headSize+int(is.Ref.Size))
	if err != nil || len(content) < headSize {
		return errors.Join(err, ErrGone)
	}
	return full(s.cfg.disk.write(s.path(will), content[headSize:]))
}

// stillHeld says that a slot was not given to another blob meanwhile.
func (s *Spool) stillHeld(e Entry) bool {
	now, ok := s.Find(e.Ref.Hash)
	return ok && now == e
}

func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
