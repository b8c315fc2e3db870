package deletion

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

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
	if d.cfg.Notes.Store == nil || !is.Marked.IsZero() {
		return nil
	}
	m := markText{Kind: kindNames[is.Kind], Name: hex.EncodeToString(is.Name), Asked: is.At.UnixMicro(), Rule: is.Rule}
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("mark deletion: %w", err)
	}
	err = d.cfg.Notes.Put(ctx, marksPrefix+m.Kind+"-"+m.Name, text)
	if err != nil && !errors.Is(err, archive.ErrExists) { // another hub ordered the same
		return fmt.Errorf("mark deletion in the archive: %w", err)
	}
	return d.exec(ctx, "marked", d.now(), is.Number)
}

// Again does every order once more, those that only the archive remembers as
// well. A restore calls it before the hub serves. Unproven are the keys of what
// stands among the archive's orders and is none of this hub's: not done.
func (d *Deletions) Again(ctx context.Context) (unproven []string, err error) {
	if unproven, err = d.remember(ctx); err != nil {
		return unproven, fmt.Errorf("delete again: %w", err)
	}
	err = d.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		for _, undo := range []string{"undo done", "undo gone"} {
			if _, err := tx.Exec(ctx, d.sql[undo]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = d.all(ctx, "undone")
	}
	if err != nil {
		return unproven, fmt.Errorf("delete again: %w", err)
	}
	return unproven, nil
}

// remember takes over the orders that the archive has and the copy had not. One
// by age that was given at a time which has not come yet was an error of a
// clock; the archive forgets it.
func (d *Deletions) remember(ctx context.Context) (unproven []string, err error) {
	if d.cfg.Notes.Store == nil {
		return nil, nil
	}
	var wrong []string
	unproven, err = d.cfg.Notes.All(ctx, marksPrefix, func(key string, text []byte) error {
		is, err := parseMark(text)
		if err != nil {
			return fmt.Errorf("read %s, which an older hub wrote: %w", key, err)
		}
		if is.Rule != "" && is.At.After(d.cfg.Now().Add(lags)) {
			wrong = append(wrong, key)
			return nil
		}
		return d.exec(ctx, "put", int64(is.Kind), is.Name, is.At.UnixMicro(), "", "ordered before the hub was restored; the archive remembered it", is.Rule, 1)
	})
	for _, key := range wrong {
		if err == nil {
			d.log.Warn("a deletion by age is not done again: its clock was ahead", "key", key)
			err = d.cfg.Notes.Store.Delete(ctx, key)
		}
	}
	return unproven, err
}

func parseMark(text []byte) (Deletion, error) {
	var m markText
	if err := json.Unmarshal(text, &m); err != nil {
		return Deletion{}, err
	}
	name, err := hex.DecodeString(m.Name)
	is := Deletion{Name: name, At: time.UnixMicro(m.Asked), Rule: m.Rule}
	switch {
	case err != nil:
		return Deletion{}, err
	case m.Kind == kindNames[wire.DeletedBlob] && len(name) == len(blob.Hash{}):
		is.Kind = wire.DeletedBlob
	case m.Kind == kindNames[wire.DeletedReceipt] && len(name) == 16:
		is.Kind = wire.DeletedReceipt
	default:
		return Deletion{}, errors.New("neither a blob nor a receipt")
	}
	return is, nil
}
