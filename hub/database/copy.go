package database

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"nghe/shared/sqlite"
)

//go:embed dump.sql
var dumpSQL string

// CopyTo writes the SQLite file as it is at one moment to a new file. It is not
// for PostgreSQL: see Dump.
func (db *DB) CopyTo(ctx context.Context, path string) error {
	if db.engine != SQLite {
		return errors.New("copy database: PostgreSQL has no file to copy")
	}
	return db.lite.CopyTo(ctx, path)
}

// Check looks for damage in the SQLite file. PostgreSQL looks after its own.
func (db *DB) Check() error {
	if db.engine != SQLite {
		return nil
	}
	return db.lite.Check()
}

// Table is one table of a dump.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
}

// Dump gives every table of the schema as it is at one moment, each after those
// it refers to, in the text format of PostgreSQL's COPY: a line per row, tabs
// between columns, \N for none. It is for PostgreSQL: see CopyTo.
func (db *DB) Dump(ctx context.Context, table func(Table) (io.Writer, error)) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := db.within(ctx, options, func(tx pgx.Tx) error {
		tables, err := tablesOf(ctx, tx)
		if err != nil {
			return err
		}
		for _, t := range tables {
			w, err := table(t)
			if err != nil {
				return err
			}
			if _, err := tx.Conn().PgConn().CopyTo(ctx, w, "COPY "+t.named()+" TO STDOUT"); err != nil {
				return fmt.Errorf("table %s: %w", t.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("dump database: %w", err)
	}
	return nil
}

// Load fills a database whose tables are there, from what Dump gave: all or
// nothing. What the tables hold goes. It refuses a dump of other tables, or of
// tables another program brought up to date.
func (db *DB) Load(ctx context.Context, dump []Table, table func(name string) (io.ReadCloser, error)) error {
	err := db.within(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		tables, err := tablesOf(ctx, tx)
		if err != nil {
			return err
		}
		before, err := versions(ctx, tx)
		if err != nil {
			return err
		}
		if err := sameTables(tables, dump); err != nil {
			return err
		}
		if err := loadAll(ctx, tx, tables, table); err != nil {
			return err
		}
		after, err := versions(ctx, tx)
		if err == nil && !slices.Equal(before, after) {
			err = errOtherProgram
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("load database: %w", err)
	}
	return nil
}

var errOtherProgram = errors.New("the dump was made by another version of this program: load it with that one, then install the newer one")

func loadAll(ctx context.Context, tx pgx.Tx, tables []Table, table func(name string) (io.ReadCloser, error)) error {
	var names []string
	for _, t := range tables {
		names = append(names, pgx.Identifier{t.Name}.Sanitize())
	}
	if _, err := tx.Exec(ctx, "TRUNCATE "+strings.Join(names, ", ")); err != nil {
		return err
	}
	for _, t := range tables {
		r, err := table(t.Name)
		if err != nil {
			return err
		}
		_, err = tx.Conn().PgConn().CopyFrom(ctx, r, "COPY "+t.named()+" FROM STDIN")
		if err := errors.Join(err, r.Close()); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	statements, err := texts(ctx, tx, "sequences")
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Empty says whether there is no table at all.
func (db *DB) Empty(ctx context.Context) (empty bool, err error) {
	if db.engine == SQLite {
		return false, errors.New("look for tables: this is for PostgreSQL; of SQLite, look at the file")
	}
	err = db.within(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		tables, err := tablesOf(ctx, tx)
		empty = len(tables) == 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look for tables: %w", err)
	}
	return empty, nil
}

// within runs do in a transaction of pgx's own: COPY is not in database/sql.
func (db *DB) within(ctx context.Context, options pgx.TxOptions, do func(tx pgx.Tx) error) error {
	if db.engine != Postgres {
		return errors.New("this is for PostgreSQL")
	}
	conn, err := db.server.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() // back to the pool
	return conn.Raw(func(driver any) error {
		tx, err := driver.(*stdlib.Conn).Conn().BeginTx(ctx, options)
		if err != nil {
			return err
		}
		defer tx.Rollback(context.WithoutCancel(ctx)) // after Commit it does nothing
		if err := do(tx); err != nil {
			return err
		}
		return tx.Commit(ctx)
	})
}

func (t Table) named() string {
	var columns []string
	for _, c := range t.Columns {
		columns = append(columns, pgx.Identifier{c}.Sanitize())
	}
	return pgx.Identifier{t.Name}.Sanitize() + " (" + strings.Join(columns, ", ") + ")"
}

// tablesOf lists the schema's tables, each after those it refers to.
func tablesOf(ctx context.Context, tx pgx.Tx) ([]Table, error) {
	columns, err := pairs(ctx, tx, "columns")
	if err != nil {
		return nil, err
	}
	refers, err := pairs(ctx, tx, "references")
	if err != nil {
		return nil, err
	}
	var names []string
	tables := map[string]*Table{}
	for _, p := range columns {
		if tables[p[0]] == nil {
			tables[p[0]] = &Table{Name: p[0]}
			names = append(names, p[0])
		}
		tables[p[0]].Columns = append(tables[p[0]].Columns, p[1])
	}
	var ordered []Table
	var place func(name string)
	place = func(name string) {
		t := tables[name]
		if t == nil {
			return
		}
		delete(tables, name)
		for _, p := range refers {
			if p[0] == name {
				place(p[1])
			}
		}
		ordered = append(ordered, *t)
	}
	for _, name := range names {
		place(name)
	}
	return ordered, nil
}

func sameTables(have, dump []Table) error {
	of := func(all []Table) map[string]string {
		m := map[string]string{}
		for _, t := range all {
			columns := slices.Sorted(slices.Values(t.Columns))
			m[t.Name] = strings.Join(columns, ",")
		}
		return m
	}
	mine, theirs := of(have), of(dump)
	for name, columns := range mine {
		if theirs[name] != columns {
			return fmt.Errorf("table %s has columns %s here and %q in the dump; %w", name, columns, theirs[name], errOtherProgram)
		}
		delete(theirs, name)
	}
	for name := range theirs {
		return fmt.Errorf("there is no table %s here; %w", name, errOtherProgram)
	}
	return nil
}

func versions(ctx context.Context, tx pgx.Tx) (all []int64, err error) {
	statements, err := texts(ctx, tx, "versions")
	for _, statement := range statements {
		var version int64
		if err := tx.QueryRow(ctx, statement).Scan(&version); err != nil {
			return nil, err
		}
		all = append(all, version)
	}
	return all, err
}

func texts(ctx context.Context, tx pgx.Tx, query string) ([]string, error) {
	rows, err := tx.Query(ctx, sqlite.Queries(dumpSQL)[query])
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func pairs(ctx context.Context, tx pgx.Tx, query string) ([][2]string, error) {
	rows, err := tx.Query(ctx, sqlite.Queries(dumpSQL)[query])
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p [2]string, err error) {
		return p, row.Scan(&p[0], &p[1])
	})
}
