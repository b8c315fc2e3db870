// Package pulse watches whether the screen's page still paints, and has the
// browser brought back when it does not.
//
// A page proves it: it is handed a challenge, waits until two frames were really
// painted, and answers. A page whose script or drawing hangs cannot, whatever
// the browser around it does.
//
// It promises that a healthy page is not disturbed because this program was
// stopped, late or started anew, nor while there is no display to paint on; that
// the browser is brought back at most once a minute, and ever more seldom when
// that does not help; and that operators hear of a frozen screen.
//
// It does not know what a page shows, nor whether anybody stands before it.
package pulse

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"os/exec"
	"sync"
	"time"

	"nghe/kiosk/vitals"
)

// Config of a Pulse. Only Vitals is needed.
type Config struct {
	Patience time.Duration // without a painted frame until the screen counts as frozen; 0: 60 s, at least 1 s
	Browser  []string      // command that brings the browser back, within 30 s, and its arguments; empty: none
	Vitals   *vitals.Monitor
	Logger   *slog.Logger // nil: slog.Default
}

// Pulse is felt while Run runs. Its methods may be called from anywhere.
type Pulse struct {
	cfg Config

	mu        sync.Mutex // guards what follows
	watch     watch
	now, last challenge
}

type challenge struct {
	nonce string
	made  time.Time
}

// A page is asked to prove itself several times within the patience, and Run
// looks still oftener.
const (
	proofs = 4
	looks  = 12
)

// New is a Pulse that has felt nothing yet.
func New(cfg Config) *Pulse {
	cfg.Patience, cfg.Logger = max(cmp.Or(cfg.Patience, time.Minute), time.Second), cmp.Or(cfg.Logger, slog.Default())
	return &Pulse{cfg: cfg, watch: watch{patience: cfg.Patience, brings: len(cfg.Browser) > 0}}
}

// Challenge is what a page is to prove a frame with, and how often to.
func (p *Pulse) Challenge() (nonce string, every time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	every = p.cfg.Patience / proofs
	if p.now.nonce == "" || time.Since(p.now.made) >= every {
		p.last, p.now = p.now, challenge{rand.Text(), time.Now()}
	}
	return p.now.nonce, every
}

// Painted says that a page painted after it was handed a nonce. It is false when
// that was long ago, or never.
func (p *Pulse) Painted(nonce string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range []challenge{p.now, p.last} {
		if nonce != "" && c.nonce == nonce && time.Since(c.made) <= p.cfg.Patience {
			p.watch.painted()
			p.cfg.Vitals.Clear(vitals.ScreenFrozen)
			return true
		}
	}
	return false
}

// Run watches until ctx ends.
func (p *Pulse) Run(ctx context.Context) error {
	every := p.cfg.Patience / looks
	tick := time.NewTicker(every)
	defer tick.Stop()
	for before := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		since := time.Since(before)
		before = time.Now()
		if p.look(min(since, every)) {
			p.bring(ctx)
		}
	}
}

// look tells what it finds, once, and says whether to bring the browser back.
func (p *Pulse) look(awake time.Duration) bool {
	lit := p.cfg.Vitals.Lit()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !lit {
		p.watch.silent = 0
		return false
	}
	before := p.watch.frozen
	bring := p.watch.passed(awake)
	if p.watch.frozen {
		p.cfg.Vitals.Raise(vitals.ScreenFrozen, int64(p.watch.tries))
	}
	if p.watch.frozen && !before {
		p.cfg.Logger.Error("the screen paints no more", "page seen", p.watch.seen, "brings the browser back", p.watch.brings)
	}
	return bring
}

// patient is how long the command may take.
const patient = 30 * time.Second

func (p *Pulse) bring(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	command := exec.CommandContext(limited, p.cfg.Browser[0], p.cfg.Browser[1:]...)
	command.WaitDelay = time.Second
	if err := command.Run(); err != nil && ctx.Err() == nil {
		p.cfg.Logger.Error("bring the browser back", "command", p.cfg.Browser[0], "err", err)
	}
}
