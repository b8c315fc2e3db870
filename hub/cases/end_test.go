package cases

import (
	"errors"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

func TestClosed(t *testing.T) {
	conformance(t, func(d *desk) {
		ctx, tag := d.t.Context(), receipt().Tag
		is := func(want time.Time) {
			t.Helper()
			since, closed, err := d.Closed(ctx, tag[:])
			if err != nil || closed != !want.IsZero() || !since.Equal(want) {
				t.Errorf("closed %v since %v, %v; want %v", closed, since, err, want)
			}
		}
		is(time.Time{})
		for _, step := range []struct {
			state feedback.CaseState
			shut  bool
			again bool // counts from here
		}{
			{feedback.CaseInProgress, false, false}, {feedback.CaseAnswered, true, true}, {feedback.CaseClosed, true, false},
			{feedback.CaseReopened, false, false}, {feedback.CaseNoted, true, true},
		} {
			d.now = d.now.Add(time.Hour)
			d.must(d.SetByCode(ctx, code, Change{State: step.state}))
			want := time.Time{}
			if step.shut {
				if want = d.now; !step.again {
					want = d.now.Add(-time.Hour)
				}
			}
			is(want)
		}
		if _, closed, err := d.Closed(ctx, nil); closed || err != nil {
			t.Errorf("no tag: %v, %v", closed, err)
		}
	})
}

func TestForget(t *testing.T) {
	conformance(t, func(d *desk) {
		ctx, r := d.t.Context(), receipt()
		if err := d.Learn(ctx, r.Tag[:], r.Key[:], wire.RecordID{1}); err != nil {
			t.Fatal(err)
		}
		if known, err := d.Known(ctx, r.Tag[:]); !known || err != nil {
			t.Errorf("learned, but known %v, %v", known, err)
		}
		for range 2 {
			if err := d.Forget(ctx, r.Tag); err != nil {
				t.Fatal(err)
			}
		}
		_, err := d.Get(ctx, r.Tag)
		history, _ := d.History(ctx, r.Tag)
		known, _ := d.Known(ctx, r.Tag[:])
		if !errors.Is(err, ErrNoCase) || len(history) != 0 || known {
			t.Errorf("left: %v, %d events, known %v", err, len(history), known)
		}
	})
}
