package database

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// ladder is how many rows one SQLite statement takes; few sizes, so that the
// driver's statement cache holds them all. 256 rows of 8 columns stay far
// below SQLite's 32,766 variables.
var ladder = []int{256, 16, 1}

// Many writes many rows by one named query and reports how many rows changed.
// On SQLite the query has one "VALUES ($1, $2, …)" group, which is repeated; on
// PostgreSQL it takes each column as an array, "FROM unnest($1::bigint[], …)".
// Each column is []int64, []string or [][]byte, all of the same length.
func (t *Tx) Many(ctx context.Context, query string, columns ...any) (int64, error) {
	rows, err := height(columns)
	if err != nil || rows == 0 {
		return 0, err
	}
	if t.db.engine == Postgres {
		return t.Exec(ctx, query, columns...)
	}
	changed, from := int64(0), 0
	for _, size := range ladder {
		statement := t.db.expand(query, size)
		for ; rows-from >= size; from += size {
			n, err := t.Exec(ctx, statement, flat(columns, from, size)...)
			if err != nil {
				return 0, err
			}
			changed += n
		}
	}
	return changed, nil
}

func height(columns []any) (int, error) {
	rows := -1
	for i, c := range columns {
		n := 0
		switch c := c.(type) {
		case []int64:
			n = len(c)
		case []string:
			n = len(c)
		case [][]byte:
			n = len(c)
		default:
			return 0, fmt.Errorf("write many rows: column %d is %T, want []int64, []string or [][]byte", i+1, c)
		}
		if rows >= 0 && n != rows {
			return 0, fmt.Errorf("write many rows: column %d has %d rows, the first has %d", i+1, n, rows)
		}
		rows = n
	}
	return max(rows, 0), nil
}

func flat(columns []any, from, size int) []any {
	args := make([]any, size*len(columns))
	for i, c := range columns {
		switch c := c.(type) {
		case []int64:
			spread(args[i:], c[from:from+size], len(columns))
		case []string:
			spread(args[i:], c[from:from+size], len(columns))
		case [][]byte:
			spread(args[i:], c[from:from+size], len(columns))
		}
	}
	return args
}

func spread[T any](args []any, column []T, step int) {
	for i, v := range column {
		args[i*step] = v
	}
}

var (
	valuesGroup = regexp.MustCompile(`(?i)\bVALUES\s*(\([^)]*\))`)
	placeholder = regexp.MustCompile(`\$\d+`)
)

type expansion struct {
	query string
	size  int
}

// expand repeats the VALUES group size times, with plain "?" for placeholders:
// SQLite looks named ones up one by one.
func (db *DB) expand(query string, size int) string {
	key := expansion{query, size}
	if text, ok := db.expanded.Load(key); ok {
		return text.(string)
	}
	at := valuesGroup.FindStringSubmatchIndex(query)
	if at == nil {
		return query // SQLite will say that the number of arguments is wrong
	}
	group := placeholder.ReplaceAllString(query[at[2]:at[3]], "?")
	text := query[:at[2]] + strings.Repeat(group+", ", size-1) + group + query[at[3]:]
	db.expanded.Store(key, text)
	return text
}
