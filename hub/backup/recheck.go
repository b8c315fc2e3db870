package backup

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"nghe/hub/archive"
	"nghe/hub/ledger"
	"nghe/shared/wire"
)

// Hole is a stretch of a journal that is safe, as kiosks were told, and that
// the archive does not hold whole.
type Hole struct {
	Journal wire.JournalID
	Base    wire.Point
	End     wire.Point
	Why     string

	of      ledger.SafeJournal
	damaged []string // keys of what stands there
}

func (h Hole) String() string {
	return fmt.Sprintf("journal %s, records %d to %d: %s", h.Journal, h.Base.Seq+1, h.End.Seq, h.Why)
}

// Compare holds the list of the archive's segments against what is safe, and
// reads again the objects that reread names by the hash of their keys. It tells
// every hole and changes nothing.
func (s *Segments) Compare(ctx context.Context, reread func(hash []byte) bool, tell func(Hole) error) error {
	for j, err := range s.cfg.Ledger.SafeJournals(ctx) {
		if err == nil {
			err = s.compare(ctx, j, reread, tell)
		}
		if err != nil {
			return fmt.Errorf("compare segments: %w", err)
		}
	}
	return nil
}

// Recheck compares, and puts again from the ledger what is missing or damaged.
// One hole that cannot be mended keeps no other open.
func (s *Segments) Recheck(ctx context.Context, reread func(hash []byte) bool) (mended int, err error) {
	var errs []error
	err = s.Compare(ctx, reread, func(h Hole) error {
		if err := s.mend(ctx, h); err != nil {
			errs = append(errs, fmt.Errorf("mend %s: %w", h, err))
			return nil
		}
		mended++
		return nil
	})
	return mended, errors.Join(append(errs, err)...)
}

// mend puts the runs of a hole, each read back, and only then takes away what
// was damaged there under other keys.
func (s *Segments) mend(ctx context.Context, h Hole) error {
	for at := h.Base; at.Seq < h.End.Seq; {
		r, err := s.cfg.Ledger.SafeRun(ctx, h.of, at, h.End, inOneObject)
		if err == nil && len(r.Segments) == 0 {
			err = errors.New("the ledger does not hold it either")
		}
		if err == nil {
			err = s.put(ctx, r)
		}
		if err != nil {
			return err
		}
		at = r.End
	}
	for _, key := range h.damaged {
		why, err := s.damaged(ctx, key)
		if err == nil && why != "" {
			err = s.cfg.Store.Delete(ctx, key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compare looks at one journal. Every segment ends at a point; holding says
// which of them good objects hold.
func (s *Segments) compare(ctx context.Context, j ledger.SafeJournal, reread func([]byte) bool, tell func(Hole) error) error {
	holding, damaged := make([]bool, len(j.Points)), map[int][]string{} // by the object's first point
	err := s.cfg.Store.List(ctx, segmentsPrefix+j.Journal.String()+"/", func(key string) error {
		from, to, ok := covers(j, key)
		if !ok {
			return nil
		}
		hash := sha256.Sum256([]byte(key))
		if reread(hash[:]) {
			if why, err := s.damaged(ctx, key); err != nil || why != "" {
				damaged[from] = append(damaged[from], key)
				return err
			}
		}
		for i := from + 1; i <= to; i++ {
			holding[i] = true
		}
		return nil
	})
	for i := 1; err == nil && i < len(holding); i++ {
		if holding[i] {
			continue
		}
		h := Hole{Journal: j.Journal, Base: j.Points[i-1], Why: "missing in the archive", of: j}
		for ; i < len(holding) && !holding[i]; i++ {
			h.damaged = append(h.damaged, damaged[i-1]...)
			h.End = j.Points[i]
		}
		if len(h.damaged) > 0 {
			h.Why = "missing or damaged in the archive"
		}
		err = tell(h)
	}
	return err
}

// covers says from which point to which an object reaches, by its key: false
// when its end is not on the journal's chain.
func covers(j ledger.SafeJournal, key string) (from, to int, ok bool) {
	name := key[strings.LastIndexByte(key, '/')+1:]
	parts := strings.Split(name, "-")
	if len(parts) != 3 {
		return 0, 0, false
	}
	base, err := strconv.ParseUint(parts[0], 10, 64)
	end, err2 := strconv.ParseUint(parts[1], 10, 64)
	if errors.Join(err, err2) != nil {
		return 0, 0, false
	}
	find := func(seq uint64) (int, bool) {
		return slices.BinarySearchFunc(j.Points, seq, func(p wire.Point, seq uint64) int { return cmp.Compare(p.Seq, seq) })
	}
	from, _ = find(base)
	to, ok = find(end)
	return from, to, ok && j.Points[to].Chain.String() == parts[2]
}

// damaged says what is wrong with an object; empty when nothing is.
func (s *Segments) damaged(ctx context.Context, key string) (why string, err error) {
	b, err := fetch(ctx, s.cfg.Store, key)
	if errors.Is(err, archive.ErrNotFound) {
		return "missing in the archive", nil
	}
	if err != nil {
		return "", err
	}
	o, err := s.cfg.Key.object(key, b)
	if err == nil {
		err = o.Check(nil)
	}
	if err != nil {
		return fmt.Sprintf("damaged in the archive: %v", err), nil
	}
	return "", nil
}
