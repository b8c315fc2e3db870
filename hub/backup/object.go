package backup

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"nghe/hub/ledger"
	"nghe/shared/wire"
)

// segmentsPrefix is where segments stand in the archive.
const segmentsPrefix = "segments/"

// Object is consecutive segments of one journal, with all that a replay needs
// besides the authority that certified the device.
type Object struct {
	Journal     wire.JournalID
	Device      string
	Certificate []byte     // the device's, DER
	Parent      wire.Point // where the journal begins
	Base        wire.Point // before the first record
	End         wire.Point // of the last one
	Segments    []ledger.Segment
}

// magic is the first line of an object, before what is closed.
const magic = "nghe segments 1\n"

// maxHead bounds the head, in bytes.
const maxHead = 64 << 10

// head is the first line of what is closed.
type head struct {
	Journal     string `json:"journal"`
	Device      string `json:"device"`
	Certificate []byte `json:"certificate"`
	Parent      place  `json:"parent"`
	Base        place  `json:"base"`
	End         place  `json:"end"`
	Segments    []part `json:"segments"`
}

// place is a point of a chain.
type place struct {
	Seq   uint64 `json:"seq"`
	Chain string `json:"chain"`
}

// part is one segment: when it was received, and the length of its frame.
type part struct {
	Received int64 `json:"received_us"`
	Bytes    int   `json:"bytes"`
}

// Key is where the object stands: by it, keys sort as the records do.
func (o Object) Key() string {
	return fmt.Sprintf("%s%s/%016d-%016d-%s", segmentsPrefix, o.Journal, o.Base.Seq, o.End.Seq, o.End.Chain)
}

// Encode gives the object's bytes: a line of text, then the frames. They are
// closed before they leave the hub: whoever signed the frames, nobody has signed
// the head.
func (o Object) Encode() ([]byte, error) {
	h := head{Journal: o.Journal.String(), Device: o.Device, Certificate: o.Certificate,
		Parent: placeOf(o.Parent), Base: placeOf(o.Base), End: placeOf(o.End)}
	for _, s := range o.Segments {
		h.Segments = append(h.Segments, part{s.At, len(s.Frame)})
	}
	line, err := json.Marshal(h)
	if err != nil || len(line) > maxHead {
		return nil, fmt.Errorf("encode segments of journal %s: head of %d bytes: %w", o.Journal, len(line), errors.Join(err))
	}
	b := append(line, '\n')
	for _, s := range o.Segments {
		b = append(b, s.Frame...)
	}
	return b, nil
}

// ReadObject reads what Encode gave. The frames are not opened: see Check.
func ReadObject(b []byte) (Object, error) {
	o, err := readObject(b)
	if err != nil {
		return Object{}, fmt.Errorf("read segments: %w", err)
	}
	return o, nil
}

func readObject(b []byte) (o Object, err error) {
	line, frames, whole := bytes.Cut(b, []byte("\n"))
	if !whole || len(line) > maxHead {
		return o, errors.New("not an object of segments")
	}
	var h head
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&h); err != nil {
		return o, err
	}
	o.Device, o.Certificate = h.Device, h.Certificate
	var errs [4]error
	o.Journal, errs[0] = wire.ParseJournalID(h.Journal)
	o.Parent, errs[1] = h.Parent.point()
	o.Base, errs[2] = h.Base.point()
	o.End, errs[3] = h.End.point()
	for _, p := range h.Segments {
		if p.Bytes <= 0 || p.Bytes > len(frames) {
			return o, errors.New("bytes are missing")
		}
		o.Segments = append(o.Segments, ledger.Segment{At: p.Received, Frame: frames[:p.Bytes:p.Bytes]})
		frames = frames[p.Bytes:]
	}
	if len(frames) > 0 || len(o.Segments) == 0 {
		return o, errors.New("bytes that belong to no segment")
	}
	return o, errors.Join(errs[:]...)
}

// Check opens every frame: whether its records lead from Base to End on the
// journal's chain, and whether the device signed them.
func (o Object) Check(signed func(statement, signature []byte) bool) error {
	at := o.Base
	for i, s := range o.Segments {
		f, err := wire.DecodeFrame(s.Frame)
		if err != nil {
			return fmt.Errorf("segment %d: %w", i+1, err)
		}
		b, ok := f.(wire.Batch)
		if !ok || b.Journal != o.Journal || b.Base != at {
			return fmt.Errorf("segment %d does not continue %s at %s", i+1, o.Journal, at)
		}
		if at, err = b.End(); err != nil {
			return fmt.Errorf("segment %d: %w", i+1, err)
		}
		if signed != nil && !signed(wire.BatchStatement(b.Journal, at), b.Signature) {
			return fmt.Errorf("segment %d is not signed by device %s", i+1, o.Device)
		}
	}
	if at != o.End {
		return fmt.Errorf("records lead to %s, not to %s", at, o.End)
	}
	return nil
}

func placeOf(p wire.Point) place { return place{p.Seq, p.Chain.String()} }

func (p place) point() (wire.Point, error) {
	chain, err := hex.DecodeString(p.Chain)
	if err != nil || len(chain) != len(wire.Chain{}) {
		return wire.Point{}, fmt.Errorf("%.80q is no chain", p.Chain)
	}
	return wire.At(p.Seq, wire.Chain(chain)), nil
}
