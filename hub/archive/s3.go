package archive

import (
	"context"
	"crypto/md5" // #nosec: what S3 compares uploads with
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"nghe/shared/blob"
)

const (
	slowest   = 16 << 10 // bytes a second a transfer is given time for
	pageSize  = 1000     // keys of one listing
	maxObject = 5 << 30  // bytes of one upload: S3's own limit
)

// S3 is a Store in a bucket.
type S3 struct {
	cfg  S3Config
	core minio.Core
	gate *gate
}

var _ Store = (*S3)(nil)

// NewS3 contacts nobody yet.
func NewS3(cfg S3Config) (*S3, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	gate, err := newGate(cfg)
	if err != nil {
		return nil, err
	}
	s := &S3{cfg: cfg, gate: gate}
	core, err := minio.NewCore(cfg.Host, s.options(credentials.NewStaticV4(cfg.Key, cfg.Secret, "")))
	if err != nil {
		return nil, fmt.Errorf("open archive at %s: %w", cfg.Host, err)
	}
	s.core = *core
	return s, nil
}

func (s *S3) options(as *credentials.Credentials) *minio.Options {
	lookup := minio.BucketLookupPath
	if s.cfg.DNS {
		lookup = minio.BucketLookupDNS
	}
	return &minio.Options{
		Creds: as, Secure: !s.cfg.Plain, Transport: s.gate, Region: s.cfg.Region, BucketLookup: lookup,
		MaxRetries: 1, // the hub's own list of what is due tries again, for days if need be
	}
}

func (s *S3) String() string { return fmt.Sprintf("bucket %s at %s", s.cfg.Bucket, s.cfg.Host) }

// Apart is true for a server on another machine. Of one on this machine nobody
// can see from here which disk it writes to.
func (s *S3) Apart(string) (bool, error) {
	if loopback(s.cfg.Host) {
		return false, fmt.Errorf("%s runs on this machine: if its disk is another, the operator has to say so", s)
	}
	return true, nil
}

// Put asks whether the key is there, and if not uploads in one request, which
// names MD5 and SHA-256 of the whole and may not replace.
func (s *S3) Put(ctx context.Context, key string, ref blob.Ref, body io.ReadSeeker) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if ref.Size > maxObject {
		return fmt.Errorf("put %s: %d bytes are more than an upload's %d", key, ref.Size, maxObject)
	}
	sum := md5.New() // #nosec
	if err := checked(ref, body, sum); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	there, err := s.holds(ctx, key)
	if err != nil {
		return s.explain("put", key, err)
	}
	if there {
		return same(ctx, s, key, ref)
	}
	return s.upload(ctx, key, ref, sum.Sum(nil), body)
}

func (s *S3) upload(ctx context.Context, key string, ref blob.Ref, sum []byte, body io.Reader) error {
	var opts minio.PutObjectOptions
	opts.SetMatchETagExcept("*")
	tag, err := s.send(ctx, key, ref, sum, body, opts)
	switch {
	case taken(err):
		return same(ctx, s, key, ref)
	case err != nil:
		return s.explain("put", key, err)
	case !strings.EqualFold(tag, hex.EncodeToString(sum)):
		// Some ways of encrypting give tags that are no MD5. Only the bytes tell.
		if err := Check(ctx, s, key, ref); err != nil {
			return fmt.Errorf("put %s: the store answered another MD5: %w", key, err)
		}
	}
	return nil
}

// sha256Header has capitals because minio-go takes the name in small letters
// for a wish for trailers.
const sha256Header = "X-Amz-Checksum-Sha256"

// send is one PUT, of exactly the bytes and sums it is given.
func (s *S3) send(ctx context.Context, key string, ref blob.Ref, sum []byte, body io.Reader, opts minio.PutObjectOptions) (tag string, err error) {
	ctx, w := s.watch(ctx, ref.Size)
	defer w.stop()
	opts.DisableContentSha256 = true // the hash given is signed instead
	opts.ContentType = "application/octet-stream"
	if opts.UserMetadata == nil {
		opts.UserMetadata = map[string]string{sha256Header: base64.StdEncoding.EncodeToString(ref.Hash[:])}
	}
	info, err := s.core.PutObject(ctx, s.cfg.Bucket, key, &moving{w, body}, int64(ref.Size),
		base64.StdEncoding.EncodeToString(sum), ref.Hash.String(), opts)
	if err != nil {
		return "", w.cause(ctx, err)
	}
	return info.ETag, nil
}

// holds asks without fetching. Where the question is refused the answer is
// "no": the upload itself replaces nothing, and is refused with a reason.
func (s *S3) holds(ctx context.Context, key string) (bool, error) {
	_, err := s.stat(ctx, key)
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && (answer.StatusCode == 404 || answer.StatusCode == 403 || answer.StatusCode == 400) {
		return false, nil
	}
	return err == nil, err
}

func (s *S3) stat(ctx context.Context, key string) (minio.ObjectInfo, error) {
	ctx, w := s.watch(ctx, 0)
	defer w.stop()
	info, err := s.core.StatObject(ctx, s.cfg.Bucket, key, minio.StatObjectOptions{})
	return info, w.cause(ctx, err)
}

// Get opens a download, which ends with an error when the server is silent or
// too slow.
func (s *S3) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	ctx, w := s.watch(ctx, 0)
	body, info, _, err := s.core.GetObject(ctx, s.cfg.Bucket, key, minio.GetObjectOptions{})
	if err != nil {
		defer w.stop()
		return nil, s.explain("get", key, w.cause(ctx, err))
	}
	w.allow(uint64(max(info.Size, 0)))
	return &download{s: s, ctx: ctx, w: w, key: key, body: body}, nil
}

