package archive

import (
	"bytes"
	"context"
	"crypto/md5" // #nosec: what S3 compares uploads with
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"nghe/shared/blob"
)

// bucket asks what only a bucket has.
func (x *examination) bucket(ctx context.Context, s *S3) {
	if s.cfg.Plain {
		x.tell("tls", Note, "Kết nối không mã hóa (chỉ dùng trên chính máy này).", "The connection is not encrypted (on this machine only).")
	} else {
		x.tell("tls", Good, "Kết nối mã hóa bằng TLS, chứng thư hợp lệ.", "The connection is encrypted by TLS, with a certificate that is good.")
	}
	x.serverKeepsNames(ctx, s)
	x.serverHashes(ctx, s)
	x.stranger(ctx, s)
	x.versions(ctx, s)
	x.retention(ctx, s)
	x.clock(s)
}

// raw uploads without asking first.
func (x *examination) raw(ctx context.Context, s *S3, key string, b []byte, change func(sum []byte, opts *minio.PutObjectOptions)) error {
	x.made = append(x.made, key)
	sum := md5.Sum(b) // #nosec
	var opts minio.PutObjectOptions
	change(sum[:], &opts)
	_, err := s.send(ctx, key, blob.Of(b), sum[:], bytes.NewReader(b), opts)
	return err
}

// refused is a server's own no, not a failure on the way.
func refused(err error) bool {
	var a minio.ErrorResponse
	return errors.As(err, &a) && 400 <= a.StatusCode && a.StatusCode < 500
}

// serverKeepsNames leaves out the question the hub asks before it uploads.
func (x *examination) serverKeepsNames(ctx context.Context, s *S3) {
	err := x.raw(ctx, s, x.key+"-once", x.content, func(_ []byte, o *minio.PutObjectOptions) { o.SetMatchETagExcept("*") })
	if err == nil {
		err = x.raw(ctx, s, x.key+"-once", []byte("other"), func(_ []byte, o *minio.PutObjectOptions) { o.SetMatchETagExcept("*") })
	}
	switch {
	case taken(err):
		x.tell("names", Good, "Máy chủ tự từ chối ghi đè (If-None-Match).", "The server itself refuses to write over (If-None-Match).")
	case err == nil:
		x.tell("names", Note, "Máy chủ không tự từ chối ghi đè; hub hỏi trước mỗi lần ghi. Chỉ dùng một hub cho kho này.",
			"The server does not itself refuse to write over; the hub asks before each upload. Let only one hub use this bucket.")
	default:
		x.untried("names", "máy chủ tự từ chối ghi đè", "the server refusing to write over", err)
	}
}

// serverHashes uploads under wrong sums.
func (x *examination) serverHashes(ctx context.Context, s *S3) {
	wrong := blob.Of([]byte("something else")).Hash
	for _, c := range []struct {
		check, name string
		change      func(sum []byte, o *minio.PutObjectOptions)
	}{
		{"sha256", "SHA-256", func(_ []byte, o *minio.PutObjectOptions) {
			o.UserMetadata = map[string]string{sha256Header: base64.StdEncoding.EncodeToString(wrong[:])}
		}},
		{"md5", "MD5", func(sum []byte, _ *minio.PutObjectOptions) { sum[0] ^= 1 }},
	} {
		switch err := x.raw(ctx, s, x.key+"-"+c.check, x.content, c.change); {
		case refused(err):
			x.tell(c.check, Good, fmt.Sprintf("Máy chủ kiểm tra %s khi nhận.", c.name), fmt.Sprintf("The server checks %s as it receives.", c.name))
		case err == nil:
			x.tell(c.check, Note, fmt.Sprintf("Máy chủ không kiểm tra %s khi nhận; hub vẫn đọc lại và kiểm tra.", c.name),
				fmt.Sprintf("The server does not check %s as it receives; the hub reads back and checks all the same.", c.name))
		default:
			x.untried(c.check, c.name, c.name, err)
		}
	}
}

