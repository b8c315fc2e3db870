package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nghe/hub/database/pgtest"
	"nghe/shared/command"
)

// serving runs a hub until stop.
func serving(t *testing.T, cfg Config) (printed func() string, stop func()) {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	cfg.Kiosks, cfg.Listen, cfg.FirstPassword = free(t), cmp.Or(cfg.Listen, free(t)), password
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	cfg.Print = func(line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	t.Cleanup(stop)
	soon(t, func() bool {
		response, err := http.Get("http://" + cfg.Listen + "/healthz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return func() string { mu.Lock(); defer mu.Unlock(); return strings.Join(lines, "\n") }, stop
}

func soon(t *testing.T, until func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !until(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

func run(t *testing.T, want int, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := Main(args, &stdout, &stderr); code != want {
		t.Fatalf("hub %v = %d, want %d\n%s\n%s", args, code, want, &stdout, &stderr)
	}
	return stdout.String() + stderr.String()
}

func statusOf(t *testing.T, where ...string) (s status) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := Main(append([]string{"status", "--json"}, where...), &stdout, &stderr); code != command.Done {
		t.Fatalf("status = %d %s", code, &stderr)
	}
	if err := json.Unmarshal(stdout.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// secretIn finds the recovery key among what a first start prints.
func secretIn(t *testing.T, printed string) string {
	t.Helper()
	for line := range strings.Lines(printed) {
		if strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1") {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("no recovery key in %q", printed)
	return ""
}

// Everything a hub that serves opens is in its copies and comes back from them,
// on both engines.
func TestServedHubIsCopiedAndRestored(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			database := func() string {
				if engine == "postgres" {
					return pgtest.URL(t)
				}
				return ""
			}
			dir := t.TempDir()
			archive, url := filepath.Join(dir, "archive"), database()
			cfg := Config{Data: filepath.Join(dir, "hub"), Database: url, Archive: archive, SameDiskOK: true, Listen: free(t)}
			where := []string{"--data", cfg.Data}
			if url != "" {
				where = append(where, "--database", url)
			}
			printed, stop := serving(t, cfg)
			secret := secretIn(t, printed())
			soon(t, func() bool { return statusOf(t, where...).Copy != "" })
			response, err := http.Get("http://" + cfg.Listen + "/metrics")
			if said := string(read(t, response, err)); !strings.Contains(said, "\nnghe_off_disk_store 1\n") || strings.Contains(said, "\nnghe_last_copy_timestamp_seconds 0\n") {
				t.Error("the metrics know nothing of the archive or the copy")
			}
			if s := statusOf(t, where...); s.OffDisk != "folder "+archive || s.CopyAt == "" || len(s.Chores) < 4 {
				t.Errorf("status = %+v", s)
			}
			run(t, command.Done, append([]string{"account", "add", "lan"}, where...)...)
			keyFile := filepath.Join(dir, "recovery.txt")
			if err := os.WriteFile(keyFile, []byte("# in the safe\n"+secret+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			said := run(t, command.Done, append([]string{"backup", "--archive", archive, "--recovery-key", keyFile}, where...)...)
			if !strings.Contains(said, "read back and whole") || !strings.Contains(said, "does not outlive") {
				t.Errorf("hub backup says %q", said)
			}
			run(t, command.Done, append([]string{"account", "add", "late"}, where...)...)
			stop()
			pin, err := os.ReadFile(filepath.Join(cfg.Data, "authority", "authority.crt"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(cfg.Data); err != nil {
				t.Fatal(err)
			}

			url = database()
			where = []string{"--data", cfg.Data}
			if url != "" {
				where = append(where, "--database", url)
			}
			said = run(t, command.Done, append([]string{"restore", "--archive", archive, "--archive-on-same-disk-is-ok", "--recovery-key", keyFile}, where...)...)
			for _, want := range []string{"Restored from backups/00000002-", "Restore epoch 1", "Lost: decisions made between", "The ledger is whole"} {
				if !strings.Contains(said, want) {
					t.Errorf("hub restore does not say %q:\n%s", want, said)
				}
			}
			if got := run(t, command.Done, append([]string{"account", "list"}, where...)...); !strings.Contains(got, "lan") || strings.Contains(got, "late") {
				t.Errorf("accounts after the restore:\n%s", got)
			}
			again, err := os.ReadFile(filepath.Join(cfg.Data, "authority", "authority.crt"))
			if err != nil || !bytes.Equal(again, pin) {
				t.Errorf("the authority is another: %v", err)
			}
			cfg.Database = url
			printed, stop = serving(t, cfg)
			if strings.Contains(printed(), "SECRET") || strings.Contains(printed(), "First sign-in") {
				t.Errorf("a restored hub prints %q", printed())
			}
			if s := statusOf(t, where...); s.Epoch < 1_700_000_000 {
				t.Errorf("epoch = %d", s.Epoch)
			}
			stop()
			run(t, command.Failed, append([]string{"restore", "--archive", archive, "--recovery-key", keyFile}, where...)...)
		})
	}
}

func TestHubWithoutAStoreOffItsDiskSaysSo(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no archive":             func(*Config) {},
		"a folder on its disk":   func(c *Config) { c.Archive = filepath.Join(filepath.Dir(c.Data), "archive") },
		"a folder within itself": func(c *Config) { c.Archive = filepath.Join(c.Data, "archive") },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Data: filepath.Join(t.TempDir(), "hub")}
			change(&cfg)
			cfg.Listen = free(t)
			serving(t, cfg)
			for path, want := range map[string]string{"/healthz": "nothing is safe from the loss of this hub's disk", "/metrics": "\nnghe_off_disk_store 0\n"} {
				response, err := http.Get("http://" + cfg.Listen + path)
				if said := string(read(t, response, err)); !strings.Contains(said, want) {
					t.Errorf("%s says %q", path, said)
				}
			}
			if s := statusOf(t, "--data", cfg.Data); s.OffDisk != "" {
				t.Errorf("off_disk_store = %q", s.OffDisk)
			}
			if said := run(t, command.Done, "status", "--data", cfg.Data); !strings.Contains(said, "Nothing is safe") {
				t.Errorf("hub status says %q", said)
			}
		})
	}
}

func TestBackupAndRestoreSayWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("age1nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	unfinished := filepath.Join(dir, "unfinished")
	if err := os.MkdirAll(unfinished, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(unfinished, "restore-is-not-finished"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"backup", "--data", dir}, command.Usage, "--archive"},
		{[]string{"restore", "--data", dir, "--archive", dir}, command.Usage, "recovery-key"},
		{[]string{"restore", "--data", dir, "--archive", dir, "--recovery-key", key}, command.Usage, "AGE-SECRET-KEY-PQ-1"},
		{[]string{"restore", "--data", dir, "--archive", dir, "--recovery-key", filepath.Join(dir, "none")}, command.Failed, "read the recovery key"},
		{[]string{"status", "--data", unfinished}, command.Failed, "cut short"},
	} {
		if said := run(t, c.code, c.args...); !strings.Contains(said, c.says) {
			t.Errorf("hub %v says %q, want %q", c.args, said, c.says)
		}
	}
	if err := Run(t.Context(), Config{Data: unfinished, Kiosks: free(t), Listen: free(t)}); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("serve on an unfinished restore: %v", err)
	}
}
