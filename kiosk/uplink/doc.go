// Package uplink keeps this kiosk's line to the hub: it dials, backs off,
// greets, and moves frames between a WebSocket and courier.Sender.
//
// Blobs take what the line has left: between two chunks the outbox is asked,
// and a chunk is no larger than the line carries in less than a second.
//
// It promises that one goroutine owns the Sender and one writes to the line;
// that no silence, of the network, a proxy or the hub, holds it longer than a
// stated time; that what is wrong with the line has a name and a sentence for
// the person who can mend it; and that many kiosks which lost the same hub do
// not come back in step.
//
// It does not decide what an answer of the hub means (courier), keep anything
// (outbox), or tell the screen whether there is a network.
package uplink
