package feedback

import "testing"

func TestEveryCaseStateHasWords(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range CaseStates() {
		back, ok := ParseCaseState(s.String())
		if !ok || back != s || seen[s.String()] || !isID(s.String()) {
			t.Errorf("state %d: id %q leads to %d, %v", s, s, back, ok)
		}
		if err := s.Text().validate("text"); err != nil {
			t.Errorf("state %s: %v", s, err)
		}
		seen[s.String()] = true
	}
	if len(seen) != 19 {
		t.Errorf("%d states, want the 9 of the road and 10 beside it", len(seen))
	}
	for _, s := range []CaseState{0, 20, 255} {
		if s.Known() || s.String() != "" || s.Text().In(Vietnamese) == "" {
			t.Errorf("state %d: known %v, id %q, text %v", s, s.Known(), s, s.Text())
		}
	}
	if _, ok := ParseCaseState(""); ok {
		t.Error("no id is a state")
	}
}

func TestCaseRoad(t *testing.T) {
	for _, c := range []struct {
		from, to CaseState
		may      bool
	}{
		{CaseReceived, CaseClassified, true},
		{CaseReceived, CaseInProgress, true},
		{CaseReceived, CaseAnswered, true},
		{CaseReceived, CaseClosed, false}, // nobody answered
		{CaseReceived, CaseReopened, false},
		{CaseInProgress, CaseAwaitingDetails, true},
		{CaseAwaitingDetails, CaseInProgress, true},
		{CaseAwaitingApproval, CaseInProgress, true},
		{CaseInProgress, CaseAssigned, false},
		{CaseAnswered, CaseClosed, true},
		{CaseAnswered, CaseReopened, true},
		{CaseAnswered, CaseInProgress, false},
		{CaseClosed, CaseReopened, true},
		{CaseClosed, CaseAnswered, false},
		{CaseReopened, CaseAssigned, true},
		{CaseReopened, CaseAnswered, true},
		{CaseReopened, CaseClosed, false},
		{CaseReceived, CaseForwarded, true},
		{CaseReceived, CaseNotAccepted, false},
		{CaseSuspended, CaseInProgress, true},
		{CaseForwarded, CaseReopened, true},
		{CaseForwarded, CaseInProgress, false},
		{0, CaseReceived, false},
		{CaseReceived, 77, false},
	} {
		if got := c.from.May(c.to); got != c.may {
			t.Errorf("from %s to %s: %v, want %v", c.from, c.to, got, c.may)
		}
	}
}

// What may be replied to may be reopened, and is nothing the ward still works at.
func TestReplyOnlyToAnAnswer(t *testing.T) {
	may := 0
	for _, s := range CaseStates() {
		if !s.MayReply() {
			continue
		}
		if may++; s.Open() || !s.May(CaseReopened) {
			t.Errorf("%s may be replied to: open %v, may be reopened %v", s, s.Open(), s.May(CaseReopened))
		}
	}
	if may != 4 || CaseState(99).MayReply() || CaseWithdrawn.MayReply() {
		t.Errorf("%d states may be replied to, want answered, closed, returned and not-eligible", may)
	}
}
