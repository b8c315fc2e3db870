package archive

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"nghe/shared/blob"
)

// Level says what a finding asks of an operator.
type Level string

// Levels.
const (
	Good Level = "good" // nothing
	Note Level = "note" // to know it
	Bad  Level = "bad"  // to change it before anything counts as archived
)

// Finding is one thing an archive can or cannot do.
type Finding struct {
	Check      string `json:"check"` // stable word: reach, read, once, list, delete, speed; of a bucket also tls, names, sha256, md5, stranger, versions, lock, clock; apart
	Level      Level  `json:"level"`
	Vietnamese string `json:"vi"`
	English    string `json:"en"`
}

func found(check string, level Level, vi, en string) Finding { return Finding{check, level, vi, en} }

// slowAnswer is how long one small object may take before an operator is told.
const slowAnswer = 2 * time.Second

// Examine tries out an archive with objects of its own under "probe/", and
// removes them. Everything found is told, also what is good.
func Examine(ctx context.Context, s Store) []Finding {
	if v, ok := s.(verified); ok {
		s = v.Store
	}
	x := &examination{store: s, key: "probe/" + rand.Text(), content: []byte(rand.Text())}
	x.reach(ctx)
	if x.stopped() {
		return x.findings
	}
	x.once(ctx)
	x.list(ctx)
	if bucket, ok := s.(*S3); ok {
		x.bucket(ctx, bucket)
	}
	x.delete(ctx)
	return x.findings
}

type examination struct {
	store    Store
	key      string
	content  []byte
	findings []Finding
	made     []string // keys to remove
}

func (x *examination) tell(check string, level Level, vi, en string) {
	x.findings = append(x.findings, found(check, level, vi, en))
}

// stopped says that nothing more can be tried.
func (x *examination) stopped() bool {
	return slices.ContainsFunc(x.findings, func(f Finding) bool { return f.Level == Bad })
}

func (x *examination) put(ctx context.Context, key string, b []byte) error {
	x.made = append(x.made, key)
	return x.store.Put(ctx, key, blob.Of(b), bytes.NewReader(b))
}

// reach puts an object and reads it back.
func (x *examination) reach(ctx context.Context) {
	began := time.Now()
	if err := x.put(ctx, x.key, x.content); err != nil {
		x.tell("reach", Bad, fmt.Sprintf("Không ghi được vào kho: %v", err), fmt.Sprintf("The archive cannot be written to: %v", err))
		return
	}
	wrote := time.Since(began)
	x.tell("reach", Good, fmt.Sprintf("Ghi được vào kho (%s).", x.store), fmt.Sprintf("The archive can be written to (%s).", x.store))
	began = time.Now()
	if err := Check(ctx, x.store, x.key, blob.Of(x.content)); err != nil {
		x.tell("read", Bad, fmt.Sprintf("Đọc lại không đúng những gì đã ghi: %v", err), fmt.Sprintf("What was written does not read back: %v", err))
		return
	}
	read := time.Since(began)
	x.tell("read", Good, "Đọc lại đúng từng byte đã ghi.", "What was written reads back byte for byte.")
	level := Good
	if wrote > slowAnswer || read > slowAnswer {
		level = Note
	}
	x.tell("speed", level, fmt.Sprintf("Một tệp nhỏ: ghi %s, đọc %s.", short(wrote), short(read)),
		fmt.Sprintf("One small object: written in %s, read in %s.", short(wrote), short(read)))
}

func short(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// once puts other bytes under the same name.
func (x *examination) once(ctx context.Context) {
	switch err := x.put(ctx, x.key, append([]byte("other "), x.content...)); {
	case errors.Is(err, ErrExists):
		x.tell("once", Good, "Tên đã có thì không bị ghi đè.", "A name that is taken is not written over.")
	case err == nil:
		x.tell("once", Bad, "Kho đã ghi đè lên một tên đã có.", "The archive wrote over a name that was taken.")
	default:
		x.untried("once", "không ghi đè", "not writing over", err)
	}
}

func (x *examination) list(ctx context.Context) {
	seen := false
	err := x.store.List(ctx, "probe/", func(key string) error {
		seen = seen || key == x.key
		return nil
	})
	switch {
	case err != nil:
		x.tell("list", Bad, fmt.Sprintf("Không liệt kê được kho, nên không khôi phục được từ kho: %v", err),
			fmt.Sprintf("The archive cannot be listed, so nothing can be restored from it: %v", err))
	case !seen:
		x.tell("list", Bad, "Danh sách của kho thiếu tệp vừa ghi.", "The archive's list lacks what was just written.")
	default:
		x.tell("list", Good, "Liệt kê được kho.", "The archive can be listed.")
	}
}

// delete removes all that the examination made.
func (x *examination) delete(ctx context.Context) {
	var err error
	for _, key := range slices.Compact(x.made) {
		if failed := x.store.Delete(ctx, key); err == nil {
			err = failed // one reason is enough to read
		}
	}
	if err == nil && !errors.Is(Check(ctx, x.store, x.key, blob.Of(x.content)), ErrNotFound) {
		err = errors.New("it is still there")
	}
	if err != nil {
		x.tell("delete", Note,
			fmt.Sprintf("Không xóa được: khi pháp luật yêu cầu xóa, kho vẫn giữ. Tệp thử còn lại dưới probe/. %v", err),
			fmt.Sprintf("Nothing can be deleted: what the law wants gone, the archive keeps. What was tried out stays under probe/. %v", err))
		return
	}
	x.tell("delete", Good, "Xóa được, khi pháp luật yêu cầu.", "Objects can be deleted, when the law wants it.")
}

func (x *examination) untried(check, vi, en string, err error) {
	x.tell(check, Note, fmt.Sprintf("Chưa thử được (%s): %v", vi, err), fmt.Sprintf("Could not be tried (%s): %v", en, err))
}

// Distance is the finding whether an archive outlives the disk of folder, the
// hub's data. Only then may kiosks delete what they have sent.
func Distance(s Store, folder string) Finding {
	switch apart, err := Apart(s, folder); {
	case err != nil:
		return found("apart", Bad, fmt.Sprintf("Không biết kho có ở ổ đĩa khác hay không: %v", err),
			fmt.Sprintf("Whether the archive is on another disk is not known: %v", err))
	case !apart:
		return found("apart", Bad, "Kho nằm cùng ổ đĩa với dữ liệu của hub: hỏng ổ đĩa là mất cả hai, nên các kiosk phải giữ mọi thứ.",
			"The archive is on the same disk as the hub's data: one broken disk takes both, so kiosks have to keep everything.")
	}
	return found("apart", Good, "Kho nằm ngoài ổ đĩa của hub.", "The archive is off the hub's own disk.")
}
