package uplink

import (
	"math/rand/v2"
	"time"
)

// Backoff says how long to wait after each failure: anything between nothing
// and a bound that doubles, so that kiosks which failed together return apart.
// The zero value is ready.
type Backoff struct {
	First time.Duration // bound of the first wait; 0 means 1 s
	Most  time.Duration // highest bound; 0 means 300 s

	failures int
}

// longest is the most that a hub may ask for: a kiosk that was told to come
// back in a year by mistake is a visit by somebody with a ladder.
const longest = time.Hour

// Next is the wait after one more failure. asked is what the hub asked for,
// or 0: it is kept, and spread by up to half.
func (b *Backoff) Next(asked time.Duration) time.Duration {
	wait := rand.N(b.bound() + 1)
	b.failures++
	if asked = min(asked, longest); asked > 0 {
		return asked + rand.N(asked/2+1)
	}
	return wait
}

// Reset forgets past failures.
func (b *Backoff) Reset() { b.failures = 0 }

func (b *Backoff) bound() time.Duration {
	first, most := b.First, b.Most
	if first <= 0 {
		first = time.Second
	}
	if most <= 0 {
		most = 300 * time.Second
	}
	return min(most, first<<min(b.failures, 20))
}
