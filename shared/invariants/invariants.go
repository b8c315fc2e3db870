// Package invariants is the checker that simulator, store tests and rehearsal
// share: they tell it what they saw, it says which promise was broken.
//
// It promises that every rule is checked from the outside, by ids and bytes:
// no code under test takes part in the judgement, and a violation names the
// rule, the place and the record. For tests only.
//
// It drives nothing, injects nothing and knows no clock; whoever calls it
// decides when the system is at rest.
package invariants

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Rule names what was broken.
type Rule string

const (
	Lost      Rule = "I1 thanked record is missing"
	Doubled   Rule = "I2 record counted more than once"
	Gap       Rule = "I3 journal has a gap"
	Chain     Rule = "I4 chain does not verify"
	Blob      Rule = "I5 blob does not match its hash"
	Deleted   Rule = "I6 record deleted that was not safe"
	Acked     Rule = "I7 acknowledged but not durable"
	Total     Rule = "I8 total differs from the rows"
	Waiting   Rule = "I12 backlog does not drain"
	Wasted    Rule = "P6 more than a chunk wasted in a cut"
	Believed  Rule = "P4 called archived but not read back"
	Returned  Rule = "P13 deleted blob is back"
	Dishonest Rule = "honest kiosk forked"
)

// Violation is one broken promise.
type Violation struct {
	Rule   Rule
	Where  string
	Detail string
}

func (v Violation) String() string { return fmt.Sprintf("%s: %s: %s", v.Rule, v.Where, v.Detail) }

// ID is a record's id. Any type of 16 octets may be passed where it is asked.
type ID = [16]byte

// Checker gathers what was seen. Its zero value is ready. It is not safe for
// concurrent use.
type Checker struct {
	found     []Violation
	thanked   map[ID]struct{}
	destroyed map[ID]struct{}
	erased    map[ID]struct{}
	present   map[ID]struct{}
	counted   map[string]map[ID]struct{}
	totals    map[string]int
	heads     map[ID]uint64
	archived  map[ID]uint64
	acked     map[promise]uint64
}

// promise is what an acknowledgement is good for.
type promise struct {
	journal ID
	epoch   uint64
}

// Thanked: a resident was thanked for this record.
func (c *Checker) Thanked(id ID) { put(&c.thanked, id, struct{}{}) }

// Destroyed: the last copy of this record went with a disk, as declared by
// whoever destroyed the disk. It need not be found again.
func (c *Checker) Destroyed(id ID) { put(&c.destroyed, id, struct{}{}) }

// Held: at rest, this record is on a disk: a kiosk's, or the hub's outside any
// journal.
func (c *Checker) Held(id ID) { put(&c.present, id, struct{}{}) }

// Begins: at rest, the hub's copy of a journal begins after seq.
func (c *Checker) Begins(journal ID, seq uint64) { put(&c.heads, journal, seq) }

// Stored: at rest, the hub holds this record at seq of a journal. Tell the
// records of one journal in the order in which the hub lists them (I1, I3).
func (c *Checker) Stored(journal ID, seq uint64, id ID) {
	last, begun := c.heads[journal]
	if begun && seq != last+1 {
		c.report(Gap, fmt.Sprintf("journal %x", journal), "record %d follows %d", seq, last)
	}
	put(&c.heads, journal, seq)
	c.Held(id)
}

// Chain: a journal's records lead from one chain to another, chain_n =
// SHA-256(chain_{n-1} ‖ bytes_n) (I4).
func (c *Checker) Chain(journal ID, base [32]byte, records [][]byte, end [32]byte) {
	h, chain := sha256.New(), base
	for _, r := range records {
		h.Reset()
		h.Write(chain[:])
		h.Write(r)
		h.Sum(chain[:0])
	}
	if chain != end {
		c.report(Chain, fmt.Sprintf("journal %x", journal), "%d records end at %x, not %x", len(records), chain[:4], end[:4])
	}
}

// Counted: a read model, an export or a count includes this record (I2).
func (c *Checker) Counted(model string, id ID) {
	if c.counted == nil {
		c.counted = map[string]map[ID]struct{}{}
	}
	if c.counted[model] == nil {
		c.counted[model] = map[ID]struct{}{}
	}
	if _, twice := c.counted[model][id]; twice {
		c.report(Doubled, model, "record %x", id)
	}
	c.counted[model][id] = struct{}{}
	put(&c.totals, model, c.totals[model]+1)
}

