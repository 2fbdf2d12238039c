// Command learning runs the proof that azr-train learns, and writes docs/learning.md from what came of it.
//
// Each arm of the proof is a run of bin/azr-train on the starter, with one thing taken away or changed, from several
// seeds. The recipe was chosen on the validation file; each finished arm answers the test file once. What is known
// already, in results.json, is not run again, so a proof that was interrupted goes on.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// known refuses names of no experiment.
func known(names []string) error {
	var all []string
	for _, e := range experiments {
		all = append(all, e.name)
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return fmt.Errorf("no such experiment; got %q, want some of %s", name, strings.Join(all, ", "))
		}
	}
	return nil
}

func main() {
	var p proof
	flag.StringVar(&p.program, "azr-train", "bin/azr-train", "the program")
	flag.StringVar(&p.heldOut, "held-out", "build/held-out", "folder with validation.jsonl and test.jsonl")
	flag.StringVar(&p.work, "work", "build/learning", "folder for runs")
	flag.StringVar(&p.file, "results", "bench/learning/results.json", "what came of each arm")
	flag.IntVar(&p.seeds, "seeds", 3, "runs of each arm")
	flag.IntVar(&p.jobs, "jobs", 2, "runs at once, of one thread each")
	only := flag.String("only", "", "experiments to run, comma-separated (default: all)")
	page := flag.String("page", "docs/learning.md", "the page whose generated parts are written anew")
	report := flag.Bool("report", false, "only write the page")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	names := strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })
	err := known(names)
	if err == nil {
		err = p.load()
	}
	if err == nil && !*report {
		err = p.run(ctx, names)
	}
	if err == nil {
		err = p.write(*page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/learning:", err)
		os.Exit(1)
	}
}
