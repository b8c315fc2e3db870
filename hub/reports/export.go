package reports

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"nghe/hub/ledger"
)

// answerLine is one exported answer. Scripts depend on these names: add, never
// change.
type answerLine struct {
	Device        string   `json:"device"`
	Journal       string   `json:"journal"`
	Seq           uint64   `json:"seq"`
	ID            string   `json:"id"`
	Place         string   `json:"place"`
	Questionnaire string   `json:"questionnaire"`
	Version       int      `json:"version"`
	Question      string   `json:"question"`
	Score         int      `json:"score,omitempty"`
	Choices       []string `json:"choices,omitempty"`
	Skipped       bool     `json:"skipped,omitempty"`
	Language      string   `json:"language"`
	TakenAt       string   `json:"taken_at"`       // earliest moment it may have been given, RFC 3339
	TakenWidth    float64  `json:"taken_within_s"` // seconds from there
	ReceivedAt    string   `json:"received_at"`
	Flags         []string `json:"flags"`
}

var answerColumns = []string{"device", "journal", "seq", "id", "place", "questionnaire", "version", "question", "score",
	"choices", "skipped", "language", "taken_at", "taken_within_s", "received_at", "flags"}

func lineOf(r ledger.Row) answerLine {
	flags := r.Flags
	if flags == nil {
		flags = []string{}
	}
	return answerLine{r.Device, r.Journal.String(), r.Seq, r.ID.String(), r.Place, r.Questionnaire, r.Version, r.Question,
		r.Score, r.Choices, r.Skipped, r.Language, moment(r.TakenAt), float64(r.TakenWidth) / 1e6, moment(r.ReceivedAt), flags}
}

func moment(us int64) string { return time.UnixMicro(us).In(Zone()).Format(time.RFC3339Nano) }

// ExportAnswers writes one line an answer: "ndjson", RFC 3339 times; or "csv"
// for a spreadsheet set to Vietnamese: UTF-8 with a byte order mark, semicolons,
// CRLF, dd/MM/yyyy, and no cell that a spreadsheet would take for a formula.
func ExportAnswers(w io.Writer, format string, rows iter.Seq2[ledger.Row, error]) error {
	buffered := bufio.NewWriter(w)
	write, end, err := answerWriter(buffered, format)
	if err != nil {
		return err
	}
	for row, err := range rows {
		if err != nil {
			return fmt.Errorf("export answers: %w", err)
		}
		if err := write(row); err != nil {
			return fmt.Errorf("export answers: %w", err)
		}
	}
	if err := end(); err != nil {
		return fmt.Errorf("export answers: %w", err)
	}
	return buffered.Flush()
}

func answerWriter(w *bufio.Writer, format string) (write func(ledger.Row) error, end func() error, err error) {
	switch format {
	case "ndjson":
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		return func(r ledger.Row) error { return encoder.Encode(lineOf(r)) }, func() error { return nil }, nil
	case "csv":
		sheet := newSheet(w)
		if err := sheet.row(answerColumns); err != nil {
			return nil, nil, err
		}
		return func(r ledger.Row) error { return sheet.row(cells(r)) }, sheet.end, nil
	}
	return nil, nil, fmt.Errorf("format %q is not known: use ndjson or csv", format)
}

func cells(r ledger.Row) []string {
	score := ""
	if r.Score != 0 {
		score = strconv.Itoa(r.Score)
	}
	return []string{r.Device, r.Journal.String(), strconv.FormatUint(r.Seq, 10), r.ID.String(), r.Place, r.Questionnaire,
		strconv.Itoa(r.Version), r.Question, score, strings.Join(r.Choices, " "), strconv.FormatBool(r.Skipped), r.Language,
		dayAndTime(r.TakenAt), Vietnamese.Decimal(float64(r.TakenWidth)/1e6, 1), dayAndTime(r.ReceivedAt), strings.Join(r.Flags, " ")}
}

func dayAndTime(us int64) string { return time.UnixMicro(us).In(Zone()).Format("02/01/2006 15:04:05") }

// sheet is a CSV file as Excel in Viet Nam opens it.
type sheet struct{ csv *csv.Writer }

func newSheet(w *bufio.Writer) sheet {
	w.WriteString("\ufeff") // without it Excel takes UTF-8 for something else
	c := csv.NewWriter(w)
	c.Comma, c.UseCRLF = ';', true
	return sheet{c}
}

func (s sheet) row(cells []string) error {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = harmless(c)
	}
	return s.csv.Write(safe)
}

func (s sheet) end() error {
	s.csv.Flush()
	return s.csv.Error()
}

// harmless keeps a cell from being taken for a formula (OWASP ASVS 5.0, 1.2.10).
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\x00", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// ExportTable writes any list of flat structs, by their JSON names.
func ExportTable[T any](w io.Writer, format string, rows []T) error {
	if format == "ndjson" {
		encoder := json.NewEncoder(w)
		for _, row := range rows {
			if err := encoder.Encode(row); err != nil {
				return fmt.Errorf("export: %w", err)
			}
		}
		return nil
	}
	return exportSheet(w, rows)
}

func exportSheet[T any](w io.Writer, rows []T) error {
	buffered := bufio.NewWriter(w)
	s := newSheet(buffered)
	for i, row := range rows {
		names, values, err := flatten(row)
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		if i == 0 {
			if err := s.row(names); err != nil {
				return fmt.Errorf("export: %w", err)
			}
		}
		if err := s.row(values); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	if err := s.end(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return buffered.Flush()
}

// flatten gives the fields of a struct in the order they are declared.
func flatten(row any) (names, values []string, err error) {
	text, err := json.Marshal(row)
	if err != nil {
		return nil, nil, err
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, nil, err
		}
		var s string
		if json.Unmarshal(value, &s) != nil {
			s = string(value)
		}
		names, values = append(names, fmt.Sprint(name)), append(values, s)
	}
	return names, values, nil
}

// Day is the first moment of a day in Viet Nam, written YYYY-MM-DD; the zero
// time for an empty text.
func Day(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, Zone())
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a day: write it like 2026-11-23", text)
	}
	return day, nil
}
