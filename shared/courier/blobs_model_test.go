package courier

import (
	"crypto/sha256"
	"errors"
	"slices"

	"nghe/shared/blob"
	"nghe/shared/wire"
)

// picture is one sealed blob as the world knows it, wherever copies of it lie.
type picture struct {
	ref      blob.Ref
	bytes    []byte
	torn     bool   // a kiosk disk that held it was rolled back, replaced or has rotted
	gone     bool   // declared destroyed
	erased   bool   // deleted by law
	record   *paper // that names it; nil: never written
	named    uint64 // the hub timeline that holds a record naming it
	archived uint64 // last epoch in which it was read back from the archive
	seen     uint64 // last sweep that found a whole copy
}

func newPicture(bytes []byte) *picture { return &picture{ref: blob.Of(bytes), bytes: bytes} }

// id stands for the picture where the checker knows records.
func (p *picture) id() [16]byte { return [16]byte(p.ref.Hash[:16]) }

// kept is a picture on a kiosk's disk.
type kept struct {
	pic    *picture
	state  wire.BlobState // what the hub has said; BlobPartial: to be sent
	was    wire.BlobState // to which a cut of power may bring it back; 0: none
	rotten bool           // its first byte has changed
}

// spoolModel is the part of a kiosk's disk that holds blobs. It fails when the
// outbox beside it does.
type spoolModel struct{ *outboxModel }

var errNoBlob = errors.New("no such blob here")

// put keeps a blob; the record that names it comes after.
func (o *outboxModel) put(p *picture) {
	o.blobs = append(o.blobs, kept{pic: p, state: wire.BlobPartial})
}

func (o *outboxModel) find(h blob.Hash) *kept {
	for i := range o.blobs {
		if o.blobs[i].pic.ref.Hash == h {
			return &o.blobs[i]
		}
	}
	return nil
}

func (o spoolModel) NextBlob(passed func(blob.Hash) bool) (blob.Ref, bool, error) {
	for _, state := range []wire.BlobState{wire.BlobPartial, wire.BlobStored} {
		for _, k := range o.blobs {
			if k.state == state && !passed(k.pic.ref.Hash) {
				return k.pic.ref, true, nil
			}
		}
	}
	return blob.Ref{}, false, nil
}

func (o spoolModel) ReadBlob(h blob.Hash, offset uint64, n int) ([]byte, error) {
	k := o.find(h)
	if k == nil {
		return nil, errNoBlob
	}
	if o.fails != nil {
		if before, _ := o.fails(); before {
			return nil, errBefore
		}
	}
	part := k.pic.bytes[offset : offset+uint64(n)]
	if k.rotten && offset == 0 {
		part = slices.Clone(part)
		part[0] ^= 1
	}
	return part, nil
}

func (o spoolModel) HubSays(h blob.Hash, s wire.BlobState) error {
	return o.commit(func() error {
		k := o.find(h)
		switch {
		case k == nil || k.state == wire.BlobRefused:
		case s == wire.BlobStored && k.state == wire.BlobArchived:
		case s == wire.BlobRefused && k.state != wire.BlobPartial:
		default:
			k.becomes(s)
		}
		return nil
	})
}

// becomes moves a blob to another folder: the new name is on the disk, that the
// old one is gone may not be. The earlier state of two counts.
func (k *kept) becomes(s wire.BlobState) {
	k.state, k.was = s, min(k.state, s)
}

// losePower brings back names whose removal was not synced.
func (o *outboxModel) losePower(lost func() bool) (back int) {
	for i := range o.blobs {
		k := &o.blobs[i]
		if k.was > 0 && k.was < k.state && lost() {
			k.state = k.was
			back++
		}
		k.was = 0
	}
	return back
}

func (o spoolModel) HubForgot() error {
	return o.commit(func() error {
		for i := range o.blobs {
			o.blobs[i].becomes(wire.BlobPartial)
		}
		return nil
	})
}

// sweepBlobs deletes up to n blobs, never one that is not archived (P4).
func (o *outboxModel) sweepBlobs(n int) (deleted []*picture) {
	o.blobs = slices.DeleteFunc(o.blobs, func(k kept) bool {
		if k.state != wire.BlobArchived || len(deleted) == n {
			return false
		}
		deleted = append(deleted, k.pic)
		return true
	})
	return deleted
}

