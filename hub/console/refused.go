package console

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"nghe/hub/ledger"
)

// refusals are the blobs the hub will not take, as its own log tells: their
// messages stay incomplete until another kiosk brings a good copy. The log is
// read once and then only what is new.
type refusals struct {
	mu    sync.Mutex // guards what follows
	upTo  int64
	blobs map[string]bool // by hash, in hexadecimal
}

// refused reads on in the log and says which blobs were ever refused.
func (c *Console) refused(ctx context.Context) (func(ledger.Blob) bool, error) {
	r := &c.refusals
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		events, err := c.cfg.Ledger.Events(ctx, r.upTo, logPage)
		if err != nil {
			return nil, fmt.Errorf("look for refused blobs: %w", err)
		}
		for _, e := range events {
			r.upTo = e.Number
			if hash, is := refusedBlob(e); is {
				if r.blobs == nil {
					r.blobs = map[string]bool{}
				}
				r.blobs[hash] = true
			}
		}
		if len(events) < logPage {
			break
		}
	}
	return func(b ledger.Blob) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.blobs[b.Hash.String()]
	}, nil
}

const logPage = 1000

// refusedBlob reads what the ledger writes of a refusal.
func refusedBlob(e ledger.Event) (hash string, is bool) {
	if e.Kind != ledger.EventBlob {
		return "", false
	}
	hash, _, is = strings.Cut(strings.TrimPrefix(e.Detail, "blob "), " refused")
	return hash, is
}
