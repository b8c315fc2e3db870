package wire

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// encoding is RFC 8949 §4.2.1 (core deterministic); decoding refuses whatever
// encoding would not have written, by length first, by comparison last.
var (
	encoding = must(cbor.EncOptions{
		Sort: cbor.SortCoreDeterministic, ShortestFloat: cbor.ShortestFloat16,
		IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
	}.EncMode())
	decoding = must(cbor.DecOptions{
		MaxNestedLevels: maxDepth, MaxArrayElements: maxElements, MaxMapPairs: 16,
		IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		DupMapKey: cbor.DupMapKeyEnforcedAPF, UTF8: cbor.UTF8RejectInvalid,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // constant options: a failure is a programming error
	}
	return v
}

// EncodeRecord gives a record its canonical bytes.
func EncodeRecord(r Record) ([]byte, error) {
	b, err := encoding.Marshal(numbered(r))
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	if len(b) > MaxRecord {
		return nil, Errorf(CodeTooLarge, "record of %d bytes, limit %d", len(b), MaxRecord)
	}
	return b, nil
}

// numbered sets the Kind field, so that no caller can get it wrong.
func numbered(r Record) Record {
	switch r := r.(type) {
	case Boot:
		r.Kind = KindBoot
		return r
	case Clock:
		r.Kind = KindClock
		return r
	case Answer:
		r.Kind = KindAnswer
		return r
	case Replaces:
		r.Kind, r.Answer.Kind = KindReplaces, KindAnswer
		return r
	case CaseReply:
		r.Kind = KindCaseReply
		return r
	case RightsRequest:
		r.Kind = KindRightsRequest
		return r
	case SelfTest:
		r.Kind = KindSelfTest
		return r
	case JournalFork:
		r.Kind = KindJournalFork
		return r
	}
	panic(fmt.Sprintf("wire: %T is not a record", r)) // the interface is closed to this package
}

// ErrUnknownKind says that a well-formed record is of a kind this program does
// not know yet: keep the bytes, a newer program will read them.
var ErrUnknownKind = Errorf(CodeMalformed, "record kind not known to this program")

// DecodeRecord reads one record. Its error says why the bytes are not one;
// they must be kept all the same.
func DecodeRecord(b []byte) (Record, error) {
	kind, err := kindOf(b)
	if err != nil {
		return nil, err
	}
	switch kind {
	case KindBoot:
		return decodeAs[Boot](b)
	case KindClock:
		return decodeAs[Clock](b)
	case KindAnswer:
		return decodeAs[Answer](b)
	case KindReplaces:
		return decodeAs[Replaces](b)
	case KindCaseReply:
		return decodeAs[CaseReply](b)
	case KindRightsRequest:
		return decodeAs[RightsRequest](b)
	case KindSelfTest:
		return decodeAs[SelfTest](b)
	case KindJournalFork:
		return decodeAs[JournalFork](b)
	}
	return nil, ErrUnknownKind
}

// kindOf reads the first element of the record's array: a small unsigned
// integer, so one octet below 24.
func kindOf(b []byte) (Kind, error) {
	if len(b) > MaxRecord {
		return 0, Errorf(CodeTooLarge, "record of %d bytes, limit %d", len(b), MaxRecord)
	}
	if len(b) < 2 || b[0] < 0x80 || b[0] > 0x97 || b[1] > 0x17 {
		return 0, Errorf(CodeMalformed, "record does not begin as one")
	}
	if err := decoding.Wellformed(b); err != nil {
		return 0, Errorf(CodeMalformed, "record: %v", err)
	}
	return Kind(b[1]), nil
}

func decodeAs[R Record](b []byte) (Record, error) {
	var r R
	if err := decodeExactly(b, &r); err != nil {
		return nil, err
	}
	return r, nil
}

// decodeExactly decodes and encodes again: bytes have one reading, and readings
// one spelling.
func decodeExactly(b []byte, into any) error {
	if err := decoding.Unmarshal(b, into); err != nil {
		return Errorf(CodeMalformed, "%v", err)
	}
	again, err := encoding.Marshal(into)
	if err != nil || !bytes.Equal(again, b) {
		return Errorf(CodeMalformed, "not the canonical encoding")
	}
	return nil
}

// EncodeFrame gives a frame its bytes: the type, then the array.
func EncodeFrame(f Frame) ([]byte, error) {
	body, err := encoding.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode frame: %w", err)
	}
	if len(body)+1 > MaxFrame {
		return nil, Errorf(CodeTooLarge, "frame of %d bytes, limit %d", len(body)+1, MaxFrame)
	}
	return append([]byte{byte(f.frame())}, body...), nil
}

