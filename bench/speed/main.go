// Command speed measures azr-train beside what a user would otherwise run, and writes the table of docs/speed.md.
//
// The other side is bench/reference, the usual way in PyTorch and transformers, in a process of its own with as many
// threads. Sides take turns in each round, so that a neighbour's load falls on both; what is reported is the ratio
// in a round: its median, and its spread. Limits are what this machine's own matrix products and
// memory allow the same numbers of rows.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

func main() {
	var b bench
	flag.StringVar(&b.folder, "model", "third_party/build/smollm2", "the model's folder")
	flag.StringVar(&b.python, "python", "third_party/build/reference/bin/python", "the interpreter of make bench-reference")
	flag.StringVar(&b.program, "azr-train", "bin/azr-train", "the program, for a whole step")
	flag.StringVar(&b.work, "work", "build/speed", "folder for its run")
	flag.IntVar(&b.threads, "threads", runtime.NumCPU(), "threads of each side")
	flag.IntVar(&b.rounds, "rounds", 5, "how often each side has its turn")
	only := flag.String("only", "", "rows to measure, comma-separated (default: all)")
	file := flag.String("results", "bench/results.json", "what was measured")
	page := flag.String("page", "docs/speed.md", "the page with the table")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	runtime.LockOSThread() // the compute thread
	err := b.run(ctx, strings.FieldsFunc(*only, func(r rune) bool { return r == ',' }), *file, *page)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/speed:", err)
		os.Exit(1)
	}
}
