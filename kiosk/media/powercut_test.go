package media

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"nghe/shared/blob"
	"nghe/shared/feedback"
)

var errFault = errors.New("input/output error")

// op is one step of the disk that a cut may undo until its folder was synced.
type op struct {
	what     string // write, link, remove, create, fill, clear, syncDir
	path, to string
	data     []byte
	at       int64
}

// recorder is a disk that writes down what it does, and may fail one step:
// without effect, or after it.
type recorder struct {
	system
	log  []op
	fail int // 0: never; n: the n-th step
	late bool
}

func (r *recorder) step(o op, do func() error) error {
	r.log = append(r.log, o)
	failing := len(r.log) == r.fail
	if failing && !r.late {
		r.log = r.log[:len(r.log)-1]
		r.fail = 0
		return errFault
	}
	err := do()
	if failing && err == nil {
		err = errFault
	}
	return err
}

func (r *recorder) write(path string, data []byte) error {
	return r.step(op{"write", path, "", data, 0}, func() error { return r.system.write(path, data) })
}

func (r *recorder) link(from, to string) error {
	return r.step(op{"link", from, to, nil, 0}, func() error { return r.system.link(from, to) })
}

func (r *recorder) remove(path string) error {
	return r.step(op{"remove", path, "", nil, 0}, func() error { return r.system.remove(path) })
}

func (r *recorder) create(path string) error {
	return r.step(op{"create", path, path, nil, 0}, func() error { return r.system.create(path) })
}

func (r *recorder) fill(path string, at int64, data []byte) error {
	return r.step(op{"fill", path, "", data, at}, func() error { return r.system.fill(path, at, data) })
}

func (r *recorder) clear(path string) error {
	return r.step(op{"clear", path, "", nil, 0}, func() error { return r.system.clear(path) })
}

func (r *recorder) syncDir(path string) error {
	return r.step(op{"syncDir", path, "", nil, 0}, func() error { return r.system.syncDir(path) })
}

// filled is a file after part of a fill has reached the disk.
func (o op) filled(file []byte, part int) []byte {
	end := int(o.at) + part
	file = append(slices.Clone(file), make([]byte, max(0, end-len(file)))...)
	copy(file[o.at:], o.data[:part])
	return file
}

// left is what a disk may show after a cut: of the links and removals whose
// folder was not synced since, any may have come undone; and of the step in
// flight, where it fills a file, any part may be there.
func left(log []op, flying *op, chance *rand.Rand) map[string][]byte {
	type change struct {
		op
		folder string
	}
	disk := map[string][]byte{} // as the running system sees it
	durable := map[string][]byte{}
	var open []change
	apply := func(to map[string][]byte, o op, data []byte) {
		switch o.what {
		case "link", "create":
			to[o.to] = data
		case "remove":
			delete(to, o.path)
		}
	}
	for _, o := range log {
		switch o.what {
		case "write":
			disk[o.path], durable[o.path] = o.data, o.data
		case "link":
			open = append(open, change{op{"link", o.path, o.to, disk[o.path], 0}, filepath.Dir(o.to)})
			apply(disk, o, disk[o.path])
		case "create":
			open = append(open, change{o, filepath.Dir(o.path)})
			apply(disk, o, []byte{})
		case "fill", "clear":
			for _, on := range []map[string][]byte{disk, durable} {
				if was, here := on[o.path]; here {
					on[o.path] = o.filled(was, len(o.data))
				}
				if o.what == "clear" {
					delete(on, o.path)
					on[o.path] = []byte{}
				}
			}
		case "remove":
			open = append(open, change{o, filepath.Dir(o.path)})
			apply(disk, o, nil)
		case "syncDir":
			open = slices.DeleteFunc(open, func(c change) bool {
				if c.folder == o.path {
					apply(durable, c.op, c.data)
				}
				return c.folder == o.path
			})
		}
	}
	for _, c := range open {
		if chance.IntN(2) == 0 {
			apply(durable, c.op, c.data)
		}
	}
	if flying != nil && flying.what == "fill" {
		part := chance.IntN(len(flying.data) + 1)
		if flying.at == 0 {
			part *= chance.IntN(2) // a sector is written whole or not at all
			part = min(part*len(flying.data), len(flying.data))
		}
		durable[flying.path] = flying.filled(durable[flying.path], part)
	}
	return durable
}

