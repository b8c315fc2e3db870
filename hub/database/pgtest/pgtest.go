// Package pgtest gives tests a real PostgreSQL: Debian's binaries, a private
// cluster on a unix socket in a folder of its own, one per test process.
//
// It promises an empty database per call, no TCP port, no contact with
// any cluster the machine already runs, and that the server ends and its folder
// goes when the test process ends in any way, kill -9 included.
//
// It is for tests only, and fails them where PostgreSQL is missing on Debian.
package pgtest

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

const binaries = "/usr/lib/postgresql/15/bin"

//go:embed reset.sql
var reset string

var (
	once     sync.Once
	folder   string
	startErr error

	mu    sync.Mutex
	made  int
	spare []string // emptied databases: making one takes a second on a busy machine
)

// URL is the address of an empty database that is this test's alone until the
// test ends.
func URL(t testing.TB) string {
	t.Helper()
	once.Do(func() { folder, startErr = start() })
	if startErr != nil {
		t.Fatalf("pgtest: %v", startErr)
	}
	name, err := database()
	if err != nil {
		t.Fatalf("pgtest: create database: %v", err)
	}
	t.Cleanup(func() {
		if err := client("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", name, "-c", reset); err != nil {
			t.Errorf("pgtest: empty database, is a transaction of the test still open? %v", err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		spare = append(spare, name)
	})
	return fmt.Sprintf("postgres:///%s?host=%s&user=test", name, folder)
}

func database() (string, error) {
	mu.Lock()
	defer mu.Unlock()
	if last := len(spare) - 1; last >= 0 {
		name := spare[last]
		spare = spare[:last]
		return name, nil
	}
	made++
	name := fmt.Sprintf("t%d", made)
	return name, client("createdb", name)
}

// client runs one of PostgreSQL's own tools on the cluster, as this user.
func client(program string, args ...string) error {
	argv := append([]string{"-h", folder, "-U", "test"}, args...)
	c := exec.Command(filepath.Join(binaries, program), argv...)
	c.Dir = folder
	return run(c)
}

// start makes the cluster and leaves a shell beside it that waits for the end
// of its input, which comes when this process is gone, and then stops it.
func start() (string, error) {
	if _, err := os.Stat(filepath.Join(binaries, "initdb")); err != nil {
		return "", errors.New("PostgreSQL 15 is not installed: apt-get install -y --no-install-recommends postgresql-15")
	}
	dir, err := os.MkdirTemp("/tmp", "nghe-pg-")
	if err != nil {
		return "", err
	}
	if err := own(dir); err != nil {
		return "", err
	}
	data := filepath.Join(dir, "data")
	if err := run(command(dir, "initdb", "-D", data, "-A", "trust", "-U", "test", "-E", "UTF8",
		"--locale=C.UTF-8", "--no-sync")); err != nil {
		return "", err
	}
	if err := watch(dir); err != nil {
		return "", err
	}
	// fsync off: these tests kill processes, never the machine.
	settings := "-c listen_addresses= -c unix_socket_directories=" + dir + " -c fsync=off -c max_connections=200"
	return dir, run(command(dir, "pg_ctl", "-D", data, "-w", "-t", "120",
		"-l", filepath.Join(dir, "log"), "-o", settings, "start"))
}

// own gives the folder to the user that the server will run as: PostgreSQL
// refuses to run as root.
func own(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	return os.Chown(dir, uid, -1)
}

func command(dir, program string, args ...string) *exec.Cmd {
	argv := append([]string{filepath.Join(binaries, program)}, args...)
	if os.Geteuid() == 0 {
		argv = append([]string{"runuser", "-u", "postgres", "--"}, argv...)
	}
	c := exec.Command(argv[0], argv[1:]...)
	c.Dir = dir
	return c
}

// run sends output to a file: a server that inherited a pipe of ours would keep
// `go test` waiting for its end.
func run(c *exec.Cmd) error {
	out, err := os.OpenFile(filepath.Join(c.Dir, "out"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	c.Stdout, c.Stderr = out, out
	if err := c.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w\n%s", c.Args, err, said)
	}
	return nil
}

const farewell = `cat >/dev/null
` + binaries + `/pg_ctl -D "$1/data" -m immediate -w stop >/dev/null 2>&1
rm -rf "$1"`

func watch(dir string) error {
	c := exec.Command("sh", "-c", farewell, "sh", dir)
	if os.Geteuid() == 0 {
		c = exec.Command("runuser", "-u", "postgres", "--", "sh", "-c", farewell, "sh", dir)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C at the terminal must not end it first
	stdin, err := c.StdinPipe()
	if err != nil {
		return err
	}
	held = stdin
	return c.Start()
}

// held keeps the watcher's input open until this process ends.
var held io.Closer
