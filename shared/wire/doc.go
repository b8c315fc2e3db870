// Package wire gives every byte that leaves a kiosk its shape: records, the
// chain that orders them, the batches that carry them and the frames of a
// session. PROTOCOL.md beside this file is the same in prose.
//
// It promises that what it decodes, it encodes again to the same bytes; that
// nothing it decodes is longer, deeper or more inflated than limits.go says;
// and that a number once given (a record kind, a frame type, an error) keeps
// its meaning for ever.
//
// It does not send, store, sign or judge anything: courier decides, outbox and
// ledger keep.
package wire
