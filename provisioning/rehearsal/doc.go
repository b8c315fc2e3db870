// Package rehearsal plays a whole ward: a real hub, real kiosks, a bad network
// and a checker, as real processes or all in one. It holds tests only and is
// never linked into a program.
package rehearsal
