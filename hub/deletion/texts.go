package deletion

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"

	"nghe/hub/database"
	"nghe/shared/feedback"
)

// Agreed finds the text a consent names by its hash; false for one that no
// promise this hub knows of makes in any ward it ever had.
func (d *Deletions) Agreed(ctx context.Context, text [sha256.Size]byte) (feedback.Agreed, bool, error) {
	is, known, err := d.noted(ctx, text)
	if err != nil || known {
		return is, known, err
	}
	if err := d.noteTexts(ctx); err != nil { // of a place that is new
		return is, false, err
	}
	return d.noted(ctx, text)
}

// AgreedText is what stood on the screen, letter by letter.
func (d *Deletions) AgreedText(is feedback.Agreed) string {
	if is.Version < 1 || is.Version > len(d.promises) {
		return ""
	}
	part, _ := d.promises[is.Version-1].Part(is.Purpose)
	return part.In(is.Ward)[is.Language]
}

func (d *Deletions) noted(ctx context.Context, text [sha256.Size]byte) (is feedback.Agreed, known bool, err error) {
	err = d.cfg.DB.Read().QueryRowContext(ctx, d.sql["text"], text[:]).Scan(&is.Version, &is.Purpose, &is.Language, &is.Ward)
	if errors.Is(err, sql.ErrNoRows) {
		return is, false, nil
	}
	if err != nil {
		return is, false, fmt.Errorf("find the text of a consent: %w", err)
	}
	return is, true, nil
}

// noteTexts keeps the hash of every text residents may have read: once a ward
// is renamed or merged, nothing else tells what was agreed to before.
func (d *Deletions) noteTexts(ctx context.Context) error {
	if d.cfg.Wards == nil {
		return nil
	}
	wards, err := d.cfg.Wards(ctx)
	if err != nil {
		return fmt.Errorf("note consent texts: %w", err)
	}
	missing := map[feedback.Hash]feedback.Agreed{}
	for _, ward := range wards {
		for _, p := range d.promises {
			for hash, is := range p.Texts(ward) {
				if _, known, err := d.noted(ctx, hash); err != nil {
					return err
				} else if !known {
					missing[hash] = is
				}
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	err = d.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		for hash, is := range missing {
			if _, err := tx.Exec(ctx, d.sql["note text"], hash[:], is.Version, is.Purpose, string(is.Language), is.Ward); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note consent texts: %w", err)
	}
	return nil
}
