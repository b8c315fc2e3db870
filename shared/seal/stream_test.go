package seal

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestStreamOpensWholeForItsReader(t *testing.T) {
	secret, public, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	stranger, _, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	plain := bytes.Repeat([]byte("Quảng Tiến "), 30_000)
	var sealed bytes.Buffer
	w, err := Stream(&sealed, []string{public})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	read := func(sealed []byte, secret string) ([]byte, error) {
		r, err := OpenStream(bytes.NewReader(sealed), secret)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	}
	if got, err := read(sealed.Bytes(), "# made on Monday\n"+secret+"\n"); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if _, err := read(sealed.Bytes(), stranger); !errors.Is(err, ErrOtherReader) {
		t.Errorf("a stranger: %v", err)
	}
	if _, err := read(sealed.Bytes(), "AGE-SECRET-KEY-PQ-1NONSENSE"); err == nil || strings.Contains(err.Error(), "NONSENSE") {
		t.Errorf("a spoilt secret: %v", err)
	}
	for _, cut := range []int{0, 70_000, 200_000} {
		if _, err := read(sealed.Bytes()[:sealed.Len()-1-cut], secret); err == nil {
			t.Errorf("opened with %d bytes missing", cut+1)
		}
	}
	if got, err := Public(secret); err != nil || got != public {
		t.Errorf("Public = %q, %v, want %q", got, err, public)
	}
	if _, err := Public(public); err == nil {
		t.Error("the public half was taken for the secret")
	}
}
