// Package backup puts what the hub holds where its own disk cannot lose it, and
// makes a hub again from there.
//
// Two kinds of objects go to the archive: every accepted segment, with all that
// its replay needs, and now and then a copy of the whole database and the hub's
// keys, closed to the recovery key. DESIGN.md says what they look like.
//
// It promises that safe moves only by bytes that were read back; that a copy
// counts only after it was checked before it was closed and read back after;
// that of old copies the newest is never let go; and that a restored hub begins
// an epoch no kiosk has met, and says of which time decisions are lost.
//
// It keeps no blob, and never holds the recovery key's secret longer than a
// restore takes.
package backup
