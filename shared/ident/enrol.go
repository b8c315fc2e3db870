package ident

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// EnrolVersion is the only version of the enrolment messages so far.
const EnrolVersion = 1

// NonceSize is the length of EnrolRequest.Nonce.
const NonceSize = 32

// Labels keep the three statements apart: none can stand for another.
const (
	labelRequest = "nghe enrol request v1"
	labelAnswer  = "nghe enrol answer v1"
)

// Sentinels of the protocol. A caller that refuses says which.
var (
	// ErrMAC is a message that was not made with the kit's secret for exactly
	// this content.
	ErrMAC = errors.New("the message was not made with this kit's secret, or was changed on the way")
	// ErrPossession is a request whose sender does not hold the key it names.
	ErrPossession = errors.New("the sender does not hold the key it names")
)

// EnrolRequest is a kiosk's request to be admitted. The secret stays behind:
// the MAC binds this key to the ticket, the signature proves the key is held.
type EnrolRequest struct {
	Version   int    `json:"version"`
	Pin       string `json:"pin"` // of the hub the kit is for
	Ticket    string `json:"ticket"`
	PublicKey []byte `json:"public_key"` // PKIX
	Nonce     []byte `json:"nonce"`      // NonceSize bytes, new for every request
	Program   string `json:"program"`    // version of the agent
	MAC       []byte `json:"mac"`        // HMAC-SHA256 under TicketKey
	Signature []byte `json:"signature"`  // device's
}

// EnrolAnswer admits a kiosk. Its MAC covers the request too, so it answers
// that request and no other.
type EnrolAnswer struct {
	Version  int      `json:"version"`
	Identity Identity `json:"identity"`
	MAC      []byte   `json:"mac"`
}

const tryAgain = "try again; if it stays, update the agent or make a new kit"

func refuseRequest(field, why string) error {
	return &Refusal{"enrolment request", field, why, tryAgain}
}

func refuseAnswer(field, why string) error {
	return &Refusal{"enrolment answer", field, why, tryAgain}
}

// Request makes the kiosk's request for key. nonce is NonceSize random bytes.
func (k Kit) Request(key crypto.Signer, program string, nonce []byte) (EnrolRequest, error) {
	der, err := marshalPublic(key.Public())
	if err != nil {
		return EnrolRequest{}, fmt.Errorf("make enrolment request: %w", err)
	}
	q := EnrolRequest{Version: EnrolVersion, Pin: k.Pin, Ticket: k.Ticket, PublicKey: der, Nonce: nonce, Program: program}
	q.MAC = mac(TicketKey(k.Secret), q.statement())
	if q.Signature, err = Sign(key, q.statement()); err != nil {
		return EnrolRequest{}, fmt.Errorf("make enrolment request: %w", err)
	}
	return q, q.shape()
}

// ReadEnrolRequest reads a request from a stranger: strict in form, nothing
// proved yet.
func ReadEnrolRequest(r io.Reader) (EnrolRequest, error) {
	var q EnrolRequest
	if err := readStrict(r, &q); err != nil {
		return EnrolRequest{}, refuseRequest("", err.Error())
	}
	return q, q.shape()
}

// ReadEnrolAnswer reads an answer: strict in form, nothing proved yet.
func ReadEnrolAnswer(r io.Reader) (EnrolAnswer, error) {
	var a EnrolAnswer
	if err := readStrict(r, &a); err != nil {
		return EnrolAnswer{}, refuseAnswer("", err.Error())
	}
	return a, nil
}

// Check proves that the request comes from the kit whose TicketKey is key and
// from the holder of the public key it returns. ErrMAC and ErrPossession say
// which of the two failed.
func (q EnrolRequest) Check(key [32]byte) (crypto.PublicKey, error) {
	if err := q.shape(); err != nil {
		return nil, err
	}
	pub, err := parsePublic(q.PublicKey)
	if err != nil {
		return nil, refuseRequest("public_key", err.Error())
	}
	statement := q.statement()
	if !hmac.Equal(q.MAC, mac(key, statement)) {
		return nil, ErrMAC
	}
	if !Verify(pub, statement, q.Signature) {
		return nil, ErrPossession
	}
	return pub, nil
}

// Answer admits the request's sender as id. The same request and identity
// give the same answer, byte for byte.
func (q EnrolRequest) Answer(key [32]byte, id Identity) EnrolAnswer {
	return EnrolAnswer{Version: EnrolVersion, Identity: id, MAC: mac(key, answerStatement(q, id))}
}

// Accept takes the answer to q and gives the identity to keep. It refuses an
// answer to another request, of another hub, or for another key.
func (k Kit) Accept(q EnrolRequest, a EnrolAnswer) (Identity, error) {
	if a.Version != EnrolVersion {
		return Identity{}, refuseAnswer("version", fmt.Sprintf("is %d, this program reads %d", a.Version, EnrolVersion))
	}
	if !hmac.Equal(a.MAC, mac(TicketKey(k.Secret), answerStatement(q, a.Identity))) {
		return Identity{}, ErrMAC
	}
	if err := a.Identity.check(); err != nil {
		return Identity{}, err
	}
	if !anyPinned(a.Identity.CA, k.Pin) {
		return Identity{}, refuseAnswer("ca", "is not the authority the kit pins")
	}
	if !a.Identity.certifies(q.PublicKey) {
		return Identity{}, refuseAnswer("certificate", "is for another key")
	}
	return a.Identity, nil
}

func (q EnrolRequest) shape() error {
	switch {
	case q.Version != EnrolVersion:
		return refuseRequest("version", fmt.Sprintf("is %d, this program reads %d", q.Version, EnrolVersion))
	case !ValidPin(q.Pin):
		return refuseRequest("pin", "is not sha256- and 43 characters")
	case !validToken(q.Ticket, 8, 32):
		return refuseRequest("ticket", "is not 8 to 32 small letters and digits")
	case len(q.Nonce) != NonceSize:
		return refuseRequest("nonce", fmt.Sprintf("is not %d bytes", NonceSize))
	case !plainText(q.Program, 0, maxProgram):
		return refuseRequest("program", "is too long or has characters that do not print")
	}
	return nil
}

func (q EnrolRequest) statement() []byte {
	return transcript(labelRequest, []byte(q.Pin), []byte(q.Ticket), q.PublicKey, q.Nonce, []byte(q.Program))
}

func answerStatement(q EnrolRequest, id Identity) []byte {
	parts := [][]byte{q.statement(), number(id.Version), []byte(id.Device), id.Certificate, id.CustodyKey,
		[]byte(id.Place.ID), []byte(id.Place.Name), []byte(id.Place.Ward), number(len(id.CA))}
	parts = append(parts, id.CA...)
	parts = append(parts, number(len(id.Hub)))
	for _, hub := range id.Hub {
		parts = append(parts, []byte(hub))
	}
	if id.CasesKey != "" { // its count was never written, so that answers without it stay as they were
		parts = append(parts, []byte(id.CasesKey))
	}
	return transcript(labelAnswer, parts...)
}

// transcript joins parts so that no two lists of parts give the same bytes.
func transcript(label string, parts ...[]byte) []byte {
	out := append([]byte(label), 0)
	for _, part := range parts {
		out = binary.BigEndian.AppendUint64(out, uint64(len(part)))
		out = append(out, part...)
	}
	return out
}

func number(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func mac(key [32]byte, statement []byte) []byte {
	h := hmac.New(sha256.New, key[:])
	h.Write(statement)
	return h.Sum(nil)
}
