package screen

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRefusalsAreLoggedWithoutContent(t *testing.T) {
	var log bytes.Buffer
	handler := New(Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}).Handler()
	const canary = "chim hoàng yến"
	for i := range 3 * linesAMinute {
		body := fmt.Sprintf(`{"request":"r-%d","answer":{"questionnaire":"today","version":1,"question":%q,"language":"vi","score":6}}`, i, canary)
		request := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/api/answers", strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		handler.ServeHTTP(httptest.NewRecorder(), request)
	}
	lines := strings.Count(log.String(), "\n")
	if lines != linesAMinute || !strings.Contains(log.String(), "route=/api/answers") || !strings.Contains(log.String(), "code=") {
		t.Errorf("%d lines, want %d with route and field:\n%s", lines, linesAMinute, &log)
	}
	if strings.Contains(log.String(), "chim") {
		t.Errorf("what was sent is in the log:\n%s", &log)
	}
}

// A refused message must not be told of when it happens: resent, it may be one
// to named officers.
func TestRefusedMessagesAreOnlyCounted(t *testing.T) {
	var log bytes.Buffer
	handler := New(Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}).Handler()
	post := func(route string) {
		request := httptest.NewRequest(http.MethodPost, "http://127.0.0.1"+route, strings.NewReader("{}"))
		request.Header.Set("Content-Type", "application/json")
		handler.ServeHTTP(httptest.NewRecorder(), request)
	}
	post("/api/messages")
	post("/api/receipts") // who has just sent one tries its code
	if log.Len() > 0 {
		t.Errorf("refused messages and look-ups are logged:\n%s", &log)
	}
	post("/api/answers")
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "unwritten=2") {
		t.Errorf("they are not counted:\n%s", &log)
	}
}
