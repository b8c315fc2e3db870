package bulletin

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"nghe/hub/database"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// Published says what was published, for the operator.
type Published struct {
	Questionnaires []string // "today 3", "market 1 (by schedule)"
	Texts          int
	Notices        int
	Contacts       int
	Houses         int
	Areas          int
	Named          int
	Recordings     int
	Bytes          int      // as sent
	Warnings       []string // what is published all the same, and may be a mistake
}

// mostSheet bounds the sheet as sent: a frame with it and items beside it must
// cross a line of 4 KiB/s well before the kiosk takes the line for dead.
const mostSheet = 64 << 10

// Publish puts what a folder holds in the place of what was published before.
// A *Refused says what is wrong with it; then nothing has changed. A running
// hub tells kiosks within a second.
func (b *Bulletin) Publish(ctx context.Context, dir, by string) (Published, error) {
	c, err := readFolder(dir)
	if err != nil {
		return Published{}, err
	}
	if err := b.placesOf(ctx, c); err != nil {
		return Published{}, err
	}
	sheet, err := c.sheet()
	if err != nil {
		return Published{}, fmt.Errorf("publish: %w", err)
	}
	body, err := wire.EncodeBulletin(sheet)
	if err != nil || len(body) > mostSheet {
		return Published{}, &Refused{File: dir, Want: "is too long altogether for one bulletin; shorten the notices"}
	}
	err = b.cfg.DB.Write(ctx, func(tx *database.Tx) error { return b.keep(ctx, tx, c, body, by) })
	if err != nil {
		return Published{}, err
	}
	p := Published{Texts: len(c.texts), Notices: len(c.notices), Contacts: len(c.facts.Contacts), Houses: len(c.facts.Houses), Areas: len(c.facts.Areas), Named: len(c.named), Recordings: len(c.recorded), Bytes: len(body) + c.recordedBytes}
	for _, q := range c.questionnaires {
		p.Questionnaires = append(p.Questionnaires, titled(q))
	}
	p.Warnings = c.warnings(b.cfg.Now())
	return p, nil
}

// warnings tell of what is shown to nobody, or not in every language.
func (c content) warnings(now time.Time) (all []string) {
	over := func(file, what string, s feedback.Span) {
		if s.Until != "" && !(feedback.Span{Until: s.Until}).Holds("", now) {
			all = append(all, fmt.Sprintf("%s: %s is over since %s; no kiosk shows it", file, what, s.Until))
		}
	}
	for _, n := range c.notices {
		what := fmt.Sprintf("notice %q", n.ID)
		over(c.from[what], what, n.Span)
	}
	for _, q := range c.questionnaires {
		what := fmt.Sprintf("questionnaire %q", q.ID)
		over(c.from[what], what, q.Schedule.Span)
	}
	if ko, zh := c.lacking[feedback.Korean], c.lacking[feedback.Chinese]; ko+zh > 0 {
		all = append(all, fmt.Sprintf("%d texts are not in ko, %d not in zh-Hans: there kiosks show English, or the screen's own text", ko, zh))
	}
	return all
}

// Facts are what was published of the ward.
func (b *Bulletin) Facts(ctx context.Context) (facts feedback.Facts, err error) {
	content, err := b.content(ctx, b.cfg.DB.Read())
	if err != nil {
		return facts, err
	}
	for _, text := range content.Sheet[0].Notices {
		leaf := factsLeaf{&facts}
		if err := json.Unmarshal(text, &leaf); err != nil {
			return facts, fmt.Errorf("read what was published: %w", err)
		}
	}
	return facts, nil
}

// Asked is every version of every questionnaire that was ever published, the
// newest of each last. Those built in are not among them.
func (b *Bulletin) Asked(ctx context.Context) ([]feedback.Questionnaire, error) {
	return database.Collect(ctx, b.cfg.DB.Read(), "read questionnaires", b.sql["asked"], func(row database.Row) (q feedback.Questionnaire, err error) {
		var text []byte
		if err := row.Scan(&text); err != nil {
			return q, err
		}
		return q, json.Unmarshal(text, &q)
	})
}

func titled(q feedback.Questionnaire) string {
	if q.Schedule.Always() {
		return fmt.Sprintf("%s %d", q.ID, q.Version)
	}
	return fmt.Sprintf("%s %d (by schedule)", q.ID, q.Version)
}

