package archive

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"nghe/shared/blob"
	"nghe/shared/durable"
)

var (
	// ErrFull answers the first bytes of a blob there is no room for: ask again
	// later, or archive what is whole.
	ErrFull = errors.New("the spool is full")
	// ErrTooLarge answers a blob larger than any kiosk may make.
	ErrTooLarge = errors.New("the blob is larger than the spool takes")
)

// SpoolConfig says where blobs wait, and how many.
type SpoolConfig struct {
	Dir     string        // on the hub's own disk; made when missing
	Budget  uint64        // bytes of all blobs, unfinished ones counted whole; 0: 1 GiB
	Largest uint64        // bytes of one blob; 0: 16 MiB
	Spare   uint64        // bytes of the disk left to the database: no blob begins below; 0: 256 MiB
	Idle    time.Duration // after which an unfinished blob gives way when the budget is used up; 0: 24 h
	Now     func() time.Time
}

// Spool holds blobs on the hub's own disk from their first byte until they are
// archived. Its methods may be called from many goroutines.
//
//	Dir/partial/HASH-SIZE    frames of what has arrived, each synced and checked
//	Dir/whole/HASH-SIZE      blobs that arrived whole and were verified
type Spool struct {
	cfg  SpoolConfig
	disk disk
	lock *os.File

	mu       sync.Mutex // guards what follows; never held while the disk writes
	held     map[blob.Ref]*entry
	reserved uint64 // sum of the sizes of all that is held
	damaged  uint64
	evicted  uint64
}

// entry is one blob. Its mutex is taken before the spool's.
type entry struct {
	ref blob.Ref

	mu       sync.Mutex // guards what follows and the blob's files
	gone     bool       // no longer in the spool: look again
	offset   uint64     // bytes held, all of them synced
	length   int64      // of the partial file, up to the last good frame
	whole    bool
	verified bool // hashed by this process

	touched time.Time // guarded by the spool's mutex
}

// SpoolStats is for people.
type SpoolStats struct {
	Budget, Reserved uint64 // bytes
	Partial, Whole   int    // blobs
	Damaged          uint64 // blobs dropped because they were not what they were named, since the start
	Evicted          uint64 // unfinished blobs that gave way to others, since the start
}

// OpenSpool takes over what an earlier process left: the good beginning of
// what was unfinished, and what was whole, which is hashed again before it is
// believed.
func OpenSpool(cfg SpoolConfig) (*Spool, error) { return openSpool(cfg, realDisk{}) }

func openSpool(cfg SpoolConfig, d disk) (*Spool, error) {
	cfg.Budget = cmp.Or(cfg.Budget, 1<<30)
	cfg.Largest = cmp.Or(cfg.Largest, blob.Largest)
	cfg.Spare = cmp.Or(cfg.Spare, 256<<20)
	cfg.Idle = cmp.Or(cfg.Idle, 24*time.Hour)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Spool{cfg: cfg, disk: d, held: map[blob.Ref]*entry{}}
	for _, dir := range []string{s.dir(partialDir), s.dir(wholeDir)} {
		if err := durable.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("open spool: %w", err)
		}
	}
	var err error
	if s.lock, err = durable.Lock(cfg.Dir); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	if err := s.recover(); err != nil {
		s.lock.Close()
		return nil, fmt.Errorf("open spool %s: %w", cfg.Dir, err)
	}
	return s, nil
}

// Close lets another process have the folder. Nothing is written: what was
// acknowledged is on the disk.
func (s *Spool) Close() error { return s.lock.Close() }

// Offset is how much of a blob is held, all of it synced.
func (s *Spool) Offset(ref blob.Ref) (offset uint64, whole bool, err error) {
	e := s.take(ref)
	if e == nil {
		return 0, false, nil
	}
	defer e.mu.Unlock()
	if err := s.settle(e); err != nil && !errors.Is(err, blob.ErrDamaged) {
		return 0, false, fmt.Errorf("look at blob %s: %w", ref.Hash, err)
	}
	return e.offset, e.whole, nil
}

