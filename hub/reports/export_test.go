package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"testing"

	"nghe/hub/ledger"
	"nghe/shared/wire"
)

func oneRow(row ledger.Row, err error) iter.Seq2[ledger.Row, error] {
	return func(yield func(ledger.Row, error) bool) { yield(row, err) }
}

var exported = ledger.Row{
	Device: "dev", Journal: wire.JournalID{1}, Seq: 7, ID: wire.RecordID{2}, Place: "=HYPERLINK(\"x\")",
	Questionnaire: "today", Version: 1, Question: "satisfied", Language: "vi", Score: 5,
	TakenAt: 1_795_000_000_000_000, TakenWidth: 1_500_000, ReceivedAt: 1_795_000_100_000_000,
}

func TestExportAnswersAsLines(t *testing.T) {
	var out bytes.Buffer
	if err := ExportAnswers(&out, "ndjson", oneRow(exported, nil)); err != nil {
		t.Fatal(err)
	}
	var line answerLine
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line.ID != exported.ID.String() || line.Score != 5 || line.TakenWidth != 1.5 || !strings.HasSuffix(line.TakenAt, "+07:00") || line.Flags == nil {
		t.Errorf("line = %+v", line)
	}
}

func TestExportAnswersAsSheet(t *testing.T) {
	var out bytes.Buffer
	if err := ExportAnswers(&out, "csv", oneRow(exported, nil)); err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(out.String(), "\ufeff")
	lines := strings.Split(text, "\r\n")
	if !ok || len(lines) != 3 || lines[2] != "" || strings.Count(lines[0], ";") != strings.Count(lines[1], ";") {
		t.Fatalf("sheet = %q", out.String())
	}
	if !strings.Contains(lines[1], `"'=HYPERLINK(""x"")"`) {
		t.Errorf("a formula is left as one: %s", lines[1])
	}
	if !strings.Contains(lines[1], ";1,5;") {
		t.Errorf("seconds are not written with a comma: %s", lines[1])
	}
}

func TestExportStopsAtTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	if err := ExportAnswers(&bytes.Buffer{}, "ndjson", oneRow(ledger.Row{}, broken)); !errors.Is(err, broken) {
		t.Errorf("err = %v", err)
	}
	if err := ExportAnswers(&bytes.Buffer{}, "pdf", oneRow(exported, nil)); err == nil {
		t.Error("an unknown format is taken")
	}
}

func TestExportTableKeepsTheOrderOfFields(t *testing.T) {
	type row struct {
		Name string `json:"name"`
		N    int    `json:"n"`
	}
	var out bytes.Buffer
	if err := ExportTable(&out, "csv", []row{{"Bình Minh", 3}}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "\ufeffname;n\r\nBình Minh;3\r\n"; got != want {
		t.Errorf("sheet = %q, want %q", got, want)
	}
}
