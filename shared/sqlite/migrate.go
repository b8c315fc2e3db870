package sqlite

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
)

// Migrate brings the tables up to the newest of files, which are goose
// migrations named 00001_what.sql at the root of files. Each is applied once,
// in its own transaction, and noted in table; so a file that was released is
// never changed, only followed by another. A database newer than the files is
// refused.
func (db *DB) Migrate(files fs.FS, table string) error {
	if err := db.writable(); err != nil {
		return err
	}
	if err := db.migrate(context.Background(), files, table); err != nil {
		return db.judge(fmt.Errorf("migrate %s: %w", table, err))
	}
	return nil
}

func (db *DB) migrate(ctx context.Context, files fs.FS, table string) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, db.writer, files,
		goose.WithTableName(table), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	current, newest, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > newest {
		return fmt.Errorf("tables are at version %d, this program knows up to %d: install the newer program again", current, newest)
	}
	_, err = p.Up(ctx)
	return err
}

// Queries cuts a file of SQL into its named sections:
//
//	-- name: put answer
//	INSERT …;
//
// What comes before the first name belongs to nobody, and lines that are only a
// comment are left out: the driver takes one after a statement for a second
// statement, and answers with its rows, which are none. A name given twice is
// a programming error and panics.
func Queries(text string) map[string]string {
	sections := map[string]string{}
	for _, part := range strings.Split("\n"+text, "\n-- name:")[1:] {
		name, body, _ := strings.Cut(part, "\n")
		name = strings.TrimSpace(name)
		if _, twice := sections[name]; twice {
			panic("sqlite: two queries are named " + name)
		}
		sections[name] = strings.TrimSpace(withoutComments(body))
	}
	return sections
}

func withoutComments(body string) string {
	var kept strings.Builder
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}
