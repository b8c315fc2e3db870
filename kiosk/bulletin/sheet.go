package bulletin

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// sheet is the sheet as the kiosk uses it.
type sheet struct {
	asked   []asked                  // in the hub's order
	old     []feedback.Questionnaire // every version that was on a sheet; nil: not read
	notices []feedback.Notice
	texts   feedback.Texts
	facts   feedback.Facts
	orders  []wire.Order
	cases   string
	named   []wire.Recipient
	unread  int // parts that this program cannot show
}

// asked is one questionnaire of a sheet.
type asked struct {
	feedback.Questionnaire        // without a version where this program cannot show it
	text                   []byte // as the hub sent it
}

func (a asked) shown() bool { return a.Version > 0 }

// questionnaires are those to ask. In the place of one that this program cannot
// show stands the newest it can of the same name.
func (s sheet) questionnaires() (all []feedback.Questionnaire) {
	for _, a := range s.asked {
		if a.shown() {
			all = append(all, a.Questionnaire)
		} else if q, ok := s.newest(a.ID); ok {
			all = append(all, q)
		}
	}
	return all
}

func (s sheet) newest(id string) (newest feedback.Questionnaire, ok bool) {
	for _, q := range s.old {
		if q.ID == id && q.Version > newest.Version {
			newest, ok = q, true
		}
	}
	return newest, ok
}

// joined adds the questionnaires of now to those that were.
func (s sheet) joined() sheet {
	all := slices.Clone(s.old)
	for _, a := range s.asked {
		same := func(o feedback.Questionnaire) bool { return o.ID == a.ID && o.Version == a.Version }
		if a.shown() && !slices.ContainsFunc(all, same) {
			all = append(all, a.Questionnaire)
		}
	}
	s.old = all
	return s
}

// parseSheet leaves out what this program cannot show, and counts it: a hub may
// be newer than its kiosks. The sheet is kept as it came, so that the next
// version of the program shows more of it.
func parseSheet(w wire.Sheet) sheet {
	s := sheet{orders: w.Orders, cases: w.Cases, named: w.Named}
	for _, text := range w.Questionnaires {
		q, err := parse(text, feedback.Questionnaire.Validate)
		if err != nil {
			q = feedback.Questionnaire{ID: nameIn(text)}
			s.unread++
		}
		s.asked = append(s.asked, asked{q, text})
	}
	for _, text := range w.Notices {
		l, err := parse(text, leaf.Validate)
		switch {
		case err != nil:
			s.unread++
		case l.Facts != nil:
			s.facts = *l.Facts
		default:
			s.notices = append(s.notices, l.Notice)
		}
	}
	if len(w.Texts) > 0 {
		var err error
		if s.texts, err = parse(w.Texts, feedback.Texts.Validate); err != nil {
			s.texts = nil
			s.unread++
		}
	}
	return s
}

// leaf is one entry among a sheet's notices: a notice, or the ward's facts.
type leaf struct {
	Facts *feedback.Facts `json:"facts"`
	feedback.Notice
}

// Validate says why a leaf cannot be shown.
func (l leaf) Validate() error {
	if l.Facts != nil {
		return l.Facts.Validate()
	}
	return l.Notice.Validate()
}

// nameIn is the name of a questionnaire that cannot be read otherwise; empty
// when not even that can.
func nameIn(text []byte) string {
	var q struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(text, &q); err != nil {
		return ""
	}
	return q.ID
}

// parse takes unknown keys: a newer hub may say more than this program knows.
func parse[T any](text []byte, validate func(T) error) (v T, err error) {
	if err := json.Unmarshal(text, &v); err != nil {
		return v, err
	}
	return v, validate(v)
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
	s = parseSheet(body.Sheet[0])
	s.old, err = readQuestionnaires(q)
	return s, err
}

// readQuestionnaires leaves out those that a newer program kept.
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
		if one, err := parse(text, feedback.Questionnaire.Validate); err == nil {
			all = append(all, one)
		}
	}
	return all, rows.Err()
}
