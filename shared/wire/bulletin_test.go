package wire

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"nghe/shared/feedback"
)

// sampleBulletins have every field set in one of them. Their bytes are
// vectors: add, never change.
func sampleBulletins() map[string]BulletinBody {
	var b BulletinBody
	b.AddBox(idOf(1), seq(0x40, BareBox))
	b.AddBox(idOf(2), seq(0x50, BareBox))
	b.AddBox(idOf(3), seq(0x60, 80))
	b.Since, b.Forget = 1<<versionBits|6, 1<<versionBits
	b.Gone, b.Revoked = [][16]byte{idOf(4)}, []string{"abcdefghijklmnop"}
	b.Deleted = []Deletion{{Kind: DeletedBlob, Name: seq(0, 32)}, {Kind: DeletedReceipt, Name: seq(0, 16)}}
	b.Sheet = []Sheet{{Questionnaires: [][]byte{[]byte(`{"id":"today"}`)}, Notices: [][]byte{[]byte(`{"id":"meeting"}`)}, Texts: []byte(`{"slogan":{}}`),
		Orders: []Order{{ID: "o-1", Kind: OrderPause, Device: "abcdefghijklmnop", Issued: 1_795_000_000_000_000, Until: 1_795_000_600_000_000}, {ID: "o-2", Kind: OrderSyncNow, Until: 1}},
		Cases:  "age1cases", Named: []Recipient{{Name: "Bà Lan", Key: "age1lan"}}}}
	recorded := BulletinBody{Since: 7, Clips: []ClipPart{
		{Name: "vi/000102030405060708090a0b0c0d0e0f", Part: 0, Parts: 2, Sum: chainOf(3), Octets: []byte("OggS…")},
		{Name: "zh-Hans/000102030405060708090a0b0c0d0e0f", Part: 1},
	}}
	return map[string]BulletinBody{"every field": b, "nothing new": {Since: 1}, "recordings": recorded}
}

func sampleNews() map[string]CaseNews {
	return map[string]CaseNews{
		"bare":      {State: feedback.CaseInProgress, Version: 3, Updated: 1_795_000_020_000_000},
		"with note": {State: feedback.CaseAnswered, Version: 65535, Note: "Đã lắp đèn."},
	}
}

func TestBulletinComesBack(t *testing.T) {
	for name, b := range sampleBulletins() {
		body, err := EncodeBulletin(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeBulletin(body)
		if err != nil || meaningOf(got) != meaningOf(b) {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, meaningOf(got), meaningOf(b))
		}
	}
}

func TestBulletinBoxes(t *testing.T) {
	all := sampleBulletins()["every field"].AllBoxes()
	if len(all) != 3 || all[0].Tag != idOf(3) || all[1].Tag != idOf(1) || !bytes.Equal(all[2].Box, seq(0x50, BareBox)) {
		t.Errorf("boxes = %+v", all)
	}
}

