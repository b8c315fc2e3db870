package invariants

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Plaintext: what a resident gave was found where only sealed bytes belong.
const Plaintext Rule = "I13 plaintext outside the seal"

const (
	shortest = 8        // bytes of a secret: fewer come together by chance
	window   = 12       // bytes of a part of a secret that are a find
	longText = 16 << 10 // beyond it, a secret is looked for in fewer spellings
)

// Canaries are secrets that were planted, to be looked for wherever anything is
// kept or told. The zero value is ready. It is not safe for concurrent use.
type Canaries struct {
	parts  map[uint64][]part // by their first eight bytes
	looked int64
	found  []Violation
}

type part struct{ name, bytes string }

// Plant adds a secret: words, a phone number, a recording, a key. It is looked
// for as it is and as programs write bytes and text: hexadecimal, base64, JSON,
// addresses, UTF-16. Two dozen bytes of it in a row are found wherever a file
// or a database cut them off.
func (c *Canaries) Plant(name string, secret []byte) {
	if len(secret) < shortest {
		panic(fmt.Sprintf("invariants: a canary of %d bytes is found by chance, plant at least %d", len(secret), shortest))
	}
	if c.parts == nil {
		c.parts = map[uint64][]part{}
	}
	seen := map[string]bool{}
	for _, text := range spellings(secret) {
		for from := 0; from == 0 || from+window <= len(text); from += window {
			p := text[from:min(from+window, len(text))]
			if len(p) < shortest || seen[p] {
				continue
			}
			seen[p] = true
			key := binary.LittleEndian.Uint64([]byte(p))
			c.parts[key] = append(c.parts[key], part{name, p})
		}
	}
}

func spellings(secret []byte) []string {
	all := []string{string(secret)}
	for shift := range 3 { // what stands before decides where a group begins
		if len(secret) < shift+shortest {
			continue
		}
		whole := secret[shift : len(secret)-(len(secret)-shift)%3]
		all = append(all, base64.RawStdEncoding.EncodeToString(whole), base64.RawURLEncoding.EncodeToString(whole))
	}
	if len(secret) > longText {
		return all
	}
	lower := hex.EncodeToString(secret)
	all = append(all, lower, strings.ToUpper(lower))
	if !utf8.Valid(secret) {
		return all
	}
	units := utf16.Encode([]rune(string(secret)))
	var little, big []byte
	var escaped strings.Builder
	for _, u := range units {
		little, big = binary.LittleEndian.AppendUint16(little, u), binary.BigEndian.AppendUint16(big, u)
		if u < 0x80 {
			escaped.WriteByte(byte(u))
		} else {
			fmt.Fprintf(&escaped, `\u%04x`, u)
		}
	}
	return append(all, string(little), string(big), escaped.String(), url.QueryEscape(string(secret)), url.PathEscape(string(secret)))
}

// Look searches what was kept or told at a place.
func (c *Canaries) Look(where string, content []byte) {
	c.looked += int64(len(content))
	told := map[string]bool{}
	for i := 0; i+shortest <= len(content); i++ {
		for _, p := range c.parts[binary.LittleEndian.Uint64(content[i:])] {
			if len(p.bytes) <= len(content)-i && string(content[i:i+len(p.bytes)]) == p.bytes && !told[p.name] {
				told[p.name] = true
				c.found = append(c.found, Violation{Plaintext, where, fmt.Sprintf("%s at byte %d", p.name, i)})
			}
		}
	}
}

// LookInto searches every file below some folders, by name and content.
func (c *Canaries) LookInto(folders ...string) error {
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			c.Look("name of "+path, []byte(d.Name()))
			if !d.Type().IsRegular() {
				return nil
			}
			content, err := os.ReadFile(path)
			if os.IsNotExist(err) { // of a program that is running
				return nil
			}
			c.Look(path, content)
			return err
		})
		if err != nil {
			return fmt.Errorf("look for plaintext: %w", err)
		}
	}
	return nil
}

// Looked is how many bytes were searched: a search of nothing finds nothing.
func (c *Canaries) Looked() int64 { return c.looked }

// Found is where plaintext was.
func (c *Canaries) Found() []Violation { return c.found }
