package archive

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
)

// recorder is a disk that notes what is done to it, so that the states a power
// cut may leave can be made again.
type recorder struct {
	realDisk
	ops []op
}

type op struct {
	kind  string // create, write, truncate, sync, rename, remove, syncdir
	name  string // of a file, or the folder of syncdir; where to, of rename
	other string // where from, of rename
	inode int    // of the file, from 1
	at    int64
	data  []byte
}

type recorderFile struct {
	diskFile
	d     *recorder
	name  string
	inode int
}

func (d *recorder) note(o op) { d.ops = append(d.ops, o) }

// inodeOf is the file that stands under a name now.
func (d *recorder) inodeOf(name string) int {
	inode := 0
	for _, o := range d.ops {
		switch {
		case o.kind == "create" && o.name == name, o.kind == "rename" && o.name == name:
			inode = o.inode
		case o.kind == "remove" && o.name == name, o.kind == "rename" && o.other == name:
			inode = 0
		}
	}
	return inode
}

func (d *recorder) OpenFile(name string, flag int) (diskFile, error) {
	f, err := d.realDisk.OpenFile(name, flag)
	if err != nil {
		return nil, err
	}
	inode := d.inodeOf(name)
	switch {
	case inode == 0:
		inode = len(d.ops) + 1
		d.note(op{kind: "create", name: name, inode: inode})
	case flag&os.O_TRUNC != 0:
		d.note(op{kind: "truncate", inode: inode})
	}
	return &recorderFile{f, d, name, inode}, nil
}

func (d *recorder) Rename(old, new string) error {
	d.note(op{kind: "rename", name: new, other: old, inode: d.inodeOf(old)})
	return d.realDisk.Rename(old, new)
}

func (d *recorder) Remove(name string) error {
	err := d.realDisk.Remove(name)
	if err == nil {
		d.note(op{kind: "remove", name: name})
	}
	return err
}

func (d *recorder) SyncDir(name string) error {
	d.note(op{kind: "syncdir", name: name})
	return d.realDisk.SyncDir(name)
}

func (f *recorderFile) WriteAt(b []byte, at int64) (int, error) {
	f.d.note(op{kind: "write", inode: f.inode, at: at, data: bytes.Clone(b)})
	return f.diskFile.WriteAt(b, at)
}

func (f *recorderFile) Write(b []byte) (int, error) {
	at, err := f.Seek(0, 1)
	if err != nil {
		return 0, err
	}
	f.d.note(op{kind: "write", inode: f.inode, at: at, data: bytes.Clone(b)})
	return f.diskFile.Write(b)
}

func (f *recorderFile) Sync() error {
	f.d.note(op{kind: "sync", inode: f.inode})
	return f.diskFile.Sync()
}

func (f *recorderFile) Truncate(n int64) error {
	f.d.note(op{kind: "truncate", inode: f.inode, at: n})
	return f.diskFile.Truncate(n)
}

// after makes the state a cut may leave: what was synced is there; of what was
// not, keep decides, change by change and sector by sector.
func after(ops []op, keep func() bool) map[string][]byte {
	type change struct {
		o    op
		kept bool
	}
	var files, names []change
	for i, o := range ops {
		safe := false
		for _, later := range ops[i+1:] {
			isName := o.kind == "create" || o.kind == "rename" || o.kind == "remove"
			if isName && later.kind == "syncdir" && later.name == filepath.Dir(o.name) ||
				!isName && later.kind == "sync" && later.inode == o.inode {
				safe = true
			}
		}
		switch o.kind {
		case "write", "truncate":
			files = append(files, change{o, safe})
		case "create", "rename", "remove":
			names = append(names, change{o, safe || keep()})
		}
	}
	content := map[int][]byte{}
	for _, c := range files {
		b := content[c.o.inode]
		if c.o.kind == "truncate" {
			if c.kept || keep() {
				b = append(b, make([]byte, max(0, int(c.o.at)-len(b)))...)[:c.o.at]
			}
		} else {
			b = written(b, c.o, func() bool { return c.kept || keep() })
		}
		content[c.o.inode] = b
	}
	state := map[string]int{}
	for _, c := range names {
		if !c.kept {
			continue
		}
		switch c.o.kind {
		case "create", "rename":
			state[c.o.name] = c.o.inode
			delete(state, c.o.other)
		case "remove":
			delete(state, c.o.name)
		}
	}
	whole := map[string][]byte{}
	for name, inode := range state {
		whole[name] = content[inode]
	}
	return whole
}

