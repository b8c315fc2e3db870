package kit

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"nghe/provisioning/letter"
	"nghe/shared/command"
)

const about = `Tạo và kiểm tra bộ kit ghi danh kiosk Nghe; mở lời nhắn niêm phong cho cán bộ đích danh. / Makes and examines the kits that enrol Nghe kiosks; opens messages sealed to a named officer.

  provisioning kit --hub https://hub.example --place qt-07 --user lan --out qt-07.kit
  provisioning doctor --kit qt-07.kit
  provisioning key --out lan.key
  provisioning open nghe-01234567-words.age --key lan.key

Every flag can also stand in the environment (--hub as NGHE_HUB) or in the file given by --config, under the flag's name. Exit codes: 0 done, 1 failed, 2 wrong usage.`

type grammar struct {
	Kit    Make   `cmd:"" help:"Make a kit at the hub: a file that admits one kiosk, once, at one place."`
	Doctor Doctor `cmd:"" help:"Examine a kit on the machine where it is to be used."`

	Key  letter.Key  `cmd:"" help:"Make an officer's key, for messages sealed to that officer."`
	Open letter.Open `cmd:"" help:"Open what was sealed to an officer, with the officer's key."`
}

// Main runs the program and returns its exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := command.Context()
	defer stop()
	return command.Main(ctx, "provisioning", about, &grammar{}, args, stdout, stderr)
}

// Make is "provisioning kit".
type Make struct {
	Hub          string        `required:"" placeholder:"URL" help:"The hub's console, as in the browser: https://…; http:// only to this machine."`
	Place        string        `required:"" placeholder:"NAME" help:"Where the kiosk will stand: id or name. Capitals and Vietnamese marks may be left out."`
	Out          string        `required:"" type:"path" placeholder:"FILE" help:"File to write."`
	User         string        `placeholder:"NAME" help:"Operator's account; asked for when missing."`
	PasswordFile string        `type:"path" placeholder:"FILE" help:"File with the password. Without it: NGHE_PASSWORD, else asked for."`
	Pin          string        `placeholder:"sha256-…" help:"The hub's pin, as it prints at start. Without it the certificate must be one this system trusts."`
	TTL          time.Duration `name:"ttl" default:"72h" help:"How long the kit may be used, by the hub's clock: 1m to 720h."`
	Force        bool          `help:"Replace FILE if it exists."`
}

// Run makes the kit.
func (m *Make) Run(ctx context.Context, out command.Output) error {
	return m.run(ctx, out, askTerminal, os.Getenv)
}

// Doctor is "provisioning doctor".
type Doctor struct {
	Kit string `required:"" type:"path" placeholder:"FILE" help:"The kit to examine."`
}

// Run prints what it finds and fails if something must be put right.
func (d *Doctor) Run(ctx context.Context, out command.Output) error {
	failed := false
	for _, f := range examine(ctx, d.Kit, time.Now) {
		failed = failed || f.grade == bad
		if _, err := fmt.Fprintf(out, "%s\n", f); err != nil {
			return err
		}
	}
	if failed {
		return fmt.Errorf("kit chưa dùng được, xem [LỖI] ở trên / the kit will not work, see [LỖI] above")
	}
	return nil
}
