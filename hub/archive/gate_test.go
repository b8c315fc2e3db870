package archive

import (
	"net/http"
	"testing"
	"time"
)

// What the server's clock read goes on by itself, whatever the hub's does, until
// it is too old; no other store has a clock.
func TestClockOfTheServer(t *testing.T) {
	g := &gate{now: func() time.Time { return time.Unix(0, 0) }}
	s := Verified(&Owned{Store: &S3{gate: g}})
	wants := func(want bool) {
		t.Helper()
		if _, heard := Clock(s); heard != want {
			t.Errorf("heard %v, want %v", heard, want)
		}
	}
	wants(false)
	date := time.Date(2026, 11, 25, 5, 0, 0, 0, time.UTC)
	g.compare(date.Format(http.TimeFormat))
	g.date.Load().heard = time.Now().Add(-time.Hour)
	if at, heard := Clock(s); !heard || at.Sub(date.Add(time.Hour)).Abs() > time.Minute {
		t.Errorf("reads %v, %v", at, heard)
	}
	g.near.Store(true)
	wants(false) // this machine's own
	g.near.Store(false)
	wants(true)
	g.date.Load().heard = time.Now().Add(-heardWithin - time.Hour)
	wants(false)
	if _, heard := Clock(&Folder{}); heard {
		t.Error("a folder has a clock")
	}
}
