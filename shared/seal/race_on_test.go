//go:build race

package seal

// underRace: the race detector takes several times the memory.
const underRace = true
