package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor"
)

// output is what run and resume say: progress and log lines on stderr, results on stdout.
type output struct {
	display monitor.Display
	log     zerolog.Logger
	objects *json.Encoder // what stdout gets as JSON; nil for text
	flags   []string      // that say so
}

func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "quiet", Usage: "show no progress: only warnings and errors, and the closing summary"},
		&cli.BoolFlag{Name: "json", Usage: "print one JSON object a step to stdout, then one of the summary; show no progress"},
	}
}

func newOutput(c *cli.Context) output {
	var o output
	o.display, o.log = newDisplay(c.Bool("quiet") || c.Bool("json"))
	if c.Bool("quiet") {
		o.log = o.log.Level(zerolog.WarnLevel)
		o.flags = append(o.flags, "--quiet")
	}
	if c.Bool("json") {
		o.objects = json.NewEncoder(os.Stdout)
		o.flags = append(o.flags, "--json")
	}
	return o
}

// newDisplay shows bars on a terminal and lines elsewhere, or with quiet nothing; log lines go through it.
func newDisplay(quiet bool) (monitor.Display, zerolog.Logger) {
	terminal := monitor.Interactive(os.Stderr)
	if quiet {
		log := newLog(os.Stderr, terminal)
		return monitor.NewQuiet(log), log
	}
	if terminal {
		bars := monitor.NewBars(os.Stderr)
		return bars, newLog(bars, true)
	}
	log := newLog(os.Stderr, false)
	return monitor.NewLines(log), log
}

// step tells of a finished step.
func (o output) step(r azr.StepRecord) error {
	o.display.End(r)
	if o.objects == nil {
		return nil
	}
	return o.objects.Encode(monitor.StepObject(r))
}

// end closes with the summary.
func (o output) end(s monitor.Summary) error {
	if o.objects == nil {
		_, err := fmt.Print(s)
		return err
	}
	return o.objects.Encode(s.Object())
}

// shown is text of a person's for stdout: as it is, or on a terminal without what could steer it.
func shown(text string) string {
	if !monitor.Terminal(os.Stdout) {
		return text
	}
	return onTerminal(text)
}
