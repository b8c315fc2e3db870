package accounts

import (
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
