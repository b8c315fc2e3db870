package agent

import (
	"cmp"
	"context"
	"time"

	"nghe/kiosk/media"
	"nghe/kiosk/outbox"
	"nghe/kiosk/vitals"
	"nghe/shared/sqlite"
)

// Room says how the disk is shared. Zero fields mean the defaults.
type Room struct {
	Reserve int64       // bytes given up when the disk is full, so that ratings go on; 64 MiB, negative for none
	Ratings int64       // for so many, room is kept free of anything else; 2,000,000
	Media   int64       // most bytes of sealed blobs; 4 GiB
	Steps   media.Steps // when less is taken
}

func (r Room) filled() Room {
	return Room{cmp.Or(r.Reserve, 64<<20), cmp.Or(r.Ratings, 2_000_000), cmp.Or(r.Media, 4<<30), r.Steps}
}

// forRatings is how much of the disk blobs must leave free: what the ratings
// that were promised may still take, and what keeps the reserve whole. Of a
// journal that cannot be measured it is everything.
func (k *kiosk) forRatings() int64 {
	room, err := k.outbox.Room()
	if err != nil {
		return 1 << 62
	}
	keep := outbox.Overhead + max(0, k.cfg.Room.Ratings*outbox.RatingBytes-room.Used)
	if !k.outbox.Reserve() {
		keep += max(0, k.cfg.Room.Reserve)
	}
	return keep
}

// roomEvery is how often the disk is looked at. A recording takes at most a
// megabyte, so no step is jumped over in between.
const roomEvery = 15 * time.Second

// watchRoom gives up one thing after another as the disk fills, and takes each
// back as it empties.
func (k *kiosk) watchRoom(ctx context.Context) error {
	for {
		if err := k.makeRoom(); err != nil {
			return err
		}
		if !wait(ctx, roomEvery) {
			return nil
		}
	}
}

// makeRoom takes the steps in their order: what is safe elsewhere goes first,
// and nothing that a resident gave goes at all.
func (k *kiosk) makeRoom() error {
	if err := k.letGoEarly(); err != nil {
		return err
	}
	if _, err := k.outbox.Refill(); err != nil {
		k.log.Warn("the reserve is not kept", "err", err)
	}
	k.tellRoom()
	return nil
}

// letGoEarly lets blobs go before their time, then records. SQLite keeps the
// pages of those for what comes.
func (k *kiosk) letGoEarly() error {
	tight := k.media.Tight()
	k.tellStep(vitals.BlobsEarly, tight)
	if tight {
		if err := k.sweep(0); err != nil {
			return err
		}
		tight = k.media.Tight()
	}
	k.tellStep(vitals.RecordsEarly, tight)
	if !tight {
		return nil
	}
	_, err := k.outbox.Prune(0)
	if sqlite.IsFull(err) {
		return nil // there is no room to make room
	}
	return err
}

// What is told of the room is rounded down: an exact number would tell the
// minute in which a message that is held back was written.
const (
	coarse      = 100_000 // ratings
	coarseBytes = 16 << 20
)

func (k *kiosk) tellStep(n vitals.Name, held bool) {
	room, err := k.media.Room()
	if err != nil {
		room = 0 // the disk is unread, which is a condition of its own
	}
	k.holds(n, held, max(0, room)/coarseBytes*coarseBytes)
}

// coarseDays are those that rounded ratings last: where few come, the exact ones
// are days fewer for every photo.
func coarseDays(r outbox.Room) int64 {
	if r.Pace <= 0 {
		return -1
	}
	return int64(float64(r.Ratings/coarse*coarse) / r.Pace)
}

func (k *kiosk) tellRoom() {
	level := k.media.Level()
	k.tellStep(vitals.NoVoice, level >= media.NoVoice)
	k.tellStep(vitals.NoPhoto, level >= media.NoPhoto)
	k.tellStep(vitals.NoWords, level >= media.NoWords)
	room, err := k.outbox.Room()
	if err != nil {
		k.log.Warn("measure room for ratings", "err", err)
		return
	}
	k.holds(vitals.OnReserve, k.cfg.Room.Reserve > 0 && !k.outbox.Reserve(), room.Ratings/coarse*coarse)
	if room.Ratings > 0 {
		k.vitals.Clear(vitals.OutOfService)
	}
	k.vitals.Note(vitals.RatingsLeft, room.Ratings/coarse*coarse)
	k.vitals.Note(vitals.DaysLeft, coarseDays(room))
	waiting, bytes := k.media.Count(media.Pending)
	k.vitals.Note(vitals.BlobsPending, int64(waiting))
	k.vitals.Note(vitals.BytesPending, bytes)
}
