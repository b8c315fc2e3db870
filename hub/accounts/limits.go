package accounts

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How fast passwords may be tried. A person who mistypes is not bothered; a
// program that guesses is held to a few thousand tries a day in all. There is
// no lock-out of an account: it would let anyone shut an operator out.
const (
	remoteBurst, remoteEvery   = 10, 6 * time.Second
	accountBurst, accountEvery = 8, 15 * time.Second
	globalBurst, globalEvery   = 40, 500 * time.Millisecond
	maxBuckets                 = 10_000
)

// limits holds the buckets. All fields below mu belong to it.
type limits struct {
	mu       sync.Mutex
	global   *rate.Limiter
	remotes  map[string]*rate.Limiter
	accounts map[string]*rate.Limiter
	known    map[string]bool // remote and name that have signed in together
	noted    *rate.Limiter   // events about slowed tries, so that they cannot fill the disk
}

func newLimits() *limits {
	return &limits{
		global:   rate.NewLimiter(rate.Every(globalEvery), globalBurst),
		remotes:  map[string]*rate.Limiter{},
		accounts: map[string]*rate.Limiter{},
		known:    map[string]bool{},
		noted:    rate.NewLimiter(rate.Every(time.Minute), 10),
	}
}

// wait takes one try and returns 0, or says how long to wait. The narrow
// bucket is asked first, so that one remote cannot empty the common one. An
// address the operator has signed in from has a bucket of its own, so that a
// stranger who hammers the name does not shut the operator out.
func (l *limits) wait(now time.Time, name, remote string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	remote = network(remote)
	account := name
	if l.known[remote+" "+name] {
		account = remote + " " + name
	}
	for _, b := range []*rate.Limiter{
		bucket(l.remotes, remote, now, remoteEvery, remoteBurst),
		bucket(l.accounts, account, now, accountEvery, accountBurst),
		l.global,
	} {
		if wait := take(b, now); wait > 0 {
			return wait
		}
	}
	return 0
}

func (l *limits) succeeded(name, remote string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= maxBuckets {
		clear(l.known)
	}
	l.known[network(remote)+" "+name] = true
}

func (l *limits) note(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.noted.AllowN(now, 1)
}

func take(b *rate.Limiter, now time.Time) time.Duration {
	r := b.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// bucket finds or makes the bucket of key. When there are too many, full
// buckets go first: they hold no memory of anyone. If none is full, strangers
// share one bucket until some are.
func bucket(m map[string]*rate.Limiter, key string, now time.Time, every time.Duration, burst int) *rate.Limiter {
	if b, ok := m[key]; ok {
		return b
	}
	if len(m) >= maxBuckets {
		for k, b := range m {
			if b.TokensAt(now) >= float64(burst) {
				delete(m, k)
			}
		}
		if len(m) >= maxBuckets {
			key = ""
			if b, ok := m[key]; ok {
				return b
			}
		}
	}
	b := rate.NewLimiter(rate.Every(every), burst)
	m[key] = b
	return b
}

// network is what one household or office shares: an IPv4 address, or the
// first 64 bits of an IPv6 one.
func network(remote string) string {
	a, err := netip.ParseAddr(remote)
	if err != nil {
		if ap, err2 := netip.ParseAddrPort(remote); err2 == nil {
			a = ap.Addr()
		} else {
			return remote
		}
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64)
		return p.String()
	}
	return a.String()
}
