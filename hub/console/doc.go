// Package console is what operators see of the hub in a browser: the fleet, a
// place and its satisfaction, messages, what is quarantined or deleted, what the
// hub noted, who signed in; and what residents see of their receipt.
//
// It promises that every route names who may use it and nobody else gets in,
// that pages work without scripts and stay current with them, that nothing is
// executed that did not come from this program, that every number shows its n,
// its uncertainty and what is known to be missing, that what the hub needs a
// person for stands on every page, that nothing a resident said is shown before
// the access log has who opened it, and that none of it stays in a browser.
//
// It only reads, except for revocation, deletion and sign-in. It never talks to
// a kiosk and never sees intake.
package console
