//go:build race

package agent

// underRace: the race detector takes several times the memory.
const underRace = true
