package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"nghe/hub/archive"
	"nghe/hub/database"
	"nghe/hub/ledger"
	"nghe/shared/durable"
	"nghe/shared/ident"
)

// RestoreConfig says what is made again from what.
type RestoreConfig struct {
	Data     string // folder of the new hub: empty, or not there yet
	Database string // as for database.Open; empty: SQLite in Data
	Store    archive.Store
	// OffDisk says that the archive is not on the new hub's own disk: only then
	// what is read from it is safe.
	OffDisk bool
	Secret  string // of the recovery key
	Copy    string // key of the copy; empty: the newest
	// Migrate opens every package's tables, so that a copy of an older program
	// is brought up to date.
	Migrate func(ctx context.Context, db *database.DB, authority *ident.Authority) error
	// Readmit is told, after the replay, of each device that has signed segments
	// and whose certificate is the authority's; place is where its records say it
	// stands. known says that the copy held the device.
	Readmit func(ctx context.Context, certificate []byte, place string) (known bool, err error)
	// Revoke is told, after that, of each device that the archive remembers as
	// revoked, also those no table knows; nil: nobody is.
	Revoke func(ctx context.Context, device string) error
	// Again is what must be done once more before anybody is served: deletions
	// recorded after the copy.
	Again []func(ctx context.Context, db *database.DB) error

	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: slog.Default
}

// Report says what a restore found.
type Report struct {
	Copy     Copy
	Passed   []string // newer ones that the key does not open, and why
	Lost     Lost
	LastSeen time.Time // the hub lived at least until the last record in the archive was received
	Epoch    uint64
	Objects  int // of segments
	Damaged  []string
	Unknown  []string // devices admitted after the copy
	Revoked  int      // devices that the archive remembers as revoked
	Unproven []string // keys of decisions in the archive without this hub's signature: not believed
	Audit    ledger.Audit
}

// unfinished marks a data folder whose restore has not come to its end.
const unfinished = "restore-is-not-finished"

// ErrUnfinished says that a restore was cut short: what it left is no hub.
var ErrUnfinished = errors.New("a restore into this folder was cut short; run the same hub restore again, it begins anew")

// Finished refuses a folder whose restore was cut short.
func Finished(data string) error {
	if _, err := os.Lstat(filepath.Join(data, unfinished)); err == nil {
		return fmt.Errorf("%s: %w", data, ErrUnfinished)
	}
	return nil
}

// Restore makes a hub again from its newest copy and every segment in the
// archive. No hub may run on the folder or the database. When it returns nil,
// the hub may be started; kiosks then refill what they still hold.
func Restore(ctx context.Context, cfg RestoreConfig) (Report, error) {
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &restore{cfg: cfg, devices: map[string][]byte{}}
	if err := r.run(ctx); err != nil {
		return r.report, fmt.Errorf("restore the hub: %w", err)
	}
	return r.report, nil
}

type restore struct {
	cfg       RestoreConfig
	report    Report
	manifest  manifest
	authority *ident.Authority
	db        *database.DB
	ledger    *ledger.Ledger
	devices   map[string][]byte // certificates of those whose segments were taken back
}

