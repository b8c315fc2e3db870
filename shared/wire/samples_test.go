package wire

import (
	"bytes"
	"fmt"
	"testing"

	"nghe/shared/feedback"
)

// seq fills n octets with first, first+1, …
func seq(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func chainOf(first byte) Chain { return Chain(seq(first, 32)) }
func idOf(first byte) [16]byte { return [16]byte(seq(first, 16)) }

// sampleRecords has one or more records of every kind, every field set in one
// of them. Their bytes are vectors: add, never change.
func sampleRecords() map[string]Record {
	answer := Answer{Uptime: 61_500_000, Questionnaire: "today", Version: 1, Question: "satisfied", Language: "vi", Score: 5}
	full := Answer{Day: 20_454, Questionnaire: "visitors", Version: 4_000_000_000, Question: "words", Language: "zh-Hans",
		Choices: []string{"touting", "other"},
		Attachments: []Attachment{
			{Kind: feedback.AttachedWords, Reader: feedback.ReaderNamed, Hash: chainOf(1), Size: 4096},
			{Kind: feedback.AttachedPhoto, Reader: feedback.ReaderCases, Hash: chainOf(2), Size: MaxNumber},
		},
		Receipt:  seq(0x70, 16),
		Consents: []Consent{{Purpose: "contact", Text: chainOf(3)}}}
	return map[string]Record{
		"boot":                    Boot{Nonce: idOf(0x10), Wall: 1_795_000_000_000_000, Place: "qt-07", Program: "v1.0.0"},
		"boot before 1970":        Boot{Nonce: idOf(0x10), Wall: -1},
		"clock reading":           Clock{Uptime: 1, Wall: 1_795_000_000_000_000, Cause: ClockReading},
		"clock against the hub":   Clock{Uptime: 90_000_000, Wall: 1, Cause: ClockHub, Hub: 1_795_000_000_000_000, Width: 48_000},
		"answer with a score":     answer,
		"answer skipped":          Answer{Uptime: 23, Questionnaire: "today", Version: 1, Question: "low", Language: "vi", Skipped: true},
		"answer with every field": full,
		"replaces":                Replaces{Earlier: idOf(0x20), Answer: answer},
		"case reply":              CaseReply{Uptime: 24, Receipt: seq(0x30, 16), Case: 3, Reopen: true, Score: 2, MAC: chainOf(4)},
		"rights request":          RightsRequest{Uptime: 256, Receipt: seq(0x40, 16), Right: "delete", MAC: chainOf(5)},
		"self-test":               SelfTest{Uptime: 65_536, Check: "disk-write", Passed: true, Value: -12},
		"journal fork":            JournalFork{Uptime: 4_294_967_296, From: idOf(0x50), Head: At(9, chainOf(6)), Hub: At(12, chainOf(7)), Cause: ForkAhead},
		"flag":                    Flag{Uptime: 61_500_000, Earlier: idOf(0x20), Rules: []string{"burst"}},
		"flag of every rule":      Flag{Uptime: 61_500_001, Earlier: idOf(0x30), Rules: []string{"burst", "same-run", "hammering", "palm", "off-hours"}},
	}
}

// sampleFrames has one or more frames of every type, every field set in one.
func sampleFrames() map[string]Frame {
	point, later := At(1000, chainOf(0x80)), At(1004, chainOf(0x81))
	return map[string]Frame{
		"hello": Hello{Version: 1, Program: "v1.0.0", Boot: idOf(0x10), Uptime: 5_000_000, Wall: 1_795_000_000_000_000, Epoch: 2,
			Offers:   []Offer{{Journal: idOf(1), Base: At(0, JournalID(idOf(1)).Genesis()), Head: later}, {Journal: idOf(2), Base: point, Head: point}},
			Bulletin: 7, Checkpoint: []byte("nghe hub\n1\nAAAA\n")},
		"hello of an empty kiosk": Hello{Version: 1, Program: "dev"},
		"welcome": Welcome{Version: 1, Epoch: 2, Now: 1_795_000_000_500_000, Credit: 262_144,
			Standings: []Standing{{Journal: idOf(1), State: StandingKnown, Received: point, Safe: At(0, JournalID(idOf(1)).Genesis()), Signature: seq(0, 64)}},
			Bulletin:  8, Checkpoint: []byte("nghe hub\n2\nAAAA\n"), Proof: [][32]byte{chainOf(1), chainOf(2)}},
		"welcome, foreign": Welcome{Version: 1, Standings: []Standing{{Journal: idOf(1), State: StandingForeign}}},
		"batch":            Batch{Journal: idOf(1), Base: point, Count: 4, Raw: 143, Body: seq(1, 24), Signature: seq(0, 64)},
		"ack":              Ack{Journal: idOf(1), Epoch: 2, Received: later, Safe: point, Credit: 65_536, Signature: seq(0, 64)},
		"chunk":            Chunk{Hash: chainOf(9), Size: 70_000, Offset: 65_536, Bytes: []byte("sealed")},
		"chunk ack":        ChunkAck{Hash: chainOf(9), Offset: 65_542, State: BlobPartial},
		"chunk ack, whole": ChunkAck{Hash: chainOf(9), Offset: 70_000, State: BlobArchived},
		"chunk that asks":  Chunk{Hash: chainOf(9), Size: 70_000},
		"chunk, the last":  Chunk{Hash: chainOf(9), Size: 70_000, Offset: 69_999, Bytes: []byte{0xff}},
		"chunk ack, none":  ChunkAck{Hash: chainOf(9), State: BlobPartial},
		"chunk ack, here":  ChunkAck{Hash: chainOf(9), Offset: 70_000, State: BlobStored},
		"chunk ack, no":    ChunkAck{Hash: chainOf(9), State: BlobRefused},
		"chunk ack, later": ChunkAck{Hash: chainOf(9), Offset: 65_536, State: BlobWait},
		"chunk ack, who":   ChunkAck{Hash: chainOf(9), State: BlobUnnamed},
		"chunk ack, lost":  ChunkAck{Hash: chainOf(9), State: BlobWanted},
		"bulletin":         Bulletin{Version: 8, Body: []byte{0xa0}, Signature: seq(0, 64)},
		"vitals": Vitals{Uptime: 5_000_000, Wall: 1_795_000_000_000_000, Backlog: 12, Bytes: 480, Oldest: 1_794_999_000_000_000,
			Readings:   []Reading{{Name: "disk-free", Value: 9_000_000_000}, {Name: "temperature", Value: -4}},
			Conditions: []Condition{{Name: "disk-low", Level: ConditionWarning, Since: 1_794_000_000_000_000, Value: 9}}},
		"goodbye":      Goodbye{Code: CodeBusy, RetryAfter: 30, Detail: "hub is busy: 200 drains"},
		"goodbye, bye": Goodbye{},
	}
}

func TestRecordsComeBack(t *testing.T) {
	for name, r := range sampleRecords() {
		b, err := EncodeRecord(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := DecodeRecord(b)
		if err != nil {
			t.Errorf("%s: decode %x: %v", name, b, err)
			continue
		}
		again, err := EncodeRecord(got)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: %x comes back as %x, %v", name, b, again, err)
		}
		if KindOf(got) != KindOf(r) || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", r) {
			t.Errorf("%s: a %T comes back as a %T", name, r, got)
		}
	}
}

