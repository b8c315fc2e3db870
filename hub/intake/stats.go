package intake

import "sync/atomic"

// Stats counts what happened since New. All but Live only grow.
type Stats struct {
	Live      uint64 // sessions open now
	Opened    uint64
	Replaced  uint64 // by a newer session of the same device
	Refused   uint64 // at the door
	Malformed uint64 // sessions ended by what the kiosk sent
	Silent    uint64 // sessions ended by silence
	Failed    uint64 // sessions ended by a fault of the hub
	Batches   uint64
	Records   uint64
	Bytes     uint64 // of WebSocket messages from kiosks
	Misfits   uint64 // batches that did not continue the hub's journal
	Commits   uint64 // transactions those batches took
	Vitals    uint64
	Enrolled  uint64
	Strangers uint64 // enrolments refused
	Bulletins uint64 // frames of the bulletin sent
	Chunks    uint64 // of blobs, and questions about them
	Blobs     uint64 // that came whole
	BlobWaits uint64 // answers that sent a kiosk away for a while
	Poisoned  uint64 // blobs refused for good
	Unkept    uint64 // failures of the hub to keep a blob
}

type counters struct {
	opened, replaced, refused, malformed, silent, failed atomic.Uint64
	batches, records, bytes, misfits, commits, vitals    atomic.Uint64
	enrolled, strangers, bulletins                       atomic.Uint64
	chunks, blobs, blobWaits, poisoned, blobFailures     atomic.Uint64
}

// Stats may be called from anywhere.
func (i *Intake) Stats() Stats {
	i.mu.Lock()
	live := len(i.live)
	i.mu.Unlock()
	c := &i.count
	return Stats{Live: uint64(live), Opened: c.opened.Load(), Replaced: c.replaced.Load(), Refused: c.refused.Load(),
		Malformed: c.malformed.Load(), Silent: c.silent.Load(), Failed: c.failed.Load(),
		Batches: c.batches.Load(), Records: c.records.Load(), Bytes: c.bytes.Load(), Misfits: c.misfits.Load(), Commits: c.commits.Load(),
		Vitals: c.vitals.Load(), Enrolled: c.enrolled.Load(), Strangers: c.strangers.Load(), Bulletins: c.bulletins.Load(),
		Chunks: c.chunks.Load(), Blobs: c.blobs.Load(), BlobWaits: c.blobWaits.Load(), Poisoned: c.poisoned.Load(), Unkept: c.blobFailures.Load()}
}
