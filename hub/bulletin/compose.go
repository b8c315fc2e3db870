package bulletin

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"nghe/hub/database"
	"nghe/shared/wire"
)

// Kinds of items. Numbers are in the database: append only.
const (
	itemBox     = 1
	itemRevoked = 2
	itemBlob    = 3
	itemReceipt = 4
	itemClip    = 5
)

// item is one thing kiosks are told once.
type item struct {
	kind       int64
	key, value []byte
	version    int64
}

// size is what an item takes in a frame, about.
func (i item) size() int { return len(i.key) + len(i.value) + 4 }

const (
	// perVersion bounds the items of one version, in bytes: less than a frame,
	// so that a frame can end between any two versions.
	perVersion = 24 << 10
	// boxesAtOnce bounds one transaction.
	boxesAtOnce = 4096
)

// Refresh composes a new version when anything that kiosks are told has
// changed.
func (b *Bulletin) Refresh(ctx context.Context) error { return b.refresh(ctx, true) }

// refresh with all also looks at what changes seldom and is long to read.
func (b *Bulletin) refresh(ctx context.Context, all bool) error {
	b.composing.Lock()
	defer b.composing.Unlock()
	for {
		more, err := b.step(ctx, all)
		if err != nil || !more {
			return err
		}
	}
}

// news is what the sources hold that the bulletin may lack.
type news struct {
	base  uint64 // version before the first of the hub's restore epoch
	boxes []Box
	since uint64 // the boxes are those changed after
	items []item // of other kinds
	all   bool   // beside these there is nothing
}

// begins says whether the epoch has not been begun in a version.
func (n news) begins(version int64) bool { return n.base > uint64(version) }

// step takes in some of what is new. more means that there may be more.
func (b *Bulletin) step(ctx context.Context, all bool) (more bool, err error) {
	is, err := b.look(ctx)
	if err != nil {
		return false, err
	}
	n, err := b.gather(ctx, is, all)
	if err != nil {
		return false, err
	}
	begins := n.begins(is.version)
	if b.composed && !begins && len(n.boxes) == 0 && len(n.items) == 0 && is.taken == is.edits && (is.whole == 1 || !n.all) {
		return false, nil
	}
	head, err := b.compose(ctx, n)
	if err != nil {
		return false, fmt.Errorf("compose bulletin: %w", err)
	}
	b.composed = true
	b.reached(head)
	return begins || len(n.boxes) == boxesAtOnce, nil
}

func (b *Bulletin) gather(ctx context.Context, is state, all bool) (n news, err error) {
	epoch, err := b.cfg.Epoch(ctx)
	if err != nil {
		return n, fmt.Errorf("read restore epoch: %w", err)
	}
	if n.base, err = wire.BulletinVersion(epoch, 0); err != nil || n.begins(is.version) {
		return n, err // begin the epoch first, then look again
	}
	if n.since = uint64(is.cases); b.cfg.Boxes != nil {
		if n.boxes, err = b.cfg.Boxes(ctx, n.since, boxesAtOnce); err != nil {
			return n, err
		}
	}
	if all {
		n.items, err = b.seldom(ctx)
		n.all = len(n.boxes) < boxesAtOnce
	}
	return n, err
}

// seldom lists revoked devices and deletions the bulletin does not hold yet.
func (b *Bulletin) seldom(ctx context.Context) (items []item, err error) {
	if b.cfg.Revoked != nil {
		devices, err := b.cfg.Revoked(ctx)
		if err != nil {
			return nil, fmt.Errorf("read revoked devices: %w", err)
		}
		for _, id := range devices {
			items = append(items, item{kind: itemRevoked, key: []byte(id)})
		}
	}
	if b.cfg.Deleted != nil {
		deleted, err := b.cfg.Deleted(ctx)
		if err != nil {
			return nil, fmt.Errorf("read deletions: %w", err)
		}
		for _, d := range deleted {
			kind := int64(itemBlob)
			if d.Kind == wire.DeletedReceipt {
				kind = itemReceipt
			}
			items = append(items, item{kind: kind, key: d.Name})
		}
	}
	return b.unknown(ctx, items)
}

func (b *Bulletin) unknown(ctx context.Context, items []item) (missing []item, err error) {
	known := map[int64]map[string]bool{}
	for _, i := range items {
		if known[i.kind] == nil {
			if known[i.kind], err = b.keys(ctx, i.kind); err != nil {
				return nil, err
			}
		}
		if !known[i.kind][string(i.key)] {
			known[i.kind][string(i.key)] = true
			missing = append(missing, i)
		}
	}
	return missing, nil
}

func (b *Bulletin) keys(ctx context.Context, kind int64) (map[string]bool, error) {
	all := map[string]bool{}
	err := database.Each(ctx, b.cfg.DB.Read(), "read items", b.sql["known items"], func(rows *sql.Rows) error {
		var key []byte
		err := rows.Scan(&key)
		all[string(key)] = true
		return err
	}, kind)
	return all, err
}

