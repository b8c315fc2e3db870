package seal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func TestLetterOpensForItsReaderOnly(t *testing.T) {
	secret, public, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	stranger, _, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	want := Letter{Kind: 1, Type: "text/plain; charset=utf-8", Receipt: []byte("khóa"), Body: []byte("Đường trước nhà văn hóa ngập nước.")}
	for _, padded := range []bool{false, true} {
		sealed, err := Seal(want, []string{public}, padded)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(sealed, []byte("ngập")) {
			t.Error("the sealed letter can be read")
		}
		got, err := Open(sealed, secret)
		if err != nil || got.Kind != want.Kind || got.Type != want.Type || !bytes.Equal(got.Receipt, want.Receipt) || !bytes.Equal(got.Body, want.Body) {
			t.Errorf("Open = %+v, %v", got, err)
		}
		if _, err := Open(sealed, stranger); err == nil {
			t.Error("a stranger opened the letter")
		}
		for _, at := range []int{10, len(sealed) / 2, len(sealed) - 1} {
			damaged := bytes.Clone(sealed)
			damaged[at] ^= 1
			if _, err := Open(damaged, secret); err == nil {
				t.Errorf("opened with octet %d changed", at)
			}
		}
	}
}

func TestPaddedLetterShowsOnlyItsBucket(t *testing.T) {
	_, public, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[int]bool{}
	for _, n := range []int{0, 1, 100, 1000, 3900} {
		sealed, err := Seal(Letter{Kind: 1, Type: "text/plain", Body: make([]byte, n)}, []string{public}, true)
		if err != nil {
			t.Fatal(err)
		}
		sizes[len(sealed)] = true
	}
	if len(sizes) != 1 {
		t.Errorf("letters of one bucket have %d sizes", len(sizes))
	}
	if _, err := Seal(Letter{Body: make([]byte, MaxBody)}, []string{public}, true); err != nil {
		t.Errorf("the longest body is refused: %v", err)
	}
	if _, err := Seal(Letter{Body: make([]byte, MaxBody+1)}, []string{public}, true); err == nil {
		t.Error("a longer body is taken")
	}
}

// A kiosk has 40 MiB for everything: sealing must not take several times what
// it seals.
func TestSealTakesLittleMemory(t *testing.T) {
	_, public, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	photo := Letter{Kind: 4, Type: "image/jpeg", Body: make([]byte, 3<<20)}
	taken := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Seal(photo, []string{public}, false); err != nil {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if limit := int64(len(photo.Body)) * 3 / 2; taken > limit && !underRace {
		t.Errorf("sealing %d bytes takes %d, limit %d", len(photo.Body), taken, limit)
	}
}

func TestSealRefusesNobody(t *testing.T) {
	if _, err := Seal(Letter{}, nil, false); err == nil {
		t.Error("sealed to nobody")
	}
	if _, err := Seal(Letter{}, []string{"age1nonsense"}, false); err == nil {
		t.Error("sealed to nonsense")
	}
}

func FuzzDecode(f *testing.F) {
	l := Letter{Kind: 2, Type: "a/b", Body: []byte("x")}
	head, padding, err := l.head(true)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(append(head, l.Body...), make([]byte, padding)...))
	f.Fuzz(func(t *testing.T, plain []byte) {
		if l, err := decode(plain); err != nil && !errors.Is(err, ErrLetter) || len(l.Body) > len(plain) {
			t.Errorf("decode = %v, %v", l, err)
		}
	})
}

func TestCodeIsReadAsPeopleWriteIt(t *testing.T) {
	for typed, want := range map[string]Code{
		"4Q7K9M2XHT": "4Q7K9M2XHT", "4q7k9-m2xht": "4Q7K9M2XHT", " 4q7k9 m2xht ": "4Q7K9M2XHT", "oilOIL0000": "0110110000",
	} {
		if got, err := ParseCode(typed); err != nil || got != want {
			t.Errorf("ParseCode(%q) = %q, %v, want %q", typed, got, err, want)
		}
	}
	for _, typed := range []string{"", "4Q7K9M2XH", "4Q7K9M2XHTT", "4Q7K9M2XHU", "đ234567890", strings.Repeat("0", 1000)} {
		if _, err := ParseCode(typed); !errors.Is(err, ErrCode) {
			t.Errorf("ParseCode(%q) = %v", typed, err)
		}
	}
}

func TestNewCodesDifferAndParse(t *testing.T) {
	seen := map[Code]bool{}
	for range 1000 {
		c := NewCode()
		if back, err := ParseCode(c.String()); err != nil || back != c || seen[c] {
			t.Fatalf("code %q: %q, %v, seen %v", c, back, err, seen[c])
		}
		seen[c] = true
	}
}

func TestBoxOpensWithItsCodeOnly(t *testing.T) {
	mine, other := Code("4Q7K9M2XHT").Receipt(), Code("4Q7K9M2XHV").Receipt()
	if mine == other || mine.Tag == [16]byte(mine.Key[:16]) {
		t.Fatal("receipts are not apart")
	}
	if again := Code("4Q7K9M2XHT").Receipt(); again != mine {
		t.Error("one code, two receipts")
	}
	for _, state := range []string{"", "bare", "Đã trả lời", "ends in one\x01", "\x00\x00", strings.Repeat("x", BareState), strings.Repeat("x", MaxBox)} {
		box, err := mine.Box([]byte(state))
		if err != nil {
			t.Fatal(err)
		}
		if bare := len(box) == BareBox; bare != (len(state) <= BareState) {
			t.Errorf("a state of %d bytes has a box of %d", len(state), len(box))
		}
		if got, err := mine.Unbox(box); err != nil || string(got) != state {
			t.Errorf("Unbox = %q, %v, want %q", got, err, state)
		}
		if _, err := other.Unbox(box); !errors.Is(err, ErrBox) {
			t.Errorf("another code opened the box: %v", err)
		}
		if _, err := (Receipt{Tag: other.Tag, Key: mine.Key}).Unbox(box); !errors.Is(err, ErrBox) {
			t.Errorf("opened under another tag: %v", err)
		}
		for at := range box {
			box[at] ^= 1
			if _, err := mine.Unbox(box); !errors.Is(err, ErrBox) {
				t.Fatalf("opened with octet %d of %d changed: %v", at, len(box), err)
			}
			box[at] ^= 1
		}
	}
	if _, err := mine.Box(make([]byte, MaxBox+1)); err == nil {
		t.Error("a state too long is taken")
	}
	if _, err := mine.Unbox([]byte("short")); err == nil {
		t.Error("a short box is taken")
	}
}

// The same state twice is one box; two states share nothing, so that two boxes
// of one case tell nothing of their difference.
func TestBoxesOfOneCase(t *testing.T) {
	r := Code("4Q7K9M2XHT").Receipt()
	box := func(state string) []byte {
		b, err := r.Box([]byte(state))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one, two := box("answer1"), box("answer2")
	if !bytes.Equal(one, box("answer1")) {
		t.Error("one state, two boxes")
	}
	if bytes.Equal(one[:sivSize], two[:sivSize]) || bytes.Equal(one[sivSize:sivSize+6], two[sivSize:sivSize+6]) {
		t.Error("two states begin alike in their boxes")
	}
}

// Boxes of today must open for as long as a receipt lies in a drawer.
func TestBoxStaysReadable(t *testing.T) {
	box, err := hex.DecodeString("af658410cf47f63e804f2fd14bca78dedae4daf00a8b27d9")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Code("4Q7K9M2XHT").Receipt().Unbox(box); err != nil || string(got) != "answer1" {
		t.Errorf("Unbox = %q, %v", got, err)
	}
}
