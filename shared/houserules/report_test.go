package houserules

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
)

// report fails with every sentence.
func report(t *testing.T, broken []string) {
	t.Helper()
	for _, b := range broken {
		t.Error(b)
	}
}

// bites fails unless a rule found something that says want.
func bites(t *testing.T, name string, broken []string, want string) {
	t.Helper()
	if !slices.ContainsFunc(broken, func(b string) bool { return strings.Contains(b, want) }) {
		t.Errorf("%s: the rule says %q, want one with %q", name, broken, want)
	}
}

// sorted gives the values of a map in the order of its keys.
func sorted[K cmp.Ordered, V any](m map[K]V) (all []V) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, m[k])
	}
	return all
}