func (r *restore) run(ctx context.Context) (err error) {
	if err := r.choose(ctx); err != nil {
		return err
	}
	lock, err := r.claim()
	if err != nil {
		return err
	}
	defer lock.Close()
	defer func() {
		if r.db != nil {
			err = errors.Join(err, r.db.Close())
		}
		if err == nil {
			err = r.unmark()
		}
	}()
	for _, step := range []func(context.Context) error{r.open, r.begin, r.replay, r.readmit, r.revoke, r.again, r.note, r.audit} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// choose finds the newest copy that the key opens, before anything is touched.
func (r *restore) choose(ctx context.Context) error {
	copies, err := Copies(ctx, r.cfg.Store)
	if err != nil {
		return err
	}
	if len(copies) == 0 {
		return fmt.Errorf("there is no copy in %s: look whether it is the archive that the lost hub was started with", r.cfg.Store)
	}
	var first error
	for _, c := range copies {
		if r.cfg.Copy != "" && r.cfg.Copy != c.Key() {
			continue
		}
		r.report.Copy = c
		if err = opens(ctx, r.cfg.Store, c.Key(), r.cfg.Secret); err == nil || !errors.Is(err, errNotOurs) {
			return err
		}
		first = cmp.Or(first, err)
		r.report.Passed = append(r.report.Passed, err.Error())
	}
	if first != nil {
		return first
	}
	var there []string
	for _, c := range copies[:min(len(copies), 5)] {
		there = append(there, c.Key())
	}
	return fmt.Errorf("there is no copy %s; the newest are %s", r.cfg.Copy, strings.Join(there, ", "))
}

// claim takes an empty folder, or one where a restore was cut short, and marks
// it.
func (r *restore) claim() (*os.File, error) {
	if err := durable.MkdirAll(r.cfg.Data, 0o700); err != nil {
		return nil, err
	}
	cut := Finished(r.cfg.Data) != nil
	if err := r.empty(); err != nil && !cut {
		return nil, err
	}
	lock, err := durable.Lock(r.cfg.Data)
	if err != nil {
		return nil, fmt.Errorf("is a hub, or another restore, running on this folder? %w", err)
	}
	if cut {
		r.cfg.Logger.Info("an earlier restore into this folder was cut short; what it left is removed", "folder", r.cfg.Data)
		err = r.clear()
	} else {
		err = durable.WriteFile(r.mark(), nil, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// beside are names that may stand in a folder that is as good as empty.
func beside(name string) bool { return name == "lock" || name == "lost+found" }

func (r *restore) empty() error {
	entries, err := os.ReadDir(r.cfg.Data)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !beside(e.Name()) {
			return fmt.Errorf("%s is not empty (it holds %s), and a hub is only restored into an empty folder: if that is a hub, restored or alive, start it with hub serve; else give another folder with --data", r.cfg.Data, e.Name())
		}
	}
	return nil
}

// clear removes what a restore laid into a folder that was empty when it was
// marked.
func (r *restore) clear() error {
	entries, err := os.ReadDir(r.cfg.Data)
	for _, e := range entries {
		if name := e.Name(); !beside(name) && name != unfinished {
			err = errors.Join(err, os.RemoveAll(filepath.Join(r.cfg.Data, name)))
		}
	}
	return err
}

func (r *restore) mark() string { return filepath.Join(r.cfg.Data, unfinished) }

func (r *restore) unmark() error {
	if err := os.Remove(r.mark()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.SyncDir(r.cfg.Data)
}

// open lays out the copy and opens it as a hub would.
func (r *restore) open(ctx context.Context) (err error) {
	if r.manifest, err = extract(ctx, r.cfg.Store, r.report.Copy.Key(), r.cfg.Secret, r.cfg.Data); err != nil {
		return err
	}
	r.report.Lost = Lost{After: time.UnixMicro(r.manifest.At).UTC(), Until: r.cfg.Now().UTC()}
	url := cmp.Or(r.cfg.Database, "sqlite:"+filepath.Join(r.cfg.Data, sqliteName))
	if wants := strings.HasPrefix(url, "sqlite:"); wants != (r.manifest.Engine == database.SQLite) {
		return fmt.Errorf("the copy is of a hub on %s: %s", r.manifest.Engine, sameKind[r.manifest.Engine])
	}
	if r.authority, err = r.openAuthority(); err != nil {
		return err
	}
	if r.db, err = database.Open(ctx, url); err != nil {
		return err
	}
	if r.manifest.Engine == database.Postgres {
		if err := r.fill(ctx); err != nil {
			return err
		}
	}
	if err := r.cfg.Migrate(ctx, r.db, r.authority); err != nil {
		return err
	}
	r.ledger, err = ledger.Open(ctx, ledger.Config{DB: r.db, Now: r.cfg.Now, Logger: r.cfg.Logger})
	return err
}

var sameKind = map[database.Engine]string{
	database.SQLite:   "leave --database out",
	database.Postgres: "give an empty PostgreSQL database with --database postgres://…",
}

// openAuthority never makes one: it would orphan every kiosk.
func (r *restore) openAuthority() (*ident.Authority, error) {
	dir := filepath.Join(r.cfg.Data, "authority")
	if _, err := os.Stat(filepath.Join(dir, "authority.crt")); err != nil {
		return nil, fmt.Errorf("the copy holds no authority: %w", err)
	}
	return ident.OpenAuthority(dir, r.cfg.Now())
}

func (r *restore) fill(ctx context.Context) error {
	empty, err := r.db.Empty(ctx)
	if err != nil {
		return err
	}
	if !empty {
		return errors.New("the database is not empty (a restore that was cut short may have filled it), and a hub is only restored into an empty one: make one with createdb, and give it with --database")
	}
	if err := r.cfg.Migrate(ctx, r.db, r.authority); err != nil {
		return err
	}
	return load(ctx, r.db, r.manifest, r.cfg.Data)
}

// notes are those of the hub as it was: its keys are in the copy.
func (r *restore) notes() archive.Notes { return NotesIn(r.cfg.Store, r.authority) }

// epochsPrefix is where the epochs stand that were begun by restores.
const epochsPrefix = "epochs/"

// begin gives the hub an epoch that no kiosk has met: above the copy's, above
// those in the archive, and above the clock's seconds, for a restore from
// another archive may have taken place.
func (r *restore) begin(ctx context.Context) (err error) {
	above := max(r.manifest.Epoch, uint64(max(r.cfg.Now().Unix(), 0)))
	r.report.Unproven, err = r.notes().All(ctx, epochsPrefix, func(key string, _ []byte) error {
		var n uint64
		if _, err := fmt.Sscanf(key, epochsPrefix+"%d", &n); err == nil {
			above = max(above, n)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list epochs: %w", err)
	}
	if r.report.Epoch, err = r.ledger.BeginEpoch(ctx, above); err != nil {
		return err
	}
	text := fmt.Appendf(nil, "A hub was restored from %s and began epoch %d.", r.report.Copy.Key(), r.report.Epoch)
	key := fmt.Sprintf("%s%020d", epochsPrefix, r.report.Epoch)
	if err := r.notes().Put(ctx, key, text); err != nil {
		return fmt.Errorf("name the epoch in the archive, so that no other restore takes it: %w", err)
	}
	return nil
}

// revoke does not wait for the hub to be served: a device that was stolen must
// find no door open.
func (r *restore) revoke(ctx context.Context) error {
	all, unproven, err := remembered(ctx, r.notes(), revokedPrefix)
	r.report.Unproven = append(r.report.Unproven, unproven...)
	if err != nil || r.cfg.Revoke == nil {
		return err
	}
	for _, device := range all {
		if err := r.cfg.Revoke(ctx, device); err != nil {
			return fmt.Errorf("revoke device %s again: %w", device, err)
		}
	}
	r.report.Revoked = len(all)
	return nil
}

// note leaves word of what is lost for whoever looks at the hub later.
func (r *restore) note(ctx context.Context) error {
	b, err := Open(ctx, Config{DB: r.db, Logger: r.cfg.Logger})
	if err != nil {
		return err
	}
	return b.noteLost(ctx, r.report.Lost)
}

func (r *restore) again(ctx context.Context) error {
	for _, do := range r.cfg.Again {
		if err := do(ctx, r.db); err != nil {
			return err
		}
	}
	return nil
}

func (r *restore) audit(ctx context.Context) (err error) {
	if r.report.LastSeen, err = r.ledger.LastReceived(ctx); err != nil {
		return err
	}
	r.report.Audit, err = r.ledger.Audit(ctx, nil) // every signature was checked on the way in
	return err
}
