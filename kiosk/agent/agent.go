// Package agent wires one kiosk and keeps its tasks alive: the screen, the
// outbox and the spool behind it, the uplink to the hub, the clock readings,
// the pruning, and who may use the disk.
//
// It promises that the screen serves before, without and after any network,
// that a task which fails is started again without touching the others, and
// that as the disk fills, everything else is given up before a rating is.
//
// It decides nothing about delivery (courier), nothing about what may be said
// (feedback), and keeps nothing itself.
package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"nghe/kiosk/media"
	"nghe/kiosk/outbox"
	"nghe/kiosk/printer"
	"nghe/kiosk/pulse"
	"nghe/kiosk/vitals"
	"nghe/shared/command"
	"nghe/shared/crew"
	"nghe/shared/durable"
	"nghe/shared/feedback"
	"nghe/shared/ident"
)

// Config says how one kiosk runs.
type Config struct {
	Data        string        // folder of everything the kiosk keeps; made when missing
	Listen      string        // loopback address of the screen; empty: 127.0.0.1:7070
	Kit         string        // file of an enrolment kit; needed until the kiosk is enrolled
	PixelsPerMM float64       // of the panel; 0: taken for a 21.5-inch one
	Keep        time.Duration // how long what is safe elsewhere stays; 0: 7 days
	Room        Room          // how the disk is shared
	BlobRate    int           // most bytes of blobs sent a second; 0: as many as the line carries
	Printer     string        // device of a receipt printer, "/dev/usb/lp0"; empty: there is none
	Paper       int           // of that printer, its width in millimetres: 58 or, with 0, 80
	Pulse       time.Duration // without a painted frame until the screen counts as frozen; 0: 60 s
	Browser     []string      // command that brings the browser back, and its arguments; empty: none
	Logger      *slog.Logger  // nil: slog.Default
}

// Run serves the screen and carries its answers until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	cfg.Listen = cmp.Or(cfg.Listen, "127.0.0.1:7070")
	cfg.Keep = cmp.Or(cfg.Keep, 7*24*time.Hour)
	cfg.Room = cfg.Room.filled()
	for {
		err := runOnce(ctx, cfg)
		again := errors.Is(err, errMoved) || errors.Is(err, errReopen)
		if !again || ctx.Err() != nil {
			return err
		}
		cfg.Logger.Warn("begins anew", "reason", err)
		wait(ctx, time.Second)
	}
}

func runOnce(ctx context.Context, cfg Config) error {
	k, err := open(cfg)
	if err != nil {
		return err
	}
	defer k.close()
	return k.crew().Run(ctx)
}

// kiosk is one running agent.
type kiosk struct {
	cfg      Config
	log      *slog.Logger
	listener net.Listener
	member   *membership
	begun    time.Time
	place    ident.Place // as the boot record says it
	outbox   *watched
	media    *media.Spool
	vitals   *vitals.Monitor
	printer  *printer.Printer // nil: there is none
	pulse    *pulse.Pulse
	told     told
}

func open(cfg Config) (k *kiosk, err error) {
	k = &kiosk{cfg: cfg, log: cfg.Logger, begun: time.Now()}
	defer func() {
		if err != nil {
			k.close()
		}
	}()
	if k.listener, err = listen(cfg.Listen); err != nil {
		return k, err
	}
	if err := mayBegin(cfg); err != nil {
		return k, err
	}
	if err := durable.MkdirAll(cfg.Data, 0o700); err != nil {
		return k, fmt.Errorf("make the data folder: %w", err)
	}
	if k.member, err = openMembership(cfg); err != nil {
		return k, err
	}
	if err := k.openOutbox(); err != nil {
		return k, err
	}
	if err := k.openMedia(); err != nil {
		return k, err
	}
	k.openBulletin()
	k.openPrinter()
	k.pulse = pulse.New(pulse.Config{Patience: cfg.Pulse, Browser: cfg.Browser, Vitals: k.vitals, Logger: k.log})
	return k, nil
}

func (k *kiosk) openOutbox() error {
	k.place = k.member.place()
	o, err := outbox.Open(outbox.Config{Dir: k.cfg.Data, Place: k.place.ID, Program: command.Version(),
		Reserve: k.cfg.Room.Reserve, Logger: k.log})
	if err != nil {
		return err
	}
	k.vitals = vitals.New(vitals.Config{Dir: k.cfg.Data, Uptime: o.Uptime, Backlog: k.backlog, Logger: k.log})
	k.outbox = &watched{o, k.vitals, make(chan error, 1)}
	k.vitals.Read()
	return k.tellDamaged()
}

// tellDamaged raises a condition for as long as somebody has to rescue a
// journal that was set aside.
func (k *kiosk) tellDamaged() error {
	damaged, err := k.outbox.Quarantined()
	if err != nil {
		return err
	}
	if len(damaged) > 0 {
		k.vitals.Raise(vitals.SetAside, int64(len(damaged)))
	}
	return nil
}

func (k *kiosk) backlog() (vitals.Backlog, error) {
	b, err := k.outbox.Backlog()
	return vitals.Backlog{Records: b.Records, Bytes: b.Bytes, Oldest: b.Oldest}, err
}

// crew lists the tasks; the last ends first, so that the screen, which stands
// on all the others, stops taking answers before anything else stops.
func (k *kiosk) crew() *crew.Crew {
	c := crew.New(k.log)
	c.Add("vitals", k.vitals.Run)
	c.Add("clock", k.watchClock)
	c.Add("prune", k.prune)
	c.Add("outbox", k.watchOutbox)
	c.Add("room", k.watchRoom)
	c.Add("media", k.watchMedia)
	c.Add("held", k.watchHeld)
	c.Add("orders", k.obey)
	c.Add("deletions", k.watchDeletions)
	if k.printer != nil {
		c.Add("printer", k.printer.Run)
	}
	c.Add("pulse", k.pulse.Run)
	c.Add("uplink", k.connect)
	c.Add("screen", k.serve)
	return c
}

func (k *kiosk) close() {
	if k.outbox != nil {
		if err := k.outbox.Close(); err != nil {
			k.log.Error("close the outbox", "err", err)
		}
	}
	if k.told.store != nil {
		k.keepOrders()
		if err := k.told.store.Close(); err != nil {
			k.log.Error("close the bulletin", "err", err)
		}
	}
	if k.listener != nil {
		k.listener.Close()
	}
}

// pruneEvery is how often, at least, records that are safe and old enough are
// let go.
const pruneEvery = time.Hour

func (k *kiosk) prune(ctx context.Context) error {
	for wait(ctx, min(pruneEvery, max(k.cfg.Keep, time.Second))) {
		n, err := k.outbox.Prune(k.cfg.Keep)
		if err != nil {
			return fmt.Errorf("prune the outbox: %w", err)
		}
		if n > 0 {
			k.log.Info("let go of records that are safe", "records", n)
		}
	}
	return nil
}

// wait is false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (k *kiosk) placeOnScreen() (feedback.Place, string) {
	p := k.place
	return feedback.Place{ID: p.ID, Name: p.Name}, p.Ward
}
