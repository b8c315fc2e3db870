package courier

import (
	"nghe/shared/wire"
)

// fault counts what happened to a run; a suite in which one of them is rare
// proves little.
type fault int

const (
	dropped fault = iota
	repeated
	reordered
	truncated
	flipped
	cut
	offline
	twoSessions
	staleAck
	agentCrashed
	rolledBack
	cloned
	newKey
	newImage
	diskFailedBefore
	diskFailedAfter
	pruned
	hubCrashedBefore
	hubCrashedAfter
	restoredWhole
	restoredBare
	restoredBurnt
	replayed
	replayMisfit
	uploadLost
	misfit
	forkedAhead
	forkedDiffers
	forkedBehind
	forkedForeign
	ignoredEpoch
	ignoredJournal
	ignoredChain
	ignoredFloor
	ignoredUnasked
	destroyed
	orphaned
	rotted
	hubFilled
	cratesLost
	chunkLostBefore
	chunkLostAfter
	noteFailed
	blobDeleted
	photoCut
	sameAgain
	blobUnread
	powerCut
	stateFellBack
	chunkTorn
	cratesTorn
	hubLied
	blobUploadLost
	hubKilledArchiving
	chunkRefused
	erasedByLaw
	lostFromVault
	blobLedOn
	blobStored
	blobArchived
	blobRefused
	blobWaits
	blobUnnamed
	blobWanted
	faults
	outcomes = misfit // from here on: what came of faults
)

var faultNames = [faults]string{"frame dropped", "frame repeated", "frame reordered", "frame truncated", "frame bit flipped",
	"link cut", "offline for hours", "two sessions", "ack by another road", "agent crashed", "disk rolled back", "disk cloned",
	"key changed", "new image", "outbox failed before commit", "outbox failed after commit", "record pruned",
	"hub killed before commit", "hub killed after commit", "hub restored with segments", "hub restored without",
	"hub and archive lost", "segment replayed", "segment did not fit", "upload lost", "batch did not fit",
	"fork: ahead", "fork: differs", "fork: behind", "fork: foreign", "ignored: epoch", "ignored: journal", "ignored: chain",
	"ignored: floor", "ignored: not asked", "record destroyed",
	"blob without a record", "blob rotted", "hub full of blobs", "hub lost its blobs", "hub killed before a chunk",
	"hub killed after a chunk", "blob's state not noted", "blob deleted",
	"killed while keeping a blob", "same blob again", "blob unreadable", "kiosk lost power", "state of a blob fell back", "hub killed in a chunk",
	"hub lost ends of blobs", "hub lied about an offset", "upload of a blob lost", "hub killed archiving", "hub without blobs", "blob erased by law", "archive lost a blob",
	"blob: go on", "blob: stored", "blob: archived",
	"blob: refused", "blob: wait", "blob: unnamed", "blob: wanted"}

var blobFaults = map[wire.BlobState]fault{wire.BlobPartial: blobLedOn, wire.BlobStored: blobStored, wire.BlobArchived: blobArchived,
	wire.BlobRefused: blobRefused, wire.BlobWait: blobWaits, wire.BlobUnnamed: blobUnnamed,
	wire.BlobWanted: blobWanted}

var forkFaults = map[wire.ForkCause]fault{wire.ForkAhead: forkedAhead, wire.ForkDiffers: forkedDiffers,
	wire.ForkBehind: forkedBehind, wire.ForkForeign: forkedForeign}

var ignored = map[Reason]fault{OldEpoch: ignoredEpoch, OtherJournal: ignoredJournal, OtherChain: ignoredChain,
	BelowFloor: ignoredFloor, NotAsked: ignoredUnasked}

// tally counts faults.
type tally [faults]int

func (t *tally) add(f fault) { t[f]++ }

// chaos does something bad to somebody, again and again.
func (w *world) chaos() {
	if !w.bad {
		return
	}
	w.after(w.upTo(10*minute), w.chaos)
	deeds := []func(m *machine){(*machine).goOffline, (*machine).goPoor, (*machine).goPoor, (*machine).failDisk,
		(*machine).crashes, (*machine).hearOldAck, (*machine).hearOldAck, (*machine).prune, (*machine).prune, (*machine).prune,
		(*machine).rot, (*machine).rot, func(*machine) { w.fillHub() }, func(*machine) { w.loseCrates() }, func(*machine) { w.tearCrates() },
		(*machine).losePower, (*machine).losePower, func(*machine) { w.forgetBlobs() }, func(*machine) { w.erase() }, func(*machine) { w.loseFromVault() },
		(*machine).keepImage, (*machine).keepImage, func(*machine) { w.backUp() }, func(*machine) { w.hubCrash() }}
	if w.scenario.kiosks {
		deeds = append(deeds, (*machine).rollBack, (*machine).rollBack, (*machine).rollBack, (*machine).clone, (*machine).changeKey, (*machine).replaceDisk)
	}
	if w.scenario.hub {
		deeds = append(deeds, func(*machine) { w.restore() }, func(*machine) { w.restore() })
	}
	deeds[w.n(len(deeds))](w.machines[w.n(len(w.machines))])
}