func TestBulletinRefuses(t *testing.T) {
	long := strings.Repeat("x", MaxRecipient+1)
	for name, b := range map[string]BulletinBody{
		"two sheets":      {Sheet: make([]Sheet, 2)},
		"half a state":    {States: make([]byte, StateEntry+1)},
		"box":             {Boxes: []CaseBox{{Box: make([]byte, MaxCaseBox+1)}}},
		"too many gone":   {Gone: make([][16]byte, MaxListed+1)},
		"version":         {Since: MaxNumber + 1},
		"device":          {Revoked: []string{"a\nb"}},
		"deleted name":    {Deleted: []Deletion{{Name: make([]byte, MaxReceipt+1)}}},
		"cases key":       {Sheet: []Sheet{{Cases: long}}},
		"named key":       {Sheet: []Sheet{{Named: []Recipient{{Key: long}}}}},
		"too many orders": {Sheet: []Sheet{{Orders: make([]Order, maxElements+1)}}},
		"over a mebibyte": {Sheet: []Sheet{{Texts: make([]byte, MaxBulletin)}}},
		"clip":            {Clips: []ClipPart{{Parts: 1, Octets: make([]byte, MaxClipPart+1)}}},
		"clip's name":     {Clips: []ClipPart{{Name: "a\nb", Parts: 1, Octets: []byte{1}}}},
		"beyond a clip":   {Clips: []ClipPart{{Part: 1, Parts: 1, Octets: []byte{1}}}},
		"empty part":      {Clips: []ClipPart{{Parts: 1}}},
		"gone but full":   {Clips: []ClipPart{{Octets: []byte{1}}}},
		"too many clips":  {Clips: make([]ClipPart, MaxListed+1)},
	} {
		if _, err := EncodeBulletin(b); err == nil {
			t.Errorf("%s: encoded", name)
		}
		raw, err := encoding.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		body, err := appendClips(appendColumn([]byte{layoutPacked}, raw), b.Clips)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeBulletin(body); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
	noise := make([]byte, 300<<10)
	rand.Read(noise)
	if _, err := EncodeBulletin(BulletinBody{Sheet: []Sheet{{Texts: noise}}}); err == nil {
		t.Error("encoded what fits no frame")
	}
}

func TestBulletinRefusesBytes(t *testing.T) {
	good, err := EncodeBulletin(BulletinBody{Since: 1})
	if err != nil {
		t.Fatal(err)
	}
	clips, err := EncodeBulletin(sampleBulletins()["recordings"])
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := encoding.Marshal(BulletinBody{Since: 1})
	long := append([]byte{raw[0], 0x18}, raw[1:]...) // the number 1 in a long form
	for name, body := range map[string][]byte{
		"nothing": {}, "layout": append([]byte{9}, good[1:]...), "behind": append(bytes.Clone(good), 0), "cut": good[:len(good)-1],
		"long number": appendColumn([]byte{layoutPacked}, long),
		"clips cut":   clips[:len(clips)-1], "clips behind": append(bytes.Clone(clips), 0), "clips in the old layout": append([]byte{layoutPacked}, clips[1:]...),
		"no clips": append([]byte{layoutClips}, good[1:]...), "empty clips": appendColumn(append([]byte{layoutClips}, good[1:]...), []byte{0x80}),
		"clips bomb": append(append([]byte{layoutClips}, good[1:]...), appendColumn(nil, make([]byte, MaxBulletin+1))...),
		"array":      appendColumn([]byte{layoutPacked}, []byte{0x80}),
		"bomb":       append([]byte{layoutPacked}, appendColumn(nil, make([]byte, MaxBulletin+1))...),
	} {
		if _, err := DecodeBulletin(body); err == nil {
			t.Errorf("%s: decoded", name)
		} else if e := (*Error)(nil); !errors.As(err, &e) {
			t.Errorf("%s: %v has no code", name, err)
		}
	}
}

func TestBulletinVersionsNeverFallBack(t *testing.T) {
	last := uint64(0)
	for _, at := range [][2]uint64{{0, 1}, {1, 0}, {1, 1}, {1, 1<<versionBits - 1}, {2, 0}, {1_795_000_000, 5}, {MaxNumber >> versionBits, 0}} {
		v, err := BulletinVersion(at[0], at[1])
		if err != nil || v <= last || BulletinBase(v) != at[0]<<versionBits {
			t.Errorf("epoch %d number %d: version %d after %d, base %d, %v", at[0], at[1], v, last, BulletinBase(v), err)
		}
		last = v
	}
	for _, at := range [][2]uint64{{1, 1 << versionBits}, {MaxNumber>>versionBits + 1, 0}} {
		if v, err := BulletinVersion(at[0], at[1]); err == nil {
			t.Errorf("epoch %d number %d: version %d", at[0], at[1], v)
		}
	}
}

func TestCaseNewsRefuses(t *testing.T) {
	if MaxNote != feedback.MaxNote {
		t.Error("a note that may be written cannot be boxed, or the other way round")
	}
	for _, n := range []CaseNews{{Note: strings.Repeat("x", MaxNote+1)}, {Note: "\xff"}, {Updated: -1}, {Updated: 1 << 60}} {
		if _, err := EncodeCaseNews(n); err == nil {
			t.Errorf("%+v: encoded", n)
		}
	}
	for _, b := range [][]byte{nil, make([]byte, newsHead-1), append(make([]byte, newsHead), 0xff), make([]byte, newsHead+MaxNote+1)} {
		if _, err := DecodeCaseNews(b); err == nil {
			t.Errorf("%d bytes: decoded", len(b))
		}
	}
}

func FuzzBulletin(f *testing.F) {
	for _, b := range sampleBulletins() {
		raw, err := encoding.Marshal(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := DecodeBulletin(appendColumn([]byte{layoutPacked}, raw))
		if err != nil {
			return
		}
		again, err := EncodeBulletin(b)
		if err != nil {
			return // does not fit a frame
		}
		if back, err := DecodeBulletin(again); err != nil || meaningOf(back) != meaningOf(b) {
			t.Errorf("%x comes back otherwise: %v", raw, err)
		}
	})
}
