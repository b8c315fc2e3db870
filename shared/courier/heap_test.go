package courier

// event is something that happens at a moment. Ties are broken by order of
// scheduling, so one seed gives one run.
type event struct {
	at, n int64
	tap   *machine // a resident taps; else
	do    func()
}

func (e event) before(f event) bool { return e.at < f.at || e.at == f.at && e.n < f.n }

// agenda is a binary heap of events.
type agenda struct {
	heap []event
	n    int64
}

func (a *agenda) add(e event) {
	a.n++
	e.n = a.n
	a.heap = append(a.heap, e)
	i := len(a.heap) - 1
	for up := (i - 1) / 2; i > 0 && a.heap[i].before(a.heap[up]); up = (i - 1) / 2 {
		a.heap[i], a.heap[up] = a.heap[up], a.heap[i]
		i = up
	}
}

func (a *agenda) next() event {
	first, last := a.heap[0], len(a.heap)-1
	a.heap[0], a.heap[last] = a.heap[last], event{}
	a.heap = a.heap[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if a.heap[child].before(a.heap[least]) {
				least = child
			}
		}
		if least == i {
			return first
		}
		a.heap[i], a.heap[least] = a.heap[least], a.heap[i]
		i = least
	}
}
