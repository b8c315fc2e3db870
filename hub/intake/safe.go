package intake

import (
	"context"
	"fmt"

	"nghe/shared/wire"
)

// SafeMoved says to a kiosk, if it is connected here, where one of its journals
// stands now. One that is not hears of it at its next Hello or Ack.
func (i *Intake) SafeMoved(ctx context.Context, device string, journal wire.JournalID) error {
	i.mu.Lock()
	s := i.live[device]
	i.mu.Unlock()
	if s == nil {
		return nil
	}
	st, err := i.cfg.Ledger.Standing(ctx, device, wire.Offer{Journal: journal})
	if err != nil || st.State != wire.StandingKnown {
		return err
	}
	s.talk.Lock()
	defer s.talk.Unlock()
	if s.receiver == nil {
		return nil // the session has just begun: its Welcome says so
	}
	ack, err := s.receiver.Tell(journal, st)
	if err != nil {
		return fmt.Errorf("tell device %s: %w", device, err)
	}
	s.post(item{frame: ack})
	return nil
}
