package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// place is where the demo's kiosk stands: a house of the sample ward.
const place = "qt-01"

// patience bounds the wait for a program to answer.
const patience = 20 * time.Second

type demo struct {
	bin, data string
	pause     time.Duration
	archive   string // "s3", or empty for the hub's own folder
	settings  settings
	hubEnv    []string
}

func (d *demo) run(ctx context.Context) error {
	if err := os.MkdirAll(d.data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	var err error
	if d.settings, err = loadSettings(filepath.Join(d.data, "demo.json")); err != nil {
		return err
	}
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	if err := d.settings.free(); err != nil {
		return err
	}
	d.hubEnv = os.Environ()
	if _, err := os.Stat(filepath.Join(d.data, "s3")); err == nil && d.archive == "" {
		return errors.New("what residents said here is in the S3 server's folder: run make run ARCHIVE=s3, or remove data/ to begin anew")
	}
	if d.archive == "s3" {
		if d.hubEnv, err = d.s3(ctx); err != nil {
			return err
		}
	}
	if err := d.recoveryKey(); err != nil {
		return err
	}
	running.Go(func() { d.keep(ctx, d.hub) })
	if err := answers(ctx, d.settings.consoleURL()+"/healthz"); err != nil {
		return stopped(ctx, fmt.Errorf("the hub does not answer: %w", err))
	}
	if err := d.publish(ctx); err != nil {
		return stopped(ctx, err)
	}
	if err := d.fetchKit(ctx); err != nil {
		return stopped(ctx, err)
	}
	if err := d.letRead(ctx); err != nil {
		return stopped(ctx, err)
	}
	running.Go(func() { d.keep(ctx, d.kiosk) })
	if err := answers(ctx, d.settings.screenURL()+"/api/status"); err != nil {
		return stopped(ctx, fmt.Errorf("the kiosk does not answer: %w", err))
	}
	d.introduce()
	<-ctx.Done()
	return nil
}

// stopped turns an error into none when it only says that we were told to stop.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// recoveryKey shows the hub's on the first run: what the hub itself prints is a
// log.
func (d *demo) recoveryKey() error {
	if _, err := os.Stat(filepath.Join(d.data, "hub")); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	out, err := exec.Command(filepath.Join(d.bin, "hub"), "recovery-key", "--data", filepath.Join(d.data, "hub")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make the recovery key: %w\n%s", err, out)
	}
	fmt.Printf("\n%s", out)
	return nil
}

func (d *demo) hub() *exec.Cmd {
	cmd := d.program("hub", "serve", "--data", filepath.Join(d.data, "hub"),
		"--kiosks", d.settings.Kiosks, "--listen", d.settings.Console)
	cmd.Env = append(d.hubEnv, "NGHE_FIRST_PASSWORD="+d.settings.Password)
	return cmd
}

func (d *demo) kiosk() *exec.Cmd {
	return d.program("kiosk", "run", "--data", filepath.Join(d.data, "kiosk"),
		"--listen", d.settings.Screen, "--kit", d.kit())
}

func (d *demo) kit() string { return filepath.Join(d.data, "kiosk.kit") }

// fetchKit asks the hub for a kit the way ward IT does, once.
func (d *demo) fetchKit(ctx context.Context) error {
	if _, err := os.Stat(d.kit()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, "provisioning"), "kit",
		"--hub", d.settings.consoleURL(), "--place", place, "--user", "admin", "--out", d.kit())
	cmd.Env = append(os.Environ(), "NGHE_PASSWORD="+d.settings.Password)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ask for a kit: %w\n%s", err, out)
	}
	return nil
}

// letRead lets the one account of a demonstration open messages, too.
func (d *demo) letRead(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, "hub"), "account", "reader", "admin", "--data", filepath.Join(d.data, "hub"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("let admin read messages: %w\n%s", err, out)
	}
	return nil
}

func (d *demo) introduce() {
	fmt.Printf(`
Nghe is running, with sample data. Nothing leaves this machine.

  Kiosk screen   %s/
  Hub console    %s/
  Sign in        admin   %s

  Board, numbers change %s, then
                 %s publish %s --data %s
  Log files      %s
  Try            tap a face; kill -9 $(cat %s), tap again:
                 the hub comes back after %s, and no tap is missing or doubled.
  Stop           Ctrl-C. Run again: the data is still there.

`, d.settings.screenURL(), d.settings.consoleURL(), d.settings.Password,
		d.published(), filepath.Join(d.bin, "hub"), d.published(), filepath.Join(d.data, "hub"), filepath.Join(d.data, "*.log"), d.pid("hub"), d.pause)
}

// answers waits until url answers 200.
func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := ask(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func ask(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}
