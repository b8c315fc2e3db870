package uplink

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"nghe/shared/ident"
)

// Enrol asks each hub of the kit in turn to admit key, once. The hub must show
// the kit's pin before anything is sent. A *Refused is final: the kit will not
// work again. A *Trouble is worth another try after a Backoff.
func Enrol(ctx context.Context, kit ident.Kit, key crypto.Signer, program string) (ident.Identity, error) {
	return enrolBy(ctx, http.ProxyFromEnvironment, kit, key, program)
}

func enrolBy(ctx context.Context, proxy func(*http.Request) (*url.URL, error), kit ident.Kit, key crypto.Signer, program string) (ident.Identity, error) {
	all := []*Trouble{}
	for _, hub := range kit.Hub {
		id, err := enrolAt(ctx, proxy, hub, kit, key, program)
		var final *Refused
		if err == nil || errors.As(err, &final) {
			return id, err
		}
		all = append(all, classify(err))
	}
	if len(all) == 0 {
		return ident.Identity{}, &Refused{Code: "no-hub", Message: "the kit names no hub; make a new one"}
	}
	return ident.Identity{}, gravest(all)
}

// maxAnswer bounds what a hub answers to an enrolment: a few certificates.
const maxAnswer = 64 << 10

func enrolAt(ctx context.Context, proxy func(*http.Request) (*url.URL, error), hub string, kit ident.Kit, key crypto.Signer, program string) (ident.Identity, error) {
	timing := Timing{}.filled()
	ctx, cancel := context.WithTimeout(ctx, 2*timing.Handshake)
	defer cancel()
	ask, err := kit.Request(key, program, nonce())
	if err != nil {
		return ident.Identity{}, &Refused{Code: "key", Message: err.Error()}
	}
	answer, err := post(ctx, road{tls: ident.EnrolTLS(kit), proxy: proxy, quiet: timing.Silence}, hub+"/enrol", ask)
	if err != nil {
		return ident.Identity{}, err
	}
	got, err := ident.ReadEnrolAnswer(bytes.NewReader(answer))
	if err != nil {
		return ident.Identity{}, err
	}
	return kit.Accept(ask, got)
}

func nonce() []byte {
	b := make([]byte, ident.NonceSize)
	_, _ = rand.Read(b) // never fails
	return b
}

func post(ctx context.Context, r road, to string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode enrolment request: %w", err)
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	q.Header.Set("Content-Type", "application/json")
	client := http.Client{
		Transport:     &http.Transport{DialTLSContext: r.dialTLS, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(q)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return judge(answer)
}

func judge(r *http.Response) ([]byte, error) {
	if r.StatusCode == http.StatusOK && strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	}
	strange := newAnswered(r, false)
	said, spoken := strange.hubSays()
	if spoken && r.StatusCode >= 400 && r.StatusCode < 500 && r.StatusCode != http.StatusTooManyRequests {
		return nil, said
	}
	return nil, strange
}