func (m *machine) goOffline() {
	m.w.tally.add(offline)
	m.hangUp(m.session)
	m.offlineUntil = m.w.now + m.w.upTo(8*hour)
}

func (m *machine) goPoor() {
	m.poor = true
	m.w.after(m.w.upTo(4*hour), func() { m.poor = false })
}

func (m *machine) failDisk() {
	m.failing = true
	m.w.after(m.w.upTo(2*hour), func() { m.failing = false })
}

func (m *machine) crashes() {
	m.w.tally.add(agentCrashed)
	m.crash(m.w.upTo(10 * minute))
}

// hearOldAck brings an Ack that was true once, of any journal, by a road
// without a session.
func (m *machine) hearOldAck() {
	w := m.w
	if len(w.stick) == 0 || !m.up || !w.bad {
		return
	}
	w.tally.add(staleAck)
	a := w.oldAck(m.out.journal)
	if m.session == nil {
		m.session = &session{w: w, m: m, life: m.life, sender: m.sender}
		defer func() { m.session = nil }()
	}
	m.received(m.session, a)
}

// oldAck picks an Ack that was sent once, mostly of this journal.
func (w *world) oldAck(j wire.JournalID) wire.Ack {
	recent := w.stick[max(0, len(w.stick)-200):]
	first := w.n(len(recent))
	for i := range recent {
		if a := recent[(first+i)%len(recent)]; a.Journal == j && first%4 > 0 {
			return a
		}
	}
	return recent[first]
}

// rot changes a byte of a blob that still has to be sent.
func (m *machine) rot() {
	for i := range m.out.blobs {
		if k := &m.out.blobs[i]; k.state == wire.BlobPartial && !k.rotten {
			m.w.tally.add(rotted)
			k.rotten, k.pic.torn = true, true
			return
		}
	}
}

// fillHub leaves no room for blobs for a while.
func (w *world) fillHub() {
	w.tally.add(hubFilled)
	w.hub.full = true
	w.after(w.upTo(2*hour), func() { w.hub.full = false })
}

func (w *world) loseCrates() {
	w.tally.add(cratesLost)
	w.hub.loseCrates()
}

func (w *world) tearCrates() {
	if w.hub.tear(w.n) > 0 {
		w.tally.add(cratesTorn)
	}
}

// losePower is a crash that also takes what the disk had not yet synced.
func (m *machine) losePower() {
	m.w.tally.add(powerCut)
	m.crash(m.w.upTo(10 * minute))
	for range m.out.losePower(func() bool { return m.w.chance(0.5) }) {
		m.w.tally.add(stateFellBack)
	}
}

// forgetBlobs puts a hub of before there were blobs in the place of this one.
func (w *world) forgetBlobs() {
	w.noBlobs = true
	w.after(w.upTo(hour), func() { w.noBlobs = false })
}

// erase deletes a blob by law, wherever it is on its way.
func (w *world) erase() {
	if len(w.album) == 0 {
		return
	}
	p := w.album[w.n(len(w.album))]
	w.tally.add(erasedByLaw)
	w.check.Erased(p.id())
	w.hub.erase(p)
}

// loseFromVault damages one blob in the archive. The hub finds out, and asks for
// it whoever may still have it; perhaps nobody has.
func (w *world) loseFromVault() {
	for range 20 {
		if len(w.album) == 0 {
			return
		}
		if p := w.album[w.n(len(w.album))]; w.hub.vault[p.ref.Hash] == w.hub.epoch {
			w.tally.add(lostFromVault)
			delete(w.hub.vault, p.ref.Hash)
			p.torn = true // if no kiosk has it any more, nobody can bring it
			w.lost = append(w.lost, p)
			return
		}
	}
}

