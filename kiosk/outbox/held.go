package outbox

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"nghe/shared/sqlite"
	"nghe/shared/wire"
)

const (
	heldName = "held.db"

	// releaseOver is the time of running from which the moment of a message is
	// drawn, once its day is over.
	releaseOver = 24 * time.Hour
	// countEvery is how often it is noted how long this kiosk has run, and up to
	// that uptime at every Release: at most that much is forgotten by a restart.
	countEvery = 10 * time.Minute
)

// held is where messages to named officers wait, and claims about them. It is a database of its own:
// in the journal's log and among its pages a row would lie between records that
// tell their time.
type held struct {
	db   *sqlite.DB
	file os.FileInfo // to notice its removal

	mu      sync.Mutex // one keeps, lets in, counts or erases at a time
	counted uint64     // uptime that is in table run already
}

// openHeld opens held.db, and sets a damaged one aside.
func (o *Outbox) openHeld() error {
	err := o.startHeld()
	if err == nil || !damaged(err) {
		return err
	}
	path, setAside := quarantine(o.cfg, heldName)
	if setAside != nil {
		return errors.Join(err, setAside)
	}
	o.cfg.Logger.Error("held messages were damaged and set aside", "path", path, "err", err)
	return o.startHeld()
}

// startHeld commits before anything is read, as Open does for the journal:
// what an earlier process wrote and never synced is on the disk after it.
func (o *Outbox) startHeld() error {
	path := filepath.Join(o.dir, heldName)
	db, err := sqlite.Open(sqlite.Config{Path: path, Readers: 1, VFS: o.cfg.VFS, SyncDir: o.cfg.SyncDir})
	if err != nil {
		return err
	}
	o.held.db = db
	if err = db.Check(); err == nil {
		err = migrate(db, "migrations/held")
	}
	if err == nil {
		o.held.file, err = os.Stat(path)
	}
	if err == nil {
		err = o.noteRun(o.uptime())
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	o.waiting = db
	o.blur()
	return nil
}

func migrate(db *sqlite.DB, folder string) error {
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return err
	}
	return db.Migrate(files, table)
}

// writeHeld changes what waits, and empties the log behind it: there the order
// of what was done can be read. Where that fails the next Release does it; a
// line in the program's log would tell the time.
func (o *Outbox) writeHeld(f func(tx *sql.Tx) error) error {
	err := o.writeTo(o.held.db, heldName, o.held.file, f)
	if err == nil {
		_ = o.held.db.Checkpoint()
	}
	return err
}

// hold keeps a message with the moment it is due.
func (o *Outbox) hold(request string, m Message) (MessageReceipt, error) {
	record := func(day uint32) wire.Record {
		a := m.onWire()
		a.Day = day
		return a
	}
	return o.holdBack(request, m.Content, record, func(tx *sql.Tx) error {
		return nameBlobs(tx, "name held blob", m, sql.Named("request", request))
	})
}

// holdBack keeps the record of a day with the moment it is due, and what more
// belongs to it. It changes nothing outside held.db, and there not the count of
// how long this kiosk has run.
func (o *Outbox) holdBack(request string, content [sha256.Size]byte, of func(day uint32) wire.Record, more func(tx *sql.Tx) error) (MessageReceipt, error) {
	o.held.mu.Lock()
	defer o.held.mu.Unlock()
	if receipt, err := o.knownMessage(o.db.Read(), request, content); receipt.Again || err != nil {
		return receipt, err
	}
	now := o.cfg.Now()
	bytes, err := wire.EncodeRecord(of(day(now)))
	if err != nil {
		return MessageReceipt{}, err
	}
	wait, err := o.wait(now)
	if err != nil {
		return MessageReceipt{}, err
	}
	return MessageReceipt{Held: true}, o.writeHeld(func(tx *sql.Tx) error {
		ran, err := o.ran(tx)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(bytes)
		_, err = tx.Exec(query("hold"), sql.Named("request", request), sql.Named("body", content[:]), sql.Named("day", day(now)),
			sql.Named("due", ran+wait.Microseconds()), sql.Named("bytes", bytes), sql.Named("sum", sum[:]))
		if err != nil {
			return err
		}
		return more(tx)
	})
}

