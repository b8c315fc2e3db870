package server

import (
	"sync"
	"time"

	"nghe/hub/archive"
)

// otherClocks remembers what clocks of other machines read: kiosks' when they
// connect, the archive's with every answer. Between, they go on by themselves.
type otherClocks struct {
	mu    sync.Mutex
	heard map[string]reading // by device; guarded by mu
}

type reading struct {
	clock time.Time
	at    time.Time // monotonic
}

// clockLasts is how long a kiosk's clock counts after it connected.
const clockLasts = 24 * time.Hour

func (o *otherClocks) hear(device string, reads time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.heard == nil {
		o.heard = map[string]reading{}
	}
	o.heard[device] = reading{reads, time.Now()}
}

// now is what all of them read.
func (o *otherClocks) now(store archive.Store) (all []time.Time) {
	if at, heard := archive.Clock(store); heard {
		all = append(all, at)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for device, r := range o.heard {
		since := time.Since(r.at)
		if since > clockLasts {
			delete(o.heard, device)
			continue
		}
		all = append(all, r.clock.Add(since))
	}
	return all
}
