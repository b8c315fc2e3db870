package agent

import (
	"context"
	"fmt"
	"time"

	"nghe/shared/wire"
)

const (
	clockLook    = 10 * time.Second // between looks for a step
	clockReading = 6 * time.Hour    // between routine readings
	clockStep    = time.Second      // more than this apart is a step
)

// watchClock keeps evidence of the wall clock in the journal: a reading now and
// then, and every step against monotonic time.
func (k *kiosk) watchClock(ctx context.Context) error {
	offset := k.clockOffset()
	read := k.outbox.Uptime()
	for wait(ctx, clockLook) {
		now, cause := k.clockOffset(), wire.ClockReading
		if step := now - offset; step.Abs() > clockStep {
			cause = wire.ClockStepped
		} else if k.outbox.Uptime()-read < clockReading {
			continue
		}
		offset, read = now, k.outbox.Uptime()
		if err := k.outbox.Clock(wire.Clock{Cause: cause}); err != nil {
			return fmt.Errorf("keep a clock reading: %w", err)
		}
	}
	return nil
}

// clockOffset is what the wall clock said at the boot record, by the clocks of
// now. Round takes away the monotonic reading that time.Now carries.
func (k *kiosk) clockOffset() time.Duration {
	return time.Duration(time.Now().Round(0).UnixNano()) - k.outbox.Uptime()
}