type download struct {
	s    *S3
	ctx  context.Context
	w    *watch
	key  string
	body io.ReadCloser
}

func (d *download) Read(p []byte) (int, error) {
	n, err := d.body.Read(p)
	d.w.moved()
	if err != nil && err != io.EOF {
		err = d.s.explain("get", d.key, d.w.cause(d.ctx, err))
	}
	return n, err
}

func (d *download) Close() error {
	defer d.w.stop()
	return d.body.Close()
}

// Delete removes every version. Without the right to list versions it removes
// the newest, and fails when the bucket has others.
func (s *S3) Delete(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	versions, err := s.versions(ctx, key)
	if noVersions(err) {
		return s.deleteNewest(ctx, key)
	}
	if err != nil {
		return s.explain("delete", key, err)
	}
	for _, version := range versions {
		if err := s.remove(ctx, key, version); err != nil {
			return s.explain("delete", key, err)
		}
	}
	return nil
}

// noVersions is the answer of a server that knows no versions, or to a user who
// may not list them.
func noVersions(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && (answer.StatusCode == 403 || answer.StatusCode == 405 || answer.StatusCode == 501)
}

func (s *S3) deleteNewest(ctx context.Context, key string) error {
	info, err := s.stat(ctx, key)
	if err == nil && info.VersionID != "" && info.VersionID != "null" {
		return person{fmt.Errorf("delete %s: the bucket keeps old versions and this key may not list them; give it s3:ListBucketVersions and s3:DeleteObjectVersion", key)}
	}
	if err := s.remove(ctx, key, ""); err != nil {
		return s.explain("delete", key, err)
	}
	return nil
}

func (s *S3) remove(ctx context.Context, key, version string) error {
	ctx, w := s.watch(ctx, 0)
	defer w.stop()
	return w.cause(ctx, s.core.RemoveObject(ctx, s.cfg.Bucket, key, minio.RemoveObjectOptions{VersionID: version}))
}

// versions are the ids of all versions and delete marks of a key.
func (s *S3) versions(ctx context.Context, key string) (ids []string, err error) {
	ctx, w := s.watch(ctx, 0)
	defer w.stop()
	for info := range s.core.ListObjectsIter(ctx, s.cfg.Bucket, minio.ListObjectsOptions{Prefix: key, Recursive: true, WithVersions: true}) {
		switch {
		case info.Err != nil:
			return nil, w.cause(ctx, info.Err)
		case info.Key == key:
			ids = append(ids, info.VersionID)
		case info.Key > key:
			return ids, nil
		}
	}
	return ids, w.cause(ctx, nil)
}

// List fetches a page, then yields it, so that a slow caller holds no
// connection.
func (s *S3) List(ctx context.Context, prefix string, yield func(key string) error) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	for after := ""; ; {
		keys, err := s.page(ctx, prefix, after)
		if err != nil {
			return s.explain("list", prefix, err)
		}
		for _, key := range keys {
			if err := yield(key); err != nil {
				return err
			}
		}
		if len(keys) < pageSize {
			return nil
		}
		after = keys[len(keys)-1]
	}
}

func (s *S3) page(ctx context.Context, prefix, after string) (keys []string, err error) {
	ctx, w := s.watch(ctx, pageSize*maxKey)
	defer w.stop()
	for info := range s.core.ListObjectsIter(ctx, s.cfg.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true, StartAfter: after, MaxKeys: pageSize}) {
		if info.Err != nil {
			return nil, w.cause(ctx, info.Err)
		}
		if info.Key <= after {
			return nil, fmt.Errorf("%w: its list is not in order", errNotS3)
		}
		after = info.Key
		if keys = append(keys, after); len(keys) == pageSize {
			break
		}
	}
	return keys, w.cause(ctx, nil)
}

// taken is a server's answer to an upload that may not replace.
func taken(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && (answer.StatusCode == 412 || answer.StatusCode == 409)
}

var errSilent = errors.New("the server was silent too long")
var errSlow = errors.New("the transfer took too long")

// watch ends a request whose server stays silent, or that takes longer than
// the slowest line would.
type watch struct {
	patience time.Duration
	silence  *time.Timer
	whole    *time.Timer
	cancel   context.CancelCauseFunc
}

func (s *S3) watch(ctx context.Context, size uint64) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{patience: s.cfg.Patience, cancel: cancel}
	w.silence = time.AfterFunc(w.patience, func() { cancel(errSilent) })
	w.whole = time.AfterFunc(2*w.patience+slow(size), func() { cancel(errSlow) })
	return ctx, w
}

func slow(size uint64) time.Duration { return time.Duration(size/slowest) * time.Second }

// moved says that bytes went to or fro.
func (w *watch) moved() { w.silence.Reset(w.patience) }

// allow gives time for size more bytes.
func (w *watch) allow(size uint64) {
	w.moved()
	w.whole.Reset(2*w.patience + slow(size))
}

func (w *watch) stop() {
	w.silence.Stop()
	w.whole.Stop()
	w.cancel(nil)
}

// cause puts the reason of an end in the place of "context canceled".
func (w *watch) cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); ctx.Err() != nil && why != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return why
	}
	return err
}

// moving tells a watch of each read.
type moving struct {
	w    *watch
	body io.Reader
}

func (m *moving) Read(p []byte) (int, error) {
	m.w.moved()
	return m.body.Read(p)
}
