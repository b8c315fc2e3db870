// Package s3test starts a real S3 server over TLS for tests: hub/archive/s3server,
// built once and kept in the user's cache.
//
// It promises that the server listens on loopback only, keeps its objects in
// the test's own folder, can be stopped and started again as if it had been
// away, and is gone when the test ends. It needs the go command, and the first
// time a few minutes.
package s3test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nghe/shared/durable"
)

// Server is one S3 server.
type Server struct {
	Location string // s3://KEY:SECRET@HOST/BUCKET?ca=FILE, for archive.Open
	CA       string // its certificate, as a PEM file
	Data     string // folder of what it keeps; objects/BUCKET/KEY are the objects

	t       testing.TB
	program string
	cmd     *exec.Cmd
	ended   chan error
	said    bytes.Buffer // until it answered
}

// Start builds the server if need be and runs it until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, program: build(t), Data: t.TempDir()}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Start runs it again after Stop: same address, same objects.
func (s *Server) Start() {
	s.t.Helper()
	if s.cmd != nil {
		return
	}
	s.cmd = exec.Command(s.program, "-data", s.Data, "-leash")
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		_, err = s.cmd.StdinPipe() // ends with this process, however that ends
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd.Stderr = &s.said
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start the S3 server: %v", err)
	}
	location, ca, err := hear(out)
	s.ended = make(chan error, 1)
	go func() {
		_, copying := io.Copy(io.Discard, out)
		s.ended <- errors.Join(copying, s.cmd.Wait())
	}()
	if err != nil {
		s.Stop()
		s.t.Fatalf("start the S3 server: %v: %s", err, s.said.String())
	}
	s.CA, s.Location = ca, location+"?ca="+url.QueryEscape(ca)
}

// hear waits for the two lines the server says once it answers.
func hear(out io.Reader) (location, ca string, err error) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "s3://"):
			location = line
		case location != "":
			return location, line, nil
		}
	}
	return "", "", errors.Join(errors.New("it ended before it answered"), lines.Err())
}

// Stop ends it, as an outage would. What it holds stays.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may be gone already
	<-s.ended
	s.cmd = nil
}

// build compiles the server into the user's cache; the go command sees when
// there is nothing to do.
func build(t testing.TB) string {
	t.Helper()
	source, err := sourceFolder()
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache = filepath.Join(cache, "nghe", "s3server")
	lock := lockFolder(t, cache) // other packages' tests build it too
	defer lock.Close()
	program := filepath.Join(cache, "s3server")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, ".")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the S3 server in %s: %v\n%s", source, err, said)
	}
	return program
}

func lockFolder(t testing.TB, dir string) *os.File {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for {
		lock, err := durable.Lock(dir)
		if err == nil {
			return lock
		}
		if !errors.Is(err, durable.ErrLocked) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// sourceFolder finds the server's module from a test's working folder, which is
// its package's.
func sourceFolder() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		source := filepath.Join(dir, "hub", "archive", "s3server")
		if _, missing := os.Stat(filepath.Join(source, "go.mod")); missing == nil {
			return source, nil
		}
		if dir == filepath.Dir(dir) {
			err = fmt.Errorf("hub/archive/s3server is not above the working folder")
		}
		dir = filepath.Dir(dir)
	}
	return "", fmt.Errorf("find the S3 server's source: %w", err)
}
