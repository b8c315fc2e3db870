package seal

import (
	"encoding/hex"
	"testing"
)

// A claim of today must be believed by every later hub.
func TestMACsStay(t *testing.T) {
	r := Code("4Q7K9M2XHT").Receipt()
	for name, c := range map[string]struct {
		got  [32]byte
		want string
	}{
		"reply": {r.ReplyMAC(3, true, 2), "036ddb565eba3f44c1c9044403d9acfc539171cc5dc0169b6396e8bb92e9df8c"},
		"right": {r.RightMAC("delete"), "1be7a063e5f21321128420c245173a897d9ee9810671a60f7d1f1d94f56f9dff"},
	} {
		if got := hex.EncodeToString(c.got[:]); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestMACsDifferInEveryField(t *testing.T) {
	mine, other := Code("4Q7K9M2XHT").Receipt(), Code("4Q7K9M2XHV").Receipt()
	seen := map[[32]byte]string{}
	for name, mac := range map[string][32]byte{
		"confirms": mine.ReplyMAC(3, false, 4), "reopens": mine.ReplyMAC(3, true, 4), "another score": mine.ReplyMAC(3, false, 5),
		"another version": mine.ReplyMAC(4, false, 4), "another code": other.ReplyMAC(3, false, 4),
		"another tag": Receipt{Tag: other.Tag, Key: mine.Key}.ReplyMAC(3, false, 4),
		"see":         mine.RightMAC("see"), "delete": mine.RightMAC("delete"), "another's": other.RightMAC("see"), "nothing": mine.RightMAC(""),
	} {
		if twin, ok := seen[mac]; ok {
			t.Errorf("%s and %s have one MAC", name, twin)
		}
		seen[mac] = name
	}
}
