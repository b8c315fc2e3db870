package printer

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"rsc.io/qr"
)

var update = flag.Bool("update", false, "write the pictures the sheets are compared with")

// running is a printer on a device until the test ends, that looks often.
func running(t *testing.T, device string, width int) *Printer {
	t.Helper()
	p := New(Config{Device: device, Width: width, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	p.look = 20 * time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return p
}

func (p *Printer) becomes(t *testing.T, want State) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); p.State() != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the printer is %s, want %s", p.State(), want)
		}
	}
}

// unrolled reads what was sent as a printer does; it refuses whatever this
// package has no reason to send.
func unrolled(t *testing.T, sent []byte) *image.Gray {
	t.Helper()
	sheet, ok := bytes.CutPrefix(sent, []byte("\x1b@"))
	if !ok {
		t.Fatalf("begins with % x, want a reset", sent[:min(len(sent), 8)])
	}
	paper := image.NewGray(image.Rectangle{})
	for len(sheet) >= 8 && bytes.HasPrefix(sheet, []byte("\x1dv0\x00")) {
		wide, high := int(sheet[4])|int(sheet[5])<<8, int(sheet[6])|int(sheet[7])<<8
		sheet = sheet[8:]
		if high == 0 || len(sheet) < wide*high {
			t.Fatalf("a band of %d octets by %d rows, of which %d octets came", wide, high, len(sheet))
		}
		top := paper.Rect.Dy()
		longer := image.NewGray(image.Rect(0, 0, wide*8, top+high))
		copy(longer.Pix, paper.Pix)
		for i := range wide * high * 8 {
			if sheet[i/8]&(0x80>>(i%8)) == 0 {
				longer.SetGray(i%(wide*8), top+i/(wide*8), color.Gray{Y: 255})
			}
		}
		paper, sheet = longer, sheet[wide*high:]
	}
	if string(sheet) != "\x1bd\x05\x1dV\x01" {
		t.Fatalf("ends with % x, want feed and cut", sheet[:min(len(sheet), 16)])
	}
	return paper
}

func receipt(t *testing.T) Sheet {
	t.Helper()
	code, err := qr.Encode("HTTPS://NGHE.QUANGTIEN.VN/R/4Q7K9M2XHT", qr.M)
	if err != nil {
		t.Fatal(err)
	}
	return Sheet{{Style: Title, Text: "Mã biên nhận"}, {Style: Code, Text: "4Q7K9-M2XHT"}, {Drawing: &Drawing{code.Size, code.Black}},
		{Text: "Ngày 24/11/2026"}, {Style: Label, Text: "Tra cứu"}, {Text: "Nghiêng khuỷu quyển ưỡn Ẫ Ự ₫: giữ kín mã này."}}
}

// TestSheets looks at what comes out, dot by dot.
func TestSheets(t *testing.T) {
	long := Sheet{{Style: Title, Text: strings.Repeat("Ố", 100)}, {Text: strings.Repeat("một hai ba bốn ", 8)}, {Text: "hai\n\ndòng"}, {Style: Code, Text: strings.Repeat("W", 60)}}
	for _, c := range []struct {
		name  string
		width int
		sheet Sheet
	}{{"receipt-80", Paper80, receipt(t)}, {"receipt-58", Paper58, receipt(t)}, {"long-58", Paper58, long}} {
		t.Run(c.name, func(t *testing.T) {
			device := filepath.Join(t.TempDir(), "lp0")
			if err := os.WriteFile(device, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			p := running(t, device, c.width)
			p.becomes(t, Ready)
			if err := p.Print(c.sheet); err != nil {
				t.Fatal(err)
			}
			sent, err := os.ReadFile(device)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, unrolled(t, sent), filepath.Join("testdata", c.name+".png"))
		})
	}
}

