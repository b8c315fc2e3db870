package durable

import (
	"errors"
	"testing"
)

func TestLockIsForOne(t *testing.T) {
	dir := t.TempDir()
	first, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrLocked) {
		t.Errorf("second Lock = %v, want %v", err, ErrLocked)
	}
	first.Close()
	second, err := Lock(dir)
	if err != nil {
		t.Fatalf("Lock after the first let go: %v", err)
	}
	second.Close()
}
