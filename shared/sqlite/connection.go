package sqlite

import (
	"context"
	"database/sql/driver"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/mattn/go-sqlite3"
)

//go:embed pragmas.sql
var pragmasText string

var pragmas = Queries(pragmasText)

// dsn spells every key as go-sqlite3 reads it; it ignores a misspelt one
// without a word, so wanted must name whatever matters.
func dsn(cfg Config, readOnly bool) string {
	keys := url.Values{
		"_synchronous":     {"FULL"},
		"_busy_timeout":    {"2000"}, // ms; only another process can hold the lock
		"_foreign_keys":    {"1"},
		"_stmt_cache_size": {"64"}, // off by default, 2.5 times slower
		"_secure_delete":   {"on"},
	}
	if readOnly {
		keys.Set("mode", "ro")
		keys.Set("_query_only", "1")
	} else {
		keys.Set("_journal_mode", "WAL")
		keys.Set("_txlock", "immediate") // a deferred one may fail with BUSY at its first write
	}
	if cfg.VFS != "" {
		keys.Set("vfs", cfg.VFS)
	}
	path := url.URL{Path: filepath.ToSlash(cfg.Path)}
	return "file:" + path.EscapedPath() + "?" + keys.Encode()
}

// copyingDSN reads the database and may write another file.
func copyingDSN(cfg Config) string {
	path := url.URL{Path: filepath.ToSlash(cfg.Path)}
	keys := url.Values{"mode": {"ro"}, "_busy_timeout": {"2000"}}
	if cfg.VFS != "" {
		keys.Set("vfs", cfg.VFS)
	}
	return "file:" + path.EscapedPath() + "?" + keys.Encode()
}

// wanted is what each pragma must read back as.
func wanted(readOnly bool) map[string]string {
	queryOnly := "0"
	if readOnly {
		queryOnly = "1"
	}
	return map[string]string{
		"journal_mode":       "wal",
		"synchronous":        "2",
		"foreign_keys":       "1",
		"busy_timeout":       "2000",
		"secure_delete":      "1",
		"trusted_schema":     "0",
		"cell_size_check":    "1",
		"journal_size_limit": "16777216",
		"temp_store":         "2",
		"query_only":         queryOnly,
	}
}

// connector opens connections without registering a driver by name.
type connector struct {
	dsn  string
	want map[string]string
}

func (c connector) Driver() driver.Driver {
	return &sqlite3.SQLiteDriver{ConnectHook: func(conn *sqlite3.SQLiteConn) error {
		if _, err := conn.Exec(pragmas["set"], nil); err != nil {
			return fmt.Errorf("set pragmas: %w", err)
		}
		return verify(conn, c.want)
	}}
}

func (c connector) Connect(context.Context) (driver.Conn, error) {
	return c.Driver().Open(c.dsn)
}

func verify(conn *sqlite3.SQLiteConn, want map[string]string) error {
	for name, value := range want {
		got, err := readBack(conn, pragmas[name])
		if err != nil {
			return fmt.Errorf("read pragma %s: %w", name, err)
		}
		if got != value {
			return fmt.Errorf("refuse to run: pragma %s is %s, must be %s", name, got, value)
		}
	}
	return nil
}

func readBack(conn *sqlite3.SQLiteConn, query string) (string, error) {
	rows, err := conn.Query(query, nil)
	if err != nil {
		return "", err
	}
	row := make([]driver.Value, len(rows.Columns()))
	if err := errors.Join(rows.Next(row), rows.Close()); err != nil {
		return "", err
	}
	return fmt.Sprint(row[0]), nil
}