// DecodeFrame reads one frame and checks every length that limits.go names.
// A Batch's records are read by Records, not here.
func DecodeFrame(b []byte) (Frame, error) {
	if len(b) > MaxFrame {
		return nil, Errorf(CodeTooLarge, "frame of %d bytes, limit %d", len(b), MaxFrame)
	}
	if len(b) < 2 {
		return nil, Errorf(CodeMalformed, "frame of %d bytes", len(b))
	}
	switch FrameType(b[0]) {
	case FrameHello:
		return decodeFrameAs(b, checkHello)
	case FrameWelcome:
		return decodeFrameAs(b, checkWelcome)
	case FrameBatch:
		return decodeFrameAs(b, checkBatch)
	case FrameAck:
		return decodeFrameAs(b, func(Ack) error { return nil })
	case FrameChunk:
		return decodeFrameAs(b, checkChunk)
	case FrameChunkAck:
		return decodeFrameAs(b, func(ChunkAck) error { return nil })
	case FrameBulletin:
		return decodeFrameAs(b, func(Bulletin) error { return nil })
	case FrameVitals:
		return decodeFrameAs(b, checkVitals)
	case FrameGoodbye:
		return decodeFrameAs(b, func(g Goodbye) error { return texts(g.Detail) })
	}
	return nil, Errorf(CodeMalformed, "frame type %d is not known", b[0])
}

func decodeFrameAs[F Frame](b []byte, check func(F) error) (Frame, error) {
	var f F
	if err := decodeExactly(b[1:], &f); err != nil {
		return nil, err
	}
	if err := check(f); err != nil {
		return nil, err
	}
	return f, nil
}

func checkHello(h Hello) error {
	if len(h.Offers) > MaxOffers {
		return Errorf(CodeTooLarge, "%d journals offered, limit %d", len(h.Offers), MaxOffers)
	}
	for _, o := range h.Offers {
		if o.Head.Seq < o.Base.Seq {
			return Errorf(CodeMalformed, "journal %s ends before it begins", o.Journal)
		}
	}
	return texts(h.Program, string(h.Checkpoint))
}

func checkWelcome(w Welcome) error {
	if len(w.Standings) > MaxOffers || len(w.Proof) > 64 {
		return Errorf(CodeTooLarge, "welcome with %d journals, %d hashes", len(w.Standings), len(w.Proof))
	}
	return texts(string(w.Checkpoint))
}

func checkBatch(b Batch) error {
	switch {
	case b.Count == 0 || b.Count > MaxBatchCount:
		return Errorf(CodeTooLarge, "batch of %d records, limit %d", b.Count, MaxBatchCount)
	case b.Raw > MaxBatchRaw:
		return Errorf(CodeTooLarge, "batch of %d bytes, limit %d", b.Raw, MaxBatchRaw)
	case b.Base.Seq+uint64(b.Count) < b.Base.Seq || b.Base.Seq+uint64(b.Count) > 1<<62:
		return Errorf(CodeMalformed, "sequence number out of range")
	}
	return nil
}

func checkChunk(c Chunk) error {
	if len(c.Bytes) > MaxChunk {
		return Errorf(CodeTooLarge, "chunk of %d bytes, limit %d", len(c.Bytes), MaxChunk)
	}
	if c.Offset > c.Size || uint64(len(c.Bytes)) > c.Size-c.Offset {
		return Errorf(CodeMalformed, "chunk reaches beyond its blob")
	}
	return nil
}

func checkVitals(v Vitals) error {
	if len(v.Readings) > MaxReadings || len(v.Conditions) > MaxReadings {
		return Errorf(CodeTooLarge, "vitals with %d readings, %d conditions", len(v.Readings), len(v.Conditions))
	}
	for _, r := range v.Readings {
		if err := texts(r.Name); err != nil {
			return err
		}
	}
	for _, c := range v.Conditions {
		if err := texts(c.Name); err != nil {
			return err
		}
	}
	return nil
}

func texts(all ...string) error {
	for _, s := range all {
		if len(s) > MaxText {
			return Errorf(CodeTooLarge, "text of %d bytes, limit %d", len(s), MaxText)
		}
	}
	return nil
}
