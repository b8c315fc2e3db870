package bulletin

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// Questionnaires are those to ask when they are due (feedback.Due); none means
// that the hub published none.
func (b *Bulletin) Questionnaires() []feedback.Questionnaire {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.questions
}

// Unread is how many parts of the newest sheet this program cannot show.
func (b *Bulletin) Unread() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.sheet.unread
}

// Questionnaire finds any version that was ever asked here.
func (b *Bulletin) Questionnaire(id string, version int) (feedback.Questionnaire, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, q := range b.sheet.old {
		if q.ID == id && q.Version == version {
			return q, true
		}
	}
	return feedback.Questionnaire{}, false
}

// Texts are what the ward words itself.
func (b *Bulletin) Texts() feedback.Texts {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.sheet.texts
}

// Facts are what the ward tells of itself and its houses, this one and others;
// see feedback.Facts.
func (b *Bulletin) Facts() feedback.Facts {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.sheet.facts
}

// Notices are the board, also what hangs elsewhere or at another time; see
// feedback.Span.Holds.
func (b *Bulletin) Notices() []feedback.Notice {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.sheet.notices
}

// Recipients are the age recipients of a kind of reader; none means that no
// message can be sealed to it.
func (b *Bulletin) Recipients(reader feedback.Reader) []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if reader == feedback.ReaderCases && b.sheet.cases != "" {
		return []string{b.sheet.cases}
	}
	var keys []string
	if reader == feedback.ReaderNamed {
		for _, r := range b.sheet.named {
			keys = append(keys, r.Key)
		}
	}
	return keys
}

// Named are the officers who read what is sealed to named readers.
func (b *Bulletin) Named() []wire.Recipient {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.sheet.named
}

// Box is the case box filed under a tag.
func (b *Bulletin) Box(tag [16]byte) ([]byte, bool, error) {
	var box []byte
	err := b.db.Read().QueryRow(query("box"), sql.Named("tag", tag[:])).Scan(&box)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read case box: %w", err)
	}
	return box, true, nil
}

// News is how far the ward is with a message.
type News struct {
	State   feedback.CaseState
	Version uint16    // of the case
	Updated time.Time // to the minute
	Note    string
}

// News opens the case of a receipt; false when the ward has told nothing of it
// yet, or nobody ever had such a receipt, which a kiosk cannot tell apart.
func (b *Bulletin) News(r seal.Receipt) (News, bool, error) {
	box, known, err := b.Box(r.Tag)
	if err != nil {
		return News{}, false, err
	}
	if !known {
		box = make([]byte, seal.BareBox) // opened in vain, so that both answers take as long
	}
	plain, err := r.Unbox(box)
	if err != nil {
		return News{}, false, nil // somebody else's case
	}
	n, err := wire.DecodeCaseNews(plain)
	if err != nil {
		return News{}, false, fmt.Errorf("read case: %w", err)
	}
	return News{State: n.State, Version: n.Version, Updated: time.UnixMicro(n.Updated).UTC(), Note: n.Note}, true, nil
}

// Revoked are the devices that are trusted no longer.
func (b *Bulletin) Revoked() ([]string, error) {
	rows, err := b.db.Read().Query(query("revoked"))
	if err != nil {
		return nil, fmt.Errorf("read revoked devices: %w", err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var device string
		if err := rows.Scan(&device); err != nil {
			return nil, fmt.Errorf("read revoked devices: %w", err)
		}
		all = append(all, device)
	}
	return all, rows.Err()
}

// Deleted is what was deleted by law and told after a version, and the version
// to ask after next.
func (b *Bulletin) Deleted(after uint64) (all []wire.Deletion, upto uint64, err error) {
	rows, err := b.db.Read().Query(query("deleted"), sql.Named("after", int64(after)))
	if err != nil {
		return nil, after, fmt.Errorf("read deletions: %w", err)
	}
	defer rows.Close()
	upto = after
	for rows.Next() {
		var d wire.Deletion
		var kind, came int64
		if err := rows.Scan(&kind, &d.Name, &came); err != nil {
			return nil, after, fmt.Errorf("read deletions: %w", err)
		}
		d.Kind, upto = wire.DeletionKind(kind), uint64(came)
		all = append(all, d)
	}
	return all, upto, rows.Err()
}

// ReceiptDeleted says whether all that was left under a receipt's tag was
// deleted by law, as far as the hub told.
func (b *Bulletin) ReceiptDeleted(tag [16]byte) (bool, error) {
	var n int
	err := b.db.Read().QueryRow(query("is deleted"), sql.Named("kind", int64(wire.DeletedReceipt)), sql.Named("name", tag[:])).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for deletion: %w", err)
	}
	return n > 0, nil
}
