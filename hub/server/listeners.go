package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"nghe/hub/accounts"
	"nghe/hub/intake"
	"nghe/hub/registry"
)

// bind takes both addresses before anything is made, so that a hub that cannot
// be reached leaves nothing behind.
func (h *hub) bind() (err error) {
	if h.kiosks, err = listenOn("--kiosks", h.cfg.Kiosks); err != nil {
		return err
	}
	h.people, err = listenOn("--listen", h.cfg.Listen)
	return err
}

// secureListeners puts TLS on both.
func (h *hub) secureListeners() error {
	settings, err := h.authority.ServerTLS(h.names(), h.cfg.Now())
	if err != nil {
		return fmt.Errorf("make the kiosks' certificate: %w", err)
	}
	h.kiosks = tls.NewListener(intake.Limit(h.kiosks, intake.Limits{}), settings)
	people, err := h.peopleTLS()
	if err != nil {
		return err
	}
	if people != nil {
		h.people = tls.NewListener(h.people, people)
	}
	return nil
}

func listenOn(flag, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; choose another address with %s", err, flag)
	}
	return l, nil
}

// peopleTLS is nil where plain HTTP is meant.
func (h *hub) peopleTLS() (*tls.Config, error) {
	if (h.cfg.Certificate == "") != (h.cfg.Key == "") {
		return nil, errors.New("--certificate and --key go together")
	}
	if h.cfg.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(h.cfg.Certificate, h.cfg.Key)
		if err != nil {
			return nil, fmt.Errorf("read the people's certificate: %w", err)
		}
		return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
	}
	if !h.secure() || h.cfg.BehindProxy {
		return nil, nil
	}
	settings, err := h.authority.ServerTLS(h.names(), h.cfg.Now())
	if err != nil {
		return nil, fmt.Errorf("make the people's certificate: %w", err)
	}
	settings.ClientAuth = tls.NoClientCert
	return settings, nil
}

// secure says whether people reach the console over TLS.
func (h *hub) secure() bool {
	return h.cfg.BehindProxy || h.cfg.Certificate != "" || !onLoopback(h.people)
}

func onLoopback(l net.Listener) bool {
	address, ok := l.Addr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// names are what kiosks call this hub.
func (h *hub) names() []string {
	if len(h.cfg.Names) > 0 {
		return h.cfg.Names
	}
	if address := h.kiosks.Addr().(*net.TCPAddr); !address.IP.IsUnspecified() {
		return []string{address.IP.String()}
	}
	return machineNames()
}

// machineNames are this machine's name and the addresses other machines may
// reach it by.
func machineNames() []string {
	var names []string
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return names
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
			names = append(names, ip.IP.String())
		}
	}
	return names
}

// kioskURLs go into kits.
func (h *hub) kioskURLs() []string {
	port := fmt.Sprint(h.kiosks.Addr().(*net.TCPAddr).Port)
	var urls []string
	for _, name := range h.names() {
		urls = append(urls, "https://"+net.JoinHostPort(name, port))
	}
	return urls
}

func (h *hub) serveKiosks(ctx context.Context) error {
	h.log.Info("ready for kiosks", "address", h.kiosks.Addr().String(), "names", h.names(), "pin", h.authority.Pin())
	server := &http.Server{Handler: h.intake.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: quiet(h.log)}
	return serve(ctx, server, h.kiosks, func(ctx context.Context) {
		if err := h.intake.Close(ctx); err != nil {
			h.log.Warn("some sessions did not end in time", "err", err)
		}
	})
}

func (h *hub) servePeople(ctx context.Context) error {
	h.log.Info("ready for people", "address", h.people.Addr().String(), "tls", h.secure())
	server := &http.Server{Handler: h.peopleHandler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: quiet(h.log)}
	server.RegisterOnShutdown(h.console.Close)
	return serve(ctx, server, h.people, func(context.Context) {})
}

func (h *hub) peopleHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.healthz)
	mux.Handle("GET /metrics", h.metrics())
	api := http.NewCrossOriginProtection().Handler(registry.API(h.registry, h.basicAuth))
	mux.Handle("/api/kits", api)
	mux.Handle("/api/places", api)
	mux.Handle("/", h.console.Handler())
	if h.cfg.BehindProxy {
		return fromProxy(mux)
	}
	return mux
}

// fromProxy takes the address of whoever asks from the proxy in front: the last
// one it wrote down. Without it all operators would share one limit on tries.
func fromProxy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
		if client, err := netip.ParseAddr(strings.TrimSpace(all[len(all)-1])); err == nil {
			r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
		}
		next.ServeHTTP(w, r)
	})
}

// healthz answers 200 while the database answers; what is not healthy in the
// long run stands below.
func (h *hub) healthz(w http.ResponseWriter, r *http.Request) {
	if _, err := h.ledger.Epoch(r.Context()); err != nil {
		h.log.Error("database does not answer", "err", err)
		http.Error(w, "database does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
	if h.shelf.offDisk() == "" {
		fmt.Fprintln(w, "nothing is safe from the loss of this hub's disk")
	}
}

// basicAuth lets an operator's programs in by name and password.
func (h *hub) basicAuth(r *http.Request) (string, bool) {
	name, password, ok := r.BasicAuth()
	if !ok {
		return "", false
	}
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "", false
	}
	account, err := h.accounts.Check(r.Context(), name, password, remote)
	return account.Name, err == nil && account.Has(accounts.Admin)
}
