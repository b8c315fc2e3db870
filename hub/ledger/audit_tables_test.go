package ledger

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nghe/hub/database"
	"nghe/shared/wire"
)

// everything is a ledger with a row in every table.
func everything(t *testing.T, h *hub) {
	t.Helper()
	k, _ := story(t, h)
	k.add(wire.Replaces{Earlier: wire.RecordID{9}, Answer: satisfied(5*minute, 2)}) // of one nobody has
	k.flag(4, "burst", "palm")
	k.add(wire.Flag{Earlier: wire.RecordID{9}, Rules: []string{"burst"}})
	h.append(k.rest(7))
	writer := newKiosk(t, "m", "qt-05")
	for _, raw := range letters(t).records[1:] {
		writer.addRaw(raw)
	}
	writer.add(reply(4*minute, "R1", 3, true))
	writer.add(asking(5*minute, "R1", "delete"))
	h.append(writer.rest(0))
	h.ok(h.BlobStored(t.Context(), hashOf("words"), noon))
	lost := newKiosk(t, "c", "qt-03")
	lost.rate(minute, 2)
	lost.rate(2*minute, 4)
	lost.fork(2, lost.at(1), wire.ForkBehind)
	h.append(lost.rest(2))
	if _, err := h.RaiseEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.whole()
}

func TestAuditFindsWhatNoKioskSigned(t *testing.T) {
	damages := map[string]struct{ statement, want string }{
		"log gone":                {"DELETE FROM events", "events: 0 rows"},
		"last line of log gone":   {"DELETE FROM events WHERE event = (SELECT max(event) FROM events)", "events: "},
		"line of log changed":     {"UPDATE events SET detail = 'nothing' WHERE event = 1", "events: "},
		"line of log invented":    {"INSERT INTO events (event, at, kind, device, journal, seq, detail) SELECT max(event) + 1, 1, 'fork', '', journal, 0, '' FROM events GROUP BY journal LIMIT 1", "events: "},
		"readings gone":           {"DELETE FROM clocks", "clock reading"},
		"reading changed":         {"UPDATE clocks SET hub = hub + 1", "clock reading"},
		"epoch 0":                 {"UPDATE meta SET value = 0", "restore epoch is 0"},
		"epoch taken back":        {"UPDATE meta SET value = 1", "restore epoch is 1"},
		"epoch gone":              {"DELETE FROM meta", "epoch is not there"},
		"segment came later":      {"UPDATE segments SET received_at = received_at + 1 WHERE segment = 1", "arrivals: "},
		"hole invented":           {"INSERT INTO holes SELECT journal, 0, 4, first_seen, 0 FROM journals WHERE base_seq = 0 AND branch = 0 AND device = 'a'", "not the journal's"},
		"hole of no journal":      {"INSERT INTO holes VALUES (99, 0, 4, 0, 0)", "holes of no journal"},
		"hole gone":               {"DELETE FROM holes", "no hole says so"},
		"hole filled by nobody":   {"UPDATE holes SET filled_at = declared_at", "nobody holds"},
		"hole declared later":     {"UPDATE holes SET declared_at = declared_at + 1", "is declared at"},
		"replacement invented":    {"INSERT INTO amendments SELECT id, 1, '' FROM answers WHERE state = 0", "no record says so"},
		"replacement gone":        {"DELETE FROM amendments WHERE rule = ''", "that is not kept"},
		"early flag gone":         {"DELETE FROM amendments WHERE rule = 'burst'", "that is not kept"},
		"early flag of two":       {"UPDATE amendments SET rule = 'palm' WHERE rule = 'burst'", "no record says so"},
		"flag gone":               {"DELETE FROM flags WHERE rule = 'palm'", "flagged by \"palm\" must be true"},
		"flags gone":              {"DELETE FROM flags", "flags: the segments say 2, the tables 0"},
		"flag of another rule":    {"UPDATE flags SET rule = 'off-hours' WHERE rule = 'palm'", "flagged by \"palm\" must be true"},
		"flag invented":           {"INSERT INTO flags SELECT answer, 'same-run' FROM flags WHERE rule = 'palm'", "flags: the segments say 2, the tables 3"},
		"flagged as nobody says":  {"UPDATE answers SET state = state + 16 WHERE state & 16 = 0", "flagged answers: "},
		"not flagged any more":    {"UPDATE answers SET state = state - 16 WHERE state & 16 <> 0", "must be true"},
		"fewer counted apart":     {"UPDATE counts SET flagged = 0", "recounted"},
		"program changed":         {"UPDATE boots SET program = 'other'", "boot is not kept as"},
		"nonce changed":           {"UPDATE boots SET nonce = id WHERE id IS NOT NULL", "boot is not kept as"},
		"boot of another device":  {"UPDATE boots SET device = 'b' WHERE device = 'a'", "is said to be of device b"},
		"first seen earlier":      {"UPDATE journals SET first_seen = first_seen - 1", "journals: "},
		"last seen later":         {"UPDATE journals SET last_seen = last_seen + 1", "last seen"},
		"fork changed":            {"UPDATE forks SET cause = cause + 1", "fork is not kept"},
		"fork of another parent":  {"UPDATE forks SET parent = id", "fork is not kept"},
		"run cut short":           {"UPDATE runs SET until_seq = until_seq - 1", "run ends"},
		"run of no journal":       {"INSERT INTO runs VALUES (99, 1, 4611686018427387904, 1)", "runs of no journal"},
		"quarantine changed":      {"UPDATE quarantine SET bytes = id", "quarantine"},
		"quarantined elsewhere":   {"UPDATE quarantine SET seq = seq + 1", "another place"},
		"sums gone":               {"DELETE FROM sums", "is not there"},
		"consent to another text": {"UPDATE consents SET purpose = 'anything'", "message is not shown"},
		"claim gone":              {"DELETE FROM claims WHERE about = ''", "claim is not kept"},
		"claim of nobody":         {"INSERT INTO claims SELECT claim + 1000000000, mac, uptime, receipt, about, version, reopen, score, mac FROM claims WHERE about = ''", "claims: the segments say 2"},
		"confirmed, not reopened": {"UPDATE claims SET reopen = 0", "claim is not kept as"},
		"claim of another":        {"UPDATE claims SET receipt = mac", "claim is not kept as"},
		"blob of another size":    {"UPDATE blobs SET size = size + 1", "as no message names them"},
	}
	onBoth(t, func(t *testing.T, h *hub) {
		everything(t, h)
		for name, d := range damages {
			if found := problems(h.damaged(d.statement)); !strings.Contains(found, d.want) {
				t.Errorf("%s: audit found %q, want %q", name, found, d.want)
			}
		}
		h.same()
	})
}