// Append keeps the next bytes of a blob and says how much is held then, and
// whether that is all of it, verified. Bytes that do not begin where what is
// held ends are left: the sender goes on from the offset it is told.
//
// blob.ErrDamaged says that all bytes came and are not the blob's: they are
// dropped, and it begins again at 0. After any other error the offset told is
// still true.
func (s *Spool) Append(ref blob.Ref, offset uint64, b []byte) (now uint64, whole bool, err error) {
	if offset > ref.Size || uint64(len(b)) > ref.Size-offset {
		return 0, false, fmt.Errorf("append to blob %s: %d bytes at %d reach beyond its %d", ref.Hash, len(b), offset, ref.Size)
	}
	if len(b) > maxFrame {
		return 0, false, fmt.Errorf("append to blob %s: %d bytes at once, at most %d", ref.Hash, len(b), maxFrame)
	}
	e, err := s.begin(ref)
	if err == nil {
		defer e.mu.Unlock()
		if !e.whole && offset == e.offset && len(b) > 0 {
			err = s.extend(e, b)
		}
		if err == nil {
			err = s.settle(e)
		}
		now, whole = e.offset, e.whole
	}
	if err != nil {
		return now, false, fmt.Errorf("append to blob %s: %w", ref.Hash, full(err))
	}
	return now, whole, nil
}

// settle finishes a blob that is all there, and hashes one that an earlier
// process left whole. It needs the entry's mutex. What is not the blob it was
// named is dropped.
func (s *Spool) settle(e *entry) error {
	switch {
	case e.whole && !e.verified:
		err := s.verify(e.ref)
		if errors.Is(err, blob.ErrDamaged) {
			return errors.Join(err, s.spoilt(e))
		}
		e.verified = err == nil
		return err
	case !e.whole && e.offset == e.ref.Size:
		err := s.finish(e)
		if errors.Is(err, blob.ErrDamaged) {
			return errors.Join(err, s.spoilt(e))
		}
		return err
	}
	return nil
}

// Whole lists the blobs that are whole, each hashed at least once by this
// process, oldest first.
func (s *Spool) Whole() []blob.Ref {
	var refs []blob.Ref
	for _, ref := range s.refs() {
		if e := s.take(ref); e != nil {
			if err := s.settle(e); err == nil && e.whole {
				refs = append(refs, ref)
			}
			e.mu.Unlock()
		}
	}
	return refs
}

// refs are all blobs, in the order in which they were last touched.
func (s *Spool) refs() []blob.Ref {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*entry, 0, len(s.held))
	for _, e := range s.held {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *entry) int {
		return cmp.Or(a.touched.Compare(b.touched), cmp.Compare(a.ref.Hash.String(), b.ref.Hash.String()))
	})
	refs := make([]blob.Ref, len(all))
	for i, e := range all {
		refs[i] = e.ref
	}
	return refs
}

// Open opens a whole blob; ErrNotFound when there is none. It stays readable
// until it is closed, even when it is removed meanwhile.
func (s *Spool) Open(ref blob.Ref) (io.ReadSeekCloser, error) {
	e := s.take(ref)
	if e == nil {
		return nil, fmt.Errorf("open blob %s: %w", ref.Hash, ErrNotFound)
	}
	defer e.mu.Unlock()
	err := s.settle(e)
	if err == nil && !e.whole || errors.Is(err, blob.ErrDamaged) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", ref.Hash, err)
	}
	f, err := s.disk.OpenFile(s.path(wholeDir, ref), os.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	return f, nil
}

// Remove forgets a blob, whole or not, and syncs that. One that is not there is
// removed.
func (s *Spool) Remove(ref blob.Ref) error {
	e := s.take(ref)
	if e == nil {
		return nil
	}
	defer e.mu.Unlock()
	err := s.drop(e)
	for _, kind := range []string{partialDir, wholeDir} {
		err = errors.Join(err, s.disk.SyncDir(s.dir(kind)))
	}
	if err != nil {
		return fmt.Errorf("remove blob %s: %w", ref.Hash, err)
	}
	return nil
}

