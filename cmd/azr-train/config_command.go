package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/configs"
)

func configCommand() *cli.Command {
	return &cli.Command{
		Name:        "config",
		Usage:       "show, explain and compare configurations; list the presets",
		Description: "stdout gets what is asked for. docs/configuration.md tells of presets, files, flags and settings.",
		Subcommands: []*cli.Command{
			configShowCommand(), configExplainCommand(), configDiffCommand(), configPresetsCommand(),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return cli.ShowSubcommandHelp(c)
			}
			return fmt.Errorf("config: no such command; got %q, want show, explain, diff or presets", c.Args().First())
		},
	}
}

func configShowCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "print the effective configuration, or a run's, as YAML that --config takes",
		ArgsUsage: "[RUN]",
		Flags:     configFlags(),
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				dir, err := oneArgument(c, "a run's folder")
				if err != nil {
					return err
				}
				if c.NumFlags() > 0 {
					return fmt.Errorf("config show: a run has its configuration already; got %s with flags, want one or the other", dir)
				}
				return showRunConfig(os.Stdout, dir)
			}
			config, layers, err := layConfig(c)
			if err != nil {
				return err
			}
			_, err = os.Stdout.Write(configs.Dump(&config, layers.Origin))
			return err
		},
	}
}

// showRunConfig prints the file as the run wrote it, with the layers that it notes.
func showRunConfig(w io.Writer, dir string) error {
	if _, err := readRunConfig("config show", dir); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, configFile))
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, shown(string(text)))
	return err
}

func configDiffCommand() *cli.Command {
	return &cli.Command{
		Name:         "diff",
		Usage:        "print the keys in which two configurations differ",
		ArgsUsage:    "A B, each a preset, a file or a run's folder",
		BashComplete: completeWith(configs.Names),
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return fmt.Errorf("config diff: want two arguments, each a preset, a file or a run's folder; got %q", c.Args().Slice())
			}
			var sides [2]Config
			for i, name := range c.Args().Slice() {
				var err error
				if sides[i], err = namedConfig(name); err != nil {
					return err
				}
			}
			w := bufio.NewWriter(os.Stdout)
			printDiff(w, shown(c.Args().Get(0)), shown(c.Args().Get(1)), configs.Diff(&sides[0], &sides[1]))
			return w.Flush()
		},
	}
}

// namedConfig is that of a run's folder, or of a preset or file over the defaults.
func namedConfig(name string) (Config, error) {
	if _, preset := configs.Read(name); !preset {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			return readRunConfig("config diff", name)
		}
	}
	config := defaultConfig()
	if err := configs.Over(&config).File(name); err != nil {
		return config, err
	}
	return config, config.validate()
}

// printDiff prints a table, nothing where there is no difference.
func printDiff(w io.Writer, a, b string, differences []configs.Difference) {
	if len(differences) == 0 {
		return
	}
	rows := [][3]string{{"key", a, b}}
	for _, d := range differences {
		rows = append(rows, [3]string{d.Key, d.A, d.B})
	}
	var width [2]int
	for _, row := range rows {
		width[0], width[1] = max(width[0], len(row[0])), max(width[1], len(row[1]))
	}
	for _, row := range rows {
		fmt.Fprintf(w, "%-*s  %-*s  %s\n", width[0], row[0], width[1], row[1], row[2])
	}
}

func configPresetsCommand() *cli.Command {
	return &cli.Command{
		Name:  "presets",
		Usage: "list the presets: what each is for, the hardware it needs, whether anyone has run it",
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c); err != nil {
				return err
			}
			for _, name := range configs.Names() {
				about, err := configs.Describe(name)
				if err != nil {
					return err
				}
				if _, err := fmt.Printf("%s\n  %s\n  Needs %s\n  %s\n", name, about.Purpose, about.Needs, about.Run); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
