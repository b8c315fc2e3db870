package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"nghe/kiosk/vitals"
	"nghe/shared/ident"
	"nghe/shared/wire"
)

// Trouble is why there is no session, in words for the person who can mend it.
type Trouble struct {
	Condition  vitals.Name
	Value      int64         // HTTP status where there was one
	Detail     string        // what was seen, or what the hub said
	RetryAfter time.Duration // asked for by the hub; 0 leaves it to the kiosk
	err        error
}

func (t *Trouble) Error() string {
	if t.Detail == "" {
		return t.Condition.Words()
	}
	return t.Condition.Words() + " (" + t.Detail + ")"
}

func (t *Trouble) Unwrap() error { return t.err }

// answered is an HTTP answer where there should have been none, or another.
type answered struct {
	status int
	proxy  bool // it is the proxy's, to CONNECT
	html   bool
	retry  time.Duration
	body   []byte // its beginning
}

func (a *answered) Error() string {
	if a.proxy {
		return fmt.Sprintf("proxy answered %d", a.status)
	}
	return fmt.Sprintf("HTTP status %d", a.status)
}

// bodyBytes is how much of a strange answer is read. Of a refused upgrade
// gorilla keeps the first 1,024.
const bodyBytes = 8 << 10

func newAnswered(r *http.Response, proxy bool) *answered {
	body, _ := io.ReadAll(io.LimitReader(r.Body, bodyBytes))
	seconds, _ := strconv.ParseUint(r.Header.Get("Retry-After"), 10, 16)
	return &answered{status: r.StatusCode, proxy: proxy, body: body, retry: time.Duration(seconds) * time.Second,
		html: strings.HasPrefix(strings.TrimSpace(r.Header.Get("Content-Type")), "text/html")}
}

// classify names what went wrong with a dial or a request.
func classify(err error) *Trouble {
	var strange *answered
	if errors.As(err, &strange) {
		return strange.trouble()
	}
	t := &Trouble{Condition: nameOf(err), Detail: err.Error(), err: err}
	return t
}

func nameOf(err error) vitals.Name {
	switch ident.Diagnose(err) {
	case ident.FaultForeignAuthority:
		return vitals.ForeignCertificate
	case ident.FaultOtherHub:
		return vitals.OtherHub
	case ident.FaultWrongName:
		return vitals.WrongName
	case ident.FaultRefused:
		return vitals.UnknownDevice
	case ident.FaultNotTLS:
		return vitals.NotAHub
	}
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return vitals.NameNotFound
	case errors.Is(err, syscall.ECONNREFUSED):
		return vitals.ConnectionRefused
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EADDRNOTAVAIL):
		return vitals.NoRoute
	case timedOut(err):
		return vitals.HubSilent
	}
	return vitals.LinkLost
}

func timedOut(err error) bool {
	var slow net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout()
}

func (a *answered) trouble() *Trouble {
	t := &Trouble{Value: int64(a.status), Detail: a.Error(), RetryAfter: a.retry, err: a}
	said, spoken := a.hubSays()
	switch {
	case spoken && said.Code == "revoked":
		t.Condition, t.Detail = vitals.Revoked, said.Message
	case spoken && said.Code == "unknown":
		t.Condition, t.Detail = vitals.UnknownDevice, said.Message
	case a.html && (a.status == http.StatusOK || a.status >= 300 && a.status < 400):
		t.Condition = vitals.CaptivePortal
	case a.proxy, a.html && a.status == http.StatusForbidden, a.status == http.StatusProxyAuthRequired:
		t.Condition = vitals.ProxyRefused
	case a.status == http.StatusTooManyRequests, a.status >= 500 && !a.html:
		t.Condition = vitals.HubFailed
	default:
		t.Condition = vitals.NotAHub
	}
	return t
}

// Refused is the hub's final word on an enrolment.
type Refused struct {
	Code       string `json:"code"`
	Message    string `json:"message"`
	Vietnamese string `json:"message_vi"` // the same for the people at the kiosk; may be empty
	Field      string `json:"field"`
}

func (r *Refused) Error() string { return r.Message }

// hubSays reads the error object that every HTTP server of ours answers with.
func (a *answered) hubSays() (*Refused, bool) {
	var said struct {
		Error *Refused `json:"error"`
	}
	err := json.Unmarshal(a.body, &said)
	return said.Error, !a.proxy && err == nil && said.Error != nil && said.Error.Code != ""
}

// ended names why the hub closed a session.
func ended(g wire.Goodbye) *Trouble {
	t := &Trouble{Detail: g.Code.String(), RetryAfter: time.Duration(g.RetryAfter) * time.Second,
		err: &wire.Error{Code: g.Code, Detail: g.Detail}}
	if g.Detail != "" {
		t.Detail += ": " + g.Detail
	}
	switch g.Code {
	case wire.CodeRevoked:
		t.Condition = vitals.Revoked
	case wire.CodeUnknown:
		t.Condition = vitals.UnknownDevice
	case wire.CodeVersion:
		t.Condition = vitals.AgentTooOld
	case wire.CodeReplaced:
		t.Condition = vitals.Replaced
	case wire.CodeEpoch:
		t.Condition = vitals.HubBehind
	case wire.CodeNone, wire.CodeShutdown, wire.CodeBusy, wire.CodeInternal:
		t.Condition = vitals.HubFailed
	default:
		t.Condition = vitals.LinkLost
	}
	return t
}

// gravest is the trouble to show when every address of the hub failed.
func gravest(all []*Trouble) *Trouble {
	worst := all[0]
	for _, t := range all[1:] {
		if t.Condition.Level() > worst.Condition.Level() {
			worst = t
		}
	}
	return worst
}
