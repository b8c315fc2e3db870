package outbox

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	// RatingBytes is more than one rating takes of the disk, with all that the
	// journal keeps beside it.
	RatingBytes = 320
	// Overhead is more than the files of a journal take besides, in bytes:
	// above all the log that SQLite writes ahead.
	Overhead = 24 << 20

	paceOver = 2000 // newest records that Pace looks at
)

// Room is what the journal has used and may still use of the disk.
type Room struct {
	Used    int64 `json:"used"`    // bytes of pages that hold something
	Free    int64 `json:"free"`    // bytes of the disk, of the reserve, and of pages let go
	Ratings int64 `json:"ratings"` // that will still fit, at least
	Days    int64 `json:"days"`    // they will last at the pace of late; -1 when nobody knows

	Pace float64 `json:"-"` // records a day of late; 0 when nobody knows
}

// Room measures.
func (r *Reader) Room() (Room, error) {
	var used, idle, page int64
	if err := r.db.Read().QueryRow(query("pages")).Scan(&used, &idle, &page); err != nil {
		return Room{}, fmt.Errorf("measure journal: %w", err)
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(r.dir, &s); err != nil {
		return Room{}, fmt.Errorf("measure disk of journal: %w", err)
	}
	room := Room{Used: used * page, Free: int64(s.Bavail)*s.Bsize + idle*page, Days: -1}
	if info, err := os.Stat(reserve{dir: r.dir}.path()); err == nil {
		room.Free += info.Size()
	}
	room.Ratings = max(0, room.Free-Overhead) / RatingBytes
	var err error
	if room.Pace, err = r.pace(); room.Pace > 0 {
		room.Days = int64(float64(room.Ratings) / room.Pace)
	}
	return room, err
}

// pace is how many records a day brought of late, by the wall clock; 0 when that
// tells nothing.
func (r *Reader) pace() (float64, error) {
	var records, took int64
	err := r.db.Read().QueryRow(query("pace"), sql.Named("most", paceOver)).Scan(&records, &took)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil // all was let go
	}
	if err != nil {
		return 0, fmt.Errorf("measure pace of journal: %w", err)
	}
	if records < 10 || took <= 0 {
		return 0, nil
	}
	return float64(records) * float64((24 * time.Hour).Microseconds()) / float64(took), nil
}