// wait draws how long a message is held: until its day is over, and then a
// random part of the next 24 hours of running. So the moment it enters the
// journal is the same whenever on that day it came, and tells nothing of it.
func (o *Outbox) wait(now time.Time) (time.Duration, error) {
	var random [8]byte
	if _, err := io.ReadFull(o.cfg.Rand, random[:]); err != nil {
		return 0, fmt.Errorf("draw a moment: %w", err)
	}
	y, m, d := now.Date()
	rest := time.Date(y, m, d+1, 0, 0, 0, 0, now.Location()).Sub(now)
	return rest + time.Duration(binary.LittleEndian.Uint64(random[:])%uint64(releaseOver)), nil
}

// day is the day on the wall, in the kiosk's own time zone.
func day(now time.Time) uint32 {
	y, m, d := now.Date()
	return uint32(max(1, time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()/86400))
}

// ran is how many microseconds this kiosk has run, counted or not.
func (o *Outbox) ran(q queryer) (ran int64, err error) {
	if err := q.QueryRow(query("ran")).Scan(&ran); err != nil {
		return 0, fmt.Errorf("read run time: %w", err)
	}
	return ran + int64(o.uptime()-o.held.counted), nil
}

// count notes how long this kiosk has run, as often whether something waits or
// not: SQLite counts what is written, so each write more would tell since when.
func (o *Outbox) count() error {
	uptime := o.uptime()
	every := uint64(countEvery.Microseconds())
	if uptime > every && uptime-o.held.counted < every {
		return nil
	}
	return o.noteRun(uptime)
}

func (o *Outbox) noteRun(uptime uint64) error {
	err := o.writeHeld(func(tx *sql.Tx) error {
		var ran int64
		if err := tx.QueryRow(query("ran")).Scan(&ran); err != nil {
			return err
		}
		_, err := tx.Exec(query("run on"), sql.Named("ran", ran+int64(uptime-o.held.counted)))
		return err
	})
	if err != nil {
		return fmt.Errorf("note run time: %w", err)
	}
	o.held.counted = uptime
	return nil
}

// Release lets the held messages whose moment has come into the journal, and
// tells how many. Call it about every minute, whether something is held or not:
// it also takes the traces of time off the file that holds them.
func (o *Outbox) Release() (released int, err error) {
	o.held.mu.Lock()
	defer o.held.mu.Unlock()
	if err := o.count(); err != nil {
		return 0, fmt.Errorf("release messages: %w", err)
	}
	for more := true; more; {
		if more, err = o.release(); err != nil {
			return released, fmt.Errorf("release message: %w", err)
		}
		if more {
			released++
			o.signal()
		}
	}
	o.blur()
	return released, nil
}

// waiting is a held message whose moment has come.
type waiting struct {
	request string
	body    [sha256.Size]byte
	day     int64
	bytes   []byte
	sum     [sha256.Size]byte
}

