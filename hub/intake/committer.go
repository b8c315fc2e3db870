package intake

import (
	"context"
	"sync"
	"time"

	"nghe/hub/ledger"
)

// committer stores the deliveries of all sessions from one goroutine. While
// one commit waits for the disk, the next group gathers.
type committer struct {
	ledger   Ledger
	gather   time.Duration
	together int
	count    *counters
	in       chan parcel
	done     sync.WaitGroup
}

// parcel is a delivery and who waits for its outcome. stored must not wait.
type parcel struct {
	ledger.Delivery
	stored func(ledger.Outcome, error)
}

// groupBytes bounds the records of one commit, so that a kiosk with a single
// rating does not wait for another's whole year.
const groupBytes = 2 << 20

func newCommitter(cfg Config, count *counters) *committer {
	c := &committer{ledger: cfg.Ledger, gather: cfg.Gather, together: cfg.Together, count: count, in: make(chan parcel, cfg.Together)}
	c.done.Go(c.run)
	return c
}

// close stores what was handed in and ends. Nobody may hand in more.
func (c *committer) close() {
	close(c.in)
	c.done.Wait()
}

func (c *committer) run() {
	company := false // the last group had more than one: another is worth a short wait
	for first := range c.in {
		group := c.collect(first, company)
		company = len(group) > 1
		c.commit(group)
	}
}

func (c *committer) collect(first parcel, wait bool) []parcel {
	group, bytes := append(make([]parcel, 0, 8), first), int(first.Batch.Raw)
	late := time.NewTimer(c.gather)
	defer late.Stop()
	for len(group) < c.together && bytes < groupBytes {
		next, more := c.next(late.C, wait)
		if !more {
			break
		}
		group, bytes = append(group, next), bytes+int(next.Batch.Raw)
	}
	return group
}

// next is another parcel: one that is there already, or one that comes in time.
func (c *committer) next(late <-chan time.Time, wait bool) (parcel, bool) {
	select {
	case p, open := <-c.in:
		return p, open
	default:
	}
	if !wait {
		return parcel{}, false
	}
	select {
	case p, open := <-c.in:
		return p, open
	case <-late:
		return parcel{}, false
	}
}

// commit stores a group. When that fails each goes alone, so that one which
// cannot be stored does not stop the others.
func (c *committer) commit(group []parcel) {
	outcomes, err := c.append(group)
	if err != nil && len(group) > 1 {
		for at := range group {
			c.commit(group[at : at+1])
		}
		return
	}
	for at, p := range group {
		if err != nil {
			p.stored(ledger.Outcome{}, err)
			continue
		}
		c.count.records.Add(uint64(len(p.Records)))
		if !outcomes[at].Fits {
			c.count.misfits.Add(1)
		}
		p.stored(outcomes[at], nil)
	}
}

func (c *committer) append(group []parcel) ([]ledger.Outcome, error) {
	deliveries := make([]ledger.Delivery, len(group))
	for at, p := range group {
		deliveries[at] = p.Delivery
	}
	c.count.commits.Add(1)
	return c.ledger.Append(context.Background(), deliveries) // a commit is never called off
}