// lazy is a disk that syncs nothing: enough to look at what was left.
type lazy struct{ system }

func (lazy) mkdir(path string) error { return os.MkdirAll(path, 0o700) }
func (lazy) syncDir(string) error    { return nil }

// play is a spool at work, and what it promised at which step.
type play struct {
	disk    *recorder
	dir     string
	kept    map[blob.Hash]int // steps when Put returned
	reached map[blob.Hash]State
	begun   map[blob.Hash]map[State]int // steps when a move was begun
	gone    map[blob.Hash][2]int        // steps when Delete was begun, and returned
	again   int                         // steps when all were made to be sent again
}

func newPlay(t testing.TB) *play {
	return &play{disk: &recorder{}, dir: t.TempDir(), kept: map[blob.Hash]int{}, reached: map[blob.Hash]State{},
		begun: map[blob.Hash]map[State]int{}, gone: map[blob.Hash][2]int{}}
}

// run plays one spool's day; every step is tried again until it succeeds, as the
// agent does.
func (p *play) run(t testing.TB, seed uint64) {
	t.Helper()
	chance := rand.New(rand.NewPCG(seed, 1))
	cfg := config(p.dir, newClock())
	cfg.disk = p.disk
	s, err := Open(cfg)
	if errors.Is(err, errFault) {
		s, err = Open(cfg)
	}
	ok(t, err)
	try := func(f func() error) {
		t.Helper()
		for range 3 {
			err := f()
			if err == nil {
				return
			}
			if !errors.Is(err, errFault) {
				t.Fatal(err)
			}
			if chance.IntN(2) == 0 {
				s = mustOpen(t, cfg)
			}
		}
		t.Fatal("a step fails again and again")
	}
	for i := range 12 {
		content := fmt.Appendf(nil, "sealed %d %d", seed, i)
		h := blob.Of(content).Hash
		state := Pending
		try(func() error {
			var err error
			if i%4 == 3 {
				state = Held
				_, err = s.Hold(content, feedback.AttachedWords)
			} else {
				_, err = s.Put(content, feedback.AttachedWords)
			}
			return err
		})
		p.kept[h], p.begun[h] = len(p.disk.log), map[State]int{state: 0}
		for _, m := range []struct {
			to State
			do func(blob.Hash) error
		}{{Pending, s.Release}, {Stored, s.Stored}, {Archived, s.Archived}}[:chance.IntN(4)] {
			if e, _ := s.Find(h); m.to == Pending && e.State != Held {
				continue
			}
			p.begun[h][m.to] = len(p.disk.log)
			try(func() error {
				switch m.to {
				case Pending:
					return s.Release(h)
				case Stored:
					return s.Stored(h)
				}
				return s.Archived(h)
			})
		}
		if chance.IntN(4) == 0 {
			begun := len(p.disk.log)
			try(func() error { return s.Delete(h) })
			p.gone[h] = [2]int{begun, len(p.disk.log)}
		}
	}
	try(func() error { return s.Again(slices.Collect(maps.Keys(p.kept))...) })
	p.again = len(p.disk.log)
}

// judge opens what was left after a cut at a step and says which promise is
// broken.
func (p *play) judge(t testing.TB, at int, disk map[string][]byte) error {
	dir, err := os.MkdirTemp("", "powercut")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for path, data := range disk {
		inside, err := filepath.Rel(p.dir, path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, inside)), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, inside), data, 0o600); err != nil {
			return err
		}
	}
	cfg := config(dir, newClock())
	cfg.disk = lazy{}
	s, err := Open(cfg)
	if err != nil {
		return err
	}
	for h, kept := range p.kept {
		e, here := s.Find(h)
		gone, deleted := p.gone[h]
		switch {
		case deleted && at >= gone[1] && here:
			return fmt.Errorf("deleted blob %s is back in %s", h, e.State)
		case at >= kept && !here && !(deleted && at >= gone[0]):
			return fmt.Errorf("blob %s is lost", h)
		}
		if !here {
			continue
		}
		if begun, ever := p.begun[h][e.State]; !ever || at < begun {
			return fmt.Errorf("blob %s is %s before anybody said so", h, e.State)
		}
		if at >= p.again && e.State != Pending && e.State != Held {
			return fmt.Errorf("blob %s is %s, though the hub was restored", h, e.State)
		}
		content, err := s.ReadAt(h, 0, 1000)
		if err != nil || blob.Of(content).Hash != h {
			return fmt.Errorf("blob %s: %w, or other bytes", h, err)
		}
	}
	if n := files(t, dir); n != len(s.all) {
		return fmt.Errorf("%d files for %d blobs", n, len(s.all))
	}
	return nil
}

