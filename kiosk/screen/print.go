package screen

import (
	_ "embed" // papers.json
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"nghe/kiosk/printer"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// Printer puts sheets on paper; *printer.Printer is one.
type Printer interface {
	State() printer.State
	// Print returns nil only once the printer took the whole sheet.
	Print(printer.Sheet) error
}

var _ Printer = (*printer.Printer)(nil)

//go:embed papers.json
var papers []byte

// paperText is the id under which a ward words one of the papers' texts.
const paperText = "paper."

// order is what the page posts: "guide", for who came with a complaint or a
// denunciation in the sense of the law; or "receipt", with the code that is to
// be on it, and never what it is about. Paper is Vietnamese or English.
type order struct {
	What     string            `json:"what"`
	Language feedback.Language `json:"language"`
	Code     string            `json:"code"`
}

var noPrinter = refusal{http.StatusServiceUnavailable, "printer", "Nothing can be printed now; show it on the screen.", ""}

// A resident's sheets, and no more of the roll than that.
const (
	sheetsAtOnce = 5
	sheetEvery   = 20 * time.Second
)

// postPrint answers 202 once the printer took the sheet.
func (s *Screen) postPrint(w http.ResponseWriter, r *http.Request) {
	var o order
	bad := readSmall(w, r, &o)
	var sheet printer.Sheet
	if bad == nil {
		sheet, bad = s.sheet(o)
	}
	switch {
	case bad != nil:
	case !s.prints():
		bad = &noPrinter
	default:
		bad = rationed(w, s.sheets.take(s.cfg.Now()), "Much was printed here; wait a little.")
	}
	if bad == nil && s.cfg.Printer.Print(sheet) != nil {
		bad = &noPrinter
	}
	if bad != nil {
		refuse(w, *bad)
		return
	}
	reply(w, http.StatusAccepted, struct{}{})
}

func (s *Screen) prints() bool {
	return s.cfg.Printer != nil && s.cfg.Printer.State() == printer.Ready
}

func (s *Screen) sheet(o order) (printer.Sheet, *refusal) {
	said := s.paperTexts(o.Language)
	switch {
	case o.What == "guide" && o.Code == "":
		return s.guide(said), nil
	case o.What == "guide":
		return nil, &refusal{http.StatusUnprocessableEntity, "invalid", "none on a guide", "code"}
	case o.What != "receipt":
		return nil, &refusal{http.StatusUnprocessableEntity, "invalid", "guide or receipt", "what"}
	}
	code, err := seal.ParseCode(o.Code)
	if err != nil {
		return nil, &refusal{http.StatusUnprocessableEntity, "invalid", wantCode, "code"}
	}
	return s.receiptSheet(code, said), nil
}

// guide says where and when to go, and with what.
func (s *Screen) guide(said func(id string) string) printer.Sheet {
	sheet := printer.Sheet{{Style: printer.Title, Text: said("guide")}, {Text: s.cfg.Ward}, {Text: said("guide-text")}}
	place, days := said(feedback.TextReceptionPlace), said(feedback.TextReceptionDays)
	if place == "" && days == "" {
		sheet = append(sheet, printer.Part{Text: said("ask")})
	}
	for _, p := range []struct{ label, text string }{{"place", place}, {"days", days}, {"bring", said("bring-text")}} {
		if p.text != "" {
			sheet = append(sheet, printer.Part{Style: printer.Label, Text: said(p.label)}, printer.Part{Text: p.text})
		}
	}
	return sheet
}

// receiptSheet says nothing of what was sent: paper gets lost.
func (s *Screen) receiptSheet(code seal.Code, said func(id string) string) printer.Sheet {
	sheet := printer.Sheet{{Style: printer.Title, Text: said("receipt")}, {Style: printer.Code, Text: code.String()}}
	ways := said("here")
	drawn, page, err := s.drawReceipt(code)
	if err != nil {
		s.cfg.Logger.Error("receipt not drawn", "err", err)
	} else {
		sheet = append(sheet, printer.Part{Drawing: &printer.Drawing{Size: drawn.Size, Black: drawn.Black}})
	}
	if page != "" {
		ways += "\n" + strings.ReplaceAll(said("page"), "{page}", page)
	}
	day := s.cfg.Now().In(vietnam).Format("02/01/2006")
	return append(sheet, printer.Part{Text: s.cfg.Ward}, printer.Part{Text: strings.ReplaceAll(said("received"), "{day}", day)},
		printer.Part{Style: printer.Label, Text: said("look-up")}, printer.Part{Text: ways}, printer.Part{Style: printer.Label, Text: said("private")})
}

// paperTexts finds a text in the language of the paper: one of the papers' own,
// in the ward's words where it has some, or one of the ward.
func (s *Screen) paperTexts(l feedback.Language) func(id string) string {
	var own map[string]feedback.Text
	if err := json.Unmarshal(papers, &own); err != nil {
		panic(err) // the embedded data is part of the program; a test guards it
	}
	if l != feedback.Vietnamese {
		l = feedback.English // the printer's type has the letters of these two
	}
	ward := feedback.Texts{}
	if s.cfg.Bulletin != nil {
		ward = s.cfg.Bulletin.Texts()
	}
	return func(id string) string {
		if said := ward[paperText+id][l]; said != "" {
			return said
		}
		if text, ours := own[id]; ours {
			return text[l]
		}
		return ward[id].In(l)
	}
}
