// Package archivetest is what every archive must do, as one suite, and two
// archives for tests of other packages: one in memory, and one that fails.
//
// It promises that Memory keeps the Store's contract, since it runs the same
// suite as the folder and the S3 server.
package archivetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"nghe/hub/archive"
	"nghe/shared/blob"
)

// Memory is an archive without a disk. The zero value is empty and ready.
type Memory struct {
	mu   sync.Mutex
	held map[string][]byte
}

var _ archive.Store = (*Memory)(nil)

func (m *Memory) String() string { return "memory" }

// Apart is true, so that what stands on an archive can be tested without disks.
func (m *Memory) Apart(string) (bool, error) { return true, nil }

// Put keeps a copy.
func (m *Memory) Put(ctx context.Context, key string, ref blob.Ref, body io.ReadSeeker) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	if err := archive.CheckKey(key); err != nil {
		return err
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	b, err := io.ReadAll(body)
	if err == nil {
		err = blob.Check(ref, bytes.NewReader(b))
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, there := m.held[key]; there && !bytes.Equal(old, b) {
		return fmt.Errorf("put %s: %w", key, archive.ErrExists)
	}
	m.set(key, b)
	return nil
}

// set needs mu.
func (m *Memory) set(key string, b []byte) {
	if m.held == nil {
		m.held = map[string][]byte{}
	}
	m.held[key] = b
}

// Overwrite puts any bytes under a key, as a broken disk would.
func (m *Memory) Overwrite(key string, b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set(key, bytes.Clone(b))
}

// Get reads what is held now.
func (m *Memory) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	if err := archive.CheckKey(key); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b, there := m.held[key]
	if !there {
		return nil, fmt.Errorf("get %s: %w", key, archive.ErrNotFound)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Delete forgets.
func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	if err := archive.CheckKey(key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.held, key)
	return nil
}

// List yields the keys there were at the beginning.
func (m *Memory) List(ctx context.Context, prefix string, yield func(key string) error) error {
	m.mu.Lock()
	keys := slices.Sorted(maps.Keys(m.held))
	m.mu.Unlock()
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("list %q: %w", prefix, err)
		}
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		if err := yield(key); err != nil {
			return err
		}
	}
	return nil
}
