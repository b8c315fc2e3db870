package archivetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"nghe/hub/archive"
	"nghe/shared/blob"
)

// ErrFault is what a Failing store answers.
var ErrFault = errors.New("fault on purpose")

// Fault is a way to fail.
type Fault int

// The ways. A call that both happened and failed is the one that breaks
// systems which take an error for a no.
const (
	None    Fault = iota
	Refused       // it did not happen, and an error says so
	Unsaid        // it happened, and an error says it did not
	Untrue        // it did not happen, and no error says so
	Cut           // half of the bytes were kept, or come back
	Changed       // one bit of what was kept, or comes back, is another
)

// Faults are all of them but None.
var Faults = []Fault{Refused, Unsaid, Untrue, Cut, Changed}

func (f Fault) String() string {
	return [...]string{"none", "refused", "unsaid", "untrue", "cut", "changed"}[f]
}

// Failing is an archive in memory that fails as it is told.
type Failing struct {
	Memory
	mu    sync.Mutex
	fault func(op, key string) Fault
}

// Fail sets what is asked before every operation: "put", "get", "delete" or
// "list" and the key or prefix. nil: nothing fails.
func (f *Failing) Fail(fault func(op, key string) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *Failing) ask(op, key string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault == nil {
		return None
	}
	return f.fault(op, key)
}

func failed(op, key string) error { return fmt.Errorf("%s %s: %w", op, key, ErrFault) }

// Put fails as told.
func (f *Failing) Put(ctx context.Context, key string, ref blob.Ref, body io.ReadSeeker) error {
	switch fault := f.ask("put", key); fault {
	case Refused:
		return failed("put", key)
	case Unsaid:
		return errors.Join(f.Memory.Put(ctx, key, ref, body), failed("put", key))
	case Untrue:
		return nil
	case Cut, Changed:
		if err := f.Memory.Put(ctx, key, ref, body); err != nil {
			return err
		}
		f.Overwrite(key, spoil(fault, f.bytes(key)))
		return nil
	}
	return f.Memory.Put(ctx, key, ref, body)
}

// Get fails as told.
func (f *Failing) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	switch fault := f.ask("get", key); fault {
	case Refused, Unsaid:
		return nil, failed("get", key)
	case Untrue:
		return nil, fmt.Errorf("get %s: %w", key, archive.ErrNotFound)
	case Cut, Changed:
		body, err := f.Memory.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		return io.NopCloser(bytes.NewReader(spoil(fault, f.bytes(key)))), nil
	}
	return f.Memory.Get(ctx, key)
}

// Delete fails as told.
func (f *Failing) Delete(ctx context.Context, key string) error {
	switch f.ask("delete", key) {
	case Refused, Cut, Changed:
		return failed("delete", key)
	case Unsaid:
		return errors.Join(f.Memory.Delete(ctx, key), failed("delete", key))
	case Untrue:
		return nil
	}
	return f.Memory.Delete(ctx, key)
}

// List fails as told, half-way when it is cut.
func (f *Failing) List(ctx context.Context, prefix string, yield func(key string) error) error {
	switch f.ask("list", prefix) {
	case Refused, Unsaid:
		return failed("list", prefix)
	case Untrue:
		return nil
	case Cut, Changed:
		n := 0
		return f.Memory.List(ctx, prefix, func(key string) error {
			if n++; n > 1 {
				return failed("list", prefix)
			}
			return yield(key)
		})
	}
	return f.Memory.List(ctx, prefix, yield)
}

func (m *Memory) bytes(key string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held[key]
}

func spoil(fault Fault, b []byte) []byte {
	if fault == Cut || len(b) == 0 {
		return b[:len(b)/2]
	}
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	return b
}
