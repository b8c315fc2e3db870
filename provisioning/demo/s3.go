package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// s3 starts a real S3 server on this machine and returns what the hub must
// know of it. The server ends with its standard input, so with us.
func (d *demo) s3(ctx context.Context) ([]string, error) {
	cmd := exec.Command(filepath.Join(d.bin, "s3server"), "-data", filepath.Join(d.data, "s3"), "-leash")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the S3 server: %w", err)
	}
	go func() {
		<-ctx.Done()
		leash.Close()
		cmd.Wait()
	}()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(said); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	location, err := d.location(lines)
	if err != nil {
		return nil, err
	}
	go func() { // an unread pipe would stop the server
		for range lines {
		}
	}()
	return append(os.Environ(), "NGHE_ARCHIVE="+location, "NGHE_ARCHIVE_ON_SAME_DISK_IS_OK=true"), nil
}

// location waits for the two lines a server prints once it answers: where it
// is, and the file of its certificate.
func (d *demo) location(lines <-chan string) (string, error) {
	late := time.After(patience)
	for location := ""; ; {
		select {
		case line, ok := <-lines:
			switch {
			case !ok:
				return "", fmt.Errorf("the S3 server ended at once")
			case strings.HasPrefix(line, "s3://"):
				location = line
			case location != "" && strings.HasSuffix(line, ".pem"):
				return location + "?ca=" + line, nil
			}
		case <-late:
			return "", fmt.Errorf("the S3 server does not answer")
		}
	}
}