// Stats says how full it is.
func (s *Spool) Stats() SpoolStats {
	stats := SpoolStats{Budget: s.cfg.Budget}
	for _, ref := range s.refs() {
		if e := s.take(ref); e != nil {
			if e.whole {
				stats.Whole++
			} else {
				stats.Partial++
			}
			e.mu.Unlock()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stats.Reserved, stats.Damaged, stats.Evicted = s.reserved, s.damaged, s.evicted
	return stats
}

// take finds a blob and takes its mutex; nil when there is none.
func (s *Spool) take(ref blob.Ref) *entry {
	for {
		s.mu.Lock()
		e := s.held[ref]
		s.mu.Unlock()
		if e == nil {
			return nil
		}
		if e.mu.Lock(); !e.gone {
			return e
		}
		e.mu.Unlock()
	}
}

// begin finds a blob or makes room for it, and takes its mutex.
func (s *Spool) begin(ref blob.Ref) (*entry, error) {
	if ref.Size > s.cfg.Largest {
		return nil, fmt.Errorf("%w: %d of at most %d bytes", ErrTooLarge, ref.Size, s.cfg.Largest)
	}
	for {
		e, full := s.reserve(ref)
		if full {
			if err := s.evict(ref.Size); err != nil {
				return nil, err
			}
			continue
		}
		if e.mu.Lock(); !e.gone {
			return e, nil
		}
		e.mu.Unlock()
	}
}

// reserve counts a blob in full with its first byte: what was begun can always
// be finished.
func (s *Spool) reserve(ref blob.Ref) (e *entry, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e = s.held[ref]; e == nil {
		if s.reserved+ref.Size > s.cfg.Budget || s.disk.Free(s.cfg.Dir) < s.cfg.Spare+ref.Size {
			return nil, true
		}
		e = &entry{ref: ref}
		s.held[ref] = e
		s.reserved += ref.Size
	}
	e.touched = s.cfg.Now()
	return e, false
}

// evict lets the unfinished blob that was not touched for longest give way:
// its sender still has it. ErrFull when none was idle long enough.
func (s *Spool) evict(need uint64) error {
	for _, ref := range s.refs() {
		if s.idle(ref) {
			if e := s.take(ref); e != nil {
				defer e.mu.Unlock()
				if !e.whole {
					s.mu.Lock()
					s.evicted++
					s.mu.Unlock()
					return s.drop(e)
				}
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Errorf("%w: %d of %d bytes are taken, %d more are needed, and the disk has %d free",
		ErrFull, s.reserved, s.cfg.Budget, need, s.disk.Free(s.cfg.Dir))
}

func (s *Spool) idle(ref blob.Ref) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.held[ref]
	return e != nil && s.cfg.Now().Sub(e.touched) >= s.cfg.Idle
}

// drop forgets a blob and removes its files. It needs the entry's mutex. A file
// that cannot be removed is looked at again by the next process.
func (s *Spool) drop(e *entry) error {
	if e.gone {
		return nil
	}
	// Files first: whoever begins the blob again waits for this entry.
	err := errors.Join(s.remove(partialDir, e.ref), s.remove(wholeDir, e.ref))
	e.gone, e.whole, e.offset = true, false, 0
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, e.ref)
	s.reserved -= e.ref.Size
	return err
}

func (s *Spool) remove(kind string, ref blob.Ref) error {
	if err := s.disk.Remove(s.path(kind, ref)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// spoilt drops a blob that is not what it was named, and counts it.
func (s *Spool) spoilt(e *entry) error {
	s.mu.Lock()
	s.damaged++
	s.mu.Unlock()
	return s.drop(e)
}

func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: the hub's own disk has no room left: %w", ErrFull, err)
	}
	return err
}

func (s *Spool) dir(kind string) string { return filepath.Join(s.cfg.Dir, kind) }

func (s *Spool) path(kind string, ref blob.Ref) string {
	return filepath.Join(s.cfg.Dir, kind, fmt.Sprintf("%s-%d", ref.Hash, ref.Size))
}
