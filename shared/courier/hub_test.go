package courier

import (
	"nghe/shared/blob"
	"nghe/shared/wire"
)

// enqueue puts a delivery into the next group commit.
func (w *world) enqueue(s *session, d *Delivery) {
	w.queue = append(w.queue, queued{s, d})
	if len(w.queue) == 1 {
		life := w.hubLife
		w.after(w.upTo(200*milli), func() {
			if life == w.hubLife {
				w.commit()
			}
		})
	}
}

// commit stores the whole group, then acknowledges; the hub may be killed on
// either side of the commit.
func (w *world) commit() {
	if w.chance(0.003) {
		w.tally.add(hubCrashedBefore)
		w.hubCrash()
		return
	}
	group := w.queue
	w.queue = nil
	outcomes := make([]Outcome, len(group))
	for i, q := range group {
		outcomes[i] = w.hub.store(q.s.device, q.d)
	}
	if w.chance(0.003) {
		w.tally.add(hubCrashedAfter)
		w.hubCrash()
		return
	}
	for i, q := range group {
		w.answer(q.s, outcomes[i])
	}
}

// enqueueChunk stores a chunk a little later, each session's in order; the hub
// may be killed on either side of it.
func (w *world) enqueueChunk(s *session, c wire.Chunk) {
	s.chunks = max(s.chunks+1, w.now+w.upTo(200*milli))
	life := w.hubLife
	w.after(s.chunks-w.now, func() {
		if life == w.hubLife {
			w.chunk(s, c)
		}
	})
}

func (w *world) chunk(s *session, c wire.Chunk) {
	if w.chance(0.002) {
		w.tally.add(chunkLostBefore)
		w.hubCrash()
		return
	}
	if w.chance(0.002) && len(c.Bytes) > 0 {
		w.tally.add(chunkTorn)
		part := c
		part.Bytes = c.Bytes[:w.n(len(c.Bytes))]
		_, appended := w.hub.chunk(s.device, part)
		s.m.used += appended
		w.hubCrash()
		return
	}
	a, appended := w.hub.chunk(s.device, c)
	told, before := s.led[c.Hash]
	if appended == 0 && before && told == c.Offset {
		appended = len(c.Bytes) // as told: the hub has changed its mind since
	}
	s.m.used += appended
	if w.chance(0.002) {
		w.tally.add(chunkLostAfter)
		w.hubCrash()
		return
	}
	w.answerChunk(s, a)
}

func (w *world) answerChunk(s *session, a wire.ChunkAck) {
	if !s.hub {
		return
	}
	if a.State == wire.BlobPartial && w.chance(0.003) {
		w.tally.add(hubLied)
		s.m.cuts++ // a lie wastes as much as a cut
		a.Offset = uint64(w.n(int(w.pictures[a.Hash].ref.Size) + 1))
	}
	if s.led == nil {
		s.led = map[blob.Hash]uint64{}
	}
	s.led[a.Hash] = a.Offset
	f, err := s.receiver.ChunkStored(a)
	if err != nil {
		panic(err) // every chunk is accounted for once
	}
	if f != nil {
		s.sendDown(f)
	}
}

func (w *world) answer(s *session, o Outcome) {
	if !s.hub {
		return
	}
	if !o.Fits {
		w.tally.add(misfit)
	}
	f, err := s.receiver.Stored(o)
	if err != nil {
		panic(err) // a signer of the model never fails
	}
	if f != nil {
		s.sendDown(f)
	}
}

// noted remembers what the hub put its name to (I7), and that an Ack may be
// carried by another road as well.
func (w *world) noted(f wire.Frame) {
	switch f := f.(type) {
	case wire.Ack:
		w.promise(f.Journal, f.Epoch, f.Received)
		if w.n(8) == 0 {
			w.stick = append(w.stick, f)
		}
	case wire.Welcome:
		for _, st := range f.Standings {
			if st.State == wire.StandingKnown {
				w.promise(st.Journal, f.Epoch, st.Received)
			}
		}
	}
}

func (w *world) promise(j wire.JournalID, epoch uint64, received wire.Point) {
	w.acked[j] = true
	w.check.Acked(j, epoch, received.Seq)
}

func (w *world) hubCrash() {
	w.say("hub crashes")
	w.hubUp, w.queue = false, nil
	w.hubLife++
	for len(w.sessions) > 0 {
		w.sessions[0].hubCloses()
	}
	w.survived()
	w.after(w.upTo(2*minute), w.hubStarts)
}

// survived compares what was acknowledged with what a crash left.
func (w *world) survived() {
	for j := range w.acked {
		seq := uint64(0)
		if s := w.hub.journals[j]; s != nil {
			seq = s.received().Seq
		}
		w.check.Survived(j, w.hub.epoch, seq)
	}
}

func (w *world) hubStarts() { w.hubUp = true }

// archiving uploads what is new and reads back what was uploaded; the store
// says yes to some uploads it then does not have.
func (w *world) archiving() {
	w.after(w.upTo(20*minute), w.archiving)
	if !w.hubUp {
		return
	}
	todo := w.hub.todo
	w.hub.todo = nil
	for _, g := range todo {
		if !w.hub.readBack(g) {
			if w.chance(0.1) {
				w.tally.add(uploadLost)
			} else {
				w.hub.upload(g)
			}
			w.hub.todo = append(w.hub.todo, g)
			continue
		}
		for _, p := range g.papers {
			p.archived = w.hub.epoch
			w.check.Archived(w.hub.epoch, p.chain.ID())
		}
	}
	for _, s := range w.sessions {
		w.tellSafe(s)
		if !w.bad || w.n(8) == 0 {
			w.wanted(s)
		}
	}
	w.hub.shelveBlobs(func() bool { return w.sometimes(blobUploadLost, 0.1) }, w.archivedBlob)
}

// archivedBlob tells it to whoever is there, unless the hub is killed before it
// has noted it.
func (w *world) archivedBlob(c *crate) (more bool) {
	w.check.Blob("archive", c.pic.ref.Hash, c.bytes)
	w.readBackBlob(c.pic)
	if w.sometimes(hubKilledArchiving, 0.02) {
		w.hubCrash()
		return false
	}
	for _, s := range w.sessions {
		if w.n(2) == 0 {
			s.sendDown(wire.ChunkAck{Hash: c.pic.ref.Hash, Offset: c.pic.ref.Size, State: wire.BlobArchived})
		}
	}
	return true
}

func (w *world) readBackBlob(p *picture) {
	p.archived = w.hub.epoch
	w.check.Archived(w.hub.epoch, p.id())
}

func (w *world) tellSafe(s *session) {
	shelf := w.hub.journals[s.journal]
	if shelf == nil || shelf.device != s.device {
		return
	}
	st := w.hub.standing(s.device, wire.Offer{Journal: s.journal})
	if st.Safe == s.safe {
		return
	}
	s.safe = st.Safe
	f, err := s.receiver.Tell(s.journal, st)
	if err != nil {
		panic(err) // a signer of the model never fails
	}
	s.sendDown(f)
}
