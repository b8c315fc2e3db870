package intake

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"nghe/hub/registry"
	"nghe/shared/ident"
)

// Handler serves POST /enrol and GET /session. It needs the connection's TLS
// state and must not be wrapped in anything that hides http.Hijacker.
func (i *Intake) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /enrol", i.enrol)
	mux.HandleFunc("GET /session", i.open)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, refusal{Code: "not-found", Message: "kiosks use POST /enrol and GET /session; people use the console's own address"})
	})
	return mux
}

// refusal is the error object of the hub's HTTP servers.
type refusal struct {
	Code       string `json:"code"`
	Message    string `json:"message"`
	Vietnamese string `json:"message_vi,omitempty"` // for the people at the kiosk
	Field      string `json:"field,omitempty"`
}

func refuse(w http.ResponseWriter, status int, r refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Connection", "close")
	w.WriteHeader(status)
	_, _ = w.Write(r.text()) // the other side may be gone
}

func (r refusal) text() []byte {
	b, _ := json.Marshal(map[string]refusal{"error": r}) // strings always encode
	return b
}

// handshakeBody is what a kiosk's WebSocket library keeps of a refusal.
const handshakeBody = 1000

// short cuts the message, so that what is kept of it is still whole JSON.
func (r refusal) short() refusal {
	for len(r.text()) > handshakeBody {
		words := []rune(r.Message)
		r.Message = string(words[:len(words)*3/4]) + "…"
	}
	return r
}

func (i *Intake) open(w http.ResponseWriter, r *http.Request) {
	if len(r.Header["Origin"]) > 0 {
		i.turnAway(w, r, "", http.StatusForbidden, refusal{Code: "origin", Message: "browsers may not open kiosk sessions"})
		return
	}
	device, pub, err := i.peer(r)
	if err != nil {
		i.turnAway(w, r, "", http.StatusForbidden, refusal{Code: "unknown", Message: err.Error()})
		return
	}
	if status, no := i.admit(r.Context(), device); no != nil {
		i.turnAway(w, r, device, status, *no)
		return
	}
	i.upgrade(w, r, device, pub)
}

func (i *Intake) upgrade(w http.ResponseWriter, r *http.Request, device string, pub crypto.PublicKey) {
	conn, err := i.upgrader.Upgrade(w, r, nil)
	if err != nil { // answered by gorilla
		i.count.refused.Add(1)
		i.log.Info("refused upgrade", "device", device, "err", err)
		return
	}
	// The goroutine of this handler has a large stack and net/http's buffers:
	// it returns, and ten thousand kiosks cost a fifth.
	go i.serve(conn, device, pub)
}

func (i *Intake) peer(r *http.Request) (string, crypto.PublicKey, error) {
	if r.TLS == nil {
		return "", nil, ident.ErrNoCertificate
	}
	return i.cfg.Authority.Peer(*r.TLS)
}

// admit asks the registry; nil means welcome.
func (i *Intake) admit(ctx context.Context, device string) (int, *refusal) {
	i.mu.Lock()
	closing := i.closing
	i.mu.Unlock()
	if closing {
		return http.StatusServiceUnavailable, &refusal{Code: "stopping", Message: "the hub is stopping; come back"}
	}
	d, err := i.cfg.Registry.Device(ctx, device)
	switch {
	case errors.Is(err, registry.ErrNoDevice):
		return http.StatusForbidden, &refusal{Code: "unknown", Message: "the hub does not know this device; ask the ward's IT for a new kit"}
	case err != nil:
		i.log.Error("look up device", "device", device, "err", err)
		return http.StatusServiceUnavailable, &refusal{Code: "internal", Message: "the hub cannot look this device up; come back"}
	case !d.Welcome():
		return http.StatusForbidden, &refusal{Code: "revoked", Message: fmt.Sprintf("the trust in this device ended on %s (%s); ask the ward's IT for a new kit", d.EndedAt.Format("2006-01-02"), d.Reason)}
	}
	return 0, nil
}

func (i *Intake) turnAway(w http.ResponseWriter, r *http.Request, device string, status int, why refusal) {
	i.count.refused.Add(1)
	i.log.Info("refused session", "device", device, "remote", r.RemoteAddr, "code", why.Code)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(int(apart(100))))
	}
	refuse(w, status, why.short())
}

// maxEnrol bounds what a stranger may send.
const maxEnrol = 16 << 10

// enrol first has a stranger show a kit of this hub, which costs one look and
// no write: junk takes no turn from a kiosk that has one, wherever it comes from.
func (i *Intake) enrol(w http.ResponseWriter, r *http.Request) {
	ask, err := ident.ReadEnrolRequest(http.MaxBytesReader(w, r.Body, maxEnrol))
	if err != nil {
		i.strange(w, r, http.StatusBadRequest, malformed(err))
		return
	}
	if err := i.cfg.Registry.Recognise(r.Context(), ask); err != nil {
		i.notEnrolled(w, r, err)
		return
	}
	if !i.kits.allow(r.RemoteAddr) || !i.enrolling.Allow() {
		w.Header().Set("Retry-After", strconv.Itoa(int(apart(1000))))
		refuse(w, http.StatusTooManyRequests, refusal{Code: "too-many", Message: "too many kiosks enrol at once; come back"})
		return
	}
	answer, err := i.cfg.Registry.Enrol(r.Context(), ask)
	if err != nil {
		i.notEnrolled(w, r, err)
		return
	}
	i.enrolled(w, ask, answer)
}

func (i *Intake) notEnrolled(w http.ResponseWriter, r *http.Request, err error) {
	if no := (*registry.Refused)(nil); errors.As(err, &no) {
		i.strange(w, r, http.StatusForbidden, refusal{Code: no.Code.String(), Message: no.Error(), Vietnamese: no.Vietnamese()})
		return
	}
	i.log.Error("enrol kiosk", "remote", r.RemoteAddr, "err", err)
	refuse(w, http.StatusInternalServerError, refusal{Code: "internal", Message: "the hub could not enrol this kiosk; come back"})
}

func malformed(err error) refusal {
	no := refusal{Code: registry.CodeMalformed.String(), Message: err.Error()}
	var why *ident.Refusal
	if errors.As(err, &why) {
		no.Field = why.Field
	}
	return no
}

func (i *Intake) strange(w http.ResponseWriter, r *http.Request, status int, why refusal) {
	i.count.strangers.Add(1)
	if i.told.allow(r.RemoteAddr) {
		i.log.Warn("refused enrolment", "remote", r.RemoteAddr, "code", why.Code)
	}
	refuse(w, status, why)
}

// enrolled answers, and counts as the first sign of life: from here on the
// kiosk is expected.
func (i *Intake) enrolled(w http.ResponseWriter, ask ident.EnrolRequest, answer ident.EnrolAnswer) {
	i.count.enrolled.Add(1)
	i.log.Info("kiosk enrolled", "device", answer.Identity.Device, "place", answer.Identity.Place.ID)
	i.cfg.Vitals.Contact(answer.Identity.Device, i.cfg.Now(), ask.Program, 0)
	i.cfg.Vitals.Gone(answer.Identity.Device, i.cfg.Now())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // lost: the kiosk asks again and gets the same
}
