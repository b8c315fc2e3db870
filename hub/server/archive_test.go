package server

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"nghe/hub/archive"
	"nghe/hub/archive/s3test"
	"nghe/shared/command"
)

func TestChecksArchives(t *testing.T) {
	server := s3test.Start(t)
	data := t.TempDir()
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"a bucket", []string{"--archive", server.Location}, command.Done, "The server checks SHA-256"},
		{"a bucket as JSON", []string{"--archive", server.Location, "--json"}, command.Done, `"check": "stranger"`},
		{"a folder on the same disk", []string{"--archive", filepath.Join(data, "archive"), "--data", data}, command.Failed, "same disk"},
		{"a bucket on this machine", []string{"--archive", server.Location, "--data", data}, command.Failed, "this machine"},
		{"a bucket that is not there", []string{"--archive", strings.Replace(server.Location, "/nghe?", "/other?", 1)}, command.Failed, "there is no such bucket"},
		{"no place", []string{"--archive", "ftp://x/y"}, command.Usage, ""},
		{"nothing", nil, command.Usage, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := Main(append([]string{"s3", "check"}, c.args...), &stdout, &stderr)
			if code != c.code || !strings.Contains(stdout.String(), c.says) {
				t.Errorf("hub s3 check = %d\n%s\n%s", code, &stdout, &stderr)
			}
			var findings []archive.Finding
			if strings.Contains(c.name, "JSON") && (json.Unmarshal(stdout.Bytes(), &findings) != nil || len(findings) < 10) {
				t.Errorf("not JSON: %s", &stdout)
			}
		})
	}
}
