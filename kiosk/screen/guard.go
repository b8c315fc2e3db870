package screen

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// policy lets the page use its own files, what the resident just recorded
// (blob:), and nothing else. Inline scripts and styles are refused by it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src blob:; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// features are off but camera and microphone, which open for a message only,
// under a bar that says so.
const features = "camera=(self), microphone=(self), geolocation=(), display-capture=(), usb=(), serial=(), payment=()"

// guard lets only pages of this server, on this machine, reach next. The Host
// check stops a foreign site whose name was rebound to 127.0.0.1.
func guard(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		if !loopback(r.Host) {
			refuse(w, refusal{http.StatusForbidden, "foreign-host", "Address this kiosk as 127.0.0.1 or localhost.", ""})
			return
		}
		if crossOrigin.Check(r) != nil || !sameOrigin(r) {
			refuse(w, refusal{http.StatusForbidden, "foreign-origin", "Only this kiosk's own page may ask.", ""})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Permissions-Policy", features)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// loopback says whether a Host header names this machine.
func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"))
	return err == nil && addr.Unmap().IsLoopback()
}

// sameOrigin goes beyond CrossOriginProtection, which lets foreign GETs pass.
// Programs that are no browser send neither header.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	return origin == "" || strings.EqualFold(origin, "http://"+r.Host)
}

// only answers any other method with 405. A HEAD is a GET without a body.
func only(method string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method && (r.Method != http.MethodHead || method != http.MethodGet) {
			w.Header().Set("Allow", method)
			refuse(w, refusal{http.StatusMethodNotAllowed, "method", "Use " + method + " here.", ""})
			return
		}
		next(w, r)
	})
}