// placesOf refuses what is for a place that is not: it would be shown nowhere.
func (b *Bulletin) placesOf(ctx context.Context, c content) error {
	if b.cfg.Places == nil {
		return nil
	}
	places, err := b.cfg.Places(ctx)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	for _, named := range c.places() {
		for _, p := range named.ids {
			if !slices.Contains(places, p) {
				return &Refused{File: c.from[named.by], Field: named.field, Want: fmt.Sprintf("there is no place %q", p)}
			}
		}
	}
	return nil
}

// placed is what names places in one field.
type placed struct {
	by, field string
	ids       []string
}

func (c content) places() (all []placed) {
	for _, q := range c.questionnaires {
		all = append(all, placed{fmt.Sprintf("questionnaire %q", q.ID), "schedule.places", q.Schedule.Places})
	}
	for _, n := range c.notices {
		all = append(all, placed{fmt.Sprintf("notice %q", n.ID), "places", n.Places})
	}
	for i, area := range c.facts.Areas {
		all = append(all, placed{"ward", fmt.Sprintf("areas[%d].places", i), area.Places})
	}
	for i, contact := range c.facts.Contacts {
		all = append(all, placed{"ward", fmt.Sprintf("contacts[%d].places", i), contact.Places})
	}
	for i, house := range c.facts.Houses {
		all = append(all, placed{"ward", fmt.Sprintf("houses[%d].places", i), house.Places})
	}
	return all
}

func (b *Bulletin) keep(ctx context.Context, tx *database.Tx, c content, body []byte, by string) error {
	if _, err := tx.Exec(ctx, b.sql["count edit"]); err != nil { // first: it locks the head
		return fmt.Errorf("publish: %w", err)
	}
	before, err := b.history(ctx, tx)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	now := b.cfg.Now().UnixMicro()
	for _, q := range c.questionnaires {
		text, digest, err := meaningOf(q)
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		if err := before.allow(q, digest); err != nil {
			return &Refused{File: c.from[fmt.Sprintf("questionnaire %q", q.ID)], Field: "version", Want: err.Error()}
		}
		if _, err := tx.Exec(ctx, b.sql["add questionnaire"], q.ID, int64(q.Version), digest[:], string(text), now); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, b.sql["put content"], body, now, by); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if err := b.keepRecordings(ctx, tx, c); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// meaningOf is a questionnaire's JSON in one spelling, and its hash: how the
// file was laid out does not matter, nor when it is asked.
func meaningOf(q feedback.Questionnaire) ([]byte, [32]byte, error) {
	q.Schedule = feedback.Schedule{}
	text, err := json.Marshal(q)
	return text, sha256.Sum256(text), err
}

// versions are what each questionnaire meant, by id and version.
type versions map[string]map[int][32]byte

// history is every version kiosks may have shown: those published, and the
// seed, which a kiosk shows before it hears of any.
func (b *Bulletin) history(ctx context.Context, q database.Queryer) (versions, error) {
	all := versions{}
	for _, s := range feedback.Seed().Questionnaires {
		_, digest, err := meaningOf(s)
		if err != nil {
			return nil, err
		}
		all.add(s.ID, s.Version, digest)
	}
	err := database.Each(ctx, q, "read questionnaires", b.sql["questionnaires"], func(rows *sql.Rows) error {
		var id string
		var version int
		var digest []byte
		if err := rows.Scan(&id, &version, &digest); err != nil {
			return err
		}
		all.add(id, version, [32]byte(digest))
		return nil
	})
	return all, err
}

func (v versions) add(id string, version int, digest [32]byte) {
	if v[id] == nil {
		v[id] = map[int][32]byte{}
	}
	v[id][version] = digest
}

func (v versions) allow(q feedback.Questionnaire, digest [32]byte) error {
	newest := 0
	for version := range v[q.ID] {
		newest = max(newest, version)
	}
	switch {
	case q.Version < newest:
		return fmt.Errorf("version %d was published before, so %d would go back; make it %d", newest, q.Version, newest+1)
	case q.Version == newest && v[q.ID][newest] != digest:
		return fmt.Errorf("it differs from the version %d that kiosks have asked; a change of wording is version %d", newest, newest+1)
	}
	return nil
}
