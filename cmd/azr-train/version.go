package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print the versions of azr-train and of what it is built on",
		Description: "stdout gets a line each, or with --json one object.",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print one JSON document"}},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c); err != nil {
				return err
			}
			v := build()
			if c.Bool("json") {
				return json.NewEncoder(os.Stdout).Encode(v)
			}
			for _, line := range [][2]string{
				{"azr-train", v.String()}, {"libtorch", v.LibTorch}, {"tokenizers", v.Tokenizers}, {"go", v.Go},
			} {
				if _, err := fmt.Printf("%-10s %s\n", line[0], line[1]); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// versions of this program and of what is linked into it.
type versions struct {
	// Program is the module's version, "(devel)" where Go knows of none; Commit what it was built from, "" if
	// that is unknown, and Modified whether the work tree had changes.
	Program    string `json:"azr-train"`
	Commit     string `json:"commit,omitempty"`
	Modified   bool   `json:"modified,omitempty"`
	LibTorch   string `json:"libtorch"`
	Tokenizers string `json:"tokenizers"`
	Go         string `json:"go"`
}

func build() versions {
	v := versions{Program: "unknown", LibTorch: torch.Describe().Version, Tokenizers: tokenizer.LibraryVersion, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Program = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// String is the program's version and commit.
func (v versions) String() string {
	switch {
	case v.Commit == "":
		return v.Program
	case v.Modified:
		return v.Program + ", commit " + v.Commit + " with changes"
	}
	return v.Program + ", commit " + v.Commit
}
