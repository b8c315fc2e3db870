// Package registry knows the ward: its units and places, the kits that were
// made for them, the devices those kits admitted, and whose trust has ended.
//
// It promises that one kit admits one key, once, however often the request or
// the answer is lost or repeated; that a kit seen with a second key is refused
// and noted; that a revocation is told to everyone who asked in the moment it
// is committed; and that every refusal has a number and says what to do.
//
// It keeps no secret of a kit, judges no certificate (ident does) and opens no
// session (intake does). Admitting a second device to a place does not end the
// first: that is an operator's act.
package registry
