package screen

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"
	"unicode/utf8"
)

// maxDepth of nested objects and arrays; an answer with attachments has 4.
const maxDepth = 6

var (
	errEncoding  = errors.New("send valid UTF-8 without unpaired surrogates")
	errSyntax    = errors.New("send one JSON object")
	errDepth     = errors.New("nest at most 6 deep")
	errNull      = errors.New("leave a field out instead of null")
	errKey       = errors.New("use only the documented keys, each once and in lower case")
	errTrailing  = errors.New("send nothing after the JSON object")
	errWrongType = errors.New("send the documented keys with values of their types")
)

// decodeStrict reads exactly one JSON object into v. encoding/json alone lets
// pass repeated keys, keys in other letter case, null, and broken text.
func decodeStrict(body []byte, v any) error {
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
	if err := d.Decode(v); err != nil {
		return errWrongType
	}
	return nil
}

func scanObject(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return errSyntax
		}
		name, _ := key.(string)
		if seen[name] || !isKey(name) {
			return errKey
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
		return errSyntax
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
		return errSyntax
	}
	return nil
}

// isKey keeps encoding/json from matching a field in another letter case.
func isKey(name string) bool {
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == "" && name != ""
}

func isName(s string, most int) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return s != "" && len(s) <= most && strings.Trim(s, letters) == ""
}

func isHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}

func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == "application/json"
}
