package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"nghe/kiosk/outbox"
	"nghe/shared/command"
)

// grammar is the kiosk's command line.
type grammar struct {
	Run    runCommand    `cmd:"" help:"Serve the screen and carry its answers to the hub."`
	Status statusCommand `cmd:"" help:"Say where this kiosk's journal stands. Works while the agent runs."`
}

// Main runs the command line and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := command.Context()
	defer stop()
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, nil)))
	return command.Main(ctx, "kiosk", "The agent of one Nghe touch screen.", &grammar{}, args, stdout, stderr)
}

type runCommand struct {
	Data           string        `required:"" placeholder:"DIR" help:"Folder of everything the kiosk keeps."`
	Listen         string        `default:"127.0.0.1:7070" placeholder:"ADDR" help:"Loopback address of the screen. Default: ${default}."`
	Kit            string        `placeholder:"FILE" help:"Enrolment kit; needed until the kiosk is enrolled."`
	PixelsPerMm    float64       `placeholder:"N" help:"Pixels of the panel per millimetre, so that buttons have the right size."`
	Keep           time.Duration `default:"168h" help:"How long a record stays here after the hub holds it off its own disk. Default: ${default}, seven days."`
	ReserveMib     int64         `default:"64" placeholder:"N" help:"MiB of the disk kept for ratings when it is full. Default: ${default}."`
	MediaMib       int64         `default:"4096" placeholder:"N" help:"Most MiB of sealed words, voice and photos. Default: ${default}."`
	MediaKibS      int           `default:"0" placeholder:"N" help:"Most KiB of words, voice and photos sent a second; ratings are never held back. 0 sends what the line carries."`
	Printer        string        `placeholder:"DEVICE" help:"Receipt printer that speaks ESC/POS, for example /dev/usb/lp0; the agent must be allowed to write to it (group lp)."`
	Paper          int           `default:"80" enum:"58,80" placeholder:"MM" help:"Width of its paper in millimetres, 58 or 80. Default: ${default}."`
	Pulse          time.Duration `default:"60s" help:"The screen counts as frozen when its page has proved no painted frame for so long. Default: ${default}."`
	BrowserRestart []string      `sep:" " placeholder:"COMMAND" help:"Brings the browser back when the screen is frozen: a program and its arguments between spaces, run without a shell, that ends within 30 s. For example \"systemctl restart kiosk-browser\"."`
}

// memoryLimit has the collector work harder rather than take more: deriving a
// receipt needs 16 MiB of it for a moment, a message less than that afterwards,
// everything else a third. The program itself and SQLite come on top.
const memoryLimit = 24 << 20

func (c *runCommand) Run(ctx context.Context) error {
	debug.SetMemoryLimit(memoryLimit)
	return Run(ctx, Config{Data: c.Data, Listen: c.Listen, Kit: c.Kit, PixelsPerMM: c.PixelsPerMm, Keep: c.Keep,
		Room: Room{Reserve: c.ReserveMib << 20, Media: c.MediaMib << 20}, BlobRate: c.MediaKibS << 10,
		Printer: c.Printer, Paper: c.Paper, Pulse: c.Pulse, Browser: c.BrowserRestart})
}

type statusCommand struct {
	Data string `required:"" placeholder:"DIR" help:"The kiosk's data folder."`
	JSON bool   `help:"Print JSON, for scripts."`
}

// standing is what status prints.
type standing struct {
	Place    string         `json:"place"`
	Device   string         `json:"device"`
	Enrolled bool           `json:"enrolled"`
	Journal  string         `json:"journal"`
	Head     uint64         `json:"head"`
	Received uint64         `json:"received"`
	Safe     uint64         `json:"safe"`
	Floor    uint64         `json:"floor"`
	Backlog  outbox.Backlog `json:"backlog"`
	Damaged  []string       `json:"set_aside"` // damaged journals kept for rescue
	Held     int            `json:"held"`      // messages that wait for their moment
	Room     outbox.Room    `json:"room"`
}

func (c *statusCommand) Run(out command.Output) error {
	s, err := readStanding(c.Data)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(out).Encode(s)
	}
	_, err = fmt.Fprintf(out, "device     %s\nplace      %s\nenrolled   %t\njournal    %s\nhead       %d\nreceived   %d\nsafe       %d\nwaiting    %d records, %d bytes\nset aside  %d damaged journals\nheld       %d messages\nroom       for %d ratings%s\n",
		s.Device, s.Place, s.Enrolled, s.Journal, s.Head, s.Received, s.Safe, s.Backlog.Records, s.Backlog.Bytes, len(s.Damaged), s.Held, s.Room.Ratings, s.lasting())
	return err
}

// lasting says how long the room will last, where that is known.
func (s standing) lasting() string {
	if s.Room.Days < 0 {
		return ""
	}
	return fmt.Sprintf(", %d days at the present pace", s.Room.Days)
}

func readStanding(data string) (s standing, err error) {
	id, err := lookAtMembership(data)
	if err != nil {
		return s, err
	}
	if id != nil {
		s.Enrolled, s.Place, s.Device = true, id.Place.ID, id.Device
	}
	r, err := outbox.OpenReader(data)
	if err != nil {
		return s, err
	}
	defer r.Close()
	b, err := r.Branch()
	if err != nil {
		return s, err
	}
	s.Journal, s.Head, s.Received, s.Safe, s.Floor = b.Journal.String(), b.Head.Seq, b.Received.Seq, b.Safe.Seq, b.Floor.Seq
	if s.Backlog, err = r.Backlog(); err != nil {
		return s, err
	}
	if s.Damaged, err = r.Quarantined(); err != nil {
		return s, err
	}
	if s.Held, err = r.Held(); err != nil {
		return s, err
	}
	s.Room, err = r.Room()
	return s, err
}
