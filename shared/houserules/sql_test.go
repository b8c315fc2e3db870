package houserules

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	// sqlClock finds a database reading a clock of its own.
	sqlClock = regexp.MustCompile(`(?i)\b(current_(timestamp|date|time)|localtimestamp|unixepoch\s*\(|julianday\s*\(|now\s*\(\s*\)|(clock|statement|transaction)_timestamp\s*\()|'now'`)
	// sqlStatement finds SQL in a Go string: key words in capitals anywhere, or
	// in any case at the beginning.
	sqlStatement = regexp.MustCompile(`\b(` + sqlShapes + `)|(?i:^\s*(` + sqlShapes + `))`)
	tableStart   = regexp.MustCompile(`(?im)^\s*CREATE\s+TABLE\b[^;]*;`)
	tableName    = regexp.MustCompile(`(?i)^\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?"?(\w+)`)
	strictEnd    = regexp.MustCompile(`(?is)\)[^()]*\bSTRICT\b[^()]*;$`)
)

const sqlShapes = `INSERT\s+(OR\s+\w+\s+)?INTO\s+\w|DELETE\s+FROM\s+\w|UPDATE\s+\w+\s+SET\s|SELECT\s[^;]*\sFROM\s+\w|SELECT\s+\w+\(|` +
	`CREATE\s+(UNIQUE\s+|TEMP\s+)?(TABLE|INDEX|TRIGGER|VIEW|DATABASE|ROLE|SCHEMA)\s|ALTER\s+TABLE\s|DROP\s+(TABLE|INDEX|DATABASE|TRIGGER)\s|` +
	`PRAGMA\s+\w|VACUUM\s+INTO|BEGIN\s+IMMEDIATE|ATTACH\s+DATABASE`

// sqlBreak: SQL lives in .sql files and never asks the time.
func sqlBreak(r *tree) (broken []string) {
	for name, text := range r.texts {
		if path.Ext(name) == ".sql" {
			broken = append(broken, sqlFileBreaks(name, text)...)
		}
	}
	for _, p := range sorted(r.pkgs) {
		if p.path == "shared/houserules" {
			continue // quotes what it forbids
		}
		for _, f := range p.files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				text, _ := strconv.Unquote(lit.Value)
				isSQL := sqlStatement.MatchString(text)
				if isSQL && !f.test && !table[p.path].tests {
					broken = append(broken, fmt.Sprintf("%s: SQL in Go; move it to the package's queries.sql", f.at(n)))
				}
				if isSQL && sqlClock.MatchString(text) {
					broken = append(broken, fmt.Sprintf("%s: SQL that reads a clock; pass the moment as a parameter", f.at(n)))
				}
				return true
			})
		}
	}
	return broken
}

func sqlFileBreaks(name, text string) (broken []string) {
	bare := withoutComments(text)
	if found := sqlClock.FindString(bare); found != "" {
		broken = append(broken, fmt.Sprintf("%s: %q reads a clock; pass the moment as a parameter", name, found))
	}
	for _, statement := range tableStart.FindAllString(bare, -1) {
		if !strings.Contains(name, "postgres") && !strictEnd.MatchString(statement) {
			broken = append(broken, fmt.Sprintf("%s: %q is not STRICT; SQLite would take text for a number", name, firstLine(statement)))
		}
	}
	return append(broken, tablesWithoutComment(name, text)...)
}

func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		code, _, commented := strings.Cut(line, "--")
		b.WriteString(code)
		if commented {
			b.WriteString("\n")
		}
	}
	return b.String()
}

// tablesWithoutComment wants a comment on the line before CREATE TABLE, at the
// beginning of its body, or as COMMENT ON TABLE.
func tablesWithoutComment(name, text string) (broken []string) {
	lines := strings.Split(text, "\n")
	said := func(i int) bool {
		return i >= 0 && i < len(lines) && strings.HasPrefix(strings.TrimSpace(lines[i]), "--") && !strings.Contains(lines[i], "+goose")
	}
	for i, line := range lines {
		m := tableName.FindStringSubmatch(line)
		if m == nil || said(i-1) || said(i+1) || strings.Contains(line, "--") {
			continue
		}
		if !regexp.MustCompile(`(?i)\bCOMMENT\s+ON\s+TABLE\s+` + m[1] + `\s`).MatchString(text) {
			broken = append(broken, fmt.Sprintf("%s:%d: %q has no comment; say in a line above it what a row is", name, i+1, strings.TrimSpace(line)))
		}
	}
	return broken
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

func TestSQL(t *testing.T) { report(t, sqlBreak(repository(t))) }

func TestSQLBites(t *testing.T) {
	const good = "-- A row is a thing.\nCREATE TABLE things (id INTEGER PRIMARY KEY) STRICT;\n"
	for name, c := range map[string]struct{ file, text, want string }{
		"insert":            {"hub/ledger/a.go", "package ledger\nconst q = `INSERT INTO things VALUES (1)`", "SQL in Go"},
		"lower-case query":  {"hub/ledger/a.go", "package ledger\nconst q = `\n  select id\n  from things`", "SQL in Go"},
		"update":            {"hub/ledger/a.go", "package ledger\nconst q = `UPDATE things SET id = 2`", "SQL in Go"},
		"delete":            {"hub/ledger/a.go", "package ledger\nconst q = `DELETE FROM things`", "SQL in Go"},
		"pragma":            {"shared/sqlite/a.go", "package sqlite\nconst q = `PRAGMA journal_mode`", "SQL in Go"},
		"advisory lock":     {"hub/database/a.go", "package database\nconst q = `SELECT pg_advisory_lock(1)`", "SQL in Go"},
		"clock in a test":   {"hub/ledger/a_test.go", "package ledger\nconst q = `INSERT INTO things VALUES (datetime('now'))`", "reads a clock"},
		"CURRENT_TIMESTAMP": {"hub/ledger/a.sql", "-- x\nCREATE TABLE t (at TEXT DEFAULT CURRENT_TIMESTAMP) STRICT;", "reads a clock"},
		"unixepoch":         {"hub/ledger/a.sql", "UPDATE t SET at = unixepoch();", "reads a clock"},
		"now()":             {"hub/ledger/postgres/a.sql", "UPDATE t SET at = NOW();", "reads a clock"},
		"strftime":          {"hub/ledger/a.sql", "SELECT strftime('%s', 'now');", "reads a clock"},
		"not strict":        {"hub/ledger/a.sql", "-- x\nCREATE TABLE t (\n  id INTEGER\n);", "not STRICT"},
		"no comment":        {"hub/ledger/a.sql", "-- +goose Up\nCREATE TABLE t (\n  id INTEGER\n) STRICT;", "no comment"},
	} {
		bites(t, name, sqlBreak(invented(t, map[string]string{c.file: c.text})), c.want)
	}
	report(t, sqlBreak(invented(t, map[string]string{
		"hub/ledger/a.sql":          good + "SELECT id FROM things WHERE at < $1; -- not now()",
		"hub/ledger/b.sql":          "CREATE TABLE t (\n  -- a row is a thing\n  id INTEGER\n) STRICT, WITHOUT ROWID;",
		"hub/ledger/postgres/a.sql": "CREATE TABLE t (id BIGINT);\nCOMMENT ON TABLE t IS 'A row is a thing.';",
		"hub/ledger/a.go":           "package ledger\nconst help = `select a kiosk; updates settings; delete it from here`\nconst n = `call now() later`",
		"hub/ledger/a_test.go":      "package ledger\nconst q = `SELECT id FROM things`",
	})))
}