// wanted has a kiosk asked for what the archive has lost.
func (w *world) wanted(s *session) {
	for _, p := range w.lost {
		if !p.erased && !w.hub.holdsBlob(p.ref.Hash) {
			s.sendDown(wire.ChunkAck{Hash: p.ref.Hash, State: wire.BlobWanted})
		}
	}
}

func (m *machine) keepImage() { m.images = append(m.images, m.out.image()) }

// rollBack restores an older image after a cut of power.
func (m *machine) rollBack() {
	if len(m.images) == 0 {
		return
	}
	m.w.tally.add(rolledBack)
	m.w.say("%s rolls back", m.name)
	m.crash(m.w.upTo(10 * minute))
	m.copied = true
	if m.w.n(3) > 0 { // long enough to overtake what the hub has
		m.swap(m.images[len(m.images)-1])
		m.offlineUntil = m.w.now + m.w.upTo(6*hour)
		m.w.after(m.w.upTo(hour), m.hearOldAck)
		return
	}
	m.swap(m.images[m.w.n(len(m.images))])
}

// clone starts another machine from an image of this one: same journal, same
// key, and each its own boot record.
func (m *machine) clone() {
	if len(m.w.machines) > 10 {
		return
	}
	m.w.tally.add(cloned)
	m.keepImage()
	m.crash(m.w.upTo(10 * minute))
	m.copied = true
	twin := &machine{w: m.w, name: m.name + "'", device: m.device, copied: true}
	twin.out = newOutbox(m.w.random, m.w.wrote)
	twin.out.disk = m.images[m.w.n(len(m.images))].image()
	m.w.say("%s is cloned", m.name)
	m.w.join(twin)
}

// changeKey enrols the machine anew while its journal stays; a clone of it may
// still run under the old key.
func (m *machine) changeKey() {
	m.w.tally.add(newKey)
	m.w.say("%s gets a new key", m.name)
	m.crash(m.w.upTo(minute))
	m.w.devices++
	m.device, m.copied = m.w.devices, true
}

// replaceDisk starts over on an empty disk.
func (m *machine) replaceDisk() {
	m.w.tally.add(newImage)
	m.w.say("%s gets a new disk", m.name)
	m.crash(m.w.upTo(10 * minute))
	m.images = nil
	m.copied = false
	m.w.devices++
	m.device = m.w.devices
	m.swap(newOutbox(m.w.random, m.w.wrote).disk)
}

func (w *world) backUp() { w.backups = append(w.backups, w.hub.image()) }

// restore loses the hub's disk and brings back an older copy, with the
// segments at once, or little by little, or with the archive lost as well.
func (w *world) restore() {
	w.hubCrash()
	old := hubDisk{}
	if len(w.backups) > 0 && w.n(4) > 0 {
		old = w.backups[w.n(len(w.backups))]
	}
	w.epochs++
	w.hub.restore(old, w.epochs)
	w.replays = nil
	inVault := w.hub.vault
	switch w.n(5) {
	case 0, 1:
		w.tally.add(restoredWhole)
		w.say("hub restored with segments, epoch %d", w.hub.epoch)
		w.replays = w.shuffled(w.hub.archive)
		w.replayAll()
	case 2, 3:
		w.tally.add(restoredBare)
		w.say("hub restored without segments, epoch %d", w.hub.epoch)
		w.replays = w.shuffled(w.hub.archive)
		w.after(w.upTo(4*hour), w.replaySome)
	default:
		w.tally.add(restoredBurnt)
		w.say("hub restored, archive lost, epoch %d", w.hub.epoch)
		w.hub.burn()
		w.burnt, inVault = w.hub.epoch, nil
	}
	for h := range inVault {
		w.readBackBlob(w.pictures[h])
	}
	w.sweep()
	for _, m := range w.machines { // what was true before the restore comes late
		w.after(w.upTo(hour), m.hearOldAck)
	}
}

func (w *world) shuffled(all []*segment) []*segment {
	out := append([]*segment(nil), all...)
	w.rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func (w *world) replaySome() {
	for range min(len(w.replays), 1+w.n(20)) {
		w.replayOne()
	}
	w.hub.settle()
	if len(w.replays) > 0 {
		w.after(w.upTo(10*minute), w.replaySome)
	}
}

func (w *world) replayAll() {
	for len(w.replays) > 0 {
		w.replayOne()
	}
	w.hub.settle()
}

func (w *world) replayOne() {
	g := w.replays[0]
	w.replays = w.replays[1:]
	w.tally.add(replayed)
	if !w.hub.replay(g) {
		w.tally.add(replayMisfit)
	}
}
