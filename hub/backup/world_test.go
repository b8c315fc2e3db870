package backup

import (
	"context"
	"crypto"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"nghe/hub/archive/archivetest"
	"nghe/hub/chores"
	"nghe/hub/database"
	"nghe/hub/database/pgtest"
	"nghe/hub/ledger"
	"nghe/shared/ident"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// noon is 2026-11-20 12:00 in Viet Nam.
var noon = time.Date(2026, 11, 20, 5, 0, 0, 0, time.UTC)

// hub is what a restore must bring back: a folder of keys, a database with a
// ledger and one table of decisions. The table of chores stands for those.
type hub struct {
	t         *testing.T
	dir, url  string
	db        *database.DB
	authority *ident.Authority
	ledger    *ledger.Ledger
	backup    *Backup
	segments  *Segments
	at        time.Time

	mu   sync.Mutex // guards told
	told []string   // journals whose safe has moved
}

// world is a hub, its archive and its recovery key.
type world struct {
	*hub
	store        *archivetest.Failing
	secret       string
	public       string
	certificates map[string][]byte
	newURL       func() string // of an empty database
}

func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newWorld(t, func() string { return "" })) })
	t.Run("postgres", func(t *testing.T) { test(t, newWorld(t, func() string { return pgtest.URL(t) })) })
}

func newWorld(t *testing.T, newURL func() string) *world {
	t.Helper()
	w := &world{store: &archivetest.Failing{}, certificates: map[string][]byte{}, newURL: newURL}
	dir := t.TempDir()
	must(t, MakeRecovery(dir, func(secret string) { w.secret = secret }))
	var err error
	w.public, err = Recovery(dir)
	must(t, err)
	w.hub = w.open(t, dir, newURL())
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// migrate opens the tables, as the server does.
func migrate(ctx context.Context, db *database.DB, _ *ident.Authority) error {
	_, err := ledger.Open(ctx, ledger.Config{DB: db, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		_, err = Open(ctx, Config{DB: db})
	}
	if err == nil {
		_, err = chores.Open(ctx, chores.Config{DB: db})
	}
	return err
}

func (w *world) open(t *testing.T, dir, url string) *hub {
	t.Helper()
	if url == "" {
		url = "sqlite:" + filepath.Join(dir, "hub.db")
	}
	h := &hub{t: t, dir: dir, url: url, at: noon}
	var err error
	h.authority, err = ident.OpenAuthority(filepath.Join(dir, "authority"), noon)
	if err != nil {
		must(t, mkdir(dir, "authority"))
		h.authority, err = ident.OpenAuthority(filepath.Join(dir, "authority"), noon)
	}
	must(t, err)
	h.db, err = database.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { h.db.Close() })
	must(t, migrate(t.Context(), h.db, h.authority))
	now := func() time.Time { return h.at }
	log := slog.New(slog.DiscardHandler)
	h.ledger, err = ledger.Open(t.Context(), ledger.Config{DB: h.db, Now: now, Logger: log})
	must(t, err)
	h.backup, err = Open(t.Context(), Config{DB: h.db, Ledger: h.ledger, Store: w.store, Data: dir, Keys: []string{"authority", recoveryFile, "cases"},
		Migrate: func(ctx context.Context, db *database.DB) error { return migrate(ctx, db, h.authority) }, Program: "test", Now: now, Logger: log})
	must(t, err)
	h.segments = NewSegments(SegmentsConfig{Ledger: h.ledger, Store: w.store, Key: KeyOf(h.authority),
		Certificate: func(_ context.Context, device string) ([]byte, error) { return w.certificates[device], nil },
		Moved: func(_ context.Context, _ string, j wire.JournalID) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.told = append(h.told, j.String())
		}})
	return h
}

// decide stands for anything people decide.
func (h *hub) decide(name string) {
	h.t.Helper()
	_, err := chores.Open(h.t.Context(), chores.Config{DB: h.db, Chores: []chores.Chore{{Name: name}}})
	must(h.t, err)
}

func (h *hub) decided() string {
	h.t.Helper()
	c, err := chores.Open(h.t.Context(), chores.Config{DB: h.db})
	must(h.t, err)
	all, err := c.Status(h.t.Context())
	must(h.t, err)
	text := ""
	for _, s := range all {
		text += s.Name + " "
	}
	return text
}

