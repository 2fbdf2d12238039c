package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/configs"
	"github.com/azr-train/azr/monitor"
)

func modelFlag() cli.Flag {
	return &cli.PathFlag{Name: "model", Usage: "`DIR|NAME[@REV]`: a Hugging Face folder, or a name in the local cache"}
}

func deviceFlag() cli.Flag {
	return &cli.StringFlag{Name: "device", Value: "auto", Usage: "`DEVICE` to compute on: cpu, cuda, cuda:N or auto"}
}

func configFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "config", Usage: "`PRESET|FILE` of settings over the defaults; may be repeated, the later over the earlier"}
}

// deviceOverride is deviceFlag for a run, whose configuration names a device too.
func deviceOverride() cli.Flag {
	return &cli.StringFlag{Name: "device", Usage: "`cpu|cuda|cuda:N|auto` in place of the configuration's device"}
}

func setFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "set", Usage: "set one `KEY=VALUE` of the configuration; may be repeated"}
}

// configFlags are the layers of a run's configuration.
func configFlags() []cli.Flag {
	return []cli.Flag{
		modelFlag(), configFlag(),
		&cli.IntFlag{Name: "steps", Usage: "play `N` steps"},
		&cli.Uint64Flag{Name: "seed", Usage: "`S` of every random draw"},
		deviceFlag(), setFlag(),
	}
}

// hideFalse leaves "(default: false)" out of the help.
func hideFalse(flags []cli.Flag) {
	for _, f := range flags {
		if b, ok := f.(*cli.BoolFlag); ok {
			b.DisableDefaultText = true
		}
	}
}

// flagsFirst moves the argument that directly follows the command behind the flags, where the
// flag parser wants it: "export RUN --out DIR" is "export --out DIR RUN".
func flagsFirst(app *cli.App, args []string) []string {
	n, commands := 1, app.Commands
	for ; n < len(args); n++ {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(args[n]) })
		if i < 0 {
			break
		}
		commands = commands[i].Subcommands
	}
	flagsFollow := n > 1 && n+1 < len(args) && !strings.HasPrefix(args[n], "-") && strings.HasPrefix(args[n+1], "-")
	if !flagsFollow || completing(args) {
		return args
	}
	return append(slices.Concat(args[:n], args[n+1:]), args[n])
}

// commandName is the command as one types it behind azr-train, "tasks make"; "" for azr-train itself.
func commandName(c *cli.Context) string {
	var names []string
	for _, parent := range c.Lineage() {
		if parent.Command != nil && parent.Command.Name != "" && parent.Command.Name != c.App.Name && (len(names) == 0 || names[0] != parent.Command.Name) {
			names = append([]string{parent.Command.Name}, names...)
		}
	}
	return strings.Join(names, " ")
}

// usage is a mistake in how a command is called, said in its name.
func usage(c *cli.Context, format string, args ...any) error {
	name := commandName(c)
	err := fmt.Errorf(format, args...)
	if name == "" {
		return fmt.Errorf("%w; hint: azr-train --help", err)
	}
	return fmt.Errorf("%s: %w; hint: azr-train %s --help", name, err, name)
}

// flagsOnly refuses arguments that are no flags, and wants the required ones.
func flagsOnly(c *cli.Context, required ...string) error {
	if c.NArg() > 0 {
		return usage(c, "unexpected argument; got %q, want flags only", c.Args().First())
	}
	return want(c, required)
}

// oneArgument returns the command's only argument.
func oneArgument(c *cli.Context, what string, required ...string) (string, error) {
	if c.NArg() != 1 {
		return "", usage(c, "want one argument, %s; got %q", what, c.Args().Slice())
	}
	return c.Args().First(), want(c, required)
}

func want(c *cli.Context, required []string) error {
	for _, name := range required {
		if c.String(name) == "" {
			return missingFlag(c, name)
		}
	}
	return nil
}

func missingFlag(c *cli.Context, name string) error { return usage(c, "--%s is missing", name) }

// newPlace refuses a path to be made that exists, or has no folder to be made in, before work is done for it.
func newPlace(c *cli.Context, flag string) error {
	path := c.Path(flag)
	if _, err := os.Lstat(path); err == nil {
		return usage(c, "--%s exists; got %s, want a new name", flag, path)
	}
	if parent, err := os.Stat(filepath.Dir(path)); err != nil || !parent.IsDir() {
		return usage(c, "--%s is in no folder; got %s, want a new name in a folder that is there", flag, path)
	}
	return nil
}

// What the flag parser says, and the kinds of values that it could not read.
var (
	unknownFlag  = regexp.MustCompile(`^flag provided but not defined: -(.*)$`)
	needsValue   = regexp.MustCompile(`^flag needs an argument: -(.*)$`)
	invalidValue = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([^ ]+): `)
)

// usageError says what the flag parser could not read, in one line.
func usageError(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	if m := unknownFlag.FindStringSubmatch(text); m != nil {
		return usage(c, "no such flag; got --%s%s", m[1], didYouMean(cli.SuggestFlag(c.Command.Flags, m[1], false)))
	}
	if m := needsValue.FindStringSubmatch(text); m != nil {
		return usage(c, "--%s wants a value", m[1])
	}
	if m := invalidValue.FindStringSubmatch(text); m != nil {
		return usage(c, "--%s; got %s, want %s", m[2], m[1], kind(c.Command.Flags, m[2]))
	}
	return usage(c, "%w", err)
}

// kind is what a flag's values are.
func kind(flags []cli.Flag, name string) string {
	for _, f := range flags {
		if f.Names()[0] != name {
			continue
		}
		switch f.(type) {
		case *cli.BoolFlag:
			return "true or false"
		case *cli.Float64Flag:
			return "a number"
		}
	}
	return "a whole number"
}

func commandNotFound(c *cli.Context, name string) {
	err := fmt.Errorf("no such command; got %q%s; hint: azr-train help", name, didYouMean(nearestCommand(c.App.Commands, name)))
	fmt.Fprintln(os.Stderr, "azr-train: "+monitor.Printable(err.Error(), 0))
	os.Exit(exitBadInput)
}

// nearestCommand is the command that was probably meant; "" if none is like it.
func nearestCommand(commands []*cli.Command, name string) string {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	if nearest := configs.Nearest(name, names); configs.Alike(name, nearest) {
		return nearest
	}
	return ""
}

func didYouMean(suggestion string) string {
	if suggestion == "" {
		return ""
	}
	return "; did you mean " + suggestion + "?"
}
