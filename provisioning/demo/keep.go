package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// program is one of ours, logging to a file of its own, in a process group of
// its own so that Ctrl-C reaches it only through us, in order.
func (d *demo) program(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(d.bin, name), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	return cmd
}

// keep runs a program until ctx ends, starting it again when it dies.
func (d *demo) keep(ctx context.Context, make func() *exec.Cmd) {
	for {
		cmd := make()
		err := d.once(ctx, cmd)
		if ctx.Err() != nil {
			return
		}
		name := filepath.Base(cmd.Path)
		fmt.Printf("%s ended (%v); starting it again in %s. Its last words are in %s\n", name, err, d.pause, d.log(name))
		select {
		case <-ctx.Done():
			return
		case <-time.After(d.pause):
		}
	}
}

func (d *demo) log(name string) string { return filepath.Join(d.data, name+".log") }

func (d *demo) pid(name string) string { return filepath.Join(d.data, name+".pid") }

// once runs a program to its end, asking it to stop when ctx ends.
func (d *demo) once(ctx context.Context, cmd *exec.Cmd) error {
	log, err := os.OpenFile(d.log(filepath.Base(cmd.Path)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	pid := d.pid(filepath.Base(cmd.Path))
	if err := os.WriteFile(pid, fmt.Appendln(nil, cmd.Process.Pid), 0o600); err != nil {
		fmt.Fprintf(log, "write %s: %v\n", pid, err)
	}
	defer os.Remove(pid)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	return stop(cmd, ended)
}

// stop asks, waits, and then insists.
func stop(cmd *exec.Cmd, ended <-chan error) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return <-ended
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		cmd.Process.Kill()
		return <-ended
	}
}
