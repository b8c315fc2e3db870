package screen

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"nghe/shared/seal"
)

// rationed refuses what must wait, and says for how long.
func rationed(w http.ResponseWriter, wait time.Duration, message string) *refusal {
	if wait <= 0 {
		return nil
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return &refusal{http.StatusTooManyRequests, "too-many", message, ""}
}

// A kiosk lets its residents try a few codes at once, and then one now and
// then: thousands would be somebody's else.
const (
	codesAtOnce = 10
	codeEvery   = 10 * time.Second
)

// mostPaid is how many tries are remembered: far more than are under way.
const mostPaid = 64

// tries rations codes. What was paid for may be sent again with the same request
// id and the same code: an answer that got lost costs no other try, and to
// repeat one id with other codes is to guess.
type tries struct {
	bucket bucket
	key    []byte // of this process: what is remembered tells nobody a code

	mu   sync.Mutex          // guards what follows
	paid [][sha256.Size]byte // oldest first
}

func newTries() tries {
	key := make([]byte, sha256.Size)
	rand.Read(key) // it never fails
	return tries{bucket: bucket{most: codesAtOnce, every: codeEvery}, key: key}
}

// take is how long to wait; 0 means that the code may be tried. No request id
// means that nothing is remembered.
func (t *tries) take(request string, code seal.Code, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(string(code) + request)) // every code is as long as another
	is := [sha256.Size]byte(mac.Sum(nil))
	if slices.Contains(t.paid, is) {
		return 0
	}
	wait := t.bucket.take(now)
	if wait == 0 && request != "" {
		t.paid = append(t.paid[max(0, len(t.paid)-mostPaid+1):], is)
	}
	return wait
}

// bucket holds what may be taken at once, and fills by one every while. It
// begins full.
type bucket struct {
	most  int
	every time.Duration

	mu    sync.Mutex    // guards what follows
	spent time.Duration // what was taken and not yet made good, in time
	last  time.Time
}

// take is how long to wait; 0 means that one was taken.
func (b *bucket) take(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if passed := now.Sub(b.last); passed > 0 { // a clock set back gives nothing
		b.spent = max(0, b.spent-passed)
	}
	b.last = now
	if over := b.spent + b.every - time.Duration(b.most)*b.every; over > 0 {
		return over
	}
	b.spent += b.every
	return 0
}