// unproved are the columns that may change without a word: DESIGN.md lists
// them with the reasons.
var unproved = map[string]bool{
	"blobs.stored_at": true, "blobs.archived_at": true, "blobs.deleted_at": true, "blobs.holder": true, "blobs.lost_at": true,
	"quarantine.reason": true,
}

// Every value of every row of every table of the ledger matters, and every row.
func TestAuditFindsAnyChangedValue(t *testing.T) {
	h := openHub(t, "sqlite:"+t.TempDir()+"/hub.db")
	everything(t, h)
	for _, table := range h.tables() {
		columns, rows := h.table(table)
		if len(rows) == 0 {
			t.Errorf("table %s is empty: nothing is proved of it", table)
		}
		for _, row := range rows {
			which, args := thisRow(columns, row)
			if h.unnoticed("DELETE FROM "+table+which, args...) {
				t.Errorf("deleted row %v of %s: audit found nothing", row, table)
			}
			for i, column := range columns {
				set := fmt.Sprintf("UPDATE %s SET %s = ?%d%s", table, column, len(row)+1, which)
				name := table + "." + column
				if !unproved[name] && !mayChange(table, column, row) && h.unnoticed(set, append(args, other(row[i]))...) {
					t.Errorf("changed %s of %v: audit found nothing", name, row)
				}
			}
		}
	}
}

// mayChange: the place of a boot whose record the hub does not hold is a guess.
func mayChange(table, column string, row []any) bool {
	return table == "boots" && column == "place" && row[1] == nil || table == "places" && row[1] == ""
}

// tables are the ledger's own.
func (h *hub) tables() (names []string) {
	h.t.Helper()
	_, rows := h.ask("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'ledger_migrations' ORDER BY name")
	for _, r := range rows {
		names = append(names, r[0].(string))
	}
	return names
}

func (h *hub) table(name string) ([]string, [][]any) { return h.ask("SELECT * FROM " + name) }

