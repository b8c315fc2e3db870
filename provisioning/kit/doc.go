// Package kit makes an enrolment kit at a hub, for the ward's IT, and examines
// one where it is to be used.
//
// It promises that a password is sent only to a hub whose certificate was
// checked (or to this very machine), is never taken from or shown on a command
// line, and that a kit lands whole and readable by its owner alone, or not at
// all. What it tells is Vietnamese first, English second.
//
// It holds no key, enrols nothing itself and remembers nothing between runs.
package kit
