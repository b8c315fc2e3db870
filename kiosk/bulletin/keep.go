package bulletin

import (
	"crypto/ed25519"
	"database/sql"
	"fmt"

	"nghe/shared/wire"
)

// standing is the row of that name.
type standing struct {
	version, forgotten uint64
	custody            ed25519.PublicKey
}

type queryer interface {
	QueryRow(query string, args ...any) *sql.Row
	Query(query string, args ...any) (*sql.Rows, error)
}

func readStanding(q queryer) (is standing, err error) {
	var version, forgotten int64
	var custody []byte
	if err := q.QueryRow(query("standing")).Scan(&version, &forgotten, &custody); err != nil {
		return is, fmt.Errorf("read standing: %w", err)
	}
	return standing{uint64(version), uint64(forgotten), custody}, nil
}

// keep is the transaction of one bulletin.
func keep(tx *sql.Tx, version uint64, body wire.BulletinBody, s *sheet) (standing, error) {
	is, err := readStanding(tx)
	if err != nil {
		return is, err
	}
	if version <= is.version || body.Since > is.version {
		return is, fmt.Errorf("%w: it follows %d, this kiosk holds %d", ErrGap, body.Since, is.version)
	}
	if err := keepSheet(tx, body, s); err != nil {
		return is, err
	}
	if err := keepBoxes(tx, version, body); err != nil {
		return is, err
	}
	if err := keepRest(tx, version, body); err != nil {
		return is, err
	}
	if err := keepRecordings(tx, version, body.Clips); err != nil {
		return is, err
	}
	if body.Forget > is.forgotten {
		if err := forget(tx, body.Forget); err != nil {
			return is, err
		}
		is.forgotten = body.Forget
	}
	is.version = version
	_, err = tx.Exec(query("stand"), sql.Named("version", int64(version)), sql.Named("forgotten", int64(is.forgotten)))
	return is, err
}

func keepSheet(tx *sql.Tx, body wire.BulletinBody, s *sheet) error {
	if s == nil {
		return nil
	}
	packed, err := wire.EncodeBulletin(wire.BulletinBody{Sheet: body.Sheet})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(query("put sheet"), sql.Named("body", packed)); err != nil {
		return err
	}
	for _, a := range s.asked {
		if !a.shown() {
			continue
		}
		_, err := tx.Exec(query("put questionnaire"), sql.Named("id", a.ID), sql.Named("version", a.Version), sql.Named("text", a.text))
		if err != nil {
			return err
		}
	}
	return nil
}

func keepBoxes(tx *sql.Tx, version uint64, body wire.BulletinBody) error {
	put, err := tx.Prepare(query("put box"))
	if err != nil {
		return err
	}
	defer put.Close() // ends with the transaction anyway
	for _, box := range body.AllBoxes() {
		if _, err := put.Exec(sql.Named("tag", box.Tag[:]), sql.Named("box", box.Box), sql.Named("came", int64(version))); err != nil {
			return err
		}
	}
	for _, tag := range body.Gone {
		if _, err := tx.Exec(query("drop box"), sql.Named("tag", tag[:])); err != nil {
			return err
		}
	}
	return nil
}

func keepRest(tx *sql.Tx, version uint64, body wire.BulletinBody) error {
	came := sql.Named("came", int64(version))
	for _, device := range body.Revoked {
		if _, err := tx.Exec(query("put revoked"), sql.Named("device", device), came); err != nil {
			return err
		}
	}
	for _, d := range body.Deleted {
		if _, err := tx.Exec(query("put deleted"), sql.Named("kind", int64(d.Kind)), sql.Named("name", d.Name), came); err != nil {
			return err
		}
	}
	return nil
}

// forget lets go of what came by a version up to this.
func forget(tx *sql.Tx, upto uint64) error {
	for _, name := range []string{"forget boxes", "forget revoked", "forget deleted", "forget recordings"} {
		if _, err := tx.Exec(query(name), sql.Named("upto", int64(upto))); err != nil {
			return err
		}
	}
	return nil
}