func (h *hub) ask(query string) (columns []string, all [][]any) {
	h.t.Helper()
	rows, err := h.db.Read().QueryContext(h.t.Context(), query)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	if columns, err = rows.Columns(); err != nil {
		h.t.Fatal(err)
	}
	for rows.Next() {
		row, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			h.t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return columns, all
}

// thisRow is the condition that one row meets.
func thisRow(columns []string, row []any) (string, []any) {
	var terms []string
	for i, c := range columns {
		terms = append(terms, fmt.Sprintf("%s IS ?%d", c, i+1))
	}
	return " WHERE " + strings.Join(terms, " AND "), append([]any(nil), row...)
}

// other is another value of the same type, near by.
func other(v any) any {
	switch v := v.(type) {
	case int64:
		return v + 1
	case string:
		return v + "x"
	case []byte:
		if len(v) == 0 {
			return []byte{1}
		}
		changed := append([]byte(nil), v...)
		changed[len(changed)-1] ^= 1
		return changed
	}
	return []byte{1} // NULL
}

// unnoticed says whether a damage passed the audit. What the tables' own
// constraints refuse cannot happen.
func (h *hub) unnoticed(statement string, args ...any) (passed bool) {
	h.t.Helper()
	err := h.db.Write(h.t.Context(), func(tx *database.Tx) error {
		if _, err := tx.Exec(h.t.Context(), unchecked[tx.Engine()]); err != nil {
			return err
		}
		n, err := tx.Exec(h.t.Context(), statement, args...)
		if err != nil {
			return errUndo
		}
		if n != 1 {
			return fmt.Errorf("%s changed %d rows", statement, n)
		}
		a, err := h.audit(h.t.Context(), tx, verifyDevice)
		passed = err == nil && a.Whole()
		return errUndo
	})
	if err != errUndo {
		h.t.Fatalf("%s: %v", statement, err)
	}
	return passed
}

// A bit of the SQLite file flips: the audit says so, or cannot even begin, or
// the tables hold what they held.
func TestAuditFindsFlippedBitsOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	h := openHub(t, "sqlite:"+path)
	everything(t, h)
	before := h.contents()
	h.ok(h.db.Close())
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	random, found := rand.New(rand.NewPCG(1, 2)), 0
	for range 150 {
		at, bit := random.IntN(len(file)), byte(1)<<random.IntN(8)
		bad := append([]byte(nil), file...)
		bad[at] ^= bit
		copied := filepath.Join(t.TempDir(), "hub.db")
		h.ok(os.WriteFile(copied, bad, 0o600))
		whole, after := flipped(t, copied)
		if !whole {
			found++
		} else if after != before {
			t.Errorf("octet %d, bit %d flipped: the audit found nothing, and the tables changed:\n%s", at, bit, changedLines(before, after))
		}
	}
	if found == 0 {
		t.Error("no flip was found: nothing was proved")
	}
	t.Logf("%d of 150 flips were found; the others lay where nothing is", found)
}

// flipped opens a damaged file as `hub audit` does.
func flipped(t *testing.T, path string) (whole bool, contents string) {
	db, err := database.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		return false, ""
	}
	defer db.Close()
	l, err := Open(t.Context(), Config{DB: db, Now: func() time.Time { return noon }})
	if err != nil {
		return false, ""
	}
	a, err := l.Audit(t.Context(), verifyDevice)
	if err != nil || !a.Whole() {
		return false, ""
	}
	return true, (&hub{Ledger: l, t: t, db: db}).contents()
}

// contents are the tables' rows, without what no audit can prove.
func (h *hub) contents() (text string) {
	for _, table := range h.tables() {
		columns, rows := h.table(table)
		for _, row := range rows {
			for i, column := range columns {
				if !unproved[table+"."+column] && !mayChange(table, column, row) {
					text += fmt.Sprintf("%s.%s %v\n", strings.ToLower(table), column, row[i])
				}
			}
		}
	}
	return text
}

// A database from before there were sums is added up when it is opened.
func TestSumsBeginWithWhatIsThere(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		story(t, h)
		h.must("UPDATE sums SET n = -1, last = 0, digest = $1", make([]byte, 32))
		h.ok(h.beginSums(t.Context()))
		h.whole()
		k := newKiosk(t, "z", "qt-09")
		h.append(k.rest(0))
		h.whole()
	})
}

func changedLines(before, after string) (text string) {
	b, a := strings.Split(before, "\n"), strings.Split(after, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			text += b[i] + " -> " + a[i] + "\n"
		}
	}
	return text
}
