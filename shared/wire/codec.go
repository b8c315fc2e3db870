package wire

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// encoding is RFC 8949 §4.2.1 (core deterministic); an absent list is an empty
// one. Decoding refuses whatever encoding would not have written, by length
// first, by comparison last.
var (
	encoding = must(cbor.EncOptions{
		Sort: cbor.SortCoreDeterministic, ShortestFloat: cbor.ShortestFloat16,
		NilContainers: cbor.NilContainerAsEmpty,
		IndefLength:   cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
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

// EncodeRecord gives a record its canonical bytes. It refuses what
// DecodeRecord would refuse.
func EncodeRecord(r Record) ([]byte, error) {
	r, err := numbered(r)
	if err != nil {
		return nil, err
	}
	if err := checkRecord(r); err != nil {
		return nil, err
	}
	b, err := encoding.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	if len(b) > MaxRecord {
		return nil, Errorf(CodeTooLarge, "record of %d bytes, limit %d", len(b), MaxRecord)
	}
	return b, nil
}

// numbered sets the Kind field, so that no caller can get it wrong.
func numbered(r Record) (Record, error) {
	switch r := r.(type) {
	case Boot:
		r.Kind = KindBoot
		return r, nil
	case Clock:
		r.Kind = KindClock
		return r, nil
	case Answer:
		r.Kind = KindAnswer
		return r, nil
	case Replaces:
		r.Kind, r.Answer.Kind = KindReplaces, KindAnswer
		return r, nil
	case CaseReply:
		r.Kind = KindCaseReply
		return r, nil
	case RightsRequest:
		r.Kind = KindRightsRequest
		return r, nil
	case SelfTest:
		r.Kind = KindSelfTest
		return r, nil
	case JournalFork:
		r.Kind = KindJournalFork
		return r, nil
	case Flag:
		r.Kind = KindFlag
		return r, nil
	}
	return nil, fmt.Errorf("encode record: %T is not a record; pass a value, not a pointer", r)
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
	case KindFlag:
		return decodeAs[Flag](b)
	}
	if err := decoding.Wellformed(b); err != nil {
		return nil, Errorf(CodeMalformed, "record: %v", err)
	}
	return nil, ErrUnknownKind
}

// kindOf reads the first element of the record's array: a small unsigned
// integer, so one octet below 24.
func kindOf(b []byte) (Kind, error) {
	if len(b) > MaxRecord {
		return 0, Errorf(CodeTooLarge, "record of %d bytes, limit %d", len(b), MaxRecord)
	}
	if len(b) < 2 || b[0] < 0x81 || b[0] > 0x97 || b[1] > 0x17 {
		return 0, Errorf(CodeMalformed, "record does not begin as one")
	}
	return Kind(b[1]), nil
}

func decodeAs[R Record](b []byte) (Record, error) {
	var r R
	if err := decodeExactly(b, &r); err != nil {
		return nil, err
	}
	if err := checkRecord(r); err != nil {
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

// EncodeFrame gives a frame its bytes: the type, then the array. It refuses
// what DecodeFrame would refuse.
func EncodeFrame(f Frame) ([]byte, error) {
	if err := checkFrame(f); err != nil {
		return nil, err
	}
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
		return decodeFrameAs[Hello](b)
	case FrameWelcome:
		return decodeFrameAs[Welcome](b)
	case FrameBatch:
		return decodeFrameAs[Batch](b)
	case FrameAck:
		return decodeFrameAs[Ack](b)
	case FrameChunk:
		return decodeFrameAs[Chunk](b)
	case FrameChunkAck:
		return decodeFrameAs[ChunkAck](b)
	case FrameBulletin:
		return decodeFrameAs[Bulletin](b)
	case FrameVitals:
		return decodeFrameAs[Vitals](b)
	case FrameGoodbye:
		return decodeFrameAs[Goodbye](b)
	}
	return nil, Errorf(CodeMalformed, "frame type %d is not known", b[0])
}

func decodeFrameAs[F Frame](b []byte) (Frame, error) {
	var f F
	if err := decodeExactly(b[1:], &f); err != nil {
		return nil, err
	}
	if err := checkFrame(f); err != nil {
		return nil, err
	}
	return f, nil
}
