package ident

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

func mustRequest(t *testing.T, k Kit, key crypto.Signer, fill byte) EnrolRequest {
	t.Helper()
	q, err := k.Request(key, "2026-11-23-abc", nonce(fill))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func overTheWire[T any](t *testing.T, v any, read func(*bytes.Reader) (T, error)) T {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	back, err := read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestEnrolment(t *testing.T) {
	a := mustAuthority(t, noon)
	k := kitFor(a)
	for _, key := range []crypto.Signer{mustKey(t), p256(t)} {
		q := mustRequest(t, k, key, 1)
		q = overTheWire(t, q, func(r *bytes.Reader) (EnrolRequest, error) { return ReadEnrolRequest(r) })
		pub, err := q.Check(TicketKey(k.Secret))
		if err != nil || !samePublic(pub, key.Public()) {
			t.Fatalf("Check = %v, %v", pub, err)
		}
		id := identityFor(t, a, k, pub, noon)
		answer := q.Answer(TicketKey(k.Secret), id)
		answer = overTheWire(t, answer, func(r *bytes.Reader) (EnrolAnswer, error) { return ReadEnrolAnswer(r) })
		if !reflect.DeepEqual(answer, q.Answer(TicketKey(k.Secret), id)) {
			t.Error("the same request and identity give another answer")
		}
		got, err := k.Accept(q, answer)
		if err != nil || !reflect.DeepEqual(got, id) {
			t.Fatalf("Accept = %+v, %v", got, err)
		}
	}
}

func TestSecretDoesNotTravel(t *testing.T) {
	a := mustAuthority(t, noon)
	k, key := kitFor(a), mustKey(t)
	q := mustRequest(t, k, key, 1)
	sum := TicketKey(k.Secret)
	text, _ := json.Marshal(struct {
		Q EnrolRequest
		A EnrolAnswer
	}{q, q.Answer(sum, identityFor(t, a, k, key.Public(), noon))})
	inBase64, _ := json.Marshal(sum[:])
	if bytes.Contains(text, []byte(k.Secret)) || bytes.Contains(text, inBase64) {
		t.Error("the secret or its hash is in the messages")
	}
}

// A request that was touched anywhere is not the kit's any more.
func TestRequestChangedOnTheWayIsRefused(t *testing.T) {
	k, key, thief := kitFor(mustAuthority(t, noon)), mustKey(t), mustKey(t)
	thiefKey, _ := marshalPublic(thief.Public())
	sum := TicketKey(k.Secret)
	for _, c := range []struct {
		name   string
		change func(*EnrolRequest)
		want   error // nil: any Refusal
	}{
		{"swapped key", func(q *EnrolRequest) { q.PublicKey = thiefKey }, ErrMAC},
		{"swapped key, signed anew", func(q *EnrolRequest) {
			q.PublicKey = thiefKey
			q.Signature, _ = Sign(thief, q.statement())
		}, ErrMAC},
		{"secret known, key not held", func(q *EnrolRequest) {
			q.PublicKey = thiefKey
			q.MAC = mac(sum, q.statement())
		}, ErrPossession},
		{"signature gone", func(q *EnrolRequest) { q.Signature = nil }, ErrPossession},
		{"MAC gone", func(q *EnrolRequest) { q.MAC = nil }, ErrMAC},
		{"MAC of another secret", func(q *EnrolRequest) { q.MAC = mac(TicketKey("other"), q.statement()) }, ErrMAC},
		{"MAC bit", func(q *EnrolRequest) { q.MAC[0] ^= 1 }, ErrMAC},
		{"nonce", func(q *EnrolRequest) { q.Nonce[5] ^= 1 }, ErrMAC},
		{"program", func(q *EnrolRequest) { q.Program = "x" }, ErrMAC},
		{"ticket", func(q *EnrolRequest) { q.Ticket = "abcdefgh23457" }, ErrMAC},
		{"pin of another hub", func(q *EnrolRequest) { q.Pin = mustAuthority(t, noon).Pin() }, ErrMAC},
		{"bytes moved between fields", func(q *EnrolRequest) { q.Nonce, q.Program = q.Nonce[:31], string(q.Nonce[31:])+q.Program }, nil},
		{"short nonce", func(q *EnrolRequest) { q.Nonce = nil }, nil},
		{"key is no key", func(q *EnrolRequest) { q.PublicKey = []byte("key") }, nil},
		{"bytes after the key", func(q *EnrolRequest) { q.PublicKey = append(q.PublicKey, 0) }, nil},
		{"version", func(q *EnrolRequest) { q.Version = 2 }, nil},
	} {
		q := mustRequest(t, k, key, 1)
		c.change(&q)
		_, err := q.Check(sum)
		refusal := (*Refusal)(nil)
		if c.want != nil && !errors.Is(err, c.want) || c.want == nil && !errors.As(err, &refusal) {
			t.Errorf("%s: Check = %v, want %v", c.name, err, c.want)
		}
	}
}

// An answer counts for one request, one key, one hub.
func TestAnswerThatIsNotOursIsRefused(t *testing.T) {
	a, foreign := mustAuthority(t, noon), mustAuthority(t, noon)
	k, key, other := kitFor(a), mustKey(t), mustKey(t)
	sum := TicketKey(k.Secret)
	id := identityFor(t, a, k, key.Public(), noon)
	q := mustRequest(t, k, key, 1)
	with := func(change func(*Identity)) EnrolAnswer {
		mine := id
		change(&mine)
		return q.Answer(sum, mine)
	}
	for _, c := range []struct {
		name   string
		answer EnrolAnswer
		mac    bool
	}{
		{"replayed from an earlier request", mustRequest(t, k, key, 2).Answer(sum, id), true},
		{"meant for another key", mustRequest(t, k, other, 1).Answer(sum, id), true},
		{"wrong secret", q.Answer(TicketKey("other"), id), true},
		{"request reflected", EnrolAnswer{Version: EnrolVersion, Identity: id, MAC: q.MAC}, true},
		{"place changed", EnrolAnswer{EnrolVersion, func() Identity { c := id; c.Place.ID = "qt-08"; return c }(), q.Answer(sum, id).MAC}, true},
		{"certificate of another key", with(func(id *Identity) { *id = identityFor(t, a, k, other.Public(), noon) }), false},
		{"authority the kit does not pin", with(func(id *Identity) { *id = identityFor(t, foreign, k, key.Public(), noon) }), false},
		{"certificate of a foreign authority", with(func(id *Identity) {
			id.Certificate = identityFor(t, foreign, k, key.Public(), noon).Certificate
		}), false},
		{"no hub", with(func(id *Identity) { id.Hub = nil }), false},
		{"version", EnrolAnswer{2, id, q.Answer(sum, id).MAC}, false},
	} {
		_, err := k.Accept(q, c.answer)
		if err == nil || errors.Is(err, ErrMAC) != c.mac {
			t.Errorf("%s: Accept = %v, want ErrMAC %v", c.name, err, c.mac)
		}
	}
}

func TestTranscriptsDoNotCollide(t *testing.T) {
	if bytes.Equal(transcript("x", []byte("ab"), []byte("c")), transcript("x", []byte("a"), []byte("bc"))) ||
		bytes.Equal(transcript("x", nil), transcript("x")) || bytes.Equal(transcript("x"), transcript("y")) {
		t.Error("two different lists give the same bytes")
	}
}

func FuzzReadEnrolRequest(f *testing.F) {
	f.Add([]byte(`{"version":1,"pin":"sha256-x","ticket":"a","public_key":"AA==","nonce":"","program":"","mac":"","signature":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := ReadEnrolRequest(bytes.NewReader(data))
		if err != nil {
			return
		}
		if _, err := q.Check([32]byte{}); err == nil {
			t.Fatalf("a forgery passes: %s", data)
		}
	})
}
