package screen

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// refusals logs what was refused: where and why by its code, never what was
// sent. A program that hammers the screen cannot fill the disk with it. Messages,
// what is asked and said of them by receipt code and what is printed are only
// counted, into the next line about anything else: a line's time would be that
// of a message, and of one to named officers nobody may know it.
type refusals struct {
	log *slog.Logger

	mu      sync.Mutex // guards what follows
	minute  time.Time  // when the present count began
	written int
	silent  int
}

// linesAMinute of refusals are written; the rest is counted.
const linesAMinute = 20

// Routes of what leaves no line.
const (
	messagesRoute = "/api/messages"
	receiptsRoute = "/api/receipts" // tried as soon as a message is sent, perhaps
	repliesRoute  = "/api/replies"
	rightsRoute   = "/api/rights"
	printRoute    = "/api/print" // of a receipt, perhaps
)

// ownFailure is the code of what this kiosk could not do. It is logged with
// its error where it happened, not again as a refusal.
const ownFailure = "storage"

// watch puts the log around a handler.
func (l *refusals) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noted := &notedWriter{ResponseWriter: w}
		next.ServeHTTP(noted, r)
		if noted.why.code != "" && noted.why.code != ownFailure {
			l.note(r.Pattern, noted.why)
		}
	})
}

func (l *refusals) note(route string, why refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch route {
	case messagesRoute, receiptsRoute, repliesRoute, rightsRoute, printRoute:
		l.silent++
		return
	}
	if now := time.Now(); now.Sub(l.minute) > time.Minute {
		l.minute, l.written = now, 0
	}
	if l.written >= linesAMinute {
		l.silent++
		return
	}
	l.log.Warn("refused", "route", route, "status", why.status, "code", why.code, "field", why.field, "unwritten", l.silent)
	l.written, l.silent = l.written+1, 0
}

// notedWriter remembers the refusal that was answered.
type notedWriter struct {
	http.ResponseWriter
	why refusal
}

// Unwrap lets net/http reach the connection's own writer.
func (w *notedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
