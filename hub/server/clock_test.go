package server

import (
	"testing"
	"time"

	"nghe/hub/archive/archivetest"
)

// What a kiosk's clock read goes on by itself, and counts for a day.
func TestOtherClocks(t *testing.T) {
	var o otherClocks
	long := time.Date(2016, 1, 2, 3, 4, 5, 0, time.UTC)
	o.hear("a", long)
	o.hear("b", time.Now())
	o.heard["a"] = reading{long, time.Now().Add(-time.Hour)}
	o.heard["b"] = reading{long, time.Now().Add(-clockLasts - time.Hour)}
	all := o.now(&archivetest.Memory{})
	if len(all) != 1 || all[0].Sub(long.Add(time.Hour)).Abs() > time.Minute {
		t.Errorf("clocks read %v", all)
	}
	if len(o.heard) != 1 {
		t.Errorf("%d are remembered", len(o.heard))
	}
}