// written puts the sectors that are kept into a file; the others stay what they
// were, zeros where there was nothing.
func written(b []byte, o op, keep func() bool) []byte {
	const sector = 512
	for from := 0; from < len(o.data); from += sector {
		to := min(from+sector, len(o.data))
		if !keep() {
			continue
		}
		at := int(o.at) + from
		b = append(b, make([]byte, max(0, at+to-from-len(b)))...)
		copy(b[at:], o.data[from:to])
	}
	return b
}

// The power is cut at every operation, and what was not synced is lost, kept,
// or kept in part. What was acknowledged is there; what is believed is right.
func TestSpoolPowerCut(t *testing.T) {
	d := &recorder{}
	dir := t.TempDir()
	s, err := openSpool(SpoolConfig{Dir: dir}, d)
	if err != nil {
		t.Fatal(err)
	}
	one, two, wrong := some(2*piece+300, 60), some(piece+9, 61), some(piece+100, 62)
	acks := map[int]map[blob.Ref]uint64{0: {}} // after so many operations, this much of each
	ack := func(ref blob.Ref) {
		now := maps.Clone(acks[slices.Max(slices.Collect(maps.Keys(acks)))])
		if now[ref], _, err = s.Offset(ref); err != nil {
			t.Fatal(err)
		}
		acks[len(d.ops)] = now
	}
	for _, step := range []struct {
		b    []byte
		upTo int
	}{{one, piece}, {two, 100}, {one, 2 * piece}, {two, piece + 9}, {one, len(one)}} {
		for at, _, _ := s.Offset(blob.Of(step.b)); int(at) < step.upTo; ack(blob.Of(step.b)) {
			if at, _, err = s.Append(blob.Of(step.b), at, step.b[at:min(int(at)+piece/2, step.upTo)]); err != nil {
				t.Fatal(err)
			}
		}
	}
	bad := blob.Ref{Hash: blob.Of(two).Hash, Size: uint64(len(wrong))}
	if _, _, err := s.Append(bad, 0, wrong); !errors.Is(err, blob.ErrDamaged) {
		t.Fatal(err)
	}
	acks[len(d.ops)] = map[blob.Ref]uint64{blob.Of(one): uint64(len(one))} // from here the other may be gone
	if err := s.Remove(blob.Of(two)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	states := 0
	variants := 5
	if testing.Short() {
		variants = 2
	}
	for at := range len(d.ops) + 1 {
		for variant := range variants {
			states++
			r := rand.New(rand.NewPCG(uint64(at), uint64(variant)))
			keep := func() bool { return variant == 1 || variant > 1 && r.IntN(variant) > 0 }
			acked := map[blob.Ref]uint64{}
			for n := range acks {
				if n <= at && n >= lastBefore(acks, at) {
					acked = acks[n]
				}
			}
			t.Run(fmt.Sprintf("%d-%d", at, variant), func(t *testing.T) {
				afterCut(t, after(d.ops[:at], keep), dir, acked, one, two)
			})
		}
	}
	if states < 30*variants {
		t.Errorf("only %d states looked at", states)
	}
}

func lastBefore(acks map[int]map[blob.Ref]uint64, at int) (last int) {
	for n := range acks {
		if n <= at {
			last = max(last, n)
		}
	}
	return last
}

func afterCut(t *testing.T, state map[string][]byte, old string, acked map[blob.Ref]uint64, blobs ...[]byte) {
	dir := t.TempDir()
	for name, b := range state {
		rel, err := filepath.Rel(old, name)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, rel)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, rel), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s := mustSpool(t, SpoolConfig{Dir: dir})
	for _, b := range blobs {
		ref := blob.Of(b)
		at, whole, err := s.Offset(ref)
		if err != nil || at < acked[ref] || whole && at != ref.Size {
			t.Errorf("offset %d, whole %v, %v; acknowledged were %d of %d", at, whole, err, acked[ref], ref.Size)
		}
		mustSend(t, s, b)
	}
	if damaged := s.Stats().Damaged; damaged > 0 {
		t.Errorf("%d blobs had to be sent again whole", damaged)
	}
}
