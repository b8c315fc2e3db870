package command

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type grammar struct {
	Say  say  `cmd:"" help:"Say a word."`
	Fail fail `cmd:"" help:"Fail."`
}

type say struct {
	Word     string `required:"" help:"The word."`
	NextWord string `help:"The next word."`
	Times    int    `default:"1" help:"How often."`
}

func (s *say) Run(ctx context.Context, out Output) error {
	_, err := out.Write([]byte(strings.Repeat(s.Word+s.NextWord, s.Times)))
	return errors.Join(err, ctx.Err())
}

type fail struct {
	Usage bool `help:"Fail as bad usage."`
}

func (f *fail) Run() error {
	if f.Usage {
		return Refusef("that is not how")
	}
	return errors.New("broken")
}

func TestVersionIsNoSetting(t *testing.T) {
	t.Setenv("NGHE_VERSION", "1")
	var stdout, stderr bytes.Buffer
	if code := Main(t.Context(), "test", "A test.", &grammar{}, []string{"say", "--word", "chào"}, &stdout, &stderr); code != Done || stdout.String() != "chào" {
		t.Errorf("Main = %d, stdout %q, stderr %q", code, &stdout, &stderr)
	}
}

func TestCommandLine(t *testing.T) {
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name   string
		args   []string
		env    string
		code   int
		stdout string
		stderr string
	}{
		{"flag", []string{"say", "--word", "chào"}, "", Done, "chào", ""},
		{"environment", []string{"say"}, "cảm ơn", Done, "cảm ơn", ""},
		{"file", []string{"say", "--config", file(`{"word":"xin lỗi"}`)}, "", Done, "xin lỗi", ""},
		{"environment before file", []string{"say", "--config", file(`{"word":"xin lỗi"}`)}, "cảm ơn", Done, "cảm ơn", ""},
		{"flag before all", []string{"say", "--word", "chào", "--config", file(`{"word":"xin lỗi"}`)}, "cảm ơn", Done, "chào", ""},
		{"two words and a number in the file", []string{"say", "--config", file(`{"word":"xin","next-word":"lỗi","times":2}`)}, "", Done, "xinlỗixinlỗi", ""},
		{"unknown key in the file", []string{"say", "--config", file(`{"wrod":"x"}`)}, "", Usage, "", `"wrod" is not a flag`},
		{"broken file", []string{"say", "--config", file(`{`)}, "", Usage, "", "configuration file"},
		{"unknown flag", []string{"say", "--wrod", "x"}, "", Usage, "", "unknown flag"},
		{"missing flag", []string{"say"}, "", Usage, "", "--word"},
		{"no command", nil, "", Usage, "", "expected one of"},
		{"failure", []string{"fail"}, "", Failed, "", "test: broken"},
		{"refusal", []string{"fail", "--usage"}, "", Usage, "", "that is not how"},
		{"help", []string{"--help"}, "", Done, "Say a word.", ""},
		{"version", []string{"--version"}, "", Done, "test ", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.env != "" {
				t.Setenv("NGHE_WORD", c.env)
			}
			var stdout, stderr bytes.Buffer
			code := Main(t.Context(), "test", "A test.", &grammar{}, c.args, &stdout, &stderr)
			if code != c.code || !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("Main(%q) = %d, stdout %q, stderr %q", c.args, code, &stdout, &stderr)
			}
		})
	}
}
