package strict

import (
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	type message struct {
		Name string   `json:"name"`
		List []string `json:"list"`
	}
	for _, c := range []struct{ name, body, refused string }{
		{"whole", `{"name":"Bình Minh","list":["a"]}`, ""},
		{"empty", " \n", "empty"},
		{"cut off", `{"name":"Bình`, "cut off"},
		{"cut off after a value", `{"name":"x"`, "cut off"},
		{"not an object", `["name"]`, "one JSON object"},
		{"key twice", `{"name":"a","name":"b"}`, "twice"},
		{"key in capitals", `{"Name":"a"}`, "documented keys"},
		{"unknown key", `{"other":"a"}`, "documented keys"},
		{"wrong type", `{"name":7}`, "types"},
		{"null", `{"name":null}`, "null"},
		{"something after", `{"name":"a"} {}`, "nothing after"},
		{"too deep", `{"list":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`, "deep"},
		{"broken UTF-8", "{\"name\":\"\xff\"}", "UTF-8"},
		{"unpaired surrogate", `{"name":"\ud800"}`, "UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m message
			err := JSON([]byte(c.body), &m)
			if (c.refused == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.refused)) {
				t.Errorf("JSON(%s) = %v, want %q", c.body, err, c.refused)
			}
		})
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"c"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var v struct {
			A any `json:"a"`
		}
		_ = JSON(body, &v) // must not panic or hang
	})
}
