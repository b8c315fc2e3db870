package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// ReplyMAC proves that a reply to a case comes from whoever has the code: of
// which version of the case, whether it reopens or confirms, and the score.
func (r Receipt) ReplyMAC(version uint64, reopen bool, score uint8) [32]byte {
	fields := binary.BigEndian.AppendUint64(nil, version)
	opens := byte(0)
	if reopen {
		opens = 1
	}
	return r.mac("nghe case reply 1\x00", append(fields, opens, score))
}

// RightMAC proves that who uses a right to the data has the code.
func (r Receipt) RightMAC(right string) [32]byte {
	return r.mac("nghe rights request 1\x00", []byte(right))
}

func (r Receipt) mac(about string, fields []byte) [32]byte {
	key, err := hkdf.Expand(sha256.New, r.Key[:], "nghe claim 1", 32)
	if err != nil {
		panic(err) // the length is a constant
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(about))
	mac.Write(r.Tag[:])
	mac.Write(fields)
	return [32]byte(mac.Sum(nil))
}
