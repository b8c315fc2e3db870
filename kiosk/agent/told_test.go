package agent

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"nghe/kiosk/vitals"
	"nghe/shared/wire"
)

// A hub that is newer than this agent is used as far as it is understood, and
// hears what is not.
func TestNewerHubIsTold(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := enrolled(t, data)
	tell(t, data, r.hub, 2, wire.BulletinBody{Sheet: []wire.Sheet{{Cases: "age1cases",
		Questionnaires: [][]byte{[]byte(`{"id":"drawings","version":1,"questions":[{"id":"d","kind":"drawing"}]}`)}}}})
	k := opened(t, data)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.obey(ctx) }()
	eventually(t, func() error {
		newer := func(c wire.Condition) bool { return c.Name == string(vitals.ToldNewer) && c.Value == 1 }
		if all := k.vitals.Conditions(); !slices.ContainsFunc(all, newer) {
			return fmt.Errorf("conditions: %+v", all)
		}
		return nil
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if r := rate(t, k.screen().Handler(), "r-1"); r.status != 201 {
		t.Errorf("a rating with its own questions: %+v", r)
	}
}
