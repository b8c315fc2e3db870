// Package media keeps sealed blobs (words, contact, voice, photo) on the
// kiosk's disk until they are safe elsewhere: one file each, named by its hash,
// in a folder that says how far it has come.
//
// It promises that a blob whose Put or Hold returned nil survives power cuts
// and kills with its bytes unchanged; that the same bytes are kept once; that
// nothing is removed but what was archived, what no record names, and what the
// law deletes; and that what room it takes is left by the ratings first.
//
// Of a held blob the disk does not tell when it came, nor before or after which
// other: it waits in a file made long before, whose times are set anew by every
// Blur, and leaves it for a new one. That is not promised against who images
// the disk, or finds it without power, before the next Blur or Open; against
// traces below the files (the file system's own journal, where its blocks lie,
// what a flash chip keeps); nor for more blobs in a day than there are slots.
//
// It knows no journal, no hub and no key: it never sees what is inside.
package media

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"nghe/shared/blob"
	"nghe/shared/feedback"
)

var (
	// ErrFull says that a blob does not fit what may be used of the disk.
	ErrFull = errors.New("no room for this blob")
	// ErrTooLarge says that no hub would take a blob of that size.
	ErrTooLarge = errors.New("blob is larger than any hub takes")
	// ErrGone says that a blob is not here, or not here any more.
	ErrGone = errors.New("blob is not here")
)

// Config says where blobs lie and how much room they may take. Only Dir is
// needed.
type Config struct {
	Dir   string // folder of the spool; made when missing
	Quota int64  // most bytes of blobs; 0 means as many as the disk has room for

	// Reserve is how many bytes of the disk must stay free for others, asked
	// again at every look; nil means none.
	Reserve func() int64
	// Slots are how many empty files wait for blobs that will be held, made at
	// Open and once a day; 0 means 64. Where more come in one day they are made
	// at that moment, and their births tell it.
	Slots int
	// Free is how many bytes the disk of a folder has free; nil asks the file
	// system.
	Free func(dir string) (int64, error)
	// Steps are the levels of room at which less is taken; zero fields mean
	// the defaults.
	Steps Steps

	Now       func() time.Time     // wall clock; nil means time.Now
	Monotonic func() time.Duration // never steps, any zero; nil counts from Open
	Logger    *slog.Logger         // nil means slog.Default

	disk disk // nil is the operating system's; tests cut the power here
}

