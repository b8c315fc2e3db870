// Package powercut cuts the power of a SQLite database on paper: a file layer
// under SQLite writes down every write, truncation, sync, creation and deletion
// of every file, and from that log the states are rebuilt that a disk may show
// after a cut at any operation. It can also let any one operation fail.
//
// It promises that what was synced is in every state, that of what was not
// synced any subset may be (with writes torn at 512 bytes, and names made or
// removed in a folder that was not synced come undone), and that SQLite runs as
// in production: write-ahead log, shared memory and locks are the default
// layer's.
//
// It is for tests only. It does not model a disk that lies about a sync, nor one
// that damages what lies beside a torn write.
package powercut

// #cgo LDFLAGS: -Wl,--unresolved-symbols=ignore-all
// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	_ "nghe/shared/sqlite" // brings the functions the shim is linked against
)

// Disk records one folder.
type Disk struct {
	dir  string
	name string
	shim *C.shim
	past []op // of the disk this one continues

	mu   sync.Mutex // guards read
	read []op       // the log, as far as it was read
}

// serial makes VFS names unique within the process, as SQLite demands.
var serial atomic.Int64

// Record watches the databases opened in dir through VFS. Close it after them.
func Record(dir string) (*Disk, error) {
	dir, err := filepath.EvalSymlinks(dir) // as SQLite will spell it
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", dir, err)
	}
	d := &Disk{dir: dir, name: fmt.Sprintf("powercut-%d", serial.Add(1))}
	name := C.CString(d.name)
	defer C.free(unsafe.Pointer(name))
	if d.shim = C.shim_new(name); d.shim == nil {
		return nil, errors.New("record: SQLite refused the file layer")
	}
	return d, nil
}

// VFS is the name to open databases with.
func (d *Disk) VFS() string { return d.name }

// SyncDir notes that the folder was synced, instead of syncing it.
func (d *Disk) SyncDir(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	dir := C.CString(path)
	defer C.free(unsafe.Pointer(dir))
	C.shim_dirsync(d.shim, dir)
	return nil
}

// Ops is how many operations there were so far: the power may be cut after any
// number of them.
func (d *Disk) Ops() int { return len(d.past) + int(C.shim_ops(d.shim)) }

// Fail lets the operation after the first at fail: a write because the disk is
// full, a sync, truncation, creation or deletion with an I/O error. With done,
// it takes effect all the same.
func (d *Disk) Fail(at int, done bool) {
	after := C.int(0)
	if done {
		after = 1
	}
	C.shim_fault(d.shim, C.int(at-len(d.past)), after)
}

// Failed is the operation Fail made fail, or "" while it has not come up.
func (d *Disk) Failed() string {
	switch letter(C.shim_faulted(d.shim)) {
	case opCreate:
		return "create"
	case opWrite:
		return "write"
	case opTruncate:
		return "truncate"
	case opSync:
		return "sync"
	case opDelete:
		return "delete"
	}
	return ""
}

// Close forgets the file layer. Every database opened through it must be
// closed.
func (d *Disk) Close() {
	C.shim_free(d.shim)
	d.shim = nil
}

type letter byte

const (
	opCreate   = letter(C.OP_CREATE)
	opWrite    = letter(C.OP_WRITE)
	opTruncate = letter(C.OP_TRUNCATE)
	opSync     = letter(C.OP_SYNC)
	opDirsync  = letter(C.OP_DIRSYNC)
	opDelete   = letter(C.OP_DELETE)
)

type op struct {
	letter letter
	name   string // base name; opDirsync: empty
	at     int64  // offset, or size after truncation
	data   []byte
}

func (o op) String() string {
	return fmt.Sprintf("%c %s %d+%d", o.letter, o.name, o.at, len(o.data))
}

// Log is every operation so far, in words.
func (d *Disk) Log() []string {
	var lines []string
	for _, o := range d.log() {
		lines = append(lines, o.String())
	}
	return lines
}

// log is every operation so far. No database may be writing.
func (d *Disk) log() []op {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.read) != d.Ops() {
		d.read = append(slices.Clip(d.past), parse(C.GoBytes(unsafe.Pointer(d.shim.log), C.int(d.shim.len)))...)
	}
	return d.read
}

func parse(raw []byte) (ops []op) {
	for len(raw) > 0 {
		names := int(binary.LittleEndian.Uint16(raw[1:]))
		bytes := int(binary.LittleEndian.Uint32(raw[11:]))
		o := op{letter: letter(raw[0]), at: int64(binary.LittleEndian.Uint64(raw[3:])),
			data: raw[15+names : 15+names+bytes]}
		if o.letter != opDirsync {
			o.name = filepath.Base(string(raw[15 : 15+names]))
		}
		ops, raw = append(ops, o), raw[15+names+bytes:]
	}
	return ops
}
