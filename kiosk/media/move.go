package media

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"nghe/shared/blob"
)

// Release lets a held blob be sent, behind all that came so far, in a new file:
// neither its number nor anything the file system notes of it tells when it was
// written.
func (s *Spool) Release(h blob.Hash) error { return s.move(Pending, []blob.Hash{h}, Held) }

// Stored notes that the hub has verified the whole blob on its own disk.
func (s *Spool) Stored(h blob.Hash) error { return s.move(Stored, []blob.Hash{h}, Pending) }

// Archived notes that a copy was read back from storage off the hub's disk.
func (s *Spool) Archived(h blob.Hash) error {
	return s.move(Archived, []blob.Hash{h}, Pending, Stored)
}

// Again has blobs sent once more: the hub lost what it had, or may take now what
// it would not have. All together cost as many disk syncs as one.
func (s *Spool) Again(h ...blob.Hash) error { return s.move(Pending, h, Stored, Archived, Refused) }

// Refused sets aside a blob that the hub will not have.
func (s *Spool) Refused(h blob.Hash) error { return s.move(Refused, []blob.Hash{h}, Pending, Stored) }

// step is a blob on its way from one state to another.
type step struct{ is, will Entry }

// move brings blobs from one of those states to another. A blob that has come
// as far already, or has gone, needs nothing.
func (s *Spool) move(to State, which []blob.Hash, from ...State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	steps := s.steps(to, which, from)
	if len(steps) == 0 && !s.unsynced[to] {
		return nil
	}
	if err := s.rename(to, steps); err != nil {
		return fmt.Errorf("move blobs to %s: %w", to, errors.Join(err, s.lookAgain(steps)))
	}
	for _, m := range steps {
		s.all[m.will.Ref.Hash] = m.will
		s.last = max(s.last, m.will.Number)
	}
	return nil
}

func (s *Spool) steps(to State, which []blob.Hash, from []State) (steps []step) {
	last := s.last
	for _, h := range which {
		is, here := s.all[h]
		if !here || !slices.Contains(from, is.State) {
			continue
		}
		will := is
		will.State, will.slot = to, ""
		switch to {
		case Archived:
			will.At = s.cfg.Now().UnixMicro()
		case Pending:
			last++
			will.At, will.Number = 0, last
		}
		steps = append(steps, step{is, will})
	}
	return steps
}

// rename has both names on the disk before it takes the old one away, so that
// no cut can leave neither. That the old name comes back does no harm.
func (s *Spool) rename(to State, steps []step) error {
	s.unsynced[to] = true
	for _, m := range steps {
		bring := func() error { return s.cfg.disk.link(s.path(m.is), s.path(m.will)) }
		if m.is.State == Held {
			bring = func() error { return s.copyOut(m.is, m.will) }
		}
		if err := bring(); err != nil {
			return err
		}
	}
	if err := s.cfg.disk.syncDir(s.folder(to)); err != nil {
		return err
	}
	delete(s.unsynced, to)
	for _, m := range steps {
		if err := s.discard(filepath.Base(s.path(m.is)), m.is.State); err != nil {
			return err
		}
	}
	return nil
}

// lookAgain finds blobs whose move failed, and may have been done all the same.
func (s *Spool) lookAgain(steps []step) error {
	lost := map[blob.Hash]bool{}
	for _, m := range steps {
		lost[m.is.Ref.Hash] = true
	}
	return s.each(func(e Entry) (bool, error) {
		if lost[e.Ref.Hash] {
			delete(lost, e.Ref.Hash)
			s.all[e.Ref.Hash] = e
			s.last = max(s.last, e.Number)
		}
		return len(lost) > 0, nil
	})
}

// each walks the names in all folders, in the order of the states, while f
// wants more.
func (s *Spool) each(f func(Entry) (more bool, err error)) error {
	for _, state := range states {
		files, err := s.cfg.disk.list(s.folder(state))
		if err != nil {
			return err
		}
		for _, file := range files {
			e, ok, err := s.entry(file, state)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if more, err := f(e); !more || err != nil {
				return err
			}
		}
	}
	return nil
}

// Delete removes blobs, durably and whatever their state, because the law says
// so. One that is not here needs nothing.
func (s *Spool) Delete(doomed ...blob.Hash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.erase(doomed); err != nil {
		return fmt.Errorf("delete blobs: %w", err)
	}
	return nil
}

// erase takes away every name of a blob, since a cut or a fault in a move may
// have left two, and makes that durable in every folder where one may come back.
func (s *Spool) erase(doomed []blob.Hash) error {
	all := map[blob.Hash]bool{}
	for _, h := range doomed {
		all[h] = true
	}
	err := s.each(func(e Entry) (bool, error) {
		if !all[e.Ref.Hash] {
			return true, nil
		}
		return true, s.discard(filepath.Base(s.path(e)), e.State)
	})
	for _, state := range states {
		err = errors.Join(err, s.cfg.disk.syncDir(s.folder(state)))
	}
	if err != nil {
		return err
	}
	for h := range all {
		s.bytes -= int64(s.all[h].Ref.Size)
		delete(s.all, h)
		delete(s.born, h)
	}
	return nil
}

// Journal knows which blobs are named by a record, or by a message held back.
type Journal interface {
	Names(hash [32]byte) (bool, error)
	Forget(hash [32]byte) error // the blob is let go: it need not be here any more
}

// Swept says what went.
type Swept struct {
	Orphans  int // named by no record
	Archived int
}

// orphanAge is how long a blob waits for the record that names it. Between the
// two there are milliseconds; what is older was left by a cut.
const orphanAge = 24 * time.Hour

// Sweep removes blobs that no record names and that came more than 24 hours
// ago, and those archived longer than keep ago.
func (s *Spool) Sweep(j Journal, keep time.Duration) (Swept, error) {
	var swept Swept
	var doomed []blob.Hash
	for _, state := range states {
		for e := range s.In(state) {
			named, err := j.Names(e.Ref.Hash)
			switch {
			case err != nil:
			case !named && s.abandoned(e):
				swept.Orphans++
			case named && state == Archived && s.past(e.At, keep):
				swept.Archived++
				err = j.Forget(e.Ref.Hash)
			default:
				continue
			}
			if err != nil {
				return Swept{}, fmt.Errorf("sweep blobs: %w", err)
			}
			doomed = append(doomed, e.Ref.Hash)
		}
	}
	if len(doomed) == 0 {
		return swept, nil
	}
	if err := s.Delete(doomed...); err != nil {
		return Swept{}, fmt.Errorf("sweep blobs: %w", err)
	}
	return swept, nil
}

// abandoned says whether a blob without a record has waited long enough. One of
// this run goes by the clock that never steps: its record may be under way.
// After a restart nobody is on the way to it any more.
func (s *Spool) abandoned(e Entry) bool {
	s.mu.Lock()
	born, ours := s.born[e.Ref.Hash]
	s.mu.Unlock()
	if ours {
		return s.cfg.Monotonic()-born > orphanAge
	}
	written, err := s.cfg.disk.written(s.path(e))
	return err == nil && s.past(written.UnixMicro(), orphanAge)
}

// past says whether a moment lies at least that long ago. One in the future
// means that the clock was wrong: it protects nothing.
func (s *Spool) past(at int64, age time.Duration) bool {
	now := s.cfg.Now()
	return at > now.UnixMicro() || at <= now.Add(-age).UnixMicro()
}
