package outbox

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/sqlite"
	"nghe/shared/wire"
)

func flagged(rules ...feedback.Rule) Tap { return Tap{Rules: rules} }

// What a rule names is told right behind its answer, and nothing is told of an
// answer that no rule names.
func TestFlagFollowsItsAnswer(t *testing.T) {
	c := newClock()
	o := mustOpen(t, config(t.TempDir(), c))
	c.pass(time.Second)
	first := mustPut(t, o, "plain")
	second, err := o.PutTapped("odd", rating(1), "", flagged(feedback.RuleBurst, feedback.RulePalm))
	if err != nil {
		t.Fatal(err)
	}
	if second.Seq != first.Seq+1 || headOf(t, o).Seq != second.Seq+1 {
		t.Errorf("receipts %d and %d, head %d: want the flag behind its answer, and nothing behind the other", first.Seq, second.Seq, headOf(t, o).Seq)
	}
	want := wire.Flag{Kind: wire.KindFlag, Uptime: 1_000_000, Earlier: second.ID, Rules: []string{"burst", "palm"}}
	if got := records(t, o, second.Seq)[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("flag %+v, want %+v", got, want)
	}
	third, err := o.PutTapped("instead", rating(5), second.ID.String(), flagged(feedback.RuleBurst))
	if err != nil || third.Seq != second.Seq+2 {
		t.Errorf("a flagged answer taken back: %+v, %v", third, err)
	}
	if _, err := o.Put("flag itself", rating(5), pointAt(t, o, third.Seq+1).Chain.ID().String()); err == nil {
		t.Error("a flag can be taken back")
	}
}

// A request kept before takes the flags that came to be known since.
func TestFlagOfARequestRepeated(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	o := mustOpen(t, config(dir, c))
	first := mustPut(t, o, "odd")
	<-o.Wake()
	for i, again := range []Tap{flagged(feedback.RuleHammering), {}, flagged(feedback.RuleHammering)} {
		r, err := o.PutTapped("odd", rating(5), "", again)
		if err != nil || !r.Again || r.ID != first.ID || r.Seq != first.Seq {
			t.Errorf("repetition %d: %+v, %v", i, r, err)
		}
		select {
		case <-o.Wake():
			if len(again.Rules) == 0 {
				t.Error("woken for nothing")
			}
		default:
			if len(again.Rules) > 0 {
				t.Error("nobody hears of a flag")
			}
		}
	}
	if got := records(t, o, first.Seq); len(got) != 2 || got[0].(wire.Flag).Earlier != first.ID || got[1].(wire.Flag).Earlier != first.ID {
		t.Errorf("behind the answer: %+v", got)
	}
}

// A flag too many is refused before anything is stored.
func TestTooManyRules(t *testing.T) {
	o := mustOpen(t, config(t.TempDir(), newClock()))
	if _, err := o.PutTapped("odd", rating(1), "", Tap{Rules: make([]feedback.Rule, wire.MaxRules+1)}); err == nil || headOf(t, o).Seq != 1 {
		t.Errorf("%v, head %d", err, headOf(t, o).Seq)
	}
}

// The last room is for answers: one is kept without its flag before it is
// refused.
func TestFlagGivesWayOnAFullDisk(t *testing.T) {
	flags, alone := 0, 0
	for pages := 20; pages < 36; pages++ { // it depends on where a page ends
		f, a := fill(t, pages)
		flags, alone = flags+f, alone+a
	}
	if flags == 0 || alone == 0 {
		t.Errorf("%d answers were kept with their flag, %d without", flags, alone)
	}
}

// fill counts the flagged answers that fit so many pages, with their flag and
// alone.
func fill(t *testing.T, pages int) (flags, alone int) {
	t.Helper()
	o := mustOpen(t, config(t.TempDir(), newClock()))
	defer o.Close()
	pragma(t, o, "PRAGMA synchronous = OFF", fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	for i := 0; ; i++ {
		before := headOf(t, o).Seq
		_, err := o.PutTapped(fmt.Sprintf("%060d", i), rating(5), "", flagged(feedback.Rules()...))
		if sqlite.IsFull(err) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch headOf(t, o).Seq - before {
		case 2:
			flags++
		case 1:
			alone++
		}
	}
	if err := o.Verify(); err != nil {
		t.Error(err)
	}
	return flags, alone
}