// rows is the export: every answer, with all that is shown of it.
func (h *hub) rows() map[string]string {
	h.t.Helper()
	all := map[string]string{}
	for r, err := range h.ledger.Answers(h.t.Context(), ledger.Filter{}) {
		must(h.t, err)
		if all[r.ID.String()] != "" {
			h.t.Errorf("answer %s is exported twice", r.ID)
		}
		all[r.ID.String()] = fmt.Sprintf("%s %s %d %s %s %s %d %d %d %d %v", r.Device, r.Journal, r.Seq, r.Place, r.Question, r.Language, r.Score, r.TakenAt, r.TakenWidth, r.ReceivedAt, r.Flags)
	}
	return all
}

func (h *hub) safe(k *kiosk) uint64 {
	h.t.Helper()
	s, err := h.ledger.Standing(h.t.Context(), k.device, wire.Offer{Journal: k.journal, Base: k.points[0]})
	must(h.t, err)
	return s.Safe.Seq
}

// kiosk is a device with a journal.
type kiosk struct {
	t       *testing.T
	key     crypto.Signer
	device  string
	journal wire.JournalID
	records [][]byte
	points  []wire.Point // points[i] is before records[i]
}

// admit makes a kiosk whose certificate the hub's authority issued.
func (w *world) admit(place string) *kiosk {
	t := w.t
	t.Helper()
	key, err := ident.OpenKey(t.TempDir())
	must(t, err)
	k := &kiosk{t: t, key: key, device: ident.DeviceID(key.Public())}
	copy(k.journal[:], k.device)
	k.points = []wire.Point{wire.At(0, k.journal.Genesis())}
	w.certificates[k.device], err = w.authority.IssueDevice(key.Public(), k.device, noon)
	must(t, err)
	k.add(wire.Boot{Nonce: [16]byte(k.journal), Wall: noon.UnixMicro(), Place: place, Program: "test"})
	return k
}

func (k *kiosk) add(r wire.Record) {
	k.t.Helper()
	b, err := wire.EncodeRecord(r)
	must(k.t, err)
	k.records = append(k.records, b)
	last := k.points[len(k.points)-1]
	k.points = append(k.points, wire.At(last.Seq+1, last.Chain.Extend(b)))
}

// tap keeps n ratings.
func (k *kiosk) tap(n int) {
	for range n {
		seq := len(k.records)
		k.add(wire.Answer{Uptime: uint64(seq) * 60_000_000, Questionnaire: "today", Version: 1, Question: "satisfied", Language: "vi", Score: uint8(1 + seq%5)})
	}
}

func (k *kiosk) head() int { return len(k.records) }

// deliver gives the hub the records after from, up to to.
func (k *kiosk) deliver(h *hub, from, to int) {
	k.t.Helper()
	outcomes, err := h.ledger.Append(k.t.Context(), []ledger.Delivery{k.delivery(from, to)})
	must(k.t, err)
	if !outcomes[0].Fits {
		k.t.Fatalf("records %d to %d do not fit: hub stands at %d", from+1, to, outcomes[0].Standing.Received.Seq)
	}
}

func (k *kiosk) delivery(from, to int) ledger.Delivery {
	k.t.Helper()
	b, end, err := wire.Pack(k.journal, k.points[from], k.records[from:to])
	must(k.t, err)
	b.Signature, err = ident.Sign(k.key, wire.BatchStatement(k.journal, end))
	must(k.t, err)
	return ledger.Delivery{Device: k.device, Parent: k.points[0], Batch: b, Records: k.records[from:to], Points: k.points[from+1 : to+1]}
}

// restoreInto makes a new hub from the archive.
func (w *world) restoreInto(t *testing.T, dir string, change func(*RestoreConfig)) (Report, *hub, error) {
	t.Helper()
	url := w.newURL()
	cfg := RestoreConfig{Data: dir, Database: url, Store: w.store, OffDisk: true, Secret: w.secret, Migrate: migrate,
		Readmit: func(context.Context, []byte, string) (bool, error) { return true, nil },
		Now:     func() time.Time { return w.at }, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	report, err := Restore(t.Context(), cfg)
	if err != nil {
		return report, nil, err
	}
	return report, w.open(t, dir, url), nil
}

func stranger(t *testing.T) string {
	t.Helper()
	secret, _, err := seal.NewIdentity()
	must(t, err)
	return secret
}
