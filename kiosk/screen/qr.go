package screen

import (
	"fmt"
	"strings"

	"rsc.io/qr"

	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// qrView draws a receipt for a telephone.
type qrView struct {
	Size int    `json:"size"`           // modules to a side, without the quiet zone
	Path string `json:"path"`           // of an SVG, a unit to a module: the dark ones
	Page string `json:"page,omitempty"` // where the reply can be looked up; empty: the drawing is of the code alone
}

func (s *Screen) qrOf(code seal.Code) (*qrView, error) {
	drawn, page, err := s.drawReceipt(code)
	if err != nil {
		return nil, err
	}
	return &qrView{Size: drawn.Size, Path: outline(drawn), Page: page}, nil
}

// drawReceipt draws the address of a receipt's own page, or the code alone where
// no such page is known. Capitals make it smaller.
func (s *Screen) drawReceipt(code seal.Code) (drawn *qr.Code, page string, err error) {
	text := string(code)
	if host := s.publicHost(); host != "" {
		text, page = "HTTPS://"+strings.ToUpper(host)+"/R/"+text, host+"/r"
	}
	if drawn, err = qr.Encode(text, qr.M); err != nil {
		return nil, "", fmt.Errorf("draw a receipt: %w", err)
	}
	return drawn, page, nil
}

// publicHost is where the ward says that receipts are looked up, or empty.
func (s *Screen) publicHost() string {
	if s.cfg.Bulletin == nil {
		return ""
	}
	host, _ := feedback.PublicHost(s.cfg.Bulletin.Texts()[feedback.TextReceiptPage][feedback.Vietnamese])
	return host
}

// outline draws each row's runs of dark modules.
func outline(c *qr.Code) string {
	var path strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			from := x
			for c.Black(x, y) { // false beyond the edge
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	return path.String()
}
