package registry

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"nghe/shared/strict"
)

const maxAsk = 4 << 10 // bytes of a request for a kit

type api struct {
	registry  *Registry
	authorise func(r *http.Request) (account string, ok bool)
}

// API serves POST /api/kits and GET /api/places to operators. authorise names
// the account behind a request; whoever it turns away gets 401.
func API(r *Registry, authorise func(r *http.Request) (account string, ok bool)) http.Handler {
	a := api{r, authorise}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/kits", a.signedIn(a.makeKit))
	mux.HandleFunc("GET /api/places", a.signedIn(a.listPlaces))
	return mux
}

// problem is the error every HTTP server of the hub answers with.
type problem struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Field   string  `json:"field,omitempty"`
	Near    []Place `json:"near,omitempty"`
}

func (a api) signedIn(next func(w http.ResponseWriter, r *http.Request, account string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		account, ok := a.authorise(r)
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="nghe", charset="UTF-8"`)
			a.fail(w, http.StatusUnauthorized, problem{Code: "sign-in", Message: "sign in with an operator's name and password"})
			return
		}
		next(w, r, account)
	}
}

type ask struct {
	Place string `json:"place"` // id or name
	TTL   int64  `json:"ttl_s"` // 0: the hub's default
}

func (a api) makeKit(w http.ResponseWriter, r *http.Request, account string) {
	// A form on another site cannot send this type without asking first.
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		a.fail(w, http.StatusUnsupportedMediaType, problem{Code: "not-json", Message: "send Content-Type: application/json"})
		return
	}
	want, err := readAsk(http.MaxBytesReader(w, r.Body, maxAsk))
	if err != nil {
		a.fail(w, http.StatusBadRequest, problem{Code: "malformed", Message: "send {\"place\":\"id or name\",\"ttl_s\":259200}: " + err.Error()})
		return
	}
	place, err := a.registry.Place(r.Context(), want.Place)
	if err != nil {
		a.refuse(w, err)
		return
	}
	ttl, err := want.ttl()
	if err != nil {
		a.refuse(w, err)
		return
	}
	kit, err := a.registry.Ticket(r.Context(), place.ID, account, ttl)
	if err != nil {
		a.refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := kit.Write(w); err != nil {
		a.registry.cfg.Logger.Warn("kit not delivered", "place", place.ID, "err", err)
	}
}

func readAsk(body io.Reader) (want ask, err error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return want, err
	}
	return want, strict.JSON(text, &want)
}

func (want ask) ttl() (time.Duration, error) {
	if want.TTL < 0 || want.TTL > int64(MaxTTL/time.Second) {
		return 0, ErrTTL
	}
	return time.Duration(want.TTL) * time.Second, nil
}

func (a api) refuse(w http.ResponseWriter, err error) {
	missing := (*NoPlace)(nil)
	switch {
	case errors.As(err, &missing) && missing.Several:
		a.fail(w, http.StatusConflict, problem{"ambiguous-place", missing.Error(), "place", missing.Near})
	case errors.As(err, &missing):
		a.fail(w, http.StatusNotFound, problem{"unknown-place", missing.Error(), "place", missing.Near})
	case errors.Is(err, ErrTTL):
		a.fail(w, http.StatusUnprocessableEntity, problem{Code: "bad-ttl", Message: ErrTTL.Error(), Field: "ttl_s"})
	case errors.Is(err, ErrTooMany):
		a.fail(w, http.StatusConflict, problem{Code: "too-many-kits", Message: ErrTooMany.Error(), Field: "place"})
	case errors.Is(err, ErrNoAddress):
		a.fail(w, http.StatusServiceUnavailable, problem{Code: "no-address", Message: ErrNoAddress.Error()})
	default:
		a.registry.cfg.Logger.Error("registry request failed", "err", err)
		a.fail(w, http.StatusInternalServerError, problem{Code: "internal", Message: "the hub failed; try again, and look at its log if it stays"})
	}
}

func (a api) listPlaces(w http.ResponseWriter, r *http.Request, _ string) {
	places, err := a.registry.Places(r.Context())
	if err != nil {
		a.refuse(w, err)
		return
	}
	a.answer(w, http.StatusOK, map[string][]Place{"places": append([]Place{}, places...)})
}

func (a api) fail(w http.ResponseWriter, status int, p problem) {
	a.answer(w, status, map[string]problem{"error": p})
}

func (a api) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who asked has gone: nobody is left to tell
}
