package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"nghe/hub/archive"
)

// Copy names one copy in the archive. Numbers say which is newer: clocks do
// not.
type Copy struct {
	Number int
	At     time.Time // by the hub's clock then, to the second
}

const (
	copiesPrefix = "backups/"
	stamp        = "20060102T150405Z"
)

// mostCopies is the largest number a key can hold: thousands of years.
const mostCopies = 99_999_999

var copyKey = regexp.MustCompile(`^backups/(\d{8})-(\d{8}T\d{6}Z)\.age$`)

// Key is where it stands.
func (c Copy) Key() string {
	return fmt.Sprintf("%s%08d-%s.age", copiesPrefix, c.Number, c.At.UTC().Format(stamp))
}

func parseCopy(key string) (Copy, bool) {
	m := copyKey.FindStringSubmatch(key)
	if m == nil {
		return Copy{}, false
	}
	number, err := strconv.Atoi(m[1])
	at, err2 := time.Parse(stamp, m[2])
	return Copy{number, at}, err == nil && err2 == nil
}

// Copies lists the copies in an archive, newest first. What else lies there is
// left out.
func Copies(ctx context.Context, store archive.Store) (all []Copy, err error) {
	err = store.List(ctx, copiesPrefix, func(key string) error {
		if c, ok := parseCopy(key); ok {
			all = append(all, c)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list copies: %w", err)
	}
	slices.SortFunc(all, func(a, b Copy) int { return cmp.Or(b.Number-a.Number, b.At.Compare(a.At)) })
	return all, nil
}

// How many copies are kept: the newest of each of the last days, weeks and
// months that have one.
const (
	days   = 7
	weeks  = 8
	months = 24
)

// spare are the copies that need not be kept, of all copies, newest first.
func spare(all []Copy) (drop []Copy) {
	seen := [3]map[string]bool{{}, {}, {}}
	for i, c := range all {
		year, week := c.At.ISOWeek()
		keep := i == 0
		for j, bucket := range []struct {
			name string
			most int
		}{
			{c.At.Format(time.DateOnly), days}, {fmt.Sprint(year, "-", week), weeks}, {c.At.Format("2006-01"), months},
		} {
			if !seen[j][bucket.name] && len(seen[j]) < bucket.most {
				seen[j][bucket.name] = true
				keep = true
			}
		}
		if !keep {
			drop = append(drop, c)
		}
	}
	return drop
}

// tidy lets go of copies of this hub's own that need not be kept. What else
// bears the name of a copy is not its business, and pushes none of them out.
func (b *Backup) tidy(ctx context.Context) error {
	notes, err := b.Notes(ctx)
	if err != nil {
		return err
	}
	made := notes.Made
	var errs []error
	for _, c := range spare(made) {
		if err := b.cfg.Store.Delete(ctx, c.Key()); err != nil {
			errs = append(errs, err)
			continue
		}
		made = slices.DeleteFunc(slices.Clone(made), func(m Copy) bool { return m == c })
	}
	return errors.Join(append(errs, b.note(ctx, map[string]string{noteMade: keysOf(made)}))...)
}

func keysOf(all []Copy) string {
	var b strings.Builder
	for _, c := range all {
		fmt.Fprintln(&b, c.Key())
	}
	return b.String()
}

func parseCopies(text string) (all []Copy) {
	for key := range strings.Lines(text) {
		if c, ok := parseCopy(strings.TrimSpace(key)); ok {
			all = append(all, c)
		}
	}
	return all
}

// next is the number after those of all copies there are, newest first, as long
// as it can be written.
func next(all []Copy) int {
	for _, c := range all {
		if c.Number < mostCopies {
			return c.Number + 1
		}
	}
	return 1
}
