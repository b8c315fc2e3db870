package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"nghe/hub/database"
	"nghe/hub/database/pgtest"
	"nghe/shared/wire"
)

// noon is when most tests happen: 2026-11-20 12:00 in Vietnam.
var noon = time.Date(2026, 11, 20, 5, 0, 0, 0, time.UTC)

const (
	second = 1_000_000 // microseconds
	minute = 60 * second
)

// onBoth runs a test on a fresh ledger of either engine.
func onBoth(t *testing.T, test func(t *testing.T, h *hub)) {
	onBothURLs(t, func(t *testing.T, url string) { test(t, openHub(t, url)) })
}

// onBothURLs runs a test with the address of an empty database of either engine.
func onBothURLs(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "hub.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.URL(t)) })
}

// hub is a ledger with a clock that stands still until told.
type hub struct {
	*Ledger
	t   testing.TB
	db  *database.DB
	url string
	at  time.Time
}

func openHub(t testing.TB, url string) *hub {
	t.Helper()
	db, err := database.Open(t.Context(), url)
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() { db.Close() })
	h := &hub{t: t, db: db, url: url, at: noon}
	h.Ledger, err = Open(t.Context(), Config{DB: db, Now: func() time.Time { return h.at },
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("open ledger: %v", err)
	}
	return h
}

// append delivers and wants every delivery to fit.
func (h *hub) append(deliveries ...Delivery) []Outcome {
	h.t.Helper()
	outcomes := h.offer(deliveries...)
	for i, o := range outcomes {
		if !o.Fits {
			h.t.Fatalf("delivery %d of %s from %s does not fit: standing %v", i, deliveries[i].Device,
				deliveries[i].Batch.Base, o.Standing.Received)
		}
	}
	return outcomes
}

func (h *hub) offer(deliveries ...Delivery) []Outcome {
	h.t.Helper()
	outcomes, err := h.Append(h.t.Context(), deliveries)
	if err != nil {
		h.t.Fatalf("Append: %v", err)
	}
	return outcomes
}

func (h *hub) rows(f Filter) []Row {
	h.t.Helper()
	var all []Row
	for r, err := range h.Answers(h.t.Context(), f) {
		if err != nil {
			h.t.Fatalf("Answers: %v", err)
		}
		all = append(all, r)
	}
	return all
}

func (h *hub) counts(f Filter) []Count {
	h.t.Helper()
	counts, err := h.Counts(h.t.Context(), f)
	if err != nil {
		h.t.Fatalf("Counts: %v", err)
	}
	return counts
}

// total adds up what was counted.
func (h *hub) total() (n int64) {
	h.t.Helper()
	for _, c := range h.counts(Filter{}) {
		n += c.N
	}
	return n
}

// flagged adds up what was counted apart.
func (h *hub) flagged() (n int64) {
	h.t.Helper()
	for _, c := range h.counts(Filter{}) {
		n += c.Flagged
	}
	return n
}

func (h *hub) listed(name wire.JournalID, branch int) Journal {
	h.t.Helper()
	all, err := h.Journals(h.t.Context())
	if err != nil {
		h.t.Fatalf("Journals: %v", err)
	}
	for _, j := range all {
		if j.Name == name && j.Branch == branch {
			return j
		}
	}
	h.t.Fatalf("journal %s, branch %d, is not listed in %v", name, branch, all)
	return Journal{}
}

