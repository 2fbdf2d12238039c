// Command gpu checks a CUDA device against the CPU, and measures on it what others publish figures of.
//
// The check holds the same computations side by side, from logits to a step's memory; each row has a bound, and one that is
// broken ends it with exit code 1. The workloads are nano-vllm's, 256 requests of random lengths, and an update at 16K tokens,
// both by random weights in the shape of Qwen3-0.6B.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/azr-train/azr/torch"
)

func main() {
	check := flag.Bool("check", false, "compare the device with the CPU instead of measuring it")
	optional := flag.Bool("optional", false, "without the device do nothing, and say so")
	device := flag.String("device", "cuda", "the device")
	folder := flag.String("model", "third_party/build/smollm2", "the folder of the model that is checked, and of the tokenizer")
	w := workload{requests: 256, tokens: 16 << 10, config: qwen3}
	flag.IntVar(&w.requests, "requests", w.requests, "requests that are decoded")
	flag.IntVar(&w.tokens, "tokens", w.tokens, "tokens of the sample that is learnt from")
	flag.Float64Var(&w.peak, "peak", 0, "what the device can do in bf16, in TFLOP/s, for MFU: 989 is an H100's; 0 leaves MFU out")
	file := flag.String("results", "bench/gpu.json", "what was measured")
	page := flag.String("page", "docs/speed.md", "the page with the table")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	runtime.LockOSThread() // the compute thread
	d, err := torch.ParseDevice(*device)
	if err != nil && *optional {
		fmt.Println("bench/gpu: left out:", err)
		return
	}
	if err == nil && *check {
		err = checkDevice(ctx, os.Stdout, d, *folder)
	} else if err == nil {
		err = w.run(ctx, d, *folder, *file, *page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/gpu:", err)
		os.Exit(1)
	}
}
