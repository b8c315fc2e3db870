package console

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"nghe/hub/chores"
)

// keeping is what is said of where everything lies: all of it on the first page,
// its troubles on every one.
type keeping struct {
	Class, Icon string
	Facts       []fact
	Troubles    []string
}

// keepingCache holds the troubles for worryEvery, so that every page can tell
// them. All fields belong to mu.
type keepingCache struct {
	mu       sync.Mutex
	at       time.Time
	troubles map[Language][]string
}

const worryEvery = 3 * time.Second

// worries are the troubles of now, or of a moment ago.
func (c *Console) worries(ctx context.Context, f *face) ([]string, error) {
	c.kept.mu.Lock()
	defer c.kept.mu.Unlock()
	now := c.cfg.Now()
	if age := now.Sub(c.kept.at); age < 0 || age >= worryEvery {
		c.kept.at, c.kept.troubles = now, map[Language][]string{}
	}
	if known, ok := c.kept.troubles[f.lang]; ok {
		return known, nil
	}
	k, err := c.keeping(ctx, f)
	if err == nil {
		c.kept.troubles[f.lang] = k.Troubles
	}
	return k.Troubles, err
}

// behind is how long blobs may wait for the archive before somebody should
// look, and a copy may be old.
const (
	blobsBehind = time.Hour
	copyBehind  = 36 * time.Hour
)

// keeping gathers what ledger, spool, copies and chores say.
func (c *Console) keeping(ctx context.Context, f *face) (keeping, error) {
	k := keeping{Class: "ok", Icon: "disk"}
	store := c.cfg.Archive
	if store == "" {
		store = f.text("keeping.nostore")
		k.worry("")
	}
	k.Facts = append(k.Facts, fact{Label: f.text("keeping.store"), Value: store})
	for _, add := range []func(context.Context, *face, *keeping) error{c.addRecords, c.addBlobs, c.addSpool, c.addCopies, c.addRetention, c.addChores, c.addRights} {
		if err := add(ctx, f, &k); err != nil {
			return k, err
		}
	}
	return k, nil
}

func (k *keeping) worry(why string) {
	k.Class, k.Icon = "late", "late"
	if why != "" {
		k.Troubles = append(k.Troubles, why)
	}
}

// addRecords counts what would go with the hub's disk: kiosks still hold it.
func (c *Console) addRecords(ctx context.Context, f *face, k *keeping) error {
	all, err := c.kiosks(ctx)
	if err != nil {
		return err
	}
	var waiting uint64
	for _, kiosk := range all {
		for _, j := range kiosk.Journals {
			waiting += j.Received - min(j.Safe, j.Received)
		}
	}
	k.Facts = append(k.Facts, fact{Label: f.text("keeping.unsafe"), Value: f.locale.Integer(int64(waiting))})
	return nil
}

func (c *Console) addBlobs(ctx context.Context, f *face, k *keeping) error {
	t, err := c.cfg.Ledger.BlobTotals(ctx)
	if err != nil {
		return fmt.Errorf("count blobs: %w", err)
	}
	n := func(n int) string { return f.locale.Integer(int64(n)) }
	now := c.cfg.Now()
	waiting := fact{Label: f.text("keeping.waiting"), Value: n(t.Waiting)}
	if t.Waiting > 0 {
		since := time.UnixMicro(t.WaitingSince)
		waiting.Note = f.text("keeping.oldest", f.locale.Bytes(t.WaitingBytes), f.when(since, now))
		if c.cfg.Archive != "" && now.Sub(since) > blobsBehind {
			k.worry(f.text("keeping.behind", n(t.Waiting), f.locale.Duration(now.Sub(since))))
		}
	}
	if t.Lost > 0 {
		k.worry(f.text("keeping.gone", n(t.Lost), f.when(time.UnixMicro(t.LostSince), now)))
	}
	missing := fact{Label: f.text("keeping.missing"), Value: n(t.Missing)}
	if t.Missing > 0 {
		missing.Note = f.text("keeping.since", f.when(time.UnixMicro(t.MissingSince), now))
	}
	k.Facts = append(k.Facts, fact{Label: f.text("keeping.archived"), Value: n(t.Archived), Note: f.locale.Bytes(t.ArchivedBytes)}, waiting, missing)
	return nil
}

