package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// JournalID names one journal: 128 random bits, made when the journal is.
type JournalID [16]byte

// Chain is the running hash of a journal after some record: it fixes every
// byte of every record up to there.
type Chain [32]byte

// RecordID names a record in every journal that holds it: the first 128 bits
// of the chain after it.
type RecordID [16]byte

// Genesis is chain_0 of a journal that forked from nothing: the journal id
// followed by 16 zero octets.
func (j JournalID) Genesis() Chain {
	var c Chain
	copy(c[:], j[:])
	return c
}

// Extend is chain_n = SHA-256(chain_{n-1} ‖ bytes_n).
func (c Chain) Extend(record []byte) Chain {
	var short [512]byte // holds any rating, so that hashing one takes no memory
	if len(record) <= len(short)-len(c) {
		n := copy(short[:], c[:])
		n += copy(short[n:], record)
		return sha256.Sum256(short[:n])
	}
	h := sha256.New()
	h.Write(c[:])
	h.Write(record)
	return Chain(h.Sum(nil))
}

// ID of the record that led to this chain.
func (c Chain) ID() RecordID { return RecordID(c[:16]) }

// Point is a place in a journal: after Seq records the running hash is Chain.
type Point struct {
	_     struct{} `cbor:",toarray"`
	Seq   uint64
	Chain Chain
}

// At is the Point after seq records.
func At(seq uint64, c Chain) Point { return Point{Seq: seq, Chain: c} }

func (j JournalID) String() string { return hex.EncodeToString(j[:]) }
func (c Chain) String() string     { return hex.EncodeToString(c[:]) }
func (r RecordID) String() string  { return hex.EncodeToString(r[:]) }
func (p Point) String() string     { return fmt.Sprintf("%d:%.8s", p.Seq, p.Chain) }

// ParseJournalID reads the 32 hexadecimal digits of String.
func ParseJournalID(s string) (JournalID, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(JournalID{}) {
		return JournalID{}, fmt.Errorf("journal id %q is not 32 hexadecimal digits", s)
	}
	return JournalID(b), nil
}

// BatchStatement is what a device signs at the end of every batch: that this
// journal holds exactly these bytes up to this point.
func BatchStatement(j JournalID, end Point) []byte {
	b := append([]byte("nghe batch 1\x00"), j[:]...)
	return appendPoint(b, end)
}

// CustodyStatement is what the hub signs in every Ack and Standing: that in
// this restore epoch it holds the journal up to received, and holds it off its
// own disk up to safe.
func CustodyStatement(epoch uint64, j JournalID, received, safe Point) []byte {
	b := []byte("nghe custody 1\x00")
	b = binary.BigEndian.AppendUint64(b, epoch)
	b = append(b, j[:]...)
	return appendPoint(appendPoint(b, received), safe)
}

func appendPoint(b []byte, p Point) []byte {
	b = binary.BigEndian.AppendUint64(b, p.Seq)
	return append(b, p.Chain[:]...)
}
