package letter

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nghe/shared/feedback"
	"nghe/shared/seal"
)

func TestKeyIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lan.key")
	var out bytes.Buffer
	if err := (&Key{Out: path}).Run(&out); err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	public, err := seal.Public(string(secret))
	if err != nil || !strings.HasSuffix(out.String(), "\n"+public+"\n") || strings.Contains(out.String(), "AGE-SECRET") {
		t.Errorf("printed %q, %v", &out, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", info.Mode(), err)
	}
	if err := (&Key{Out: path}).Run(&out); err == nil || !strings.Contains(err.Error(), "is not replaced") {
		t.Errorf("a second key: %v", err)
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, secret) {
		t.Errorf("the first key was touched: %v", err)
	}
}

func TestOpen(t *testing.T) {
	secret, public, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	stranger, _, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	words := seal.Letter{Kind: uint8(feedback.AttachedWords), Type: "text/plain", Body: []byte("Ngõ 7 ngập.\nCảm ơn")}
	photo := seal.Letter{Kind: uint8(feedback.AttachedPhoto), Type: "image/jpeg", Body: []byte("\xff\xd8ảnh")}
	cases := map[string]struct {
		letter  seal.Letter
		bare    bool // not padded
		key     string
		spoil   func([]byte) []byte
		out     string // --out
		there   string // a file that exists before
		prints  string
		written string // file with the body
		fails   string
	}{
		"words":          {letter: words, prints: "Ngõ 7 ngập.\nCảm ơn\n"},
		"words, bare":    {letter: words, bare: true, prints: "Ngõ 7 ngập.\nCảm ơn\n"},
		"words, hostile": {letter: seal.Letter{Kind: 1, Body: []byte("a\x1b[2Jb\u202ec")}, prints: "a\ufffd[2Jb\ufffdc\n"},
		"contact": {letter: seal.Letter{Kind: 2, Type: "application/json", Body: []byte(`{"name":"Bà Lan","phone":"0900"}`)},
			prints: "Họ và tên / Name: Bà Lan\nĐiện thoại / Phone: 0900\n"},
		"contact, spoilt": {letter: seal.Letter{Kind: 2, Body: []byte(`{`)}, fails: "is damaged"},
		"photo":           {letter: photo, written: "part.jpg", prints: "part.jpg"},
		"photo, out":      {letter: photo, out: "x.jpeg", written: "x.jpeg", prints: "x.jpeg"},
		"photo, there":    {letter: photo, there: "part.jpg", fails: "is not replaced"},
		"out, there":      {letter: photo, out: "x", there: "x", fails: "is not replaced"},
		"voice":           {letter: seal.Letter{Kind: 3, Type: "audio/webm;codecs=opus", Body: []byte("tiếng")}, written: "part.webm", prints: "part.webm"},
		"unknown type":    {letter: seal.Letter{Kind: 3, Type: "audio/../x", Body: []byte("x")}, fails: "add --out"},
		"unknown kind":    {letter: seal.Letter{Kind: 9, Body: []byte("x")}, fails: "kind 9"},
		"wrong key":       {letter: words, key: stranger, fails: "sealed to another key"},
		"no key":          {letter: words, key: public, fails: "not a whole secret key"},
		"changed":         {letter: photo, spoil: func(b []byte) []byte { b[len(b)-20] ^= 1; return b }, fails: "is damaged"},
		"cut":             {letter: photo, spoil: func(b []byte) []byte { return b[:len(b)-100] }, fails: "is damaged"},
		"empty":           {letter: words, spoil: func([]byte) []byte { return nil }, fails: "is damaged"},
		"not sealed":      {letter: words, spoil: func([]byte) []byte { return []byte("<html>") }, fails: "is damaged"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			sealed, err := seal.Seal(c.letter, []string{public}, !c.bare)
			if err != nil {
				t.Fatal(err)
			}
			if c.spoil != nil {
				sealed = c.spoil(sealed)
			}
			o := &Open{File: filepath.Join(dir, "part.age"), Key: filepath.Join(dir, "lan.key")}
			if c.key == "" {
				c.key = secret
			}
			put(t, o.File, string(sealed))
			put(t, o.Key, c.key+"\n")
			files := 2
			if c.out != "" {
				o.Out = filepath.Join(dir, c.out)
			}
			if c.there != "" {
				put(t, filepath.Join(dir, c.there), "kept")
				files++
			}
			var out bytes.Buffer
			err = o.Run(&out)
			if (err == nil) != (c.fails == "") || err != nil && (!strings.Contains(err.Error(), c.fails) || out.Len() > 0) {
				t.Errorf("Run = %v, printed %q; want an error with %q", err, &out, c.fails)
			}
			if !strings.Contains(out.String(), c.prints) {
				t.Errorf("printed %q, want %q", &out, c.prints)
			}
			if c.written != "" {
				files++
				is(t, filepath.Join(dir, c.written), string(c.letter.Body))
			}
			if c.there != "" {
				is(t, filepath.Join(dir, c.there), "kept")
			}
			if all, err := os.ReadDir(dir); err != nil || len(all) != files {
				t.Errorf("%d files, %v; want %d", len(all), err, files)
			}
		})
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", path, got, err, want)
	}
}
