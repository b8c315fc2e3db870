package bulletin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"nghe/hub/database"
	"nghe/shared/clip"
	"nghe/shared/feedback"
	"nghe/shared/wire"
)

const (
	// mostRecorded bounds all recordings, in bytes: three quarters of an hour at
	// 24 kbit/s, which cross a line of 4 KiB/s in as long.
	mostRecorded = 8 << 20
	// perPart is such that two parts, and no more, go into one frame.
	perPart = 15 << 10
)

// recordings reads speech/: a folder for each language, in it for each text a
// recording NAME.ogg or NAME.opus and, in NAME.txt, the text it speaks as the
// screen shows it.
func (c *content) recordings(files fs.FS, dir string) error {
	languages, err := fs.ReadDir(files, dir)
	if err != nil {
		return refused(dir, err)
	}
	for _, l := range languages {
		below := path.Join(dir, l.Name())
		switch {
		case strings.HasPrefix(l.Name(), "."):
			continue
		case !l.IsDir() || !slices.Contains(feedback.Languages(), feedback.Language(l.Name())):
			return &Refused{File: below, Want: "has no meaning here; make a folder for each language: vi, en, ko, zh-Hans"}
		}
		if err := c.recordingsIn(files, below, feedback.Language(l.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (c *content) recordingsIn(files fs.FS, dir string, l feedback.Language) error {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return refused(dir, err)
	}
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
	}
	for _, e := range entries {
		file, stem := path.Join(dir, e.Name()), strings.TrimSuffix(e.Name(), path.Ext(e.Name()))
		switch ending := path.Ext(e.Name()); {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir() || !slices.Contains([]string{".ogg", ".opus", ".txt"}, ending):
			return &Refused{File: file, Want: "has no meaning here; name recordings *.ogg or *.opus"}
		case ending == ".txt" && !has(stem+".ogg") && !has(stem+".opus"):
			return &Refused{File: file, Want: "has no recording beside it; add " + stem + ".ogg or " + stem + ".opus"}
		case ending != ".txt":
			if err := c.recording(files, file, l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *content) recording(files fs.FS, file string, l feedback.Language) error {
	text, err := spokenIn(files, strings.TrimSuffix(file, path.Ext(file))+".txt")
	if err != nil {
		return err
	}
	sound, err := readFile(files, file)
	if err != nil {
		return err
	}
	if err := clip.Check(sound); err != nil {
		return &Refused{File: file, Want: err.Error()}
	}
	if c.recordedBytes += len(sound); c.recordedBytes > mostRecorded {
		return &Refused{File: file, Want: "is too much; all recordings together take at most 8 MiB"}
	}
	c.recorded[clip.Name(l, text)] = sound
	return c.once(file, fmt.Sprintf("a recording of %q", clip.Plain(text)))
}

// spokenIn is the text of a recording. Some editors put a mark before it.
func spokenIn(files fs.FS, file string) (string, error) {
	if _, err := fs.Stat(files, file); errors.Is(err, fs.ErrNotExist) {
		return "", &Refused{File: file, Want: "is missing; write into it the text that is spoken, as the screen shows it"}
	}
	body, err := readFile(files, file)
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(strings.ReplaceAll(strings.TrimPrefix(string(body), "\ufeff"), "\r\n", "\n"))
	if err := feedback.CheckWords("text", text, clip.MaxText); err != nil {
		return "", refused(file, err)
	}
	return text, nil
}

// keepRecordings puts those of a folder in the place of those before.
func (b *Bulletin) keepRecordings(ctx context.Context, tx *database.Tx, c content) error {
	if _, err := tx.Exec(ctx, b.sql["drop recordings"]); err != nil {
		return err
	}
	for name, sound := range c.recorded {
		if _, err := tx.Exec(ctx, b.sql["add recording"], name, sound); err != nil {
			return err
		}
	}
	return nil
}

// takeRecordings tells of what was published since, piece by piece, and of the
// pieces that are no more.
func (b *Bulletin) takeRecordings(ctx context.Context, tx *database.Tx, is state) (state, error) {
	if is.taken == is.edits {
		return is, nil
	}
	told, err := b.toldRecordings(ctx, tx)
	if err != nil {
		return is, err
	}
	items, err := b.newRecordings(ctx, tx, told)
	if err != nil {
		return is, err
	}
	is.version, err = b.putItems(ctx, tx, is.version, items)
	return is, err
}

// toldRecordings are the heads of the pieces kiosks were told of, by their keys.
func (b *Bulletin) toldRecordings(ctx context.Context, tx *database.Tx) (map[string][]byte, error) {
	told := map[string][]byte{}
	err := database.Each(ctx, tx, "read told recordings", b.sql["told recordings"], func(rows *sql.Rows) error {
		var key, head []byte
		err := rows.Scan(&key, &head)
		told[string(key)] = head
		return err
	}, int64(clipHead), int64(itemClip))
	return told, err
}

// newRecordings leaves out what was told already.
func (b *Bulletin) newRecordings(ctx context.Context, tx *database.Tx, told map[string][]byte) (items []item, err error) {
	err = database.Each(ctx, tx, "read recordings", b.sql["recordings"], func(rows *sql.Rows) error {
		var name string
		var sound []byte
		if err := rows.Scan(&name, &sound); err != nil {
			return err
		}
		for _, piece := range pieces(name, sound) {
			if !bytes.Equal(told[string(piece.key)], piece.value[:clipHead]) {
				items = append(items, piece)
			}
			delete(told, string(piece.key))
		}
		return nil
	})
	for key, head := range told {
		if len(head) > 0 {
			items = append(items, item{kind: itemClip, key: []byte(key)})
		}
	}
	return items, err
}

// clipHead is the length of what stands in an item before the octets of a
// piece: the hash of the whole recording and the number of its pieces.
const clipHead = sha256.Size + 2

// pieces are the items of one recording. Their keys are its name, an octet that
// no name has, and their place.
func pieces(name string, sound []byte) (all []item) {
	sum := sha256.Sum256(sound)
	chunks := slices.Collect(slices.Chunk(sound, perPart))
	for n, octets := range chunks {
		key := binary.BigEndian.AppendUint16(append([]byte(name), 0), uint16(n))
		value := binary.BigEndian.AppendUint16(sum[:], uint16(len(chunks)))
		all = append(all, item{kind: itemClip, key: key, value: append(value, octets...)})
	}
	return all
}

// clipPart is an item as kiosks get it.
func (i item) clipPart() wire.ClipPart {
	at := len(i.key) - 2
	p := wire.ClipPart{Name: string(i.key[:at-1]), Part: binary.BigEndian.Uint16(i.key[at:])}
	if len(i.value) > 0 {
		p.Sum, p.Parts, p.Octets = [sha256.Size]byte(i.value), binary.BigEndian.Uint16(i.value[sha256.Size:]), i.value[clipHead:]
	}
	return p
}
