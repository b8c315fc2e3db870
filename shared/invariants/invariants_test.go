package invariants

import (
	"crypto/sha256"
	"testing"
)

// Each rule has a story that keeps it and one that breaks it and nothing else.
func TestEveryRuleBites(t *testing.T) {
	a, b, j := ID{1}, ID{2}, ID{9}
	chain := sha256.Sum256(append(make([]byte, 32), "x"...))
	cases := []struct {
		rule   Rule
		kept   func(c *Checker)
		broken func(c *Checker)
	}{
		{Lost, func(c *Checker) { c.Thanked(a); c.Held(a); c.Thanked(b); c.Destroyed(b) }, func(c *Checker) { c.Thanked(a) }},
		{Doubled, func(c *Checker) { c.Counted("x", a); c.Counted("y", a) }, func(c *Checker) { c.Counted("x", a); c.Counted("x", a) }},
		{Gap, func(c *Checker) { c.Begins(j, 4); c.Stored(j, 5, a); c.Stored(j, 6, b) }, func(c *Checker) { c.Begins(j, 4); c.Stored(j, 6, a) }},
		{Chain, func(c *Checker) { c.Chain(j, [32]byte{}, [][]byte{[]byte("x")}, chain) }, func(c *Checker) { c.Chain(j, [32]byte{}, [][]byte{[]byte("y")}, chain) }},
		{Blob, func(c *Checker) { c.Blob("spool", sha256.Sum256([]byte("x")), []byte("x")) }, func(c *Checker) { c.Blob("spool", sha256.Sum256([]byte("x")), nil) }},
		{Deleted, func(c *Checker) { c.Archived(1, a); c.Archived(2, a); c.Deleted("k", 2, a) }, func(c *Checker) { c.Archived(1, a); c.Deleted("k", 2, a) }},
		{Acked, func(c *Checker) { c.Acked(j, 1, 5); c.Survived(j, 1, 5); c.Survived(j, 2, 0) }, func(c *Checker) { c.Acked(j, 1, 5); c.Survived(j, 1, 4) }},
		{Total, func(c *Checker) { c.Counted("x", a); c.Total("x", 1); c.Total("y", 0) }, func(c *Checker) { c.Counted("x", a); c.Total("x", 2) }},
		{Waiting, func(c *Checker) { c.Waiting("k", 0) }, func(c *Checker) { c.Waiting("k", 1) }},
		{Wasted, func(c *Checker) { c.Sent("k", 300, 100, 2, 100) }, func(c *Checker) { c.Sent("k", 301, 100, 2, 100) }},
		{Believed, func(c *Checker) {
			c.Archived(2, a)
			c.Believed("k", 2, a)
			c.Erased(b)
			c.Believed("k", 2, b)
			c.Deleted("k", 2, b)
		},
			func(c *Checker) { c.Archived(1, a); c.Believed("k", 2, a) }},
		{Returned, func(c *Checker) { c.Thanked(a); c.Erased(a); c.Thanked(b); c.AtHub("hub", b) }, func(c *Checker) { c.Erased(a); c.AtHub("hub", a) }},
		{Dishonest, func(c *Checker) {}, func(c *Checker) { c.Forked("k", "ahead") }},
	}
	for _, tc := range cases {
		var kept, broken Checker
		tc.kept(&kept)
		if found := kept.Check(); len(found) != 0 {
			t.Errorf("%s: kept, yet reported: %v", tc.rule, found)
		}
		tc.broken(&broken)
		if found := broken.Check(); len(found) != 1 || found[0].Rule != tc.rule {
			t.Errorf("%s: broken, reported: %v", tc.rule, found)
		}
	}
}

func TestMissingIsReportedAtOnce(t *testing.T) {
	var c Checker
	c.Missing("kiosk 1", ID{1})
	if found := c.Check(); len(found) != 1 || found[0].Rule != Lost {
		t.Errorf("Check() = %v, want one %s", found, Lost)
	}
}
