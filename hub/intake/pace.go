package intake

import (
	"net"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"
)

// maxPaces is how many addresses are remembered; whoever fills that up begins
// everybody's count anew, and meets the listener's own limit.
const maxPaces = 4096

// paces keeps one pace for each address that asks.
type paces struct {
	each  rate.Limit
	burst int

	mu  sync.Mutex // guards all
	all map[netip.Prefix]*rate.Limiter
}

func newPaces(each rate.Limit, burst int) *paces {
	return &paces{each: each, burst: burst, all: map[netip.Prefix]*rate.Limiter{}}
}

// allow says whether an address, as net/http tells it, keeps its pace.
func (p *paces) allow(remote string) bool {
	from := neighbourhood(remote)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all[from] == nil {
		if len(p.all) >= maxPaces {
			clear(p.all)
		}
		p.all[from] = rate.NewLimiter(p.each, p.burst)
	}
	return p.all[from].Allow()
}

// neighbourhood is what one stranger may have many addresses of.
func neighbourhood(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	if address = address.Unmap().WithZone(""); address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits) // both fit
	return prefix
}
