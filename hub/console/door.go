package console

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// policy lets in what this program serves and nothing else: no inline script
// or style, no frame, no other origin.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers stand on every answer, refusals included.
func (c *Console) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		if c.cfg.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// onlySafely serves plain http to nobody but this machine.
func (c *Console) onlySafely(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.cfg.Secure && !onLoopback(r) {
			http.Error(w, "the console is not served without TLS beyond this machine: "+
				"give the hub a certificate, or put a proxy with TLS before it", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
		next.ServeHTTP(w, r)
	})
}

// onLoopback looks at the address the hub listens on, which no client chooses.
func onLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	ap, err := netip.ParseAddrPort(addr.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// built says what to do when the pages' styles and scripts are not in this
// program.
func (c *Console) built(next http.Handler) http.Handler {
	if c.assets.built() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		w.Write([]byte(c.face(r).text("unbuilt.page")))
	})
}

func (c *Console) refuseCross(w http.ResponseWriter, r *http.Request) {
	c.answer(w, r, http.StatusForbidden, "cross-origin", "refused.cross")
}

// turnAway sends a stranger to the door, and tells an operator that a page is
// not theirs.
func (c *Console) turnAway(w http.ResponseWriter, r *http.Request, v visitor) {
	switch {
	case v.known:
		c.answer(w, r, http.StatusForbidden, "not-yours", "refused.role")
	case r.Method == http.MethodGet && !isAPI(r):
		http.Redirect(w, r, "/signin?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	default:
		c.answer(w, r, http.StatusUnauthorized, "sign-in", "refused.nobody")
	}
}

func (c *Console) notFound(w http.ResponseWriter, r *http.Request) error {
	c.answer(w, r, http.StatusNotFound, "not-found", "refused.unknown")
	return nil
}

// fail logs an error once and shows none of it.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the browser went away
	}
	c.log.Error("console request failed", "method", r.Method, "path", logged(r), "err", err)
	c.answer(w, r, http.StatusInternalServerError, "internal", "refused.internal")
}

// logged is a request's path for the log: a receipt's code is nobody's to keep.
func logged(r *http.Request) string {
	if path := r.URL.Path; !strings.HasPrefix(strings.ToLower(path), "/r/") {
		return path
	}
	return "/r/…"
}

// answer says one sentence, as JSON to a program and as a page to a person.
func (c *Console) answer(w http.ResponseWriter, r *http.Request, status int, code, key string) {
	f := c.face(r)
	if isAPI(r) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{
			"code": code, "message": c.faces[English].text(key)}})
		return
	}
	var b bytes.Buffer
	if err := f.pages.ExecuteTemplate(&b, "message", page{Lang: f.lang, Title: f.text(key + ".title"), Body: f.text(key)}); err != nil {
		c.log.Error("console message failed", "err", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// local keeps a redirect on this site: a path of ours, or the start page.
func local(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(u.Path, "//") || strings.ContainsAny(path, "\\\r\n") {
		return "/"
	}
	return u.RequestURI()
}

// remote is the address a request came from. Behind a proxy that is the proxy
// itself: a header anyone can write decides nothing here.
func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
