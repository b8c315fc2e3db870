// Package server wires the hub: database, ledger, registry, accounts, the
// listener for kiosks and the one for people, and a graceful stop.
//
// It promises that an address in use, a folder that another hub works on, or a
// certificate that cannot be read stops the start with a sentence that says
// what to do, and that a stop lets every kiosk finish its breath.
//
// It decides nothing: every rule lives in the package it wires.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"nghe/hub/accounts"
	"nghe/hub/backup"
	"nghe/hub/cases"
	"nghe/hub/chores"
	"nghe/hub/console"
	"nghe/hub/intake"
	"nghe/hub/registry"
	"nghe/shared/command"
	"nghe/shared/crew"
	"nghe/shared/durable"
	"nghe/shared/feedback"
	"nghe/shared/ident"
)

// Config says how the hub runs.
type Config struct {
	Data          string           // folder of keys, the embedded database and the archive; made when missing
	Database      string           // postgres://… ; empty: SQLite in Data
	Kiosks        string           // address of the listener for kiosks; empty: ":7443"
	Names         []string         // names and addresses kiosks reach this hub by; empty: this machine's own
	Listen        string           // address of the listener for people; empty: "127.0.0.1:7080"
	Certificate   string           // PEM file for the people's listener; empty: plain HTTP on loopback, else one of the hub's own
	Key           string           // PEM file of its key
	BehindProxy   bool             // the people's listener speaks plain HTTP to a proxy that adds TLS
	FirstPassword string           // of the first account; empty: random, printed once
	Archive       string           // where blobs, segments and copies go: a folder or s3://…; empty: a folder in Data
	SameDiskOK    bool             // the operator vouches that the archive outlives the disk of Data
	Now           func() time.Time // the hub's clock; nil: time.Now
	Logger        *slog.Logger
	Print         func(line string) // takes what the operator must read at start; nil: standard error
	Unattended    bool              // what Print takes ends in a log: no recovery key is made, hub recovery-key does
}

// Run serves until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	cfg.Kiosks, cfg.Listen = cmp.Or(cfg.Kiosks, ":7443"), cmp.Or(cfg.Listen, "127.0.0.1:7080")
	if cfg.Print == nil {
		cfg.Print = func(line string) { fmt.Fprintln(os.Stderr, line) }
	}
	h := &hub{cfg: cfg, log: cfg.Logger}
	defer h.close()
	if err := h.open(ctx); err != nil {
		return err
	}
	return h.crew().Run(ctx)
}

// hub is one running hub. Fields are set by open, in this order.
type hub struct {
	cfg       Config
	log       *slog.Logger
	lock      *os.File
	authority *ident.Authority
	kiosks    net.Listener
	people    net.Listener
	store
	telling
	post
	accounts *accounts.Accounts
	intake   *intake.Intake
	console  *console.Console
	shelf    shelf
	copies   *backup.Backup
	chores   *chores.Chores
}