func (h *hub) events(kind EventKind) (found []Event) {
	h.t.Helper()
	all, err := h.Events(h.t.Context(), 0, 1000)
	if err != nil {
		h.t.Fatalf("Events: %v", err)
	}
	for _, e := range all {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// whole wants an audit, signatures included, to find nothing.
func (h *hub) whole() {
	h.t.Helper()
	a, err := h.Audit(h.t.Context(), verifyDevice)
	if err != nil {
		h.t.Fatalf("Audit: %v", err)
	}
	if !a.Whole() {
		h.t.Errorf("Audit found %v, want nothing", a.Problems)
	}
}

// same wants a rebuild to change nothing that is shown.
func (h *hub) same() {
	h.t.Helper()
	before := h.shown()
	if err := h.Rebuild(h.t.Context()); err != nil {
		h.t.Fatalf("Rebuild: %v", err)
	}
	if after := h.shown(); after != before {
		h.t.Errorf("after Rebuild:\n%s\nbefore:\n%s", after, before)
	}
	h.whole()
}

func (h *hub) shown() string {
	h.t.Helper()
	journals, err := h.Journals(h.t.Context())
	if err != nil {
		h.t.Fatalf("Journals: %v", err)
	}
	quarantined, err := h.Quarantined(h.t.Context())
	if err != nil {
		h.t.Fatalf("Quarantined: %v", err)
	}
	text := ""
	for _, j := range journals {
		text += fmt.Sprintf("%s/%d %s %s %v %v %v %d %d", j.Name, j.Branch, j.Device, j.Place, j.Base, j.Received, j.Safe,
			j.FirstSeen, j.LastSeen)
		if j.Fork != nil {
			text += fmt.Sprintf(" fork %+v", *j.Fork)
		}
		if j.Hole != nil {
			text += fmt.Sprintf(" hole %+v", *j.Hole)
		}
		text += "\n"
	}
	for _, r := range h.rows(Filter{}) {
		text += fmt.Sprintf("%+v\n", r)
	}
	for _, c := range h.counts(Filter{}) {
		text += fmt.Sprintf("%+v\n", c)
	}
	for _, p := range quarantined {
		text += fmt.Sprintf("%+v\n", p)
	}
	for _, m := range h.messages(MessageFilter{Limit: 1000}) {
		text += fmt.Sprintf("%+v\n", m)
	}
	for _, c := range h.claimed() {
		text += fmt.Sprintf("%+v\n", c)
	}
	return text
}

// kiosk makes journals as an outbox would.
type kiosk struct {
	t       testing.TB
	device  string
	journal wire.JournalID
	base    wire.Point
	records [][]byte
	points  []wire.Point
	nonce   byte
}

func keyOf(device string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(device))
	return ed25519.NewKeyFromSeed(seed[:])
}

func verifyDevice(device string, statement, signature []byte) bool {
	return ed25519.Verify(keyOf(device).Public().(ed25519.PublicKey), statement, signature)
}

// newKiosk begins a journal with a boot record at the place, an hour before
// noon by the machine's clock.
func newKiosk(t testing.TB, device, place string) *kiosk {
	name := sha256.Sum256([]byte(device + place))
	k := &kiosk{t: t, device: device, journal: wire.JournalID(name[:16])}
	k.base = wire.At(0, k.journal.Genesis())
	k.boot(place, noon.Add(-time.Hour).UnixMicro())
	return k
}

func (k *kiosk) head() wire.Point {
	if len(k.points) == 0 {
		return k.base
	}
	return k.points[len(k.points)-1]
}

// at is the point after seq.
func (k *kiosk) at(seq uint64) wire.Point {
	if seq == k.base.Seq {
		return k.base
	}
	return k.points[seq-k.base.Seq-1]
}

func (k *kiosk) addRaw(raw []byte) uint64 {
	h := k.head()
	k.records = append(k.records, raw)
	k.points = append(k.points, wire.At(h.Seq+1, h.Chain.Extend(raw)))
	return h.Seq + 1
}

func (k *kiosk) add(r wire.Record) uint64 {
	k.t.Helper()
	raw, err := wire.EncodeRecord(r)
	if err != nil {
		k.t.Fatalf("encode %T: %v", r, err)
	}
	return k.addRaw(raw)
}

func (k *kiosk) boot(place string, wall int64) uint64 {
	k.nonce++
	nonce := sha256.Sum256([]byte{k.nonce, k.device[0]})
	return k.add(wire.Boot{Nonce: [16]byte(nonce[:16]), Wall: wall, Place: place, Program: "test"})
}

func satisfied(uptime int64, score uint8) wire.Answer {
	return wire.Answer{Uptime: uint64(uptime), Questionnaire: "today", Version: 1, Question: "satisfied", Language: "vi", Score: score}
}

// flag says how the answer at seq was tapped.
func (k *kiosk) flag(seq uint64, rules ...string) uint64 {
	return k.add(wire.Flag{Uptime: 1, Earlier: k.id(seq), Rules: rules})
}

func (k *kiosk) rate(uptime int64, score uint8) uint64 { return k.add(satisfied(uptime, score)) }

func (k *kiosk) id(seq uint64) wire.RecordID { return k.at(seq).Chain.ID() }

// measure adds a reading against the hub: at uptime the hub's clock was hub.
func (k *kiosk) measure(uptime int64, hub time.Time, width uint64) uint64 {
	return k.add(wire.Clock{Uptime: uint64(uptime), Wall: hub.UnixMicro(), Cause: wire.ClockHub, Hub: hub.UnixMicro(), Width: width})
}

// delivery packs and signs the records after from, up to to.
func (k *kiosk) delivery(from, to uint64) Delivery {
	k.t.Helper()
	records := k.records[from-k.base.Seq : to-k.base.Seq]
	b, end, err := wire.Pack(k.journal, k.at(from), records)
	if err != nil {
		k.t.Fatalf("pack: %v", err)
	}
	b.Signature = ed25519.Sign(keyOf(k.device), wire.BatchStatement(k.journal, end))
	return Delivery{Device: k.device, Batch: b, Records: records, Points: k.points[from-k.base.Seq : to-k.base.Seq]}
}

// rest is everything after from.
func (k *kiosk) rest(from uint64) Delivery { return k.delivery(from, k.head().Seq) }

// frame is a delivery as the archive would keep it.
func (k *kiosk) frame(from, to uint64) []byte {
	k.t.Helper()
	f, err := wire.EncodeFrame(k.delivery(from, to).Batch)
	if err != nil {
		k.t.Fatalf("encode frame: %v", err)
	}
	return f
}

// copy is another machine with the same journal.
func (k *kiosk) copy(device string) *kiosk {
	c := *k
	c.device = device
	c.records, c.points = append([][]byte(nil), k.records...), append([]wire.Point(nil), k.points...)
	return &c
}

// fork begins a new journal at the floor, keeping every record after it.
func (k *kiosk) fork(floor uint64, hub wire.Point, cause wire.ForkCause) {
	from, head, base := k.journal, k.head(), k.at(floor)
	k.records, k.points = k.records[floor-k.base.Seq:], k.points[floor-k.base.Seq:]
	name := sha256.Sum256(append(from[:], k.device...))
	k.base, k.journal = base, wire.JournalID(name[:16])
	k.add(wire.JournalFork{From: from, Head: head, Hub: hub, Cause: cause})
}