func (c *Console) addSpool(_ context.Context, f *face, k *keeping) error {
	if c.cfg.Spool == nil {
		return nil
	}
	s := c.cfg.Spool.Stats()
	k.Facts = append(k.Facts, fact{Label: f.text("keeping.spool"), Value: f.locale.Bytes(s.Reserved), Note: f.text("keeping.of", f.locale.Bytes(s.Budget))})
	if s.Reserved > s.Budget/10*9 {
		k.worry(f.text("keeping.full"))
	}
	if s.Damaged > 0 {
		k.worry(f.text("keeping.damaged", f.locale.Integer(int64(s.Damaged))))
	}
	return nil
}

func (c *Console) addCopies(ctx context.Context, f *face, k *keeping) error {
	if c.cfg.Copies == nil {
		return nil
	}
	notes, err := c.cfg.Copies.Notes(ctx)
	if err != nil {
		return err
	}
	now := c.cfg.Now()
	made := fact{Label: f.text("keeping.copy"), Value: f.when(notes.CopyAt, now)}
	if age := now.Sub(notes.CopyAt); !notes.CopyAt.IsZero() && age > copyBehind {
		k.worry(f.text("keeping.oldcopy", f.locale.Duration(age)))
	} else if notes.CopyAt.IsZero() && c.cfg.Archive != "" {
		k.worry(f.text("keeping.nocopy"))
	}
	k.Facts = append(k.Facts, made)
	if c.cfg.Archive != "" {
		k.Facts = append(k.Facts, fact{Label: f.text("keeping.key"), Value: f.when(notes.KeyTried, now)})
		if notes.KeyTried.IsZero() && !notes.CopyAt.IsZero() {
			k.worry(f.text("keeping.nokey"))
		}
	}
	for _, l := range notes.Lost {
		k.Facts = append(k.Facts, fact{Label: f.text("keeping.lost"), Value: f.text("keeping.span", f.when(l.After, now), f.when(l.Until, now)), Note: f.text("keeping.what")})
	}
	return nil
}

// addRetention tells when deletion by age waits for a person.
func (c *Console) addRetention(ctx context.Context, f *face, k *keeping) error {
	if c.cfg.Deletions == nil {
		return nil
	}
	r, err := c.cfg.Deletions.Retention(ctx)
	if err != nil {
		return err
	}
	if r.Waits != "" {
		k.worry(f.text("keeping.waits."+r.Waits, f.locale.Integer(int64(r.Waiting)), f.locale.Date(r.Proven)))
	}
	return nil
}

// addChores tells only of those that fail, once for each cause: an archive that
// is away stops several.
func (c *Console) addChores(ctx context.Context, f *face, k *keeping) error {
	if c.cfg.Chores == nil {
		return nil
	}
	all, err := c.cfg.Chores.Status(ctx)
	if err != nil {
		return err
	}
	for _, s := range byCause(all) {
		key, why := "keeping.chore", firstLine(s[0].Error)
		if after, panicked := strings.CutPrefix(why, "panicked: "); panicked {
			key, why = "keeping.panic", after
		}
		var names []string
		for _, one := range s {
			names = append(names, f.chore(one.Name))
		}
		k.worry(f.text(key, strings.Join(names, "”, “"), f.locale.Integer(int64(s[0].InARow)), f.when(s[0].Ended, c.cfg.Now()), why))
	}
	return nil
}

// byCause puts those together whose errors end alike: after the last colon
// stands what was wrong at the bottom of it.
func byCause(all []chores.Status) (groups [][]chores.Status) {
	cause := func(s chores.Status) string {
		text, _, _ := strings.Cut(s.Error, "\n")
		return text[strings.LastIndex(text, ": ")+1:]
	}
	for _, s := range all {
		if s.InARow == 0 {
			continue
		}
		i := slices.IndexFunc(groups, func(g []chores.Status) bool { return cause(g[0]) == cause(s) })
		if i < 0 {
			groups = append(groups, []chores.Status{s})
			continue
		}
		groups[i] = append(groups[i], s)
	}
	return groups
}

// firstLine leaves out what follows the first line, such as a stack, and the
// middle of a long one: what to do stands at its end.
func firstLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if r := []rune(text); len(r) > 200 {
		return string(r[:40]) + " … " + string(r[len(r)-160:])
	}
	return text
}

// chore is its name in words, and which hub's where each has its own; one nobody
// has translated yet stands as it is.
func (f *face) chore(name string) string {
	for end := len(name); end > 0; end = strings.LastIndex(name[:end], "-") {
		if text, ok := f.words["chore."+name[:end]]; ok && end < len(name) {
			return text + " (" + name[end+1:] + ")"
		} else if ok {
			return text
		}
	}
	return name
}
