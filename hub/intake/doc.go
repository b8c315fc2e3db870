// Package intake is the hub's door for kiosks: it admits new ones, opens one
// session for each, drives courier.Receiver, has what came in stored by the
// ledger, and only then acknowledges it.
//
// It promises that no acknowledgement leaves before the ledger's commit, nor one
// of a chunk before the spool has it on the disk; that the deliveries of many
// kiosks share commits, and that their blobs take turns; that a kiosk which
// sends rubbish, too much or nothing harms no other; that a refused kiosk is
// told why in words; and that a revoked one is gone within a second.
//
// It does not decide what a batch means (courier), keep it (ledger), or know
// who a device is (registry). It never logs what a resident said.
package intake
