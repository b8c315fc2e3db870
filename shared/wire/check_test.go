package wire

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// refused holds both directions to the same rule: EncodeRecord refuses r, and
// DecodeRecord refuses the bytes a careless writer would have made of it.
func refused(t *testing.T, name string, r Record) {
	t.Helper()
	if _, err := EncodeRecord(r); err == nil {
		t.Errorf("%s: EncodeRecord accepts it", name)
	}
	r, err := numbered(r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := encoding.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeRecord(b); err == nil {
		t.Errorf("%s: DecodeRecord accepts %x", name, b)
	}
}

func TestRecordLimits(t *testing.T) {
	long := strings.Repeat("a", MaxName+1)
	answer := func(spoil func(*Answer)) Answer {
		a := Answer{Questionnaire: "q", Version: 1, Question: "q", Language: "vi"}
		spoil(&a)
		return a
	}
	for name, r := range map[string]Record{
		"uptime over 2^60":   answer(func(a *Answer) { a.Uptime = MaxNumber + 1 }),
		"uptime of 2^63":     answer(func(a *Answer) { a.Uptime = 1 << 63 }),
		"score 6":            answer(func(a *Answer) { a.Score = 6 }),
		"NUL in an id":       answer(func(a *Answer) { a.Question = "a\x00b" }),
		"newline in an id":   answer(func(a *Answer) { a.Language = "vi\n" }),
		"not UTF-8":          answer(func(a *Answer) { a.Questionnaire = "\xff" }),
		"long id":            answer(func(a *Answer) { a.Questionnaire = long }),
		"long choice":        answer(func(a *Answer) { a.Choices = []string{long} }),
		"33 choices":         answer(func(a *Answer) { a.Choices = make([]string, MaxChoices+1) }),
		"17 attachments":     answer(func(a *Answer) { a.Attachments = make([]Attachment, MaxAttachments+1) }),
		"attachment of 2^61": answer(func(a *Answer) { a.Attachments = []Attachment{{Size: 1 << 61}} }),
		"17 consents":        answer(func(a *Answer) { a.Consents = make([]Consent, MaxAttachments+1) }),
		"purpose with a tab": answer(func(a *Answer) { a.Consents = []Consent{{Purpose: "a\tb"}} }),
		"long receipt":       answer(func(a *Answer) { a.Receipt = make([]byte, MaxReceipt+1) }),
		"replacement too":    Replaces{Answer: answer(func(a *Answer) { a.Score = 9 })},
		"boot in year 40000": Boot{Wall: MaxNumber + 1},
		"boot before all":    Boot{Wall: math.MinInt64},
		"place":              Boot{Place: long},
		"program":            Boot{Program: "v1\x7f"},
		"clock width":        Clock{Width: math.MaxUint64},
		"clock hub":          Clock{Hub: math.MaxInt64},
		"reply case":         CaseReply{Case: 1 << 63},
		"reply score":        CaseReply{Score: 6},
		"reply receipt":      CaseReply{Receipt: make([]byte, MaxReceipt+1)},
		"right":              RightsRequest{Right: long},
		"right uptime":       RightsRequest{Uptime: 1 << 63},
		"right receipt":      RightsRequest{Receipt: make([]byte, MaxReceipt+1)},
		"self-test value":    SelfTest{Value: math.MinInt64},
		"self-test check":    SelfTest{Check: long},
		"self-test uptime":   SelfTest{Uptime: 1 << 63},
		"fork point":         JournalFork{Hub: At(1<<63, Chain{})},
		"fork uptime":        JournalFork{Uptime: 1 << 63},
		"flag uptime":        Flag{Uptime: 1 << 63, Rules: []string{"burst"}},
		"flag of no rule":    Flag{},
		"17 rules":           Flag{Rules: slices.Repeat([]string{"burst"}, MaxRules+1)},
		"rule of no name":    Flag{Rules: []string{"burst", ""}},
		"long rule":          Flag{Rules: []string{long}},
		"rule with a NUL":    Flag{Rules: []string{"\x00"}},
	} {
		refused(t, name, r)
	}
}

func TestEncodeRecordRefusesWhatIsNone(t *testing.T) {
	for name, r := range map[string]Record{"nil": nil, "a pointer": &Boot{}} {
		if _, err := EncodeRecord(r); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestReplacesHoldsAnAnswer(t *testing.T) {
	b, err := encoding.Marshal(Replaces{Kind: KindReplaces, Answer: Answer{Kind: KindBoot}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeRecord(b); err == nil {
		t.Error("a replacement of another kind is accepted; encoding it again would change its bytes")
	}
}

func TestFrameLimits(t *testing.T) {
	long := strings.Repeat("a", MaxName+1)
	for name, f := range map[string]Frame{
		"65 offers":             Hello{Offers: make([]Offer, MaxOffers+1)},
		"ends before it begins": Hello{Offers: []Offer{{Base: At(2, Chain{}), Head: At(1, Chain{})}}},
		"head of 2^63":          Hello{Offers: []Offer{{Head: At(1<<63, Chain{})}}},
		"program":               Hello{Program: long},
		"epoch of 2^64-1":       Hello{Epoch: math.MaxUint64},
		"kiosk's clock":         Hello{Wall: math.MaxInt64},
		"checkpoint":            Hello{Checkpoint: make([]byte, MaxText+1)},
		"hub's clock":           Welcome{Now: math.MinInt64},
		"proof":                 Welcome{Proof: make([][32]byte, MaxProof+1)},
		"65 standings":          Welcome{Standings: make([]Standing, MaxOffers+1)},
		"standing's signature":  Welcome{Standings: []Standing{{Signature: make([]byte, MaxSignature+1)}}},
		"safe of 2^63":          Welcome{Standings: []Standing{{Safe: At(1<<63, Chain{})}}},
		"hub's checkpoint":      Welcome{Checkpoint: make([]byte, MaxText+1)},
		"empty batch":           Batch{Raw: 1},
		"20001 records":         Batch{Count: MaxBatchCount + 1, Raw: MaxBatchRaw},
		"2^32-1 records":        Batch{Count: math.MaxUint32, Raw: MaxBatchRaw},
		"batch of 2^32-1 bytes": Batch{Count: 1, Raw: math.MaxUint32},
		"records of no bytes":   Batch{Count: 2, Raw: 1},
		"base of 2^64-1":        Batch{Count: 1, Raw: 1, Base: At(math.MaxUint64, Chain{})},
		"batch's signature":     Batch{Count: 1, Raw: 1, Signature: make([]byte, MaxSignature+1)},
		"ack of 2^63":           Ack{Received: At(1<<63, Chain{})},
		"ack's epoch":           Ack{Epoch: 1 << 63},
		"ack's signature":       Ack{Signature: make([]byte, MaxSignature+1)},
		"chunk too long":        Chunk{Size: 1 << 30, Bytes: make([]byte, MaxChunk+1)},
		"chunk beyond its blob": Chunk{Size: 1, Bytes: make([]byte, 2)},
		"offset beyond":         Chunk{Size: 1, Offset: 2},
		"offset wraps":          Chunk{Size: 10, Offset: math.MaxUint64 - 1, Bytes: make([]byte, 5)},
		"blob of 2^63":          Chunk{Size: 1 << 63},
		"acked 2^63":            ChunkAck{Offset: 1 << 63},
		"bulletin version":      Bulletin{Version: 1 << 63},
		"bulletin's signature":  Bulletin{Signature: make([]byte, MaxSignature+1)},
		"65 readings":           Vitals{Readings: make([]Reading, MaxReadings+1)},
		"65 conditions":         Vitals{Conditions: make([]Condition, MaxReadings+1)},
		"reading's name":        Vitals{Readings: []Reading{{Name: "a\x00"}}},
		"condition's name":      Vitals{Conditions: []Condition{{Name: long}}},
		"reading's value":       Vitals{Readings: []Reading{{Value: math.MaxInt64}}},
		"condition's value":     Vitals{Conditions: []Condition{{Since: math.MinInt64}}},
		"backlog":               Vitals{Backlog: 1 << 63},
		"oldest":                Vitals{Oldest: math.MaxInt64},
		"detail":                Goodbye{Detail: strings.Repeat("a", MaxText+1)},
		"detail's bell":         Goodbye{Detail: "\a"},
	} {
		if _, err := EncodeFrame(f); err == nil {
			t.Errorf("%s: EncodeFrame accepts it", name)
		}
		body, err := encoding.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeFrame(append([]byte{byte(f.frame())}, body...)); err == nil {
			t.Errorf("%s: DecodeFrame accepts it", name)
		}
	}
	if _, err := EncodeFrame(&Goodbye{}); err == nil {
		t.Error("a pointer is accepted, and so not checked")
	}
	if _, err := EncodeFrame(Chunk{Size: 1 << 20, Bytes: make([]byte, MaxFrame)}); err == nil {
		t.Error("a frame over the limit is accepted")
	}
}

// TestErrorfFitsAGoodbye: whatever a stranger sent, the refusal can be sent.
func TestErrorfFitsAGoodbye(t *testing.T) {
	for _, s := range []string{"", "\x00\n\xff\xfe", strings.Repeat("ế", 4000), strings.Repeat("\xe1", 4000)} {
		e := Errorf(CodeMalformed, "%s", s)
		if !utf8.ValidString(e.Detail) {
			t.Errorf("detail %q is not UTF-8", e.Detail)
		}
		if _, err := EncodeFrame(Goodbye{Code: e.Code, Detail: e.Error()}); err != nil {
			t.Errorf("goodbye about %.20q: %v", s, err)
		}
	}
	var wrapped *Error
	if !errors.As(error(ErrUnknownKind), &wrapped) || wrapped.Code != CodeMalformed {
		t.Error("ErrUnknownKind does not carry its code")
	}
}