// stranger reads without a key.
func (x *examination) stranger(ctx context.Context, s *S3) {
	nobody := *s
	core, err := minio.NewCore(s.cfg.Host, s.options(credentials.NewStatic("", "", "", credentials.SignatureAnonymous)))
	if err == nil {
		nobody.core = *core
		err = Check(ctx, &nobody, x.key, blob.Of(x.content))
	}
	switch {
	case err == nil:
		x.tell("stranger", Bad, "Ai cũng đọc được kho mà không cần khóa: đóng quyền đọc công khai của bucket.",
			"Anybody can read the bucket without a key: close it to the public.")
	case errors.Is(err, ErrSetup), errors.Is(err, ErrNotFound):
		x.tell("stranger", Good, "Người lạ không đọc được kho.", "Strangers cannot read the bucket.")
	default:
		x.untried("stranger", "người lạ đọc kho", "reading as a stranger", err)
	}
}

func (x *examination) versions(ctx context.Context, s *S3) {
	info, err := s.stat(ctx, x.key)
	_, listing := s.versions(ctx, x.key)
	kept := err == nil && info.VersionID != "" && info.VersionID != "null"
	switch {
	case err != nil:
		x.untried("versions", "phiên bản cũ", "old versions", err)
	case kept && listing != nil:
		x.tell("versions", Bad, "Bucket giữ phiên bản cũ mà khóa này không được liệt kê: xóa theo pháp luật sẽ không thành. Cấp quyền s3:ListBucketVersions và s3:DeleteObjectVersion.",
			"The bucket keeps old versions that this key may not list: deletion by law would fail. Give it s3:ListBucketVersions and s3:DeleteObjectVersion.")
	case kept:
		x.tell("versions", Note, "Bucket giữ phiên bản cũ; khi xóa, hub xóa mọi phiên bản.", "The bucket keeps old versions; when the hub deletes, it deletes all of them.")
	default:
		x.tell("versions", Good, "Bucket không giữ phiên bản cũ: xóa là hết.", "The bucket keeps no old versions: what is deleted is gone.")
	}
}

// retention reads the bucket's lock where the server and the key's rights allow
// it; whether something can be deleted is tried in any case.
func (x *examination) retention(ctx context.Context, s *S3) {
	ctx, w := s.watch(ctx, 0)
	defer w.stop()
	locked, mode, validity, unit, err := s.core.GetObjectLockConfig(ctx, s.cfg.Bucket)
	var answer minio.ErrorResponse
	switch {
	case errors.As(err, &answer) && answer.StatusCode == 404, err == nil && locked == "":
		x.tell("lock", Good, "Bucket không khóa tệp.", "The bucket does not lock objects.")
	case err == nil && mode != nil && validity != nil && unit != nil:
		days := *validity
		if *unit == minio.Years {
			days *= 365
		}
		x.tell("lock", Note, fmt.Sprintf("Bucket khóa mỗi tệp mới %d ngày (%s): xóa theo pháp luật phải chờ hết hạn.", days, *mode),
			fmt.Sprintf("The bucket locks each new object for %d days (%s): deletion by law waits for the end of it.", days, *mode))
	case err == nil:
		x.tell("lock", Note, "Bucket có thể khóa tệp, nhưng không tự khóa tệp mới.", "The bucket can lock objects, but does not lock new ones by itself.")
	default:
		x.untried("lock", "khóa tệp", "locks", s.explain("ask for the lock of", s.cfg.Bucket, w.cause(ctx, err)))
	}
}

// clock compares; S3 servers refuse requests that are a quarter of an hour off.
func (x *examination) clock(s *S3) {
	skew, told := s.gate.clock()
	level := Good
	switch {
	case !told:
		x.tell("clock", Note, "Máy chủ không cho biết giờ.", "The server does not tell its time.")
		return
	case skew.Abs() > 5*time.Minute:
		level = Bad
	case skew.Abs() > time.Minute:
		level = Note
	}
	x.tell("clock", level, fmt.Sprintf("Đồng hồ của máy chủ lệch %s so với hub (quá 15 phút là bị từ chối).", skew),
		fmt.Sprintf("The server's clock differs from the hub's by %s (more than 15 minutes are refused).", skew))
}