func (cfg Config) withDefaults() Config {
	if cfg.Reserve == nil {
		cfg.Reserve = func() int64 { return 0 }
	}
	if cfg.Free == nil {
		cfg.Free = statfs
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Monotonic == nil {
		begin := time.Now()
		cfg.Monotonic = func() time.Duration { return time.Since(begin) }
	}
	if cfg.disk == nil {
		cfg.disk = system{}
	}
	cfg.Slots = cmp.Or(cfg.Slots, 64)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	cfg.Steps = cfg.Steps.filled()
	return cfg
}

// State says how far a blob has come, by the folder it lies in.
type State string

const (
	Held     State = "held"     // its message has not entered the journal: not to be sent
	Pending  State = "pending"  // to be sent
	Stored   State = "stored"   // whole on the hub's disk
	Archived State = "archived" // read back from storage off the hub's disk
	Refused  State = "refused"  // the hub will not have it: a person must look
)

var states = []State{Held, Pending, Stored, Archived, Refused}

// Entry is one blob here.
type Entry struct {
	Ref    blob.Ref
	Kind   feedback.AttachmentKind
	State  State
	Number uint64 // order of arrival among those to be sent; 0 while held
	At     int64  // Archived: when, microseconds since 1970 UTC as the machine believed

	slot string // Held: the file it lies in
}

// Spool is an open folder of blobs, safe for any number of goroutines.
type Spool struct {
	cfg   Config
	level Level // guarded by mu, like all that follows

	mu    sync.Mutex
	all   map[blob.Hash]Entry
	born  map[blob.Hash]time.Duration // Monotonic when it came, of this run only
	bytes int64
	last  uint64 // highest number given

	unsynced map[State]bool // folders with names that a cut may take back
	spared   time.Duration  // Monotonic when spare slots were last made, and 1; 0 before
}

// Open reads what the folder holds, and clears away what a cut has left half.
func Open(cfg Config) (*Spool, error) {
	s := &Spool{cfg: cfg.withDefaults(), all: map[blob.Hash]Entry{}, born: map[blob.Hash]time.Duration{}, unsynced: map[State]bool{}}
	for _, open := range []func(State) error{s.settle, s.load} {
		for _, state := range states {
			if err := open(state); err != nil {
				return nil, fmt.Errorf("open spool: %w", err)
			}
		}
	}
	if err := s.Blur(); err != nil {
		s.cfg.Logger.Error("open spool", "err", err)
	}
	return s, nil
}

// settle makes durable what a move that failed may have left in a folder, before
// load takes away a name in another.
func (s *Spool) settle(state State) error {
	if err := s.cfg.disk.mkdir(s.folder(state)); err != nil {
		return err
	}
	return s.cfg.disk.syncDir(s.folder(state))
}

// load takes up one folder. A blob that a cut left in two folders counts where
// it was before: whoever moved it will move it again.
func (s *Spool) load(state State) error {
	files, err := s.cfg.disk.list(s.folder(state))
	if err != nil {
		return err
	}
	for _, f := range files {
		e, ok, err := s.entry(f, state)
		_, twice := s.all[e.Ref.Hash]
		switch {
		case err != nil:
			return err
		case strings.HasSuffix(f.name, ".tmp"), ok && twice:
			if err := s.discard(f.name, state); err != nil {
				return err
			}
		case ok:
			s.add(e)
			if state == Held { // the times of its slot say nothing
				s.born[e.Ref.Hash] = s.cfg.Monotonic()
			}
		case !isSlot(f.name) || f.size > 0:
			s.cfg.Logger.Error("a file of the spool is not a whole blob, it is left alone", "path", filepath.Join(string(state), f.name), "bytes", f.size)
		}
	}
	return nil
}

// entry is what a file of a folder holds, if that is a whole blob.
func (s *Spool) entry(f file, state State) (e Entry, ok bool, err error) {
	if state == Held && isSlot(f.name) {
		return s.inSlot(f)
	}
	e, ok = parseName(f.name, state)
	return e, ok && state != Held && f.size == int64(e.Ref.Size), nil
}

// discard takes a blob's file away, or what is in its slot.
func (s *Spool) discard(name string, state State) error {
	path := filepath.Join(s.folder(state), name)
	if state == Held && isSlot(name) {
		return s.cfg.disk.clear(path)
	}
	return s.cfg.disk.remove(path)
}

func (s *Spool) add(e Entry) {
	s.all[e.Ref.Hash] = e
	s.bytes += int64(e.Ref.Size)
	s.last = max(s.last, e.Number)
}

// Put keeps a sealed blob that may be sent at once, and returns when it is on
// the disk. Bytes that are here already are not kept twice.
func (s *Spool) Put(sealed []byte, kind feedback.AttachmentKind) (blob.Ref, error) {
	return s.put(sealed, kind, Pending)
}

// Hold keeps a sealed blob that must not be sent before Release: the moment of
// its arrival at the hub would tell when it was written.
func (s *Spool) Hold(sealed []byte, kind feedback.AttachmentKind) (blob.Ref, error) {
	return s.put(sealed, kind, Held)
}

func (s *Spool) put(sealed []byte, kind feedback.AttachmentKind, state State) (blob.Ref, error) {
	ref := blob.Of(sealed)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, here := s.all[ref.Hash]; here {
		return ref, nil
	}
	room, err := s.room()
	if len(sealed) > blob.Largest {
		err = fmt.Errorf("%w: %d bytes of at most %d", ErrTooLarge, len(sealed), blob.Largest)
	}
	if err == nil && int64(len(sealed)) > room {
		err = fmt.Errorf("%w: %d bytes, room for %d", ErrFull, len(sealed), max(0, room))
	}
	e := Entry{Ref: ref, Kind: kind, State: state}
	switch {
	case err != nil:
	case state == Held:
		e, err = s.fill(e, sealed)
	default:
		e.Number = s.last + 1
		err = full(s.cfg.disk.write(s.path(e), sealed))
	}
	if err != nil {
		return blob.Ref{}, fmt.Errorf("keep blob: %w", err)
	}
	s.add(e)
	s.born[ref.Hash] = s.cfg.Monotonic()
	return ref, nil
}

// ReadAt returns at most n bytes of a blob from off on; fewer only at its end.
func (s *Spool) ReadAt(h blob.Hash, off uint64, n int) ([]byte, error) {
	e, ok := s.Find(h)
	if !ok || off > e.Ref.Size {
		return nil, fmt.Errorf("read blob %s at %d: %w", h, off, ErrGone)
	}
	f, err := os.Open(s.path(e))
	if errors.Is(err, fs.ErrNotExist) {
		if now, ok := s.Find(h); ok && now.State != e.State {
			return s.ReadAt(h, off, n) // moved in between
		}
		err = ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", h, err)
	}
	defer f.Close() // only read from
	part, begin := make([]byte, min(uint64(n), e.Ref.Size-off)), int64(off)
	if e.State == Held {
		begin += headSize
	}
	_, err = io.ReadFull(io.NewSectionReader(f, begin, int64(len(part))), part)
	if e.State == Held && !s.stillHeld(e) {
		return s.ReadAt(h, off, n) // released in between
	}
	if err != nil {
		return nil, fmt.Errorf("read blob %s at %d: %w", h, off, err)
	}
	return part, nil
}

// Find looks a blob up.
func (s *Spool) Find(h blob.Hash) (Entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.all[h]
	return e, ok
}

// In lists the blobs of a state in order of arrival, as they are now.
func (s *Spool) In(state State) iter.Seq[Entry] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Entry
	for _, e := range s.all {
		if e.State == state {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b Entry) int { return cmp.Compare(a.Number, b.Number) })
	return slices.Values(found)
}

// First is the blob of a state that came first, of those that are not passed
// over.
func (s *Spool) First(state State, passed func(blob.Hash) bool) (first Entry, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h, e := range s.all {
		if e.State == state && (!ok || e.Number < first.Number) && !passed(h) {
			first, ok = e, true
		}
	}
	return first, ok
}

// Count is how many blobs of a state there are and how long they are together.
func (s *Spool) Count(state State) (blobs int, bytes int64) {
	for e := range s.In(state) {
		blobs, bytes = blobs+1, bytes+int64(e.Ref.Size)
	}
	return blobs, bytes
}

func (s *Spool) folder(state State) string { return filepath.Join(s.cfg.Dir, string(state)) }

func (s *Spool) path(e Entry) string {
	if e.State == Held {
		return filepath.Join(s.folder(Held), e.slot)
	}
	return filepath.Join(s.folder(e.State), e.name())
}
