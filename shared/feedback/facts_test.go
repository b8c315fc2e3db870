package feedback

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestEmergencyNumbers(t *testing.T) {
	var numbers []string
	for i, c := range Emergency() {
		numbers = append(numbers, c.Number)
		if err := errors.Join(c.Name.validate("name"), c.Span.validate("")); err != nil || !c.Emergency || !isID(c.Kind) || !isNumber(c.Number) {
			t.Errorf("contact %d: %+v, %v", i, c, err)
		}
		for _, l := range []Language{"vi", "en", "ko", "zh-Hans"} {
			if c.Name[l] == "" {
				t.Errorf("%s has no name in %s", c.Number, l)
			}
		}
	}
	if got := strings.Join(numbers, " "); got != "113 114 115 112 111" {
		t.Errorf("numbers: %s", got)
	}
}

func TestContactsAt(t *testing.T) {
	f := Facts{Contacts: []Contact{
		{Kind: "ward", Number: "1"},
		{Kind: "rescue", Number: "2", Emergency: true},
		{Kind: "ward", Number: "3", Span: Span{Places: []string{"qt-02"}}},
		{Kind: "ward", Number: "4", Span: Span{Until: "2026-11-22"}},
		{Kind: "ward", Number: "5", Span: Span{Places: []string{"qt-01"}, From: "2026-11-23"}},
	}}
	var numbers []string
	for _, c := range f.ContactsAt("qt-01", at(t, "2026-11-23 09:30")) {
		numbers = append(numbers, c.Number)
		if c.Places != nil || c.From != "" {
			t.Errorf("%s tells where it holds", c.Number)
		}
	}
	if got := strings.Join(numbers, " "); got != "113 114 115 112 111 2 1 5" {
		t.Errorf("numbers: %s", got)
	}
	if f.Contacts[4].From == "" {
		t.Error("the facts themselves were changed")
	}
}

func TestHouseAt(t *testing.T) {
	weekdays := Times{Weekdays: []string{"mon", "tue"}, Hours: []string{"07:30-11:30", "13:30-17:00"}}
	saturday := Times{Weekdays: []string{"sat"}, Hours: []string{"08:00-10:00"}}
	f := Facts{Houses: []House{
		{Hours: []Times{weekdays}, Caretaker: Caretaker{Name: "Ông Minh"}},
		{Span: Span{Places: []string{"qt-01"}}, Caretaker: Caretaker{Name: "Bà Hoa", Phone: "0912"}},
		{Span: Span{Places: []string{"qt-02"}, From: "2026-11-24"}, Hours: []Times{weekdays, saturday}},
	}}
	for _, c := range []struct {
		place, moment, caretaker string
		open                     bool
	}{
		{"qt-01", "2026-11-23 07:30", "Bà Hoa", true},
		{"qt-01", "2026-11-23 12:00", "Bà Hoa", false},
		{"qt-02", "2026-11-23 16:59", "Ông Minh", true},
		{"qt-02", "2026-11-28 09:00", "Ông Minh", true},
		{"qt-02", "2026-11-21 09:00", "Ông Minh", false}, // before its hours held
		{"qt-03", "2026-11-28 09:00", "Ông Minh", false},
	} {
		h := f.HouseAt(c.place, at(t, c.moment))
		if got := h.Open(at(t, c.moment)); got != c.open || h.Caretaker.Name != c.caretaker || h.Places != nil {
			t.Errorf("%s at %s: open %v, %+v", c.place, c.moment, got, h)
		}
	}
	if !(House{}).Open(at(t, "2026-11-23 03:00")) {
		t.Error("a house that tells no hours is closed")
	}
}

