//go:build race

package wire

// slowdown is what the race detector costs.
const slowdown = 20
