package pulse

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// played lets time pass, five seconds at a step, with a page that paints or not,
// and tells when the browser was brought back.
func played(w *watch, script ...any) (brought []time.Duration) {
	const step = 5 * time.Second
	at, paints := time.Duration(0), false
	for _, s := range script {
		switch s := s.(type) {
		case bool:
			paints = s
		case time.Duration:
			for end := at + s; at < end; at += step {
				if paints {
					w.painted()
				}
				if w.passed(step) {
					brought = append(brought, at+step)
				}
			}
		}
	}
	return brought
}

const (
	paints = true
	hangs  = false
)

func TestWatch(t *testing.T) {
	m := time.Minute
	for _, c := range []struct {
		name   string
		brings bool
		script []any
		want   []time.Duration
		frozen bool
	}{
		{"a healthy page", true, []any{paints, 48 * time.Hour}, nil, false},
		{"hangs", true, []any{paints, 10 * m, hangs, 90 * time.Second}, []time.Duration{10*m + 55*time.Second}, true},
		{"hangs for less than a minute", true, []any{paints, 10 * m, hangs, 50 * time.Second, paints, m}, nil, false},
		{"hangs and nobody brings it back", false, []any{paints, 10 * m, hangs, 2 * m}, nil, true},
		{"painting again", false, []any{paints, 10 * m, hangs, 2 * m, paints, m}, nil, false},
		{"no page yet", true, []any{hangs, 4 * m}, nil, false},
		{"no page ever", true, []any{hangs, 6 * m}, []time.Duration{5 * m}, true},
		{"no page, and nobody who would bring one", false, []any{hangs, 48 * time.Hour}, nil, false},
		{"a new browser is given its time", true, []any{paints, m, hangs, m + 50*time.Second, paints, 10 * m}, []time.Duration{m + 55*time.Second}, false},
		{"it does not help", true, []any{hangs, 64 * m}, []time.Duration{5 * m, 10 * m, 15 * m, 20 * m, 28 * m, 44 * m}, true},
		{"it never helps", true, []any{paints, m, hangs, 5 * time.Hour},
			[]time.Duration{115 * time.Second, 175 * time.Second, 295 * time.Second, 535 * time.Second, 1015 * time.Second, 1975 * time.Second, 3895 * time.Second, 7495 * time.Second, 11095 * time.Second, 14695 * time.Second}, true},
		{"painting for long makes the next the first", true, []any{paints, m, hangs, 3 * m, paints, 11 * m, hangs, 3 * m},
			[]time.Duration{115 * time.Second, 175 * time.Second, 15*m + 55*time.Second, 16*m + 55*time.Second}, true},
		{"painting for a moment does not", true, []any{paints, m, hangs, 3 * m, paints, 10 * time.Second, hangs, 4 * m},
			[]time.Duration{115 * time.Second, 175 * time.Second, 305 * time.Second}, true},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			w := &watch{patience: time.Minute, brings: c.brings}
			if got := played(w, c.script...); !slices.Equal(got, c.want) || w.frozen != c.frozen {
				t.Errorf("brought back at %v, frozen %t; want %v, %t", got, w.frozen, c.want, c.frozen)
			}
		})
	}
}

// Whatever the page does, the browser is never brought back twice within a
// minute.
func TestNeverMoreThanOnceAMinute(t *testing.T) {
	for _, patience := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
		w := &watch{patience: patience, brings: true}
		var last time.Duration
		for at := time.Duration(0); at < 3*time.Hour; at += patience / looks {
			if at%(7*time.Minute) < patience {
				w.painted()
			}
			if !w.passed(patience / looks) {
				continue
			}
			if last > 0 && at-last < leastRest {
				t.Fatal(fmt.Sprint("patience ", patience, ": brought back at ", last, " and ", at))
			}
			last = at
		}
		if last == 0 {
			t.Error("never brought back")
		}
	}
}
