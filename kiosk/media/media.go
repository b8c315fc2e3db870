// Package media keeps sealed blobs (words, contact, voice, photo) on the
// kiosk's disk until they are safe elsewhere: one file each, named by its hash,
// in a folder that says how far it has come.
//
// It promises that a blob whose Put or Hold returned nil survives power cuts
// and kills with its bytes unchanged; that the same bytes are kept once; that
// nothing is removed but what was archived, what no record names, and what the
// law deletes; and that what room it takes is left by the ratings first.
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
	"syscall"
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
	Number uint64 // order of arrival among those to be sent
	At     int64  // Archived: when, microseconds since 1970 UTC as the machine believed
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
		e, ok := parseName(f.name, state)
		_, twice := s.all[e.Ref.Hash]
		switch {
		case strings.HasSuffix(f.name, ".tmp"), ok && twice:
			if err := s.cfg.disk.remove(filepath.Join(s.folder(state), f.name)); err != nil {
				return err
			}
			continue
		case !ok || f.size != int64(e.Ref.Size):
			s.cfg.Logger.Error("a file of the spool is not a whole blob, it is left alone", "path", filepath.Join(string(state), f.name), "bytes", f.size)
			continue
		}
		s.add(e)
	}
	return nil
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
	e := Entry{Ref: ref, Kind: kind, State: state, Number: s.last + 1}
	if err == nil {
		err = s.write(e, sealed)
	}
	if err != nil {
		return blob.Ref{}, fmt.Errorf("keep blob: %w", err)
	}
	s.add(e)
	s.born[ref.Hash] = s.cfg.Monotonic()
	return ref, nil
}

// write keeps the file of a blob. One that is held shows only the day.
func (s *Spool) write(e Entry, sealed []byte) error {
	err := s.cfg.disk.write(s.path(e), sealed)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	if err != nil || e.State != Held {
		return err
	}
	y, m, d := s.cfg.Now().Date()
	return s.cfg.disk.date(s.path(e), time.Date(y, m, d, 0, 0, 0, 0, time.Local))
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
	part := make([]byte, min(uint64(n), e.Ref.Size-off))
	if _, err := io.ReadFull(io.NewSectionReader(f, int64(off), int64(len(part))), part); err != nil {
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

func (s *Spool) path(e Entry) string { return filepath.Join(s.folder(e.State), e.name()) }
