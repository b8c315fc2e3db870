// Package command is the command line the three programs share: flags, the
// same by environment (NGHE_…) and by a JSON file, a manual from --help, the
// version from the build, and exit codes 0 done, 1 failed, 2 usage.
//
// It promises that a misspelt key in the file is refused, like a misspelt
// flag. It does not know any command: each program brings its own.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	Done   = 0
	Failed = 1
	Usage  = 2
)

// Output is where a command prints what it was asked for; logs go to standard
// error.
type Output io.Writer

// Refused is an error for bad usage found only when a command runs.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return r.Reason }

// Refusef makes a Refused.
func Refusef(format string, args ...any) error { return &Refused{fmt.Sprintf(format, args...)} }

// base holds the flags every program has.
type base struct {
	Version kong.VersionFlag `help:"Print the version and stop." env:"-"`
	Config  kong.ConfigFlag  `help:"JSON file with the same keys as the flags." type:"existingfile" placeholder:"FILE"`
}

// Main parses args into grammar, a pointer to a struct of kong commands, and
// runs the chosen one. Commands take context.Context and Output as arguments
// of their Run method. The result is an exit code.
func Main(ctx context.Context, name, about string, grammar any, args []string, stdout, stderr io.Writer) int {
	code := -1
	parser, err := kong.New(&base{},
		kong.Name(name), kong.Description(about),
		kong.Writers(stdout, stderr), kong.Exit(func(c int) { code = c }),
		kong.DefaultEnvars("NGHE"), kong.Configuration(strictJSON),
		kong.Vars{"version": name + " " + Version()},
		kong.Embed(grammar))
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return Failed
	}
	parsed, err := parser.Parse(args)
	switch {
	case code >= 0: // --help and --version have printed
		return code
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v\n%s --help lists what there is\n", name, err, name)
		return Usage
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.BindTo(stdout, (*Output)(nil))
	return report(name, parsed.Run(), stderr)
}

func report(name string, err error, stderr io.Writer) int {
	if err == nil {
		return Done
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	if refused := (*Refused)(nil); errors.As(err, &refused) {
		return Usage
	}
	return Failed
}

// Version is the commit this program was built from, with its day, and a plus
// sign where the tree had changes.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	revision := set["vcs.revision"]
	if revision == "" {
		return "unversioned"
	}
	version := fmt.Sprintf("%.10s-%.12s", set["vcs.time"], revision)
	if set["vcs.modified"] == "true" {
		version += "+"
	}
	return version
}

// strictJSON reads a file of flag names and values and refuses names that no
// flag has.
func strictJSON(r io.Reader) (kong.Resolver, error) {
	values := map[string]any{}
	if err := json.NewDecoder(r).Decode(&values); err != nil {
		return nil, fmt.Errorf("read the configuration file: %w", err)
	}
	return strict{values}, nil
}

type strict struct{ values map[string]any }

// Resolve gives a flag its value from the file, unless the environment has
// one: kong would let the file win.
func (s strict) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	return s.values[flag.Name], nil
}

// Validate refuses keys that are no flag of any command.
func (s strict) Validate(app *kong.Application) error {
	known := map[string]bool{}
	_ = kong.Visit(app, func(n kong.Visitable, next kong.Next) error {
		if f, ok := n.(*kong.Flag); ok {
			known[f.Name] = true
		}
		return next(nil)
	})
	for key := range s.values {
		if !known[key] {
			return fmt.Errorf("configuration file: %q is not a flag of this program", key)
		}
	}
	return nil
}

// Context ends when the process is told to stop, by Ctrl-C or by the system.
func Context() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}
