// Package console is what operators see of the hub in a browser: the fleet, a
// place and its satisfaction, what is quarantined, what the hub noted, who
// signed in; and the one thing they may change here, a device's trust.
//
// It promises that every route names who may use it and nobody else gets in,
// that pages work without scripts and stay current with them, that nothing is
// executed that did not come from this program, and that every number shows
// its n, its uncertainty and what is known to be missing.
//
// It only reads, except for revocation and sign-in. It never talks to a kiosk
// and never sees intake.
package console
