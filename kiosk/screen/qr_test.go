package screen

import (
	"fmt"
	"strings"
	"testing"

	"rsc.io/qr"

	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// The drawing is read module by module: it must be the QR of exactly this text.
func TestReceiptIsDrawn(t *testing.T) {
	const alone = "4Q7K9M2XHT"
	address := func(text string) feedback.Texts {
		return feedback.Texts{feedback.TextReceiptPage: {"vi": text, "en": text}}
	}
	for _, c := range []struct {
		name  string
		texts feedback.Texts
		want  string
		page  string
	}{
		{"no page known", nil, alone, ""},
		{"a page", address("https://nghe.quangtien.vn"), "HTTPS://NGHE.QUANGTIEN.VN/R/" + alone, "nghe.quangtien.vn/r"},
		{"with slash, space and capitals", address(" https://Nghe.QuangTien.vn/ "), "HTTPS://NGHE.QUANGTIEN.VN/R/" + alone, "nghe.quangtien.vn/r"},
		{"with a port", address("https://10.0.0.5:8443"), "HTTPS://10.0.0.5:8443/R/" + alone, "10.0.0.5:8443/r"},
		{"not https", address("http://nghe.quangtien.vn"), alone, ""},
		{"no address", address("nghe.quangtien.vn"), alone, ""},
		{"a script", address("javascript:alert(1)"), alone, ""},
		{"a path behind", address("https://nghe.vn/deep"), alone, ""},
		{"a question behind", address("https://nghe.vn/?to="), alone, ""},
		{"a name before", address("https://lan@nghe.vn"), alone, ""},
		{"letters no QR has in capitals", address("https://nghe_1.vn"), alone, ""},
	} {
		s := newScreen(Config{Bulletin: &told{texts: c.texts}}, nil)
		got, err := s.qrOf(seal.Code(alone))
		if err != nil {
			t.Fatal(err)
		}
		want, err := qr.Encode(c.want, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		if drawn := modules(t, got); drawn != modulesOf(want) || got.Size != want.Size || got.Page != c.page {
			t.Errorf("%s: %d modules to a side, page %q, want the drawing of %s", c.name, got.Size, got.Page, c.want)
		}
	}
}

// modules are the rows a path draws, as '#' and '.'.
func modules(t *testing.T, q *qrView) string {
	t.Helper()
	rows := make([][]byte, q.Size)
	for y := range rows {
		rows[y] = []byte(strings.Repeat(".", q.Size))
	}
	for run := range strings.SplitSeq(strings.TrimPrefix(q.Path, "M"), "M") {
		var x, y, n, back int
		if _, err := fmt.Sscanf(run, "%d %dh%dv1h-%dz", &x, &y, &n, &back); err != nil || n != back {
			t.Fatalf("run %q: %v", run, err)
		}
		for i := range n {
			rows[y][x+i] = '#'
		}
	}
	return joined(rows)
}

func modulesOf(c *qr.Code) string {
	rows := make([][]byte, c.Size)
	for y := range rows {
		rows[y] = []byte(strings.Repeat(".", c.Size))
		for x := range c.Size {
			if c.Black(x, y) {
				rows[y][x] = '#'
			}
		}
	}
	return joined(rows)
}

func joined(rows [][]byte) string {
	var all strings.Builder
	for _, row := range rows {
		all.Write(row)
		all.WriteByte('\n')
	}
	return all.String()
}

// A message that is kept brings its drawing along, the same again when the
// page repeats it; the code is in no log.
func TestReceiptComesWithTheMessage(t *testing.T) {
	d := newDesk(t)
	var drawn string
	for i := range 2 {
		status, reply := d.send(headWith(), someWords)
		q, _ := reply["qr"].(map[string]any)
		if status != 201 || q["size"] != 21.0 || i > 0 && q["path"] != drawn {
			t.Fatalf("%d %v", status, reply)
		}
		drawn, _ = q["path"].(string)
	}
	if strings.Contains(d.log.String(), "4Q7K9") {
		t.Errorf("the log tells the code: %s", d.log.String())
	}
}
