package archive

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"
	"time"

	"github.com/minio/minio-go/v7"
)

// explain says what happened in words an operator can act on.
func (s *S3) explain(did, key string, err error) error {
	why, setup := s.reason(err)
	if setup {
		why = person{why}
	}
	return fmt.Errorf("%s %s in %s: %w", did, key, s, why)
}

// reason is what stands behind an error, and whether only a person can help.
func (s *S3) reason(err error) (why error, setup bool) {
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		return s.refusal(answer)
	}
	// What the client wraps errors in quotes whole addresses.
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	switch {
	case errors.Is(err, ErrSetup), errors.Is(err, errNotS3), errors.Is(err, errSilent), errors.Is(err, errSlow),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err, false
	}
	if why := s.distrust(err); why != nil {
		return why, true
	}
	return s.unreachable(err), false
}

func (s *S3) distrust(err error) error {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		alert   tls.AlertError
		plain   tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return errors.New("its certificate is signed by nobody this hub knows: give the PEM file of its certificate authority as ca= or NGHE_ARCHIVE_CA; if it should be known, somebody reads along")
	case errors.As(err, &name):
		return fmt.Errorf("its certificate is for another name: %w", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("its certificate is out of date, or this hub's clock is wrong (%s): %w", s.cfg.Now().Format(time.RFC3339), err)
	case errors.As(err, &invalid), errors.As(err, &alert):
		return fmt.Errorf("its certificate is not good: %w", err)
	case errors.As(err, &plain), err.Error() == "http: server gave HTTP response to HTTPS client":
		return errors.New("it does not speak TLS on this port: correct the port")
	}
	return nil
}

func (s *S3) unreachable(err error) error {
	var dns *net.DNSError
	var slow net.Error
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("its name is not found: correct the host, or look after the network: %w", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody answers there: start the server or correct the port: %w", err)
	case errors.As(err, &slow) && slow.Timeout():
		return errSilent
	}
	return fmt.Errorf("the connection failed: %w", err)
}

// refusal is an S3 server's own no.
func (s *S3) refusal(a minio.ErrorResponse) (why error, setup bool) {
	for _, r := range []struct {
		codes  []string
		status int
		say    string
	}{
		{[]string{"NoSuchBucket"}, 0, "there is no such bucket: make it, or correct its name"},
		{[]string{"InvalidAccessKeyId", "InvalidAccessKeyID", "SignatureDoesNotMatch"}, 0, "it does not know this key and secret: correct NGHE_ARCHIVE_KEY and NGHE_ARCHIVE_SECRET"},
		{[]string{"RequestTimeTooSkewed"}, 0, "this hub's clock differs too much from its own" + s.skewed() + ": set the hub's clock"},
		{[]string{"AuthorizationHeaderMalformed", "InvalidRegion", "PermanentRedirect", "IllegalLocationConstraintException"}, 0, "the bucket is in another region: give region="},
		{[]string{"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"}, 507, "it is full: make room or raise the quota"},
		{[]string{"InvalidObjectState", "ObjectLocked"}, 0, "the bucket's lock keeps it until its time is over"},
		{[]string{"AccessDenied", "AllAccessDisabled", "AccountProblem"}, 403, "the key has no right to do this, or a lock forbids it"},
	} {
		for _, code := range r.codes {
			if a.Code == code {
				return fmt.Errorf("%s: it says %s %.200q", r.say, a.Code, a.Message), true
			}
		}
		if r.status != 0 && a.StatusCode == r.status {
			return fmt.Errorf("%s: it says %s %.200q", r.say, a.Code, a.Message), true
		}
	}
	if a.Code == minio.NoSuchKey {
		return ErrNotFound, false
	}
	return fmt.Errorf("it refuses: %d %s %.200q", a.StatusCode, a.Code, a.Message), false
}

func (s *S3) skewed() string {
	if skew, told := s.gate.clock(); told {
		return fmt.Sprintf(" (by %s)", skew)
	}
	return ""
}
