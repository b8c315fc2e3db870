// Package reports turns counts into what people read: shares with their
// uncertainty, completeness in one sentence, charts as SVG, numbers and dates
// the way the ward writes them.
//
// It promises that a share is never shown without its n and its interval,
// that fewer than Hidden answers are never shown at all, and that nothing is
// called complete while a kiosk is known to hold more. Same input, same bytes.
//
// It does not query, store, or know what time it is: callers bring the counts.
package reports
