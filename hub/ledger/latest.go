package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// stretch is the part of a journal that may hold answers of a place.
type stretch struct{ journal, first, until int64 }

// Latest are the n answers of a place that arrived last, newest first.
func (l *Ledger) Latest(ctx context.Context, place string, n int) ([]Row, error) {
	var stretches []stretch
	err := l.each(ctx, "journals at place", func(rows *sql.Rows) error {
		var s stretch
		err := rows.Scan(&s.journal, &s.first, &s.until)
		stretches = append(stretches, s)
		return err
	}, place)
	if err != nil {
		return nil, err
	}
	var latest []numbered
	for _, s := range stretches {
		some, err := l.latestOf(ctx, s, place, n)
		if err != nil {
			return nil, err
		}
		latest = append(latest, some...)
	}
	slices.SortFunc(latest, func(a, b numbered) int { return int(b.number - a.number) })
	all := make([]Row, 0, n)
	for _, r := range latest[:min(n, len(latest))] {
		all = append(all, r.row)
	}
	return all, nil
}

// numbered is a Row and its number, which grows with arrival.
type numbered struct {
	number int64
	row    Row
}

// latestOf walks one journal's segments backwards until it has n answers.
func (l *Ledger) latestOf(ctx context.Context, s stretch, place string, n int) ([]numbered, error) {
	var found []numbered
	for below := s.until + wholeJournal; ; {
		var segments []int64
		err := l.each(ctx, "segments back from", func(rows *sql.Rows) error {
			var segment, base int64
			err := rows.Scan(&segment, &base)
			segments, below = append(segments, segment), base+1
			return err
		}, s.journal, s.until, s.first, below)
		if err != nil || len(segments) == 0 {
			return found, err
		}
		for _, segment := range segments {
			some, err := l.rows(ctx, "newest of segment", segment*slots, place, n-len(found))
			if err != nil {
				return nil, fmt.Errorf("latest answers: %w", err)
			}
			if found = append(found, some...); len(found) >= n {
				return found, nil
			}
		}
	}
}

// wholeJournal reaches beyond the end of the segment that a stretch ends in.
const wholeJournal = slots
