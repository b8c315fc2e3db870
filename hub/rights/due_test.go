package rights

import (
	"testing"
	"time"

	"nghe/shared/feedback"
)

func TestDue(t *testing.T) {
	for _, c := range []struct {
		asked               string // in Viet Nam
		right               feedback.Right
		acknowledge, settle string // the last day
	}{
		{"2026-11-25T12:00:00", feedback.RightSee, "2026-11-27", "2026-12-05"},      // Wednesday
		{"2026-11-25T00:00:00", feedback.RightCorrect, "2026-11-27", "2026-12-05"},  // its first moment
		{"2026-11-25T23:59:59", feedback.RightWithdraw, "2026-11-27", "2026-12-10"}, // its last
		{"2026-11-26T09:00:00", feedback.RightDelete, "2026-11-30", "2026-12-16"},   // Thursday: over a weekend
		{"2026-11-27T09:00:00", feedback.RightSee, "2026-12-01", "2026-12-07"},      // Friday
		{"2026-11-28T09:00:00", feedback.RightSee, "2026-12-01", "2026-12-08"},      // Saturday
		{"2026-11-29T09:00:00", feedback.RightSee, "2026-12-01", "2026-12-09"},      // Sunday
		{"2026-12-31T09:00:00", feedback.RightDelete, "2027-01-04", "2027-01-20"},   // a holiday is not known
		{"1999-01-01T09:00:00", feedback.RightDelete, "1999-01-05", "1999-01-21"},   // a clock that was wrong
		{"2026-11-25T12:00:00", "of a newer kiosk", "2026-11-27", "2026-12-05"},
	} {
		asked, err := time.ParseInLocation("2006-01-02T15:04:05", c.asked, vietnam)
		if err != nil {
			t.Fatal(err)
		}
		due := DueFor(c.right, asked.UTC())
		last := func(late time.Time) string {
			if late.In(vietnam).Format(time.TimeOnly) != "00:00:00" {
				t.Errorf("%s %s: too late at %s", c.asked, c.right, late)
			}
			return late.Add(-time.Nanosecond).In(vietnam).Format(time.DateOnly)
		}
		if a, s := last(due.Acknowledge), last(due.Settle); a != c.acknowledge || s != c.settle {
			t.Errorf("%s %s: acknowledge by %s, settle by %s; want %s, %s", c.asked, c.right, a, s, c.acknowledge, c.settle)
		}
	}
}