func TestPowerCut(t *testing.T) {
	looked := 0
	for seed := range uint64(6) {
		p := newPlay(t)
		p.run(t, seed)
		for at := 0; at <= len(p.disk.log); at++ {
			for try := range uint64(4) {
				looked++
				var flying *op
				if at < len(p.disk.log) {
					flying = &p.disk.log[at]
				}
				if err := p.judge(t, at, left(p.disk.log[:at], flying, rand.New(rand.NewPCG(uint64(at), try)))); err != nil {
					t.Fatalf("seed %d, cut after %d %v: %v", seed, at, p.disk.log[max(0, at-3):at], err)
				}
			}
		}
	}
	t.Logf("%d states", looked)
}

// Every step of the disk fails once, in both ways; afterwards everything is as
// if it had not.
func TestEveryFault(t *testing.T) {
	p := newPlay(t)
	p.run(t, 1)
	steps := len(p.disk.log)
	for _, late := range []bool{false, true} {
		for at := 1; at <= steps; at++ {
			p := newPlay(t)
			p.disk.fail, p.disk.late = at, late
			p.run(t, 1)
			if err := p.judge(t, len(p.disk.log), left(p.disk.log, nil, rand.New(rand.NewPCG(1, 1)))); err != nil {
				t.Errorf("step %d failed, late %v: %v", at, late, err)
			}
		}
	}
}

// A cut in the middle of writing leaves a name that Open clears away.
func TestHalfWrittenBlobIsClearedAway(t *testing.T) {
	cfg := config(t.TempDir(), newClock())
	mustOpen(t, cfg)
	ok(t, os.WriteFile(filepath.Join(cfg.Dir, "pending", ".0000000000000001-1-9-x-17.tmp"), []byte("half"), 0o600))
	if s := mustOpen(t, cfg); files(t, cfg.Dir) != 0 || len(s.all) != 0 {
		t.Error("half a blob is still there")
	}
}

// A held blob is in its slot before the slot says so, and in a file of its own
// before the slot is empty.
func TestSlotIsFilledInOrder(t *testing.T) {
	cfg := config(t.TempDir(), newClock())
	disk := &recorder{}
	cfg.disk = disk
	s := mustOpen(t, cfg)
	disk.log = nil
	ref, err := s.Hold([]byte("sealed"), feedback.AttachedWords)
	ok(t, err)
	ok(t, s.Release(ref.Hash))
	var did []string
	for _, o := range disk.log {
		did = append(did, fmt.Sprint(o.what, o.at))
	}
	if want := []string{"fill512", "fill0", "write0", "syncDir0", "clear0"}; !slices.Equal(did, want) {
		t.Errorf("did %v, want %v", did, want)
	}
}

func TestWriteIsSynced(t *testing.T) {
	cfg := config(t.TempDir(), newClock())
	disk := &recorder{}
	cfg.disk = disk
	s := mustOpen(t, cfg)
	disk.log = nil
	h := mustPut(t, s, []byte("sealed")).Hash
	ok(t, s.Stored(h))
	var did []string
	for _, o := range disk.log {
		did = append(did, o.what)
	}
	if want := []string{"write", "link", "syncDir", "remove"}; !slices.Equal(did, want) || !bytes.Equal(disk.log[0].data, []byte("sealed")) {
		t.Errorf("did %v, want %v", did, want)
	}
}
