package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// llamaDecodes lets llama.cpp's own benchmark decode the same number of tokens for as many prompts, with the same weights in
// f32, and returns how long prompts and decoding took. It samples nothing.
func (b *bench) llamaDecodes(ctx context.Context, n int) (measure, error) {
	c := exec.CommandContext(ctx, filepath.Join(b.llama, "llama-batched-bench"), "-m", filepath.Join(b.llama, "smollm2-f32.gguf"),
		"-npp", "50", "-ntg", strconv.Itoa(decodedTokens), "-npl", strconv.Itoa(n), "-c", strconv.Itoa(n*128), "-t", strconv.Itoa(b.threads),
		"-ctk", "f32", "-ctv", "f32", "--output-format", "jsonl")
	out, err := c.Output()
	if err != nil {
		return measure{}, fmt.Errorf("llama.cpp: %w", err)
	}
	var found struct {
		Seconds float64 `json:"t"`
	}
	if err := json.Unmarshal(out, &found); err != nil {
		return measure{}, fmt.Errorf("llama.cpp: %w", err)
	}
	return measure{time: time.Duration(found.Seconds * float64(time.Second)), tokens: n * decodedTokens}, nil
}

// hasLlama tells whether llama.cpp was built.
func (b *bench) hasLlama() bool {
	_, err := os.Stat(filepath.Join(b.llama, "llama-batched-bench"))
	return err == nil
}
