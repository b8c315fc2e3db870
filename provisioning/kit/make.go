package kit

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"nghe/shared/command"
	"nghe/shared/durable"
	"nghe/shared/ident"
)

const (
	patience  = 30 * time.Second // for the hub's whole answer
	maxAnswer = 64 << 10         // bytes of it that are read
)

// asker asks whoever sits at the terminal; secret hides what is typed.
type asker func(ctx context.Context, question string, secret bool) (string, error)

// run checks everything it can before it asks the hub: each kit the hub makes
// is a door that stays open for days.
func (m *Make) run(ctx context.Context, out io.Writer, ask asker, getenv func(string) string) error {
	hub, err := m.address()
	if err != nil {
		return err
	}
	if err := m.mayWrite(); err != nil {
		return err
	}
	password, err := m.signIn(ctx, ask, getenv)
	if err != nil {
		return err
	}
	made, err := m.fetch(ctx, hub, password)
	if err != nil {
		return err
	}
	return m.keep(made, out)
}

func (m *Make) address() (*url.URL, error) {
	u, err := url.Parse(m.Hub)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, command.Refusef("--hub %q is not an address like https://hub.example", m.Hub)
	}
	if m.Pin != "" && !ident.ValidPin(m.Pin) {
		return nil, command.Refusef("--pin is not sha256- and 43 characters, as the hub prints it")
	}
	switch {
	case u.Scheme == "https":
		return u, nil
	case u.Scheme == "http" && m.Pin != "":
		return nil, command.Refusef("--pin needs https://")
	case u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	}
	return nil, command.Refusef("--hub must be https://; plain http:// would show the password to the network")
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (m *Make) mayWrite() error {
	if info, err := os.Stat(filepath.Dir(m.Out)); err != nil || !info.IsDir() {
		return command.Refusef("--out: there is no folder %s", filepath.Dir(m.Out))
	}
	info, err := os.Lstat(m.Out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at %s: %w", m.Out, err)
	case !info.Mode().IsRegular():
		return command.Refusef("--out: %s is not an ordinary file", m.Out)
	case !m.Force:
		return command.Refusef("%s exists; give --force to replace it, or another --out", m.Out)
	}
	return nil
}

func (m *Make) signIn(ctx context.Context, ask asker, getenv func(string) string) (password string, err error) {
	if m.User == "" {
		if m.User, err = ask(ctx, "Tên đăng nhập / user: ", false); err != nil {
			return "", unasked(err, "--user NAME or NGHE_USER")
		}
	}
	if m.PasswordFile != "" {
		return readPassword(m.PasswordFile)
	}
	if password = getenv("NGHE_PASSWORD"); password != "" {
		return password, nil
	}
	password, err = ask(ctx, "Mật khẩu / password: ", true)
	if err != nil {
		return "", unasked(err, "--password-file FILE or NGHE_PASSWORD")
	}
	return password, nil
}

// unasked tells a question that could not be put from one that was cancelled.
func unasked(err error, instead string) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return command.Refusef("give %s: %v", instead, err)
}

func readPassword(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", command.Refusef("--password-file: %v", err)
	}
	// Editors add an end of line, some also a byte order mark.
	password := strings.TrimRight(strings.TrimPrefix(string(text), "\ufeff"), "\r\n")
	if password == "" {
		return "", command.Refusef("--password-file: %s is empty", path)
	}
	return password, nil
}

func (m *Make) fetch(ctx context.Context, hub *url.URL, password string) (ident.Kit, error) {
	body, err := json.Marshal(map[string]any{"place": m.Place, "ttl_s": int64(m.TTL / time.Second)})
	if err != nil {
		return ident.Kit{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, hub.JoinPath("api", "kits").String(), bytes.NewReader(body))
	if err != nil {
		return ident.Kit{}, err
	}
	q.Header.Set("Content-Type", "application/json")
	q.SetBasicAuth(m.User, password)
	resp, err := m.client(hub.Hostname()).Do(q)
	if err != nil {
		return ident.Kit{}, fmt.Errorf("ask %s: %w", hub.Host, explain(err))
	}
	defer resp.Body.Close()
	return readAnswer(resp, m.User)
}

// client never follows a redirect: it would carry the password along.
func (m *Make) client(host string) *http.Client {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	if m.Pin != "" {
		transport.TLSClientConfig = ident.PinnedTLS(m.Pin, []string{host})
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func explain(err error) error {
	strange := (*tls.CertificateVerificationError)(nil)
	switch {
	case errors.As(err, &strange):
		return fmt.Errorf("this system does not trust the hub's certificate, whose pin is %s; if the hub printed exactly this pin at start, give it as --pin: %w",
			ident.ShownPin(strange.UnverifiedCertificates), err)
	case ident.Diagnose(err) == ident.FaultForeignAuthority, ident.Diagnose(err) == ident.FaultOtherHub:
		return fmt.Errorf("the certificate does not have the pin you gave; compare with the pin the hub prints at start: %w", err)
	case ident.Diagnose(err) == ident.FaultNotTLS:
		return fmt.Errorf("something there does not speak https: a captive portal, or a wrong port: %w", err)
	}
	return err
}

type problem struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func readAnswer(resp *http.Response, user string) (ident.Kit, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return ident.Kit{}, fmt.Errorf("read the hub's answer: %w", err)
	}
	var p problem
	isProblem := json.Unmarshal(body, &p) == nil && p.Error.Message != ""
	switch {
	case resp.StatusCode == http.StatusOK:
		made, err := ident.ReadKit(bytes.NewReader(body))
		if err != nil {
			return made, fmt.Errorf("the answer is not a kit; is %s the hub's console, or does a captive portal answer? %w", resp.Request.URL.Host, err)
		}
		return made, nil
	case isProblem && resp.StatusCode == http.StatusUnauthorized:
		return ident.Kit{}, fmt.Errorf("the hub did not let %q in: name or password is wrong", user)
	case isProblem:
		return ident.Kit{}, fmt.Errorf("the hub refused: %s (%s)", p.Error.Message, p.Error.Code)
	}
	return ident.Kit{}, fmt.Errorf("%s answered %q and not as a hub does; is it the hub's console, or does a captive portal answer?", resp.Request.URL.Host, resp.Status)
}

func (m *Make) keep(made ident.Kit, out io.Writer) error {
	var text bytes.Buffer
	if err := made.Write(&text); err != nil {
		return err
	}
	if err := m.mayWrite(); err != nil { // time has passed
		return err
	}
	if err := durable.WriteFile(m.Out, text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write kit: %w", err)
	}
	until := made.Expires.Local().Format("15:04 02/01/2006")
	_, err := fmt.Fprintf(out, "Đã tạo %s cho %s (%s, %s): dùng cho một kiosk, một lần, đến %s.\nWrote %s for %s: one kiosk, once, until %s.\n",
		m.Out, made.Place.Name, made.Place.ID, made.Place.Ward, until, m.Out, made.Place.ID, made.Expires.Format(time.RFC3339))
	return err
}
