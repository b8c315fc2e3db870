package bulletin

import (
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"nghe/shared/feedback"
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
	for i, q := range s.questionnaires {
		_, err := tx.Exec(query("put questionnaire"), sql.Named("id", q.ID), sql.Named("version", q.Version), sql.Named("text", body.Sheet[0].Questionnaires[i]))
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
	for _, name := range []string{"forget boxes", "forget revoked", "forget deleted"} {
		if _, err := tx.Exec(query(name), sql.Named("upto", int64(upto))); err != nil {
			return err
		}
	}
	return nil
}

// sheet is the sheet as the kiosk uses it.
type sheet struct {
	questionnaires []feedback.Questionnaire
	old            []feedback.Questionnaire // every version that was on a sheet
	notices        []feedback.Notice
	texts          feedback.Texts
	orders         []wire.Order
	cases          string
	named          []wire.Recipient
}

// joined adds the questionnaires of now to those that were.
func (s sheet) joined() sheet {
	all := slices.Clone(s.old)
	for _, q := range s.questionnaires {
		if !slices.ContainsFunc(all, func(o feedback.Questionnaire) bool { return o.ID == q.ID && o.Version == q.Version }) {
			all = append(all, q)
		}
	}
	s.old = all
	return s
}

// parseSheet refuses a sheet that could not be shown.
func parseSheet(w wire.Sheet) (s sheet, err error) {
	for _, text := range w.Questionnaires {
		q, err := parse(text, feedback.Questionnaire.Validate)
		if err != nil {
			return s, err
		}
		s.questionnaires = append(s.questionnaires, q)
	}
	for _, text := range w.Notices {
		n, err := parse(text, feedback.Notice.Validate)
		if err != nil {
			return s, err
		}
		s.notices = append(s.notices, n)
	}
	if len(w.Texts) > 0 {
		if s.texts, err = parse(w.Texts, feedback.Texts.Validate); err != nil {
			return s, err
		}
	}
	s.orders, s.cases, s.named = w.Orders, w.Cases, w.Named
	return s, nil
}

// parse takes unknown keys: a newer hub may say more than this program knows.
func parse[T any](text []byte, validate func(T) error) (v T, err error) {
	if err := json.Unmarshal(text, &v); err != nil {
		return v, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if err := validate(v); err != nil {
		return v, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return v, nil
}

// readSheet reads the sheet and every questionnaire that was on one.
func readSheet(q queryer) (s sheet, err error) {
	var packed []byte
	err = q.QueryRow(query("sheet")).Scan(&packed)
	if errors.Is(err, sql.ErrNoRows) {
		return sheet{old: []feedback.Questionnaire{}}, nil
	}
	if err != nil {
		return s, fmt.Errorf("read sheet: %w", err)
	}
	body, err := wire.DecodeBulletin(packed)
	if err != nil || len(body.Sheet) != 1 {
		return s, fmt.Errorf("%w: the sheet kept is not one: %w", ErrBroken, err)
	}
	if s, err = parseSheet(body.Sheet[0]); err != nil {
		return s, err
	}
	s.old, err = readQuestionnaires(q)
	return s, err
}

func readQuestionnaires(q queryer) ([]feedback.Questionnaire, error) {
	rows, err := q.Query(query("questionnaires"))
	if err != nil {
		return nil, fmt.Errorf("read questionnaires: %w", err)
	}
	defer rows.Close()
	all := []feedback.Questionnaire{}
	for rows.Next() {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("read questionnaires: %w", err)
		}
		one, err := parse(text, feedback.Questionnaire.Validate)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