func TestFramesComeBack(t *testing.T) {
	for name, f := range sampleFrames() {
		b, err := EncodeFrame(f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := DecodeFrame(b)
		if err != nil {
			t.Errorf("%s: decode %x: %v", name, b, err)
			continue
		}
		again, err := EncodeFrame(got)
		if err != nil || !bytes.Equal(again, b) || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", f) {
			t.Errorf("%s: %x comes back as %T %x, %v", name, b, got, again, err)
		}
	}
}

// TestEveryKindHasASample fails when somebody adds a kind or a frame type and
// forgets its sample, and so its vector.
func TestEveryKindHasASample(t *testing.T) {
	kinds, types := map[Kind]bool{}, map[FrameType]bool{}
	for _, r := range sampleRecords() {
		kinds[KindOf(r)] = true
	}
	for _, f := range sampleFrames() {
		types[f.frame()] = true
	}
	for k := Kind(1); k <= Kind(len(constantsOf(t, "Kind"))); k++ {
		if !kinds[k] {
			t.Errorf("record kind %d has no sample", k)
		}
	}
	for k := FrameType(1); k <= FrameType(len(constantsOf(t, "FrameType"))); k++ {
		if !types[k] {
			t.Errorf("frame type %d has no sample", k)
		}
	}
}
