// Command speed measures azr-train beside what a user would otherwise run, and writes the table of docs/speed.md.
//
// The other side is bench/reference, the usual way in PyTorch and transformers, in a process of its own with as many
// threads. Sides take turns in each round, so that a neighbour's load falls on both; what is reported is the ratio
// in a round: its median, and its spread. Limits are what this machine's own matrix products and
// memory allow the same numbers of rows.
//
// With -growth it measures instead how the time of a step's halves grows with batch, length, model and slots, on random
// models, and draws it.
package main

import (
	"cmp"
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
	flag.StringVar(&b.llama, "llama", "third_party/build/llama", "the folder of make bench-llama; without it llama.cpp is left out")
	flag.StringVar(&b.program, "azr-train", "bin/azr-train", "the program, for a whole step")
	flag.StringVar(&b.work, "work", "build/speed", "folder for its run")
	flag.IntVar(&b.threads, "threads", runtime.NumCPU(), "threads of each side")
	flag.IntVar(&b.rounds, "rounds", 5, "how often each side has its turn")
	only := flag.String("only", "", "rows to measure, comma-separated (default: all)")
	growth := flag.Bool("growth", false, "measure how the time of a step grows, without the other side")
	file := flag.String("results", "", "what was measured (default bench/results.json, bench/growth.json)")
	page := flag.String("page", "docs/speed.md", "the page with the tables")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "bench/speed: unexpected argument; got %q, want flags only\n", flag.Arg(0))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	runtime.LockOSThread() // the compute thread
	var err error
	if *growth {
		err = b.grow(ctx, cmp.Or(*file, "bench/growth.json"), *page)
	} else {
		err = b.run(ctx, names(*only), cmp.Or(*file, "bench/results.json"), *page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/speed:", err)
		os.Exit(1)
	}
}

// names are those of a list with commas.
func names(list string) (all []string) {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			all = append(all, name)
		}
	}
	return all
}
