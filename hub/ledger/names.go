package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// questionKey names a question for ever.
type questionKey struct {
	questionnaire string
	version       uint32
	name          string
}

// replyKey is everything an answer says but when and where.
type replyKey struct {
	question questionKey
	language string
	score    uint8
	skipped  bool
	choices  string // JSON array, or empty
}

// names remembers which number stands for what. Numbers are never taken back,
// so what was committed once stays true.
type names struct {
	mu        sync.RWMutex
	places    map[string]int64
	questions map[questionKey]int64
	replies   map[replyKey]int64
}

func newNames() *names {
	return &names{places: map[string]int64{}, questions: map[questionKey]int64{}, replies: map[replyKey]int64{}}
}

// mostNames bounds the memory a stranger can take by inventing replies.
const mostNames = 100_000

func (n *names) add(more *names) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.places)+len(n.questions)+len(n.replies) > mostNames {
		clear(n.places)
		clear(n.questions)
		clear(n.replies)
	}
	for k, v := range more.places {
		n.places[k] = v
	}
	for k, v := range more.questions {
		n.questions[k] = v
	}
	for k, v := range more.replies {
		n.replies[k] = v
	}
}

func known[K comparable](shared *names, pick func(*names) map[K]int64, own *names, key K) (int64, bool) {
	if v, ok := pick(own)[key]; ok {
		return v, true
	}
	if shared == nil {
		return 0, false
	}
	shared.mu.RLock()
	defer shared.mu.RUnlock()
	v, ok := pick(shared)[key]
	return v, ok
}

func (w *work) placeNumber(name string) (int64, error) {
	pick := func(n *names) map[string]int64 { return n.places }
	if v, ok := known(w.shared, pick, w.names, name); ok {
		return v, nil
	}
	v, err := w.nameOrPut("place by name", "put place", name)
	w.names.places[name] = v
	return v, err
}

func (w *work) questionNumber(key questionKey) (int64, error) {
	pick := func(n *names) map[questionKey]int64 { return n.questions }
	if v, ok := known(w.shared, pick, w.names, key); ok {
		return v, nil
	}
	v, err := w.nameOrPut("question by name", "put question", key.questionnaire, int64(key.version), key.name)
	w.names.questions[key] = v
	return v, err
}

func (w *work) replyNumber(key replyKey) (int64, error) {
	pick := func(n *names) map[replyKey]int64 { return n.replies }
	if v, ok := known(w.shared, pick, w.names, key); ok {
		return v, nil
	}
	question, err := w.questionNumber(key.question)
	if err != nil {
		return 0, err
	}
	skipped := int64(0)
	if key.skipped {
		skipped = 1
	}
	v, err := w.nameOrPut("reply by content", "put reply", question, key.language, int64(key.score), skipped, key.choices)
	w.names.replies[key] = v
	return v, err
}

// nameOrPut finds the number of a row, making the row when it is missing.
func (w *work) nameOrPut(find, put string, args ...any) (int64, error) {
	n, ok, err := w.number(find, args...)
	if err != nil || ok {
		return n, err
	}
	n, _, err = w.number(put, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", put, err)
	}
	return n, nil
}

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }
