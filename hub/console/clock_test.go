package console

import (
	"testing"
	"time"
)

func TestClockErrorIsReadable(t *testing.T) {
	f := newHub(t).console.faces[Vietnamese]
	for off, want := range map[time.Duration]string{
		0: "0,0 giây", 1200 * time.Millisecond: "+1,2 giây", -40 * time.Second: "−40,0 giây",
		-169 * time.Hour: "−7 ngày 1 giờ", 2 * time.Hour: "+2 giờ",
	} {
		var r row
		f.clock(&r, kiosk{ClockKnown: true, Clock: off})
		if r.Clock != want || r.ClockWrong != (off.Abs() >= clockWrong) {
			t.Errorf("%v is shown as %q, wrong %t; want %q", off, r.Clock, r.ClockWrong, want)
		}
	}
}
