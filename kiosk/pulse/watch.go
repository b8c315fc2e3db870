package pulse

import "time"

// watch decides whether the screen is frozen, from the time this program was
// awake: while it was stopped itself, or late, no page could be heard.
type watch struct {
	patience time.Duration // without a painted frame
	brings   bool          // there is a command that brings the browser back

	seen   bool          // a page was there
	frozen bool          // and paints no more, or none ever came
	silent time.Duration // since the last frame, or since the browser was brought back
	rested time.Duration // since it was
	tries  int           // in a row
}

const (
	firstLook = 5           // times the patience: a machine that starts shows no page yet
	leastRest = time.Minute // between two tries; doubled after each
	mostRest  = time.Hour
	steady    = 10 * time.Minute // painting so long after a try makes the next one the first again
)

// painted says that a page proved a frame.
func (w *watch) painted() { w.seen, w.frozen, w.silent = true, false, 0 }

// passed says that so much time went by, and whether to bring the browser back
// now.
func (w *watch) passed(awake time.Duration) bool {
	w.silent, w.rested = w.silent+awake, w.rested+awake
	if !w.frozen && w.rested >= steady {
		w.tries = 0
	}
	if w.silent < w.limit() {
		return false
	}
	w.frozen = true
	if !w.brings || w.tries > 0 && w.rested < w.rest() {
		return false
	}
	w.tries, w.rested, w.silent = w.tries+1, 0, 0
	return true
}

// limit of silence. Where nobody brings a browser there may be none, and no
// page is missed that never was.
func (w *watch) limit() time.Duration {
	switch {
	case w.seen:
		return w.patience
	case w.brings:
		return firstLook * w.patience
	}
	return 1<<63 - 1
}

func (w *watch) rest() time.Duration {
	return min(leastRest<<min(w.tries-1, 10), mostRest)
}