func (h *hub) open(ctx context.Context) (err error) {
	if h.cfg.Now == nil {
		h.cfg.Now = time.Now
	}
	if err := h.bind(); err != nil {
		return err
	}
	if err := durable.MkdirAll(h.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if h.lock, err = durable.Lock(h.cfg.Data); err != nil {
		return fmt.Errorf("is another hub running on this data folder? %w", err)
	}
	if err := backup.Finished(h.cfg.Data); err != nil {
		return err
	}
	url, err := storage{h.cfg.Data, h.cfg.Database}.url()
	if err != nil {
		return err
	}
	if err := keysFit(ctx, h.cfg, url); err != nil {
		return err
	}
	if h.authority, err = openAuthority(h.cfg.Data, h.cfg.Now()); err != nil {
		return err
	}
	if err := h.secureListeners(); err != nil {
		return err
	}
	id, err := casesIdentity(h.cfg.Data)
	if err != nil {
		return err
	}
	admits := registry.Config{Authority: h.authority, Hub: h.kioskURLs(), CasesKey: id.Public, Now: h.cfg.Now}
	if h.store, err = openStore(ctx, url, admits, joinFrom(h.cfg.Data, h.log), h.log); err != nil {
		return err
	}
	return h.openRest(ctx, id)
}

func (h *hub) openRest(ctx context.Context, id cases.Identity) (err error) {
	if err := h.registry.Seed(ctx, feedback.Seed()); err != nil {
		return fmt.Errorf("seed the registry: %w", err)
	}
	if h.accounts, err = accounts.Open(ctx, accounts.Config{DB: h.db, FirstPassword: h.cfg.FirstPassword, Now: h.cfg.Now, Logger: h.log}); err != nil {
		return err
	}
	if err := h.firstAccount(ctx); err != nil {
		return err
	}
	if err := h.openTelling(ctx, id); err != nil {
		return err
	}
	if err := h.openShelf(ctx); err != nil {
		return err
	}
	if err := h.openPost(ctx, id); err != nil {
		return err
	}
	h.intake = intake.New(intake.Config{Ledger: h.ledger, Registry: h.registry, Vitals: h.vitals, Authority: h.authority, Bulletins: h.bulletin, Spool: h.spool, Elsewhere: h.elsewhere(), Clock: h.clocks.hear, Now: h.cfg.Now, Logger: h.log})
	h.console, err = console.New(console.Config{Ledger: h.ledger, Registry: h.registry, Vitals: h.vitals, Accounts: h.accounts,
		Secure: h.secure(), Archive: h.shelf.offDisk(), Letters: h.letters, Deletions: h.deletions, Cases: h.cases, Rights: h.rights, Told: h.bulletin, Spool: h.spool,
		Copies: h.copies, Chores: h.done, Program: command.Version(), Now: h.cfg.Now, Logger: h.log})
	if err != nil {
		return err
	}
	h.chores, err = chores.Open(ctx, chores.Config{DB: h.db, Chores: h.allChores(), Alone: h.cfg.Database == "", Now: h.cfg.Now, Logger: h.log})
	return err
}

func (h *hub) openTelling(ctx context.Context, id cases.Identity) (err error) {
	if h.telling, err = openTelling(ctx, h.store, id, h.authority, h.log); err != nil {
		return err
	}
	h.registry.OnRevoke(func(string) { h.bulletin.Nudge() })
	return nil
}

// firstAccount tells the operator how to sign in, this once.
func (h *hub) firstAccount(ctx context.Context) error {
	created, made, err := h.accounts.First(ctx)
	if err != nil || !made {
		return err
	}
	password := created.Password
	if h.cfg.FirstPassword != "" {
		password = "(the one this hub was started with)"
	}
	h.cfg.Print(fmt.Sprintf("First sign-in, shown this once: name %s  password %s", created.Name, password))
	return nil
}

// crew lists the tasks; the last ends first: people's pages, then kiosks'
// sessions, then what both stand on.
func (h *hub) crew() *crew.Crew {
	c := crew.New(h.log)
	c.Add("vitals", h.vitals.Run)
	c.Add("chores", h.chores.Run)
	c.Add("bulletin", h.bulletin.Run)
	c.Add("spool", h.keepSpool)
	if h.place.ID != "" {
		c.Add("neighbours", h.place.Run)
	}
	c.Add("kiosks", h.serveKiosks)
	c.Add("people", h.servePeople)
	return c
}

// stopWithin bounds each part of a graceful stop.
const stopWithin = 10 * time.Second

// serve runs an HTTP server on a listener until ctx ends.
func serve(ctx context.Context, server *http.Server, listener net.Listener, beforeStop func(context.Context)) error {
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		beforeStop(grace)
		stopped <- server.Shutdown(grace)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return crew.Fatal(fmt.Errorf("serve %s: %w", listener.Addr(), err))
	}
	return <-stopped
}

func (h *hub) close() {
	for _, l := range []net.Listener{h.kiosks, h.people} {
		if l != nil {
			l.Close()
		}
	}
	if h.spool != nil {
		h.spool.Close() // every byte that was acknowledged is on the disk
	}
	if h.db != nil {
		if err := h.db.Close(); err != nil {
			h.log.Error("close the database", "err", err)
		}
	}
	if h.lock != nil {
		h.lock.Close()
	}
}
