package ident

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// KitVersion is the only version of a kit so far.
const KitVersion = 1

// Kit introduces one kiosk to its hub: where the hub is, how to recognise it,
// and a secret that opens one place once. It holds no key of anybody.
type Kit struct {
	Version int       `json:"version"`
	Hub     []string  `json:"hub"`    // https://host:port of the hub's kiosk listener, best first
	Pin     string    `json:"pin"`    // Authority.Pin of the hub
	Ticket  string    `json:"ticket"` // names the ticket in the registry
	Secret  string    `json:"secret"` // known to this file; the hub keeps TicketKey of it
	Place   Place     `json:"place"`
	Expires time.Time `json:"expires"` // judged by the hub alone
	Note    string    `json:"note,omitempty"`
}

// Place is where a kit, and the kiosk enrolled with it, belongs.
type Place struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Ward string `json:"ward"`
}

// Refusal is something read that is not what it should be, with what to do.
type Refusal struct {
	What  string // "kit", "enrolment request", …
	Field string // JSON name, empty for the whole
	Why   string
	Do    string
}

func (e *Refusal) Error() string {
	where := e.What
	if e.Field != "" {
		where += `, "` + e.Field + `"`
	}
	return where + ": " + e.Why + "; " + e.Do
}

const newKit = "copy the kit again from where it was made, or make a new one with \"provisioning kit\""

func refuseKit(field, why string) error { return &Refusal{"kit", field, why, newKit} }

// ReadKit reads a kit and refuses anything that is not whole and exact. It
// accepts an expired kit: a kiosk's clock proves nothing.
func ReadKit(r io.Reader) (Kit, error) {
	var k Kit
	if err := readStrict(r, &k); err != nil {
		return Kit{}, refuseKit("", err.Error())
	}
	return k, k.Check()
}

// Write writes the kit as ReadKit reads it.
func (k Kit) Write(w io.Writer) error {
	k.Expires = k.Expires.UTC().Truncate(time.Second)
	if err := k.Check(); err != nil {
		return err
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(k)
}

// Expired says whether the kit is over at now. Only the hub's clock decides;
// on a kiosk this is worth a warning and no more.
func (k Kit) Expired(now time.Time) bool { return !now.Before(k.Expires) }

// TicketKey is what the hub keeps of a kit's secret, and the key of both MACs.
// The kit cannot be made again from it, but whoever reads it can use the ticket
// while it is open: hence its short life and single use.
func TicketKey(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }

// Check refuses a kit that ReadKit would refuse.
func (k Kit) Check() error {
	switch {
	case k.Version != KitVersion:
		return &Refusal{"kit", "version", fmt.Sprintf("is %d, this program reads %d", k.Version, KitVersion), "update this program or make the kit with the matching one"}
	case !ValidPin(k.Pin):
		return refuseKit("pin", "is not sha256- and 43 characters")
	case !validToken(k.Ticket, 8, 32):
		return refuseKit("ticket", "is not 8 to 32 small letters and digits")
	case !validToken(k.Secret, 24, 64):
		return refuseKit("secret", "is not 24 to 64 small letters and digits")
	case k.Expires.IsZero():
		return refuseKit("expires", "is missing")
	case utf8.RuneCountInString(k.Note) > maxNote:
		return refuseKit("note", "is too long")
	}
	if field, why := checkHubs(k.Hub); why != "" {
		return refuseKit(field, why)
	}
	if field, why := k.Place.check(); why != "" {
		return refuseKit(field, why)
	}
	return nil
}

func (p Place) check() (field, why string) {
	switch {
	case !plainText(p.ID, 1, 64):
		return "id", "is empty, too long or has characters that do not print"
	case !plainText(p.Name, 1, maxName):
		return "name", "is empty, too long or has characters that do not print"
	case !plainText(p.Ward, 0, maxName):
		return "ward", "is too long or has characters that do not print"
	}
	return "", ""
}

func checkHubs(hubs []string) (field, why string) {
	if len(hubs) == 0 || len(hubs) > maxHubs {
		return "hub", fmt.Sprintf("does not hold 1 to %d addresses", maxHubs)
	}
	for _, hub := range hubs {
		if !validHub(hub) {
			return "hub", fmt.Sprintf("%q is not of the form https://host:port", hub)
		}
	}
	return "", ""
}

// hostChars are those of host names, addresses and ports; other scripts stand
// as xn--….
const hostChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]"

func validHub(hub string) bool {
	u, err := url.Parse(hub)
	return err == nil && len(hub) <= 300 && u.Scheme == "https" && u.Hostname() != "" &&
		hub == "https://"+u.Host && strings.Trim(u.Host, hostChars) == ""
}

// ValidPin says whether pin has the form Authority.Pin gives.
func ValidPin(pin string) bool {
	text, ok := strings.CutPrefix(pin, pinPrefix)
	sum, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return ok && err == nil && len(sum) == sha256.Size
}

func validToken(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

func plainText(s string, least, most int) bool {
	n := utf8.RuneCountInString(s)
	return n >= least && n <= most && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
