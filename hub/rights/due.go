package rights

import (
	"time"

	"nghe/shared/feedback"
)

// Due is until when the ward must have acted: each is the first moment too late.
type Due struct {
	Acknowledge time.Time
	Settle      time.Time
}

// Terms are what the law gives for each right, of a ward that has nobody else
// work with the data.
type terms struct {
	from        string // first day, YYYY-MM-DD in the ward
	acknowledge int    // working days
	settle      map[feedback.Right]int
}

// law has all terms there ever were, oldest first: what was asked under one is
// answered under it.
var law = []terms{
	{"2026-01-01", 2, map[feedback.Right]int{ // Decree 356/2025/NĐ-CP art. 5
		feedback.RightSee: 10, feedback.RightCorrect: 10, feedback.RightWithdraw: 15, feedback.RightDelete: 20}},
}

// shortest stands for a right of a newer program.
const shortest = 10

// vietnam has had no other time since 1975.
var vietnam = time.FixedZone("ICT", int(ahead.Seconds()))

const ahead = 7 * time.Hour

// DueFor counts the days the law gives, from the day after it was asked. Working
// days are Monday to Friday; public holidays are not known here, so the date may
// come earlier than the law's, never later. All other days are calendar days, as
// the decree's word "ngày" says.
func DueFor(right feedback.Right, asked time.Time) Due {
	day := asked.In(vietnam)
	in := law[0]
	for _, t := range law[1:] {
		if t.from <= day.Format(time.DateOnly) {
			in = t
		}
	}
	days, known := in.settle[right]
	if !known {
		days = shortest
	}
	midnight := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, vietnam)
	return Due{Acknowledge: afterWorkingDays(midnight, in.acknowledge), Settle: midnight.AddDate(0, 0, days+1)}
}

func afterWorkingDays(midnight time.Time, n int) time.Time {
	for n > 0 {
		midnight = midnight.AddDate(0, 0, 1)
		if d := midnight.Weekday(); d != time.Saturday && d != time.Sunday {
			n--
		}
	}
	return midnight.AddDate(0, 0, 1)
}
