package bulletin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"nghe/shared/feedback"
)

// decode reads one JSON object and refuses unknown keys, keys given twice, texts
// in languages that no screen has, and anything behind it; each with its line.
// (Package strict knows no keys like zh-Hans.)
func (c *content) decode(file string, text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if err := c.scan(d, 0); err != nil {
		err.File, err.Line = file, lineAt(text, d.InputOffset())
		return err
	}
	d = json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return mistyped(file, text, err, into)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &Refused{File: file, Want: "something follows the JSON object; leave one object"}
	}
	return nil
}

func lineAt(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(int(max(offset, 0)), len(text))], []byte("\n"))
}

// mistyped says in JSON's words what is wrong, and not in Go's.
func mistyped(file string, text []byte, err error, into any) error {
	if is := (*json.UnmarshalTypeError)(nil); errors.As(err, &is) {
		return &Refused{File: file, Line: lineAt(text, is.Offset), Field: is.Field, Want: "write " + wanted(is.Type) + ", not " + found(is.Value)}
	}
	quoted, ok := strings.CutPrefix(err.Error(), "json: unknown field ")
	if !ok {
		return &Refused{File: file, Want: "is not JSON: " + err.Error()}
	}
	key := strings.Trim(quoted, `"`)
	at := bytes.Index(text, []byte(quoted))
	return &Refused{File: file, Line: lineAt(text, int64(at)), Field: key, Want: fmt.Sprintf("there is no such key; near it is %q", feedback.Nearest(key, keysOf(reflect.TypeOf(into))))}
}

func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[feedback.Text]():
		return `the text in each language, like {"vi": "…", "en": "…"}`
	case t.Kind() == reflect.Slice:
		return "a list, […]"
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Map:
		return "an object, {…}"
	case t.Kind() == reflect.String:
		return "words in quotes"
	case t.Kind() == reflect.Bool:
		return "true or false"
	}
	return "a whole number"
}

// found is a JSON value as encoding/json calls it.
func found(value string) string {
	kind, _, _ := strings.Cut(value, " ")
	return map[string]string{"array": "a list", "object": "an object", "string": "words", "bool": "true or false", "number": "a number"}[kind]
}

// keysOf are the keys of a type and of all in it.
func keysOf(t reflect.Type) (keys []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return keysOf(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" {
				keys = append(keys, name)
			}
			keys = append(keys, keysOf(t.Field(i).Type)...)
		}
	}
	return keys
}

const deepest = 16

// scan looks at one value of any shape.
func (c *content) scan(d *json.Decoder, depth int) *Refused {
	token, err := d.Token()
	if err != nil {
		return notJSON(err)
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == deepest {
		return &Refused{Want: "is nested too deep"}
	}
	var seen []string
	for d.More() {
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return notJSON(err)
			}
			name, _ := key.(string)
			if slices.ContainsFunc(seen, func(s string) bool { return strings.EqualFold(s, name) }) {
				return &Refused{Field: name, Want: "is there twice; keep one"}
			}
			seen = append(seen, name)
		}
		if bad := c.scan(d, depth+1); bad != nil {
			return bad
		}
	}
	if _, err := d.Token(); err != nil {
		return notJSON(err)
	}
	return c.written(seen)
}

func notJSON(err error) *Refused { return &Refused{Want: "is not JSON: " + err.Error()} }

// written looks at the languages of a text. Whatever is in Vietnamese is one.
func (c *content) written(in []string) *Refused {
	if !slices.Contains(in, string(feedback.Vietnamese)) {
		return nil
	}
	for _, l := range in {
		if !slices.Contains(feedback.Languages(), feedback.Language(l)) {
			return &Refused{Field: l, Want: "no screen has this language; write texts in vi, en, ko and zh-Hans"}
		}
	}
	for _, l := range feedback.Languages() {
		if !slices.Contains(in, string(l)) {
			c.lacking[l]++
		}
	}
	return nil
}