// release lets one message in. Once it is in the journal, table released keeps
// it from entering again, should it still be here after a cut.
func (o *Outbox) release() (one bool, err error) {
	ran, err := o.ran(o.held.db.Read())
	if err != nil {
		return false, err
	}
	var w waiting
	err = o.held.db.Read().QueryRow(query("due"), sql.Named("ran", ran)).
		Scan(&w.request, exactly(w.body[:]), &w.day, &w.bytes, exactly(w.sum[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	record, err := wire.DecodeRecord(w.bytes)
	if err != nil || w.sum != sha256.Sum256(w.bytes) {
		o.cfg.Logger.Error("a held message is damaged, it stays behind", "err", err)
		return true, o.change(w.request, "leave behind")
	}
	if err := o.write(func(tx *sql.Tx) error { return o.enter(tx, w, record) }); err != nil {
		return false, err
	}
	return true, o.change(w.request, "let go of blobs", "let go")
}

func (o *Outbox) change(request string, steps ...string) error {
	return o.writeHeld(func(tx *sql.Tx) error {
		for _, step := range steps {
			if _, err := tx.Exec(query(step), sql.Named("request", request)); err != nil {
				return err
			}
		}
		return nil
	})
}

// enter appends what was held, with what is left of its blobs, unless it is in
// the journal already.
func (o *Outbox) enter(tx *sql.Tx, w waiting, record wire.Record) error {
	in, err := bodyIs(tx, "find released", w.request, w.body)
	if in || err != nil {
		return err
	}
	if _, err := o.append(tx, record); err != nil {
		return err
	}
	if err := file(tx, record, true); err != nil {
		return err
	}
	rows, err := o.held.db.Read().Query(query("blobs of held"), sql.Named("request", w.request))
	if err != nil {
		return err
	}
	defer rows.Close() // only read from: rows.Err has what matters
	for rows.Next() {
		var hash, receipt []byte
		if err := rows.Scan(&hash, &receipt); err != nil {
			return err
		}
		if _, err := tx.Exec(query("name blob"), sql.Named("hash", hash), sql.Named("receipt", receipt)); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_, err = tx.Exec(query("note released"), sql.Named("request", w.request), sql.Named("body", w.body[:]), sql.Named("day", w.day))
	return err
}

// blur has the files say no more than that they were looked at just now: the
// log is emptied, and every time that can be set is set again. It is done
// whether something is held or not, and holds up nothing where it fails.
func (o *Outbox) blur() {
	err := o.held.db.Checkpoint()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		now := o.cfg.Now()
		if e := os.Chtimes(filepath.Join(o.dir, heldName+suffix), now, now); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		o.cfg.Logger.Error("the file of held messages tells when one came", "err", err)
	}
}

// Held is how many messages wait for their moment.
func (r *Reader) Held() (n int, err error) {
	if r.waiting == nil {
		return 0, nil
	}
	if err := r.waiting.Read().QueryRow(query("held messages")).Scan(&n); err != nil {
		return 0, fmt.Errorf("count held messages: %w", err)
	}
	return n, nil
}

// heldBefore says whether that request is a message that is, or was, held back.
func (o *Outbox) heldBefore(q queryer, request string, content [32]byte) (bool, error) {
	in, err := bodyIs(q, "find released", request, content)
	if in || err != nil {
		return in, err
	}
	return bodyIs(o.held.db.Read(), "find held", request, content)
}

// bodyIs says whether that request is known. With another body it is
// ErrConflict.
func bodyIs(q queryer, name, request string, content [32]byte) (bool, error) {
	var body [sha256.Size]byte
	err := q.QueryRow(query(name), sql.Named("request", request)).Scan(exactly(body[:]))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	case body != content:
		return false, ErrConflict
	}
	return true, nil
}

// forgetReleased forgets requests that nobody repeats any more, but none whose
// message is still in held.db: it would enter the journal again.
func (o *Outbox) forgetReleased() error {
	o.held.mu.Lock()
	defer o.held.mu.Unlock()
	today := int64(day(o.cfg.Now()))
	old, err := texts(o.db.Read(), "forgettable", sql.Named("today", today), sql.Named("since", today-2))
	for _, request := range old {
		var body []byte
		err := o.held.db.Read().QueryRow(query("find held"), sql.Named("request", request)).Scan(&body)
		if err == nil {
			continue
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := o.write(func(tx *sql.Tx) error {
			_, err := tx.Exec(query("forget released"), sql.Named("request", request))
			return err
		}); err != nil {
			return err
		}
	}
	return err
}

func texts(q queryer, name string, args ...any) (all []string, err error) {
	rows, err := q.Query(query(name), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // only read from: rows.Err has what matters
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

// writeTo runs f in a transaction on a file that is still in its place. On a
// full disk it spends the reserve and runs f once more.
func (o *Outbox) writeTo(db *sqlite.DB, name string, file os.FileInfo, f func(tx *sql.Tx) error) error {
	now, err := os.Stat(filepath.Join(o.dir, name))
	if err != nil || !os.SameFile(now, file) {
		return ErrGone
	}
	err = db.Write(context.Background(), f)
	if sqlite.IsFull(err) && o.reserve.spend() {
		o.cfg.Logger.Warn("disk is full, the reserve is spent")
		err = db.Write(context.Background(), f)
	}
	return err
}
