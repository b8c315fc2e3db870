package intake

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// The clock of a kiosk on the hub's own machine is the hub's.
func TestClockIsOfAnotherMachine(t *testing.T) {
	for _, c := range []struct {
		here, there string
		want        bool
	}{
		{"10.0.0.2:7443", "10.0.0.9:50000", true},
		{"10.0.0.2:7443", "10.0.0.2:50000", false},
		{"127.0.0.1:7443", "127.0.0.1:50000", false},
		{"10.0.0.2:7443", "127.0.0.1:50000", false}, // a proxy here
		{"[::ffff:10.0.0.2]:7443", "10.0.0.2:50000", false},
	} {
		address := func(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
		if got := elsewhere(address(c.here), address(c.there)); got != c.want {
			t.Errorf("%s from %s: %v", c.here, c.there, got)
		}
	}
	w := newWorld(t, func(cfg *Config) {
		cfg.Clock = func(_ string, reads time.Time) { t.Errorf("a kiosk on this machine reads %v", reads) }
	})
	k := w.kiosk()
	k.open()
	k.deliver(2)
}