func TestAreasAt(t *testing.T) {
	area := func(id string, s Span) Area { return Area{Option{ID: id, Text: both(id)}, s} }
	f := Facts{Areas: []Area{area("beach", Span{}), area("there", Span{Places: []string{"qt-02"}}), area("fair", Span{Until: "2026-11-22"}), area("here", Span{Places: []string{"qt-01"}})}}
	if err := f.Validate(); err != nil {
		t.Error(err)
	}
	var ids []string
	for _, o := range f.AreasAt("qt-01", at(t, "2026-11-23 09:30")) {
		ids = append(ids, o.ID)
	}
	if got := strings.Join(ids, " "); got != "beach here" {
		t.Errorf("offers %s", got)
	}
	if none := (Facts{}).AreasAt("qt-01", at(t, "2026-11-23 09:30")); none == nil || len(none) != 0 {
		t.Errorf("without areas offers %#v", none)
	}
	for field, spoil := range map[string]Area{"areas[4].id": area("at:here", Span{}), "areas[4].id ": area("beach", Span{}), "areas[4].text.vi": {Option: Option{ID: "x"}}, "areas[4].places": area("x", Span{Places: []string{"?"}})} {
		var told *Invalid
		if err := (Facts{Areas: append(slices.Clip(f.Areas), spoil)}).Validate(); !errors.As(err, &told) || told.Field != strings.TrimSpace(field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestFactsRefuse(t *testing.T) {
	contact, house := Contact{Kind: "ward", Name: both("UBND phường"), Number: "(0237) 3821.113"}, House{Caretaker: Caretaker{"Bà Hoa", "+84 912-345-678"}, Hours: []Times{{}}}
	if err := (Facts{Contacts: []Contact{contact}, Houses: []House{house, {}}}).Validate(); err != nil {
		t.Fatal(err)
	}
	for field, spoil := range map[string]func(*Contact, *House){
		"contacts[0].kind":            func(c *Contact, _ *House) { c.Kind = "Công an" },
		"contacts[0].name.en":         func(c *Contact, _ *House) { c.Name = Text{Vietnamese: "UBND"} },
		"contacts[0].from":            func(c *Contact, _ *House) { c.From = "x" },
		"houses[0].caretaker.name":    func(_ *Contact, h *House) { h.Caretaker.Name = "" },
		"houses[0].caretaker.phone":   func(_ *Contact, h *House) { h.Caretaker.Phone = "gọi tôi" },
		"houses[0].hours[0].hours":    func(_ *Contact, h *House) { h.Hours = []Times{{Hours: []string{"7h"}}} },
		"houses[0].hours[1].weekdays": func(_ *Contact, h *House) { h.Hours = []Times{{}, {Weekdays: []string{"thứ hai"}}} },
		"houses[0].places":            func(_ *Contact, h *House) { h.Places = []string{"?"} },
		"contacts[0].number":          func(c *Contact, _ *House) { c.Number = "113" },
		"contacts[0].number ":         func(c *Contact, _ *House) { c.Number = "" },
		"contacts[0].number  ":        func(c *Contact, _ *House) { c.Number = "0237 " },
		"contacts[0].number   ":       func(c *Contact, _ *House) { c.Number = "-1" },
		"contacts[0].number    ":      func(c *Contact, _ *House) { c.Number = strings.Repeat("1", 21) },
		"contacts[0].number     ":     func(c *Contact, _ *House) { c.Number = "0237 ext" },
	} {
		c, h := contact, house
		spoil(&c, &h)
		var told *Invalid
		if err := (Facts{Contacts: []Contact{c}, Houses: []House{h}}).Validate(); !errors.As(err, &told) || told.Field != strings.TrimSpace(field) {
			t.Errorf("%q: %v", field, err)
		}
	}
	for field, f := range map[string]Facts{"contacts": {Contacts: make([]Contact, MaxContacts+1)}, "houses": {Houses: make([]House, MaxHouses+1)}, "areas": {Areas: make([]Area, MaxAreas+1)}} {
		if err := f.Validate(); err == nil || !strings.HasPrefix(fmt.Sprint(err), field+":") {
			t.Errorf("%s: %v", field, err)
		}
	}
}
