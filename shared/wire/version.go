package wire

// Session versions. A hub speaks every version released in the last 24 months;
// both sides use the lower of the two they offer.
//
//	1  2026-11  first
const (
	SessionVersion    = 1
	OldestSessionHeld = 1
)
