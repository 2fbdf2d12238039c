package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

func modelFlag() cli.Flag {
	return &cli.PathFlag{Name: "model", Usage: "Hugging Face `DIR` of the model"}
}

func deviceFlag() cli.Flag {
	return &cli.StringFlag{Name: "device", Value: "auto", Usage: "`cpu|cuda|cuda:N|auto`"}
}

// deviceOverride is deviceFlag for a run, whose configuration names a device too.
func deviceOverride() cli.Flag {
	return &cli.StringFlag{Name: "device", Usage: "`cpu|cuda|cuda:N|auto` in place of the configuration's device"}
}

func setFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "set", Usage: "set one `KEY=VALUE` of the configuration; may be repeated"}
}

// flagsFirst moves the argument that directly follows the command behind the flags, where the
// flag parser wants it: "export RUN --out DIR" is "export --out DIR RUN".
func flagsFirst(args []string) []string {
	if len(args) < 4 || strings.HasPrefix(args[2], "-") {
		return args
	}
	return append(slices.Concat(args[:2], args[3:]), args[2])
}

// flagsOnly refuses arguments that are no flags, and wants the required ones.
func flagsOnly(c *cli.Context, required ...string) error {
	if c.NArg() > 0 {
		return fmt.Errorf("%s: unexpected argument; got %q, want flags only", c.Command.Name, c.Args().First())
	}
	return want(c, required)
}

// oneArgument returns the command's only argument.
func oneArgument(c *cli.Context, what string, required ...string) (string, error) {
	if c.NArg() != 1 {
		return "", fmt.Errorf("%s: want one argument, %s; got %q", c.Command.Name, what, c.Args().Slice())
	}
	return c.Args().First(), want(c, required)
}

func want(c *cli.Context, required []string) error {
	for _, name := range required {
		if c.String(name) == "" {
			return fmt.Errorf("%s: --%s is missing; hint: azr-train help %s", c.Command.Name, name, c.Command.Name)
		}
	}
	return nil
}
