// Package houserules is the rules of this repository as tests: who may import
// whom, what must stay pure, where SQL lives, how long things may grow. The
// table in table_test.go is the map of the project; a new package begins with
// its row there.
//
// It promises that each rule bites: beside every rule stands a small input
// that breaks it. It holds no code of its own and nothing imports it.
package houserules
