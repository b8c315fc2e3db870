package wire

// Session versions. A hub speaks every version released in the last 24 months;
// both sides use the lower of the two they offer.
//
//	1  2026-11  first
//	2  2026-12  bulletins carry recordings
const (
	SessionVersion    = 2
	OldestSessionHeld = 1

	// ClipsSince is the first that knows BulletinBody.Clips: to a kiosk of an
	// earlier one nothing of them is told.
	ClipsSince = 2
)