// crate is a blob on the hub's own disk: as much as has come of it.
type crate struct {
	pic   *picture
	bytes []byte
	whole bool
	bad   map[int]int // whole tries of a device that did not match the name
}

// refused: from this device. Another may hold a good copy.
func (k *crate) refused(device int) bool { return k.bad[device] >= maxTries }

const maxTries = 3

// chunk stores a piece of a blob, or says where to go on. appended is how many
// bytes of it were of use.
func (h *hubModel) chunk(device int, c wire.Chunk) (ack wire.ChunkAck, appended int) {
	ack = wire.ChunkAck{Hash: c.Hash, Offset: c.Size}
	p := h.pictures(c.Hash)
	if p == nil || p.named != h.timeline || p.ref.Size != c.Size {
		ack.State, ack.Offset = wire.BlobUnnamed, 0
		return ack, 0
	}
	if h.largest > 0 && c.Size > h.largest {
		ack.State, ack.Offset = wire.BlobRefused, 0
		return ack, 0
	}
	if h.vault[c.Hash] == h.epoch || p.erased {
		ack.State = wire.BlobArchived
		return ack, 0
	}
	k := h.crates[c.Hash]
	if k == nil {
		k = &crate{pic: p, bad: map[int]int{}}
		h.crates[c.Hash] = k
	}
	ack.State, appended = h.fill(k, device, c)
	ack.Offset = uint64(len(k.bytes))
	return ack, appended
}

func (h *hubModel) fill(k *crate, device int, c wire.Chunk) (wire.BlobState, int) {
	switch {
	case k.whole:
		return wire.BlobStored, 0
	case k.refused(device):
		return wire.BlobRefused, 0
	case h.full:
		return wire.BlobWait, 0
	case c.Offset != uint64(len(k.bytes)):
		return wire.BlobPartial, 0
	}
	k.bytes = append(k.bytes, c.Bytes...)
	if uint64(len(k.bytes)) == c.Size {
		h.judge(k, device)
	}
	switch {
	case k.whole:
		return wire.BlobStored, len(c.Bytes)
	case k.refused(device):
		return wire.BlobRefused, len(c.Bytes)
	}
	return wire.BlobPartial, len(c.Bytes)
}

// judge compares what has come with its name, three times at most.
func (h *hubModel) judge(k *crate, device int) {
	if sha256.Sum256(k.bytes) == k.pic.ref.Hash {
		k.whole = true
		return
	}
	k.bytes = nil
	k.bad[device]++
}

// shelveBlobs brings the whole blobs into the archive, and calls told for each
// once it was read back there; it ends when that says so.
func (h *hubModel) shelveBlobs(lost func() bool, told func(*crate) (more bool)) {
	for _, c := range cratesOf(h.crates) {
		if !c.whole || lost() {
			continue
		}
		h.vault[c.pic.ref.Hash] = h.epoch
		if !told(c) {
			return // killed between the two: it lies in both
		}
		delete(h.crates, c.pic.ref.Hash)
	}
}

// loseCrates empties the hub's own disk of blobs.
func (h *hubModel) loseCrates() { h.crates = map[blob.Hash]*crate{} }

// tear takes the end away from what has come of blobs.
func (h *hubModel) tear(left func(n int) int) (torn int) {
	for _, c := range cratesOf(h.crates) {
		if !c.whole && len(c.bytes) > 0 {
			c.bytes = c.bytes[:left(len(c.bytes))]
			torn++
		}
	}
	return torn
}

// holdsBlob says whether it is whole on the hub's disk or archived.
func (h *hubModel) holdsBlob(name blob.Hash) bool {
	k := h.crates[name]
	return k != nil && k.whole || h.vault[name] == h.epoch
}

// erase deletes a blob by law: nobody may have it, and it never comes back.
func (h *hubModel) erase(p *picture) {
	p.erased = true
	delete(h.crates, p.ref.Hash)
	delete(h.vault, p.ref.Hash)
}

// cratesOf lists crates in one order for every run.
func cratesOf(m map[blob.Hash]*crate) []*crate {
	all := make([]*crate, 0, len(m))
	for _, c := range m {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *crate) int {
		return slices.Compare(a.pic.ref.Hash[:], b.pic.ref.Hash[:])
	})
	return all
}
