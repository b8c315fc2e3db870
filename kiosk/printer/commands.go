package printer

// What a printer of receipts understands (ESC/POS). Everything is sent as dots,
// so that no code page of any maker matters.
var (
	reset = []byte{0x1b, '@'}
	feed  = []byte{0x1b, 'd', 5}  // lines: past the knife, or the edge to tear at
	cut   = []byte{0x1d, 'V', 1}  // but for a corner; nothing where there is no knife
	paper = []byte{0x10, 0x04, 4} // DLE EOT 4: asks for the paper's state at once
	dots  = []byte{0x1d, 'v', '0', 0}
)

// band is how many rows are sent under one command: a printer that was cut off
// within one waits for no more than the rest of it.
const band = 128

// encode is a raster with all that brings it out of the printer.
func (r *raster) encode() []byte {
	all := append([]byte(nil), reset...)
	for at := 0; at < r.height(); at += band {
		rows := min(band, r.height()-at)
		all = append(all, dots...)
		all = append(all, byte(r.stride()), byte(r.stride()>>8), byte(rows), byte(rows>>8))
		all = append(all, r.rows[at*r.stride():][:rows*r.stride()]...)
	}
	return append(append(all, feed...), cut...)
}

// rest ends a band that was cut off, whatever its place: white dots, or nothing
// to a printer that waits for none.
func rest(width int) []byte { return append(make([]byte, band*((width+7)/8)), reset...) }

// status reads what answers to paper: some octets, of which ours has fixed bits.
func status(answer []byte) (empty, known bool) {
	for _, b := range answer {
		if b&0b1001_0011 == 0b0001_0010 {
			empty, known = b&0b0110_0000 != 0, true
		}
	}
	return empty, known
}