// Total: somebody shows n as the number of records in a model told to Counted
// (I8). Call it after them.
func (c *Checker) Total(model string, n int) {
	if n != c.totals[model] {
		c.report(Total, model, "shows %d, its rows are %d", n, c.totals[model])
	}
}

// Blob: a copy of a blob is kept here under this name (I5).
func (c *Checker) Blob(where string, name [32]byte, bytes []byte) {
	if sum := sha256.Sum256(bytes); sum != name {
		c.report(Blob, where, "%x holds bytes of %x", name, sum)
	}
}

// Archived: in this restore epoch the record was read back from storage off
// the hub's own disk.
func (c *Checker) Archived(epoch uint64, id ID) {
	if epoch >= c.archived[id] {
		put(&c.archived, id, epoch)
	}
}

// Believed: a kiosk that has heard of this restore epoch was told that the
// blob is archived, and takes it for true (P4). Nobody has to read back what
// the law deleted.
func (c *Checker) Believed(where string, epoch uint64, id ID) {
	_, erased := c.erased[id]
	if at, ok := c.archived[id]; !erased && (!ok || at < epoch) {
		c.report(Believed, where, "blob %x, not read back since restore epoch %d", id, epoch)
	}
}

// Erased: the blob was deleted by law. It need not be found again.
func (c *Checker) Erased(id ID) { put(&c.erased, id, struct{}{}) }

// AtHub: at rest, the hub or its archive holds this blob (P13).
func (c *Checker) AtHub(where string, id ID) {
	c.Held(id)
	if _, erased := c.erased[id]; erased {
		c.report(Returned, where, "blob %x", id)
	}
}

// Deleted: a kiosk that has heard of this restore epoch deleted the record
// (I6).
func (c *Checker) Deleted(where string, epoch uint64, id ID) {
	_, erased := c.erased[id]
	if at, ok := c.archived[id]; !erased && (!ok || at < epoch) {
		c.report(Deleted, where, "record %x, not archived since restore epoch %d", id, epoch)
	}
}

// Acked: in this epoch the hub acknowledged a journal up to seq.
func (c *Checker) Acked(journal ID, epoch, seq uint64) {
	if p := (promise{journal, epoch}); seq > c.acked[p] {
		put(&c.acked, p, seq)
	}
}

// Survived: after a crash, or at rest, the hub of this epoch holds a journal
// up to seq (I7).
func (c *Checker) Survived(journal ID, epoch, seq uint64) {
	if acked := c.acked[promise{journal, epoch}]; acked > seq {
		c.report(Acked, fmt.Sprintf("journal %x", journal), "acknowledged up to %d in epoch %d, holds %d", acked, epoch, seq)
	}
}

// Waiting: with every fault off and time enough, n records still wait (I12).
func (c *Checker) Waiting(where string, n int) {
	if n > 0 {
		c.report(Waiting, where, "%d records", n)
	}
}

// Sent: a kiosk gave the line so many bytes of blobs, of which so many led the
// hub on, over lines that were cut so many times.
func (c *Checker) Sent(where string, sent, used, cuts, chunk int) {
	if wasted := sent - used; wasted > cuts*chunk {
		c.report(Wasted, where, "%d bytes of %d sent, in %d cuts and chunks of %d", wasted, sent, cuts, chunk)
	}
}

// Forked: a kiosk forked, though nobody rolled back, copied or restored
// anything that could be the cause.
func (c *Checker) Forked(where, cause string) { c.report(Dishonest, where, "cause %s", cause) }

// Missing reports a thanked record found lost before the system came to rest.
func (c *Checker) Missing(where string, id ID) { c.report(Lost, where, "record %x", id) }

// Check ends the watch: it returns everything broken so far and every thanked
// record that is neither present nor declared destroyed.
func (c *Checker) Check() []Violation {
	found := slices.Clone(c.found)
	for id := range c.thanked {
		_, present := c.present[id]
		_, destroyed := c.destroyed[id]
		_, erased := c.erased[id]
		if !present && !destroyed && !erased {
			found = append(found, Violation{Lost, "at rest", fmt.Sprintf("record %x", id)})
		}
	}
	slices.SortFunc(found, func(a, b Violation) int { return strings.Compare(a.String(), b.String()) })
	return found
}

func (c *Checker) report(r Rule, where, format string, args ...any) {
	c.found = append(c.found, Violation{r, where, fmt.Sprintf(format, args...)})
}

func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}
