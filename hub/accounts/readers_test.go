package accounts

import (
	"errors"
	"strings"
	"testing"
	"time"

	"nghe/hub/database"
)

// Whoever reads messages does so as their work; an admin is no reader, and a
// reader no admin.
func TestRolesOfReaders(t *testing.T) {
	for _, c := range []struct {
		roles                   []Role
		admin, operator, reader bool
	}{
		{nil, false, false, false}, {[]Role{Operator}, false, true, false}, {[]Role{Admin}, true, true, false},
		{[]Role{Reader}, false, true, true}, {[]Role{Admin, Reader}, true, true, true},
	} {
		a := Account{Roles: c.roles}
		if a.Has(Admin) != c.admin || a.Has(Operator) != c.operator || a.Has(Reader) != c.reader {
			t.Errorf("%v: admin %v, operator %v, reader %v", c.roles, a.Has(Admin), a.Has(Operator), a.Has(Reader))
		}
	}
}

// The right to read is given and taken, noted each time, and what was signed in
// before ends.
func TestSetReader(t *testing.T) {
	onEach(t, func(t *testing.T, db *database.DB) {
		w := open(t, db, good)
		if _, _, err := w.First(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.Create(t.Context(), "lan", good, []Role{Operator}, "admin"); err != nil {
			t.Fatal(err)
		}
		for _, on := range []bool{true, true, false, false, true} {
			if err := w.SetReader(t.Context(), "lan", on, "admin"); err != nil {
				t.Fatal(err)
			}
			is, err := w.Get(t.Context(), "lan")
			if err != nil || is.Has(Reader) != on || !is.Has(Operator) || is.Has(Admin) {
				t.Errorf("set to %v: %v, %v", on, is.Roles, err)
			}
		}
		if err := w.SetReader(t.Context(), "nobody", true, "admin"); !errors.Is(err, ErrUnknown) {
			t.Errorf("nobody: %v", err)
		}
		events, err := w.Events(t.Context(), 0, 10)
		var got []string
		for _, e := range events {
			if e.Kind != "created" {
				got = append(got, e.Kind+" "+e.Operator+" "+e.By)
			}
		}
		if want := "reader-given lan admin,reader-taken lan admin,reader-given lan admin"; err != nil || strings.Join(got, ",") != want {
			t.Errorf("noted %v, %v", got, err)
		}
	})
}

func TestDid(t *testing.T) {
	onEach(t, func(t *testing.T, db *database.DB) {
		w := open(t, db, good)
		for i, e := range []Event{{Kind: "message-opened", By: "lan", Detail: "one"}, {Kind: "message-opened", By: "minh", Detail: "two"},
			{Kind: "sign-out", By: "lan"}, {Kind: "message-opened", By: "lan", Detail: "three"}} {
			if err := w.Record(t.Context(), e); err != nil {
				t.Fatal(i, err)
			}
			w.pass(time.Minute)
		}
		for since, want := range map[time.Duration]string{-time.Hour: "three one", -2 * time.Minute: "three", 0: ""} {
			did, err := w.Did(t.Context(), "lan", "message-opened", w.clock.Add(since))
			var got []string
			for _, e := range did {
				got = append(got, e.Detail)
			}
			if err != nil || strings.Join(got, " ") != want {
				t.Errorf("since %v: %q, %v, want %q", since, got, err, want)
			}
		}
	})
}
