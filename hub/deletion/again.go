package deletion

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"nghe/hub/archive"
	"nghe/hub/database"
	"nghe/shared/blob"
	"nghe/shared/wire"
)

// marksPrefix is where the archive remembers orders: a copy of the hub may be
// older than the last of them.
const marksPrefix = "deletions/"

// markText is what stands there: nothing of who asked or why.
type markText struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"` // hexadecimal
	Asked int64  `json:"asked_us"`
	Rule  string `json:"rule,omitempty"`
}

var kindNames = map[wire.DeletionKind]string{wire.DeletedBlob: "blob", wire.DeletedReceipt: "receipt"}

// mark remembers an order in the archive.
func (d *Deletions) mark(ctx context.Context, is Deletion) error {
	if d.cfg.Store == nil || !is.Marked.IsZero() {
		return nil
	}
	m := markText{Kind: kindNames[is.Kind], Name: hex.EncodeToString(is.Name), Asked: is.At.UnixMicro(), Rule: is.Rule}
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("mark deletion: %w", err)
	}
	err = archive.Verified(d.cfg.Store).Put(ctx, marksPrefix+m.Kind+"-"+m.Name, blob.Of(text), bytes.NewReader(text))
	if err != nil && !errors.Is(err, archive.ErrExists) { // another hub ordered the same
		return fmt.Errorf("mark deletion in the archive: %w", err)
	}
	return d.exec(ctx, "marked", d.now(), is.Number)
}

// Again does every order once more, those that only the archive remembers as
// well. A restore calls it before the hub serves.
func (d *Deletions) Again(ctx context.Context) error {
	if err := d.remember(ctx); err != nil {
		return fmt.Errorf("delete again: %w", err)
	}
	err := d.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		for _, undo := range []string{"undo done", "undo gone"} {
			if _, err := tx.ExecContext(ctx, d.sql[undo]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = d.all(ctx, "undone")
	}
	if err != nil {
		return fmt.Errorf("delete again: %w", err)
	}
	return nil
}

// remember takes over the orders that the archive has and the copy had not.
func (d *Deletions) remember(ctx context.Context) error {
	if d.cfg.Store == nil {
		return nil
	}
	var keys []string
	err := d.cfg.Store.List(ctx, marksPrefix, func(key string) error {
		keys = append(keys, key)
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the archive's deletions: %w", err)
	}
	for _, key := range keys {
		is, err := parseMark(strings.TrimPrefix(key, marksPrefix))
		if err != nil {
			d.log.Warn("a name among the archive's deletions is not one", "key", key, "err", err)
			continue
		}
		asked, rule := d.asked(ctx, key)
		err = d.exec(ctx, "put", int64(is.Kind), is.Name, asked, "", "ordered before the hub was restored; the archive remembered it", rule, 1)
		if err != nil {
			return err
		}
	}
	return nil
}

// parseMark reads what matters from the name: bytes in an archive may be
// damaged.
func parseMark(name string) (Deletion, error) {
	kind, text, _ := strings.Cut(name, "-")
	b, err := hex.DecodeString(text)
	switch {
	case err != nil:
		return Deletion{}, err
	case kind == kindNames[wire.DeletedBlob] && len(b) == len(blob.Hash{}):
		return Deletion{Kind: wire.DeletedBlob, Name: b}, nil
	case kind == kindNames[wire.DeletedReceipt] && len(b) == 16:
		return Deletion{Kind: wire.DeletedReceipt, Name: b}, nil
	}
	return Deletion{}, errors.New("neither a blob nor a receipt")
}

// asked is when a remembered order was given, and by which rule; now when that
// cannot be read.
func (d *Deletions) asked(ctx context.Context, key string) (at int64, rule string) {
	body, err := d.cfg.Store.Get(ctx, key)
	if err != nil {
		return d.now(), ""
	}
	defer body.Close() // read only
	var m markText
	text, err := io.ReadAll(io.LimitReader(body, 4<<10))
	if err != nil || json.Unmarshal(text, &m) != nil || m.Asked <= 0 {
		return d.now(), ""
	}
	return m.Asked, m.Rule
}
