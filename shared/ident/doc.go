// Package ident says who is who between kiosks and the hub: the hub's
// authority, a kiosk's own key, the kit that introduces one to the other, and
// what a kiosk remembers of it.
//
// It promises that a private key never leaves the machine that made it; that a
// kit's secret never travels; that nothing is sent to a hub that the kit does
// not pin; and that no judgement of trust looks at a clock, so a kiosk that
// believes it is 1970 connects like any other. Every refusal says what to do.
//
// It does not know which devices are welcome (the registry does), opens no
// connection and never asks what time it is.
package ident
