// Package strict reads JSON from strangers.
//
// It promises that what it accepts has one reading: UTF-8, no key twice, none
// in other letter case, none unknown, no null, nothing after the end, and a
// bounded depth. encoding/json alone lets all of these pass. Each refusal says
// what to send instead.
//
// It does not bound the length: whoever reads the bytes does.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth of nested objects and arrays.
const maxDepth = 6

var (
	errEmpty     = errors.New("it is empty; send one JSON object")
	errCut       = errors.New("it is cut off before its end; send it whole")
	errTwice     = errors.New("send each key once, none twice")
	errEncoding  = errors.New("send valid UTF-8 without unpaired surrogates")
	errSyntax    = errors.New("send one JSON object")
	errDepth     = errors.New("nest at most 6 deep")
	errNull      = errors.New("leave a field out instead of null")
	errKey       = errors.New("use only the documented keys, in lower case")
	errTrailing  = errors.New("send nothing after the JSON object")
	errWrongType = errors.New("send the documented keys with values of their types")
)

// JSON reads exactly one object into v.
func JSON(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return errEmpty
	}
	if !utf8.Valid(body) {
		return errEncoding
	}
	d := json.NewDecoder(bytes.NewReader(body))
	first, err := d.Token()
	if err != nil || first != json.Delim('{') {
		return errSyntax
	}
	if err := scanObject(d, 1); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errTrailing
	}
	d = json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return named(d.Decode(v))
}

// named says which key a decoding error is about, and never what stood there.
func named(err error) error {
	var mistyped *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &mistyped) && mistyped.Field != "":
		return fmt.Errorf("key %q: %w", short(mistyped.Field), errWrongType)
	}
	if key, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("unknown key %s: %w", short(key), errKey)
	}
	return errWrongType
}

// short bounds what a stranger can have us repeat.
func short(key string) string { return key[:min(len(key), 40)] }

func scanObject(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return syntax(err)
		}
		name, _ := key.(string)
		if seen[name] {
			return fmt.Errorf("key %q: %w", short(name), errTwice)
		}
		if !isKey(name) {
			return fmt.Errorf("unknown key %q: %w", short(name), errKey)
		}
		seen[name] = true
		if err := scanValue(d, depth); err != nil {
			return err
		}
	}
	return closing(d)
}

func scanArray(d *json.Decoder, depth int) error {
	for d.More() {
		if err := scanValue(d, depth); err != nil {
			return err
		}
	}
	return closing(d)
}

func scanValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return syntax(err)
	}
	switch t := token.(type) {
	case nil:
		return errNull
	case string:
		// The decoder puts U+FFFD in the place of an unpaired surrogate.
		if strings.ContainsRune(t, utf8.RuneError) {
			return errEncoding
		}
	case json.Delim:
		if depth == maxDepth {
			return errDepth
		}
		if t == '{' {
			return scanObject(d, depth+1)
		}
		return scanArray(d, depth+1)
	}
	return nil
}

func closing(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return syntax(err)
	}
	return nil
}

func syntax(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return errSyntax
}

// isKey keeps encoding/json from matching a field in another letter case.
func isKey(name string) bool {
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == "" && name != ""
}