func compare(t *testing.T, got *image.Gray, path string) {
	t.Helper()
	if *update {
		var b bytes.Buffer
		if err := errors.Join(png.Encode(&b, got), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rect != want.Bounds() {
		t.Fatalf("%v dots, want %v; if it is meant, go test -update and look at it", got.Rect.Max, want.Bounds().Max)
	}
	for i := range got.Pix {
		x, y := i%got.Stride, i/got.Stride
		if color.GrayModel.Convert(want.At(x, y)) != got.GrayAt(x, y) {
			t.Fatalf("the dot %d,%d is another; if it is meant, go test -update and look at it", x, y)
		}
	}
}

func TestEveryVietnameseLetterHasAShape(t *testing.T) {
	faces, err := typefaces()
	if err != nil {
		t.Fatal(err)
	}
	const letters = "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵfjwz0123456789.,:;/-–…·()₫"
	for _, r := range letters + strings.ToUpper(letters) {
		for i, f := range faces {
			if shape, err := f.GlyphIndex(nil, r); err != nil || shape == 0 {
				t.Errorf("type %d has no %c: %v", i, r, err)
			}
		}
	}
}

// Whatever a ward writes, a sheet ends, and its words stay on the paper.
func TestHostileTexts(t *testing.T) {
	for name, text := range map[string]string{
		"one word":   strings.Repeat("W", 4000),
		"many words": strings.Repeat("ngoằn ngoèo ", 4000),
		"lines":      strings.Repeat("\n", 9000),
		"no letters": strings.Repeat("가", 500) + "\u200b\u202e\x00\x07",
		"no UTF-8":   strings.Repeat("\xff\xc3", 300),
		"marks":      "e" + strings.Repeat("\u0302\u0301", 500),
	} {
		for _, style := range []Style{Body, Title, Label, Code} {
			r, err := draw(Sheet{{Style: style, Text: text}, {Style: Title, Text: "Sau"}}, Paper58)
			if err != nil {
				t.Fatal(err)
			}
			if most := longest + 200; r.height() > most || r.height() == 0 {
				t.Errorf("%s: %d rows, want 1 to %d", name, r.height(), most)
			}
			for y := range r.height() {
				if edge := r.rows[(y+1)*r.stride()-1]; edge&0x0f != 0 {
					t.Errorf("%s: row %d goes over the right edge", name, y)
					break
				}
			}
		}
	}
}

func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lp0")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A printer nobody is behind, and one that takes a little and then no more.
func TestNobodyReads(t *testing.T) {
	device := fifo(t)
	p := running(t, device, Paper80)
	time.Sleep(100 * time.Millisecond)
	if err := p.Print(receipt(t)); !errors.Is(err, ErrNot) {
		t.Errorf("Print = %v without a printer", err)
	}
	stuck, err := os.OpenFile(device, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	small(t, stuck)
	p.becomes(t, Ready)
	begin := time.Now()
	err = p.Print(receipt(t))
	if took := time.Since(begin); !errors.Is(err, ErrNot) || took > stall+5*time.Second {
		t.Errorf("Print = %v after %v at a printer that is stuck", err, took)
	}

	taken := drain(stuck)
	p.becomes(t, Ready)
	if err := p.Print(receipt(t)); err != nil {
		t.Fatal(err)
	}
	stuck.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	sent := <-taken
	again := bytes.LastIndex(sent, []byte("\x1b@\x1dv0"))
	unrolled(t, sent[again:])
	if before := sent[:again]; !bytes.HasSuffix(before, rest(Paper80)) {
		t.Errorf("a sheet follows one that was cut off without the rest of its band: % x", before[max(0, len(before)-8):])
	}
}

func TestStopsInTheMiddleOfASheet(t *testing.T) {
	device := fifo(t)
	stuck, err := os.OpenFile(device, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	small(t, stuck)
	p := New(Config{Device: device})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	p.becomes(t, Ready)
	printed := make(chan error, 1)
	go func() { printed <- p.Print(receipt(t)) }()
	if _, err := stuck.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	begin := time.Now()
	stop()
	if err := <-ended; err != nil || time.Since(begin) > time.Second {
		t.Errorf("Run = %v after %v", err, time.Since(begin))
	}
	if err := <-printed; !errors.Is(err, ErrNot) {
		t.Errorf("Print = %v", err)
	}
}

// small makes a pipe hold no more than a page.
func small(t *testing.T, f *os.File) {
	t.Helper()
	conn, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(conn.Control(func(fd uintptr) { _, err = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 4096) }), err); err != nil {
		t.Fatal(err)
	}
}

// drain reads until the deadline.
func drain(f *os.File) <-chan []byte {
	taken := make(chan []byte, 1)
	go func() {
		var all []byte
		for b := make([]byte, 4096); ; {
			n, err := f.Read(b)
			all = append(all, b[:n]...)
			if err != nil && !errors.Is(err, io.EOF) {
				taken <- all
				return
			}
		}
	}()
	return taken
}

// A file in the place of a printer that is gone would swallow receipts.
func TestMakesNoFile(t *testing.T) {
	device := filepath.Join(t.TempDir(), "lp0")
	p := running(t, device, Paper80)
	time.Sleep(100 * time.Millisecond)
	if err := p.Print(receipt(t)); !errors.Is(err, ErrNot) || p.State() != Missing {
		t.Errorf("Print = %v, %s", err, p.State())
	}
	if _, err := os.Stat(device); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
}

// A printer that tells of its paper is believed; plugged out and in, it is found
// again.
func TestTellsOfItsPaper(t *testing.T) {
	device := filepath.Join(t.TempDir(), "lp0")
	first := plug(t, device)
	first.says(0x72)
	p := running(t, device, Paper58)
	p.becomes(t, Empty)
	if err := p.Print(receipt(t)); !errors.Is(err, ErrNot) {
		t.Errorf("Print = %v without paper", err)
	}
	if dots := first.taken(); len(dots) > 0 {
		t.Errorf("%d octets were sent without paper", len(dots))
	}
	first.says(0xff, 0x00, 0x12) // noise before it
	p.becomes(t, Ready)
	if err := p.Print(receipt(t)); err != nil {
		t.Fatal(err)
	}
	compare(t, unrolled(t, first.waits(t)), filepath.Join("testdata", "receipt-58.png"))

	first.Close()
	p.becomes(t, Missing)
	second := plug(t, device)
	second.says() // it never answers
	p.becomes(t, Ready)
	if err := p.Print(receipt(t)); err != nil {
		t.Fatal(err)
	}
	second.waits(t)
}

// A printer that is slow to be looked at is not looked at again and again while
// somebody waits for a sheet.
func TestSheetGoesBeforeALook(t *testing.T) {
	p := New(Config{})
	p.jobs = make(chan job, 1)
	due := make(chan time.Time)
	close(due)
	for range 64 {
		p.jobs <- job{}
		if _, waits := p.next(t.Context(), due); !waits {
			t.Fatal("it looks, and the sheet waits")
		}
	}
	if _, waits := p.next(t.Context(), due); waits {
		t.Error("there is a sheet nobody wanted")
	}
}

func TestSheetIsForgotten(t *testing.T) {
	p := New(Config{})
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	j := job{bytes.Repeat([]byte{7}, 100), make(chan error, 1)}
	if err := p.put(device{f: null}, j); err != nil || bytes.Contains(j.dots, []byte{7}) {
		t.Errorf("put = %v and left %v", err, j.dots)
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		answer       string
		empty, known bool
	}{{"", false, false}, {"\x12", false, true}, {"\x1e", false, true}, {"\x72", true, true}, {"\x32", true, true},
		{"\x80\xff\x03", false, false}, {"\x72\x12", false, true}} {
		if empty, known := status([]byte(c.answer)); empty != c.empty || known != c.known {
			t.Errorf("status(%q) = %t, %t, want %t, %t", c.answer, empty, known, c.empty, c.known)
		}
	}
}

// Two letters that differ in their marks alone come out as two.
func TestMarksAreNotCutOff(t *testing.T) {
	for style := range styles {
		for pair := range strings.FieldsSeq("ÂẪ ÂẤ ĂẮ ÔỖ ƠỠ UỤ ƯỰ EẸ YỴ yỵ") {
			letters := []rune(pair)
			a, err1 := draw(Sheet{{Style: style, Text: string(letters[0])}}, Paper58)
			b, err2 := draw(Sheet{{Style: style, Text: string(letters[1])}}, Paper58)
			if err := errors.Join(err1, err2); err != nil || bytes.Equal(a.rows, b.rows) {
				t.Errorf("%s in style %d come out alike: %v", pair, style, err)
			}
			if last := b.rows[len(b.rows)-b.stride():]; !bytes.Equal(last, make([]byte, b.stride())) {
				t.Errorf("%s in style %d goes on below its line", pair, style)
			}
		}
	}
}
