package ledger

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// reply and asking are claims under the receipt of a message.
func reply(uptime int64, receipt string, version uint64, reopen bool) wire.CaseReply {
	return wire.CaseReply{Uptime: uint64(uptime), Receipt: []byte(receipt), Case: version, Reopen: reopen, Score: 2, MAC: [32]byte{7}}
}

func asking(uptime int64, receipt, right string) wire.RightsRequest {
	return wire.RightsRequest{Uptime: uint64(uptime), Receipt: []byte(receipt), Right: right, MAC: [32]byte{8}}
}

// claimed is every claim, as those who ask for them get it.
func (h *hub) claimed() (all []Claim) {
	h.t.Helper()
	for _, list := range []func() ([]Claim, error){
		func() ([]Claim, error) { return h.CaseReplies(h.t.Context(), 0) },
		func() ([]Claim, error) { return h.RightsRequests(h.t.Context(), 0) },
	} {
		some, err := list()
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, some...)
	}
	return all
}

func TestClaimsAreShownAsTheirRecordsSay(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-03")
		k.measure(0, noon.Add(-10*time.Minute), second)
		k.add(message(minute, "phan-anh", "", "R1", attached(feedback.AttachedWords, feedback.ReaderCases, "words")))
		said := k.add(reply(2*minute, "R1", 3, true))
		asked := k.add(asking(3*minute, "R1", "see"))
		h.append(k.rest(0))
		all := h.claimed()
		if len(all) != 2 {
			t.Fatalf("claims %+v", all)
		}
		taken := noon.Add(-8 * time.Minute).UnixMicro()
		want := []Claim{
			{Number: all[0].Number, ID: k.id(said), Receipt: []byte("R1"), Version: 3, Reopen: true, Score: 2, MAC: append([]byte{7}, make([]byte, 31)...),
				Device: "a", Place: "qt-03", TakenAt: taken, TakenWidth: second, ReceivedAt: noon.UnixMicro()},
			{Number: all[0].Number + 1, ID: k.id(asked), Receipt: []byte("R1"), Right: "see", MAC: append([]byte{8}, make([]byte, 31)...),
				Device: "a", Place: "qt-03", TakenAt: taken + minute, TakenWidth: second, ReceivedAt: noon.UnixMicro()},
		}
		if fmt.Sprint(all) != fmt.Sprint(want) {
			t.Errorf("claims\n%+v\nwant\n%+v", all, want)
		}
		for _, c := range all {
			if got, err := h.Claim(t.Context(), c.ID); err != nil || got.Number != c.Number {
				t.Errorf("Claim = %+v, %v", got, err)
			}
			if last, err := h.LastClaim(t.Context()); err != nil || last != all[1].Number {
				t.Errorf("last claim %d, %v", last, err)
			}
		}
		if _, err := h.Claim(t.Context(), k.id(1)); !errors.Is(err, ErrNoClaim) {
			t.Errorf("a boot record is a claim: %v", err)
		}
		if some, err := h.CaseReplies(t.Context(), all[0].Number); err != nil || len(some) != 0 {
			t.Errorf("after the last: %+v, %v", some, err)
		}
		h.whole()
		h.same()
	})
}

// Only the day is told of what may be about a message to named officers: of one
// that is, of one the hub does not hold, and of one that was held back.
func TestClaimShowsItsDayOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-03")
		k.add(message(minute, "phan-anh", "", "open", attached(feedback.AttachedWords, feedback.ReaderCases, "words")))
		k.add(wire.Answer{Day: 20_000, Questionnaire: "message", Version: 1, Question: "message", Language: "vi", Receipt: []byte("named"),
			Attachments: []wire.Attachment{attached(feedback.AttachedWords, feedback.ReaderNamed, "secret")}})
		k.add(reply(2*minute, "named", 1, true))
		k.add(asking(3*minute, "nobody's", "delete"))
		k.add(asking(0, "open", "withdraw"))
		k.add(asking(4*minute, "open", "see"))
		h.append(k.rest(0))
		for _, c := range h.claimed() {
			exact := c.Right == "see"
			if c.DayOnly == exact || (c.TakenWidth == day) == exact || (c.ReceivedAt == dayOf(c.ReceivedAt)) == exact {
				t.Errorf("%q: %+v", c.Right, c)
			}
		}
		later := newKiosk(t, "b", "qt-05") // the message comes by another road
		later.add(message(minute, "phan-anh", "", "nobody's", attached(feedback.AttachedWords, feedback.ReaderCases, "more")))
		h.append(later.rest(0))
		if i := slices.IndexFunc(h.claimed(), func(c Claim) bool { return c.Right == "delete" }); h.claimed()[i].DayOnly {
			t.Error("once its message is here and for the ward, a claim may show its time")
		}
		h.whole()
	})
}

// A claim counts once, however many journals hold its record: those of a copy of
// the machine, of a fork, of a replay.
func TestClaimsOnceAcrossJournals(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-03")
		k.add(reply(minute, "R1", 3, false))
		k.add(asking(2*minute, "R1", "see"))
		h.append(k.rest(0))
		twin := k.copy("b")
		twin.fork(0, twin.at(3), wire.ForkForeign)
		twin.add(reply(3*minute, "R1", 3, true))
		h.append(twin.rest(0))
		h.append(k.rest(0)) // sent again
		if all := h.claimed(); len(all) != 3 || all[0].Reopen || !all[1].Reopen || all[1].Device != "b" {
			t.Errorf("claims %+v", all)
		}
		h.whole()
		h.same()
	})
}

func TestPoisonClaimIsNoClaim(t *testing.T) {
	onBoth(t, func(t *testing.T, h *hub) {
		k := newKiosk(t, "a", "qt-03")
		k.add(reply(farthest+1, "R1", 3, true))
		k.add(asking(minute, "R1", ""))
		k.add(asking(minute, "R1", "something of a newer kiosk"))
		k.add(wire.CaseReply{Uptime: minute}) // of no receipt: readable, and nobody's
		h.append(k.rest(0))
		poison, err := h.Quarantined(t.Context())
		if all := h.claimed(); len(all) != 2 || len(poison) != 2 || err != nil {
			t.Errorf("claims %+v, quarantined %+v, %v", all, poison, err)
		}
		h.whole()
		h.same()
	})
}
