package bulletin

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"fmt"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// keepRecordings takes the pieces of a bulletin.
func keepRecordings(tx *sql.Tx, version uint64, pieces []wire.ClipPart) error {
	for _, p := range pieces {
		name, args := "put recording", []any{sql.Named("name", p.Name), sql.Named("part", p.Part), sql.Named("parts", p.Parts),
			sql.Named("sum", p.Sum[:]), sql.Named("octets", p.Octets), sql.Named("came", int64(version))}
		if p.Parts == 0 {
			name, args = "drop recording", args[:2]
		}
		if _, err := tx.Exec(query(name), args...); err != nil {
			return err
		}
	}
	return nil
}

// Recording is what the ward recorded of a text, by clip.Name; nil where it has
// recorded none, or not all of it is here yet.
func (b *Bulletin) Recording(name string) ([]byte, error) {
	rows, err := b.db.Read().Query(query("recording"), sql.Named("name", name))
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	defer rows.Close()
	var sound, sum []byte
	var held, want int
	for ; rows.Next(); held++ {
		var part int
		var of, octets []byte
		if err := rows.Scan(&part, &want, &of, &octets); err != nil {
			return nil, fmt.Errorf("read recording: %w", err)
		}
		if part != held || held > 0 && !bytes.Equal(of, sum) {
			return nil, rows.Err() // the rest is on its way
		}
		sound, sum = append(sound, octets...), of
	}
	if got := sha256.Sum256(sound); held == 0 || held != want || !bytes.Equal(got[:], sum) {
		return nil, rows.Err()
	}
	return sound, rows.Err()
}

// RecordedIn are the languages the ward has recorded something in.
func (b *Bulletin) RecordedIn() (all []feedback.Language, err error) {
	rows, err := b.db.Read().Query(query("recorded in"))
	if err != nil {
		return nil, fmt.Errorf("read recordings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l feedback.Language
		if err := rows.Scan(&l); err != nil {
			return nil, fmt.Errorf("read recordings: %w", err)
		}
		all = append(all, l)
	}
	return all, rows.Err()
}
