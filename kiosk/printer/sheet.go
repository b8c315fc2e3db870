package printer

import (
	"embed"
	"fmt"
	"image"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Sheet is what comes out at once, from top to bottom.
type Sheet []Part

// Part is one block of a sheet: words, or a drawing under none.
type Part struct {
	Style   Style
	Text    string
	Drawing *Drawing
}

// Drawing is a square of black and white modules, as a QR code is.
type Drawing struct {
	Size  int // modules to a side
	Black func(x, y int) bool
}

// Style of words.
type Style int

const (
	Body  Style = iota
	Title       // what the sheet is
	Label       // over what follows
	Code        // alone on its line, as large as the paper allows
)

// A printer for receipts has 8 dots a millimetre.
const (
	dotsPerMM = 8
	margin    = 1 * dotsPerMM
	quiet     = 4   // modules around a drawing that stay white
	drawn     = 240 // dots a drawing has at least where it fits: 30 mm
	smallest  = 24  // dots of type; under it nobody reads what comes out
	longest   = 6000
)

// styles are in dots: the size of the type, and the space above.
var styles = map[Style]struct {
	bold   bool
	size   float64
	before int
}{
	Body:  {false, 29, 6},
	Title: {true, 40, 20},
	Label: {true, 29, 26},
	Code:  {true, 96, 16},
}

//go:embed all:fonts
var fonts embed.FS

// typefaces are the regular one and the bold one; the error is that of a program
// built without them.
var typefaces = sync.OnceValues(func() (faces [2]*sfnt.Font, err error) {
	for i, name := range []string{"BeVietnamPro_400Regular.ttf", "BeVietnamPro_700Bold.ttf"} {
		text, err := fonts.ReadFile("fonts/" + name)
		if err != nil {
			return faces, fmt.Errorf("no type is built into this program; run make build: %w", err)
		}
		if faces[i], err = opentype.Parse(text); err != nil {
			return faces, fmt.Errorf("read type %s: %w", name, err)
		}
	}
	return faces, nil
})

// raster is a sheet as dots, rows of them packed into octets, black is 1.
type raster struct {
	width int // dots
	rows  []byte
}

func (r *raster) stride() int { return (r.width + 7) / 8 }

func (r *raster) height() int { return len(r.rows) / r.stride() }

// full says that there is no more paper for one sheet: a text without end must
// not take the roll.
func (r *raster) full() bool { return r.height() >= longest }

// draw lays a sheet out on paper of a width.
func draw(s Sheet, width int) (*raster, error) {
	faces, err := typefaces()
	if err != nil {
		return nil, err
	}
	r := &raster{width: width}
	for _, p := range s {
		if r.full() {
			break
		}
		if p.Text != "" {
			if err := r.words(p, faces); err != nil {
				return nil, err
			}
		}
		if p.Drawing != nil {
			r.modules(*p.Drawing)
		}
	}
	return r, nil
}

func (r *raster) words(p Part, faces [2]*sfnt.Font) error {
	style, family := styles[p.Style], faces[0]
	if style.bold {
		family = faces[1]
	}
	room := r.width - 2*margin
	face, err := sized(family, style.size)
	if err != nil {
		return err
	}
	if wide := font.MeasureString(face, p.Text).Ceil(); p.Style == Code && wide > room {
		if face, err = sized(family, max(smallest, style.size*float64(room)/float64(wide)-1)); err != nil {
			return err
		}
	}
	r.white(style.before)
	for _, line := range wrap(face, p.Text, room) {
		if r.full() {
			r.line(face, "…")
			return nil
		}
		r.line(face, line)
	}
	return nil
}

func sized(f *sfnt.Font, size float64) (font.Face, error) {
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, fmt.Errorf("type of %v dots: %w", size, err)
	}
	return face, nil
}

// line draws one, which fits. Two marks over a capital reach higher than what
// the type says of itself.
func (r *raster) line(face font.Face, text string) {
	m := face.Metrics()
	marks, _ := font.BoundString(face, "ẪẮỖ")
	up, down := max(m.Ascent.Ceil(), -marks.Min.Y.Floor()), m.Descent.Ceil()
	strip := image.NewGray(image.Rect(0, 0, r.width, up+down))
	d := font.Drawer{Dst: strip, Src: image.White, Face: face, Dot: fixed.P(margin, up)}
	d.DrawString(text)
	for y := range up + down {
		row := strip.Pix[y*strip.Stride:][:r.width]
		r.row(func(x int) bool { return row[x] >= 0x80 })
	}
}

// modules draws a square in the middle, as large as it must be to be read.
func (r *raster) modules(d Drawing) {
	if d.Size <= 0 {
		return
	}
	scale := max(1, min((drawn+d.Size-1)/d.Size, r.width/(d.Size+2*quiet)))
	left := (r.width - d.Size*scale) / 2
	r.white(quiet * scale)
	for y := range d.Size * scale {
		r.row(func(x int) bool {
			return x >= left && x < left+d.Size*scale && d.Black((x-left)/scale, y/scale)
		})
	}
	r.white(quiet * scale)
}

func (r *raster) white(rows int) {
	for range rows {
		r.row(func(int) bool { return false })
	}
}

func (r *raster) row(black func(x int) bool) {
	row := make([]byte, r.stride())
	for x := range r.width {
		if black(x) {
			row[x/8] |= 0x80 >> (x % 8)
		}
	}
	r.rows = append(r.rows, row...)
}

// wrap breaks a text where it says so, between words, and within one that is
// longer than a line.
func wrap(face font.Face, text string, room int) (lines []string) {
	fits := func(s string) bool { return fit(face, s, fixed.I(room)) }
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if longer := strings.TrimSpace(line + " " + word); fits(longer) {
				line = longer
				continue
			}
			if line != "" {
				lines = append(lines, line)
			}
			for line = word; !fits(line); {
				n := breaks(line, fits)
				lines, line = append(lines, line[:n]), line[n:]
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// fit measures no further than it must.
func fit(face font.Face, text string, room fixed.Int26_6) bool {
	wide, before := fixed.Int26_6(0), rune(-1)
	for _, r := range text {
		advance, _ := face.GlyphAdvance(r)
		if wide += advance; before >= 0 {
			wide += face.Kern(before, r)
		}
		if before = r; wide > room {
			return false
		}
	}
	return true
}

// breaks is how many octets of a word fit: at least one letter, so that it ends.
func breaks(word string, fits func(string) bool) int {
	n := len(word)
	for i := range word {
		if i > 0 && !fits(word[:i]) {
			break
		}
		if i > 0 {
			n = i
		}
	}
	return n
}
