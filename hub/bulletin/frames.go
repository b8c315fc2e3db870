package bulletin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"nghe/hub/database"
	"nghe/shared/wire"
)

const (
	// perFrame bounds the items of one frame, in bytes: on a line of 4 KiB/s a
	// frame takes some eight seconds, and a cut costs no more than that.
	perFrame = 32 << 10
	// rowsPerFrame bounds one read.
	rowsPerFrame = 4096
)

// Ask is what a kiosk is to be told.
type Ask struct {
	Held  uint64 // the version it holds
	Ahead bool   // the newest sheet even before its turn: the right questions come first
	Clips bool   // it knows recordings; without, they are left out
}

// Next is the next frame for a kiosk; false when it is up to date.
func (b *Bulletin) Next(ctx context.Context, ask Ask) (wire.Bulletin, bool, error) {
	head := b.Head()
	if head == 0 || ask.Held >= head {
		return wire.Bulletin{}, false, nil
	}
	if ask.Held < wire.BulletinBase(head) {
		ask.Held = 0 // whatever it holds, it is of another time
	}
	if f, ok := b.cache.get(ask); ok {
		return f, true, nil
	}
	f, err := b.frame(ctx, ask)
	if err != nil || f.Version <= ask.Held {
		return wire.Bulletin{}, false, err
	}
	b.cache.put(ask, f)
	return f, true, nil
}

func (b *Bulletin) frame(ctx context.Context, ask Ask) (f wire.Bulletin, err error) {
	var body wire.BulletinBody
	err = b.cfg.DB.Snapshot(ctx, func(q database.Queryer) error {
		f.Version, body, err = b.collect(ctx, q, ask)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("collect bulletin after %d: %w", ask.Held, err)
	}
	if f.Body, err = wire.EncodeBulletin(body); err != nil {
		return f, fmt.Errorf("encode bulletin after %d: %w", ask.Held, err)
	}
	if f.Signature, err = b.cfg.Sign(wire.BulletinStatement(f.Version, f.Body)); err != nil {
		return f, fmt.Errorf("sign bulletin: %w", err)
	}
	return f, nil
}

func (b *Bulletin) collect(ctx context.Context, q database.Queryer, ask Ask) (version uint64, body wire.BulletinBody, err error) {
	is, err := scanState(q.QueryRowContext(ctx, b.sql["head"]))
	if err != nil {
		return 0, body, err
	}
	base := wire.BulletinBase(uint64(is.version))
	body.Since = ask.Held
	items, more, err := b.items(ctx, q, max(ask.Held, base))
	if err != nil {
		return 0, body, err
	}
	version = uint64(is.version)
	switch {
	case more:
		version = uint64(items[len(items)-1].version)
	case is.whole == 1:
		body.Forget = base
	}
	for _, i := range items {
		if i.kind != itemClip || ask.Clips {
			i.into(&body)
		}
	}
	body.Sheet, err = b.sheetFor(ctx, q, version, ask)
	return version, body, err
}

// items are whole versions of them, as many as fit a frame.
func (b *Bulletin) items(ctx context.Context, q database.Queryer, after uint64) (some []item, more bool, err error) {
	rows, err := q.QueryContext(ctx, b.sql["items"], int64(after), rowsPerFrame)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	size := 0
	for rows.Next() {
		var i item
		if err := rows.Scan(&i.kind, &i.key, &i.value, &i.version); err != nil {
			return nil, false, err
		}
		some = append(some, i)
		if size += i.size(); size > perFrame {
			break
		}
	}
	if err := rows.Err(); err != nil {
		return nil, false, err
	}
	if size <= perFrame && len(some) < rowsPerFrame {
		return some, false, nil
	}
	return wholeVersions(some), true, nil
}

// wholeVersions leaves the last version for the next frame: it may go on.
func wholeVersions(some []item) []item {
	end := len(some)
	for end > 0 && some[end-1].version == some[len(some)-1].version {
		end--
	}
	return some[:end] // not empty: one version is smaller than a frame
}

func (i item) into(body *wire.BulletinBody) {
	switch i.kind {
	case itemBox:
		if len(i.value) == 0 {
			body.Gone = append(body.Gone, [16]byte(i.key))
			return
		}
		body.AddBox([16]byte(i.key), i.value)
	case itemRevoked:
		body.Revoked = append(body.Revoked, string(i.key))
	case itemBlob:
		body.Deleted = append(body.Deleted, wire.Deletion{Kind: wire.DeletedBlob, Name: i.key})
	case itemReceipt:
		body.Deleted = append(body.Deleted, wire.Deletion{Kind: wire.DeletedReceipt, Name: i.key})
	case itemClip:
		body.Clips = append(body.Clips, i.clipPart())
	}
}

func (b *Bulletin) sheetFor(ctx context.Context, q database.Queryer, version uint64, ask Ask) ([]wire.Sheet, error) {
	var packed []byte
	var came int64
	err := q.QueryRowContext(ctx, b.sql["sheet"]).Scan(&packed, &came)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if ask.Held >= uint64(came) || !ask.Ahead && version < uint64(came) {
		return nil, nil
	}
	body, err := wire.DecodeBulletin(packed)
	return body.Sheet, err
}

// cache keeps frames many kiosks ask for in the same minute. One that is in it
// when the head moves is no worse than one that is on the line.
type cache struct {
	mu     sync.Mutex
	frames map[Ask]wire.Bulletin
}

// mostCached bounds the cache to some 4 MiB.
const mostCached = 128

func (c *cache) get(r Ask) (wire.Bulletin, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.frames[r]
	return f, ok
}

func (c *cache) put(r Ask, f wire.Bulletin) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frames == nil || len(c.frames) >= mostCached {
		c.frames = map[Ask]wire.Bulletin{}
	}
	c.frames[r] = f
}

func (c *cache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = nil
}
