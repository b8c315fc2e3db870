package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"nghe/kiosk/printer"
	"nghe/kiosk/screen"
	"nghe/kiosk/speech"
	"nghe/kiosk/speech/voice"
	"nghe/kiosk/vitals"
	"nghe/shared/command"
)

// listen refuses any address that other machines can reach: the screen's API
// trusts whoever stands before the kiosk.
func listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w; write it as 127.0.0.1:7070", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen on %q: the screen is for this machine only; use 127.0.0.1", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for the screen: %w", err)
	}
	return l, nil
}

// serve answers the page until ctx ends; answers under way are finished.
func (k *kiosk) serve(ctx context.Context) error {
	listener := k.listener
	if listener == nil { // started again after a failure
		var err error
		if listener, err = listen(k.cfg.Listen); err != nil {
			return err
		}
	}
	k.listener = nil
	server := &http.Server{
		Handler: k.screen().Handler(), ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	k.log.Info("screen is ready", "address", "http://"+listener.Addr().String()+"/", "place", k.place.ID)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the screen: %w", err)
	}
	return <-stopped
}

func (k *kiosk) screen() *screen.Screen {
	place, ward := k.placeOnScreen()
	return screen.New(screen.Config{
		Outbox: k.outbox, Claims: k.outbox, Place: place, Ward: ward, Program: command.Version(),
		Messages: k.messages(), Status: k.status, Bulletin: k.forScreen(), PixelsPerMM: k.cfg.PixelsPerMM, Now: k.now, ClockKnown: k.clockKnown, Logger: k.log,
		Printer: k.forPaper(), Pulse: k.pulse, Caretaker: k.caretaker, Speech: k.speech(),
	})
}

func (k *kiosk) openPrinter() {
	if k.cfg.Printer == "" {
		return
	}
	width := printer.Paper80
	if k.cfg.Paper == 58 {
		width = printer.Paper58
	}
	k.printer = printer.New(printer.Config{Device: k.cfg.Printer, Width: width, Logger: k.log})
}

// forPaper is nil where there is no printer; a nil pointer in an interface would
// not be.
func (k *kiosk) forPaper() screen.Printer {
	if k.printer == nil {
		return nil
	}
	return k.printer
}

func (k *kiosk) status() screen.Status {
	s := screen.Status{Enrolled: k.member.enrolled(), Storage: screen.StorageOK}
	s.Paused, s.Closed = k.pause()
	for _, c := range k.vitals.Conditions() {
		switch vitals.Name(c.Name) {
		case vitals.OutOfService:
			s.Storage = screen.StorageFull
		case vitals.DiskLow, vitals.NoWords:
			if s.Storage == screen.StorageOK {
				s.Storage = screen.StorageLow
			}
		}
	}
	s.States = k.states(s.Paused)
	return s
}

// speech reads the screens aloud. On a machine without a voice it reads what
// was recorded or built in.
func (k *kiosk) speech() *speech.Speech {
	v, err := voice.Find(1)
	if err != nil {
		k.log.Info("reads aloud only what is built in or recorded", "reason", err)
	}
	cfg := speech.Config{Voice: v, Logger: k.log}
	if k.told.store != nil { // a nil pointer in an interface would not be nil
		cfg.Recordings = k.told.store
	}
	return speech.New(cfg)
}