// compose writes what is new under new versions and returns the head.
func (b *Bulletin) compose(ctx context.Context, n news) (head uint64, err error) {
	err = b.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		is, err := scanState(tx.QueryRowContext(ctx, b.sql["lock head"]))
		if err != nil {
			return err
		}
		if is, err = b.begin(ctx, tx, is, n); err != nil {
			return err
		}
		if is, err = b.takeSheet(ctx, tx, is); err != nil {
			return err
		}
		if is, err = b.takeRecordings(ctx, tx, is); err != nil {
			return err
		}
		if is, err = b.takeItems(ctx, tx, is, n); err != nil {
			return err
		}
		head = uint64(is.version)
		_, err = tx.Exec(ctx, b.sql["move head"], is.version, is.cases, is.edits, is.whole)
		return err
	})
	return head, err
}

// begin starts over when the epoch is new.
func (b *Bulletin) begin(ctx context.Context, tx *database.Tx, is state, n news) (state, error) {
	if !n.begins(is.version) {
		return is, nil
	}
	if _, err := tx.Exec(ctx, b.sql["forget items"]); err != nil {
		return is, err
	}
	return state{version: int64(n.base), edits: is.edits, taken: -1}, nil
}

// next is the version after.
func next(version int64) (int64, error) {
	if base := wire.BulletinBase(uint64(version)); wire.BulletinBase(uint64(version+1)) != base {
		return 0, fmt.Errorf("bulletin %d: no version is left in this restore epoch", version)
	}
	return version + 1, nil
}

// takeSheet makes the sheet anew when it was published or ordered, or the
// cases key is another one.
func (b *Bulletin) takeSheet(ctx context.Context, tx *database.Tx, is state) (state, error) {
	body, err := b.sheet(ctx, tx)
	if err != nil {
		return is, err
	}
	var held []byte
	var came int64
	err = tx.QueryRowContext(ctx, b.sql["sheet"]).Scan(&held, &came)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return is, err
	}
	if bytes.Equal(held, body) && is.taken >= 0 {
		return is, nil
	}
	if is.version, err = next(is.version); err != nil {
		return is, err
	}
	_, err = tx.Exec(ctx, b.sql["put sheet"], body, is.version)
	return is, err
}

// content is what was published, as a body with one sheet.
func (b *Bulletin) content(ctx context.Context, q database.Queryer) (wire.BulletinBody, error) {
	content := wire.BulletinBody{Sheet: []wire.Sheet{{}}}
	var body []byte
	err := q.QueryRowContext(ctx, b.sql["content"]).Scan(&body)
	if err == nil {
		content, err = wire.DecodeBulletin(body)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return content, fmt.Errorf("read what was published: %w", err)
	}
	return content, nil
}

// sheet is what was published with the orders of now, as a body of its own.
func (b *Bulletin) sheet(ctx context.Context, tx *database.Tx) ([]byte, error) {
	content, err := b.content(ctx, tx)
	if err != nil {
		return nil, err
	}
	orders, err := b.orders(ctx, tx)
	if err != nil {
		return nil, err
	}
	s := &content.Sheet[0]
	s.Cases, s.Orders = b.cfg.CasesKey, nil
	for _, o := range orders {
		s.Orders = append(s.Orders, wire.Order{ID: o.ID, Kind: o.Kind, Device: o.Device, Issued: o.Issued.UnixMicro(), Until: o.Until.UnixMicro()})
	}
	return wire.EncodeBulletin(content)
}

// takeItems takes in what is new, unless somebody else did meanwhile.
func (b *Bulletin) takeItems(ctx context.Context, tx *database.Tx, is state, n news) (state, error) {
	items, all := slices.Clone(n.items), n.all
	if n.since == uint64(is.cases) {
		for _, box := range n.boxes {
			items = append(items, item{kind: itemBox, key: box.Tag[:], value: box.Box})
			is.cases = int64(box.Changed)
		}
	} else {
		all = false
	}
	var err error
	if is.version, err = b.putItems(ctx, tx, is.version, gone(items)); err != nil {
		return is, err
	}
	if all && is.whole == 0 { // kiosks are told to forget with a version of its own
		is.whole = 1
		is.version, err = next(is.version)
	}
	return is, err
}

// putItems gives every few hundred items a version, and returns the last.
func (b *Bulletin) putItems(ctx context.Context, tx *database.Tx, version int64, items []item) (int64, error) {
	var kinds, versions []int64
	var keys, values [][]byte
	var err error
	for size, at := 0, 0; at < len(items); at++ {
		i := items[at]
		if size += i.size(); at == 0 || size > perVersion {
			if version, err = next(version); err != nil {
				return 0, err
			}
			size = i.size()
		}
		kinds, versions = append(kinds, i.kind), append(versions, version)
		keys, values = append(keys, i.key), append(values, append([]byte{}, i.value...)) // never NULL
	}
	_, err = tx.Many(ctx, b.sql["put items"], kinds, keys, values, versions)
	return version, err
}

// gone adds an empty box for every receipt whose data was deleted. It comes
// after any box of the same receipt, and takes its place.
func gone(items []item) []item {
	deleted := map[string]bool{}
	for _, i := range items {
		if i.kind == itemReceipt {
			deleted[string(i.key)] = true
		}
	}
	if len(deleted) == 0 {
		return items
	}
	var all []item
	for _, i := range items {
		if i.kind != itemBox || !deleted[string(i.key)] {
			all = append(all, i)
		}
	}
	for tag := range deleted {
		all = append(all, item{kind: itemBox, key: []byte(tag)})
	}
	return all
}
