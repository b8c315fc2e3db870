// Package printer puts small sheets out of a receipt printer: words in Be
// Vietnam Pro and square drawings, sent as dots (ESC/POS raster), then cut.
//
// It promises that nobody waits long for a printer that is not there, is stuck
// or has no paper; that Print says yes only after the printer took the whole
// sheet; that one which is plugged in later is found; and that nothing printed
// is kept or logged, nor when.
//
// It does not know what is on a sheet, and cannot see whether one really came
// out: most printers do not tell.
package printer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Widths of paper, in dots.
const (
	Paper58 = 384 // 58 mm
	Paper80 = 576 // 80 mm
)

// State of a printer.
type State string

const (
	Ready   State = "ready"
	Empty   State = "empty"   // no paper, as far as it tells
	Missing State = "missing" // not there, or it takes nothing
)

// ErrNot says that the sheet is not coming out: see State, or another one is.
var ErrNot = errors.New("the printer does not print")

// Config of a Printer.
type Config struct {
	Device string // "/dev/usb/lp0"; never made
	Width  int    // of the paper in dots; 0: Paper80
	Logger *slog.Logger
}

// Printer prints one sheet at a time. Its methods may be called from anywhere.
type Printer struct {
	cfg  Config
	jobs chan job
	look time.Duration // between two looks

	mu    sync.Mutex // guards state
	state State
}

type job struct {
	dots []byte
	done chan<- error // has room for one
}

// lookEvery is how often a printer is looked for, or at.
const lookEvery = 10 * time.Second

// New is a Printer that prints while Run runs.
func New(cfg Config) *Printer {
	cfg.Width, cfg.Logger = cmp.Or(cfg.Width, Paper80), cmp.Or(cfg.Logger, slog.Default())
	return &Printer{cfg: cfg, jobs: make(chan job), look: lookEvery, state: Missing}
}

// State as it was found a short while ago.
func (p *Printer) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// turn is how long a sheet waits for the one before it.
const turn = 2 * time.Second

// Longest is what Print may take.
const Longest = turn + whole + turn

// Print returns nil once the printer took the sheet, ErrNot when it does not.
// Another error says that this program can draw none.
func (p *Printer) Print(s Sheet) error {
	if p.State() != Ready {
		return ErrNot
	}
	r, err := draw(s, p.cfg.Width)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	select {
	case p.jobs <- job{r.encode(), done}:
	case <-time.After(turn):
		return ErrNot
	}
	select {
	case err := <-done:
		return err
	case <-time.After(whole + turn): // Run broke off
		return ErrNot
	}
}

// Run keeps the printer open until ctx ends. Only how it was found at the start
// is logged: the time of a later line would be that of a sheet, and a receipt
// is nobody's business.
func (p *Printer) Run(ctx context.Context) error {
	if _, err := typefaces(); err != nil {
		p.cfg.Logger.Error("nothing can be printed", "err", err)
		<-ctx.Done()
		return nil
	}
	again, broken := time.NewTicker(p.look), false
	defer again.Stop()
	for first := true; ; first = false {
		d, err := openDevice(p.cfg.Device)
		if first {
			p.cfg.Logger.Info("printer", "device", p.cfg.Device, "there", err == nil, "err", err)
		}
		if err == nil {
			stop := context.AfterFunc(ctx, func() { d.f.Close() }) // also in the middle of a sheet
			broken = p.attend(ctx, d, again.C, broken)
			stop()
			d.f.Close() // nothing is left to be said about it
		}
		p.found(Missing)
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
	}
}

// attend prints until the device fails or ctx ends. broken says that a sheet was
// cut off, before or now.
func (p *Printer) attend(ctx context.Context, d device, look <-chan time.Time, broken bool) bool {
	if broken && d.write(rest(p.cfg.Width)) != nil {
		return true
	}
	for ctx.Err() == nil && p.lookAt(d) == nil {
		if j, waits := p.next(ctx, look); waits && p.put(d, j) != nil {
			return true
		}
	}
	return false
}

// next is the sheet that waits, also when a look is due: a printer that never
// answers takes longer to be looked at than a sheet has patience. There is none
// when it is time to look, or ctx ends.
func (p *Printer) next(ctx context.Context, look <-chan time.Time) (j job, waits bool) {
	select {
	case j = <-p.jobs:
		return j, true
	default:
	}
	select {
	case j = <-p.jobs:
		return j, true
	case <-look:
	case <-ctx.Done():
	}
	return job{}, false
}

func (p *Printer) lookAt(d device) error {
	empty, err := d.ask()
	switch {
	case err != nil:
		return err
	case empty:
		p.found(Empty)
	default:
		p.found(Ready)
	}
	return nil
}

// put is nil also for a sheet that was not begun.
func (p *Printer) put(d device, j job) error {
	defer clear(j.dots)
	if err := p.lookAt(d); err != nil || p.State() != Ready {
		j.done <- ErrNot
		return err
	}
	err := d.write(j.dots)
	if err != nil {
		p.found(Missing)
		j.done <- ErrNot
		return err
	}
	j.done <- nil
	return nil
}

func (p *Printer) found(s State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = s
}
