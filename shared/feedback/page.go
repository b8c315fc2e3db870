package feedback

import (
	"net/url"
	"strings"
)

// Ids of texts that mean something beyond their words. What begins with
// "screen." stands in the place of a text of the screen itself: ScreenTextID.
const (
	TextReceiptPage    = "receipt.page"    // address of the hub's public pages, "https://nghe.example.vn"; receipts point there
	TextReceptionPlace = "reception.place" // where the ward receives people, shown to who wants to lodge a complaint
	TextReceptionDays  = "reception.days"  // and when
)

// wardTexts are all that a ward words of itself.
var wardTexts = []string{TextReceiptPage, TextReceptionPlace, TextReceptionDays}

// PublicHost is the host of such an address. A telephone on the street needs a
// whole https address, and a receipt puts a path of its own behind it.
func PublicHost(address string) (host string, ok bool) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "https" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", false
	}
	host = strings.ToLower(u.Host)
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.:") != "" { // the capitals of a QR code say no more
		return "", false
	}
	return host, true
}
