package main

import (
	"embed"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/configs"
	"github.com/azr-train/azr/model"
)

// A shell's script asks azr-train itself what may come next: it runs the words so far, with the beginning of a
// flag if there is one, and completionFlag behind them, and takes each line of the answer for a word.
//
//go:embed completion
var completionScripts embed.FS

const completionFlag = "--generate-bash-completion" // urfave/cli's, whichever the shell

// completing tells whether a shell asks for completions.
func completing(args []string) bool { return args[len(args)-1] == completionFlag }

// wholeBeginning makes of the beginning of any flag, --, one that does not end the flags of the line.
func wholeBeginning(args []string) {
	if last := len(args) - 2; completing(args) && args[last] == "--" {
		args[last] = "-"
	}
}

var shells = []string{"bash", "zsh", "fish"}

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:         "completion",
		Usage:        "print a script that completes commands, flags, presets and keys",
		ArgsUsage:    strings.Join(shells, "|"),
		BashComplete: completeWith(func() []string { return shells }),
		Description: "bash: source <(azr-train completion bash)\n" +
			"zsh:  source <(azr-train completion zsh)\n" +
			"fish: azr-train completion fish | source\nThe script goes to stdout.",
		Action: func(c *cli.Context) error {
			shell, err := oneArgument(c, "one of "+strings.Join(shells, ", "))
			if err != nil {
				return err
			}
			script, err := completionScripts.ReadFile("completion/azr-train." + shell)
			if err != nil {
				return fmt.Errorf("completion: unknown shell; got %q, want one of %s", shell, strings.Join(shells, ", "))
			}
			_, err = os.Stdout.Write(script)
			return err
		},
	}
}

// completeWith prints what may come next on a command line whose command has such arguments.
func completeWith(arguments func() []string) cli.BashCompleteFunc {
	return func(c *cli.Context) {
		for _, word := range completions(c.Command, os.Args[len(os.Args)-2], arguments) {
			fmt.Fprintln(c.App.Writer, word)
		}
	}
}

// completions of a command after its last word so far: values of a flag, flags for what begins like one, else
// subcommands or arguments.
func completions(command *cli.Command, last string, arguments func() []string) []string {
	switch last {
	case "--model":
		return model.Cached()
	case "--config":
		return configs.Names()
	case "--set":
		return keyNames(false, "=")
	}
	if strings.HasPrefix(last, "-") {
		return flagsLike(command, last)
	}
	names := arguments()
	for _, sub := range command.Subcommands {
		if !sub.Hidden {
			names = append(names, sub.Name)
		}
	}
	return names
}

func noArguments() []string { return nil }

// flagsLike lists the flags of which written is the beginning; none if it is a whole one, whose value is next.
func flagsLike(command *cli.Command, written string) []string {
	var names []string
	for _, f := range command.Flags {
		name := "--" + f.Names()[0]
		if name == written {
			return nil
		}
		if strings.HasPrefix(name, written) {
			names = append(names, name)
		}
	}
	return names
}

// keyNames lists the keys, with sections or without, each with what follows it.
func keyNames(sections bool, suffix string) []string {
	config := defaultConfig()
	var names []string
	for _, k := range configs.Keys(&config) {
		if !k.Section || sections {
			names = append(names, k.Path+suffix)
		}
	}
	return names
}
