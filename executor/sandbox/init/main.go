//go:build linux

// The program init confines itself as the JSON in AZR_SANDBOX says and then
// becomes the program named there. Package sandbox embeds it; it is static and
// small, so that a worker starts in milliseconds and never inside the trainer's
// own image.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"github.com/azr-train/azr/executor/sandbox/confine"
)

// init keeps main on the first thread: rights are dropped thread by thread.
func init() { runtime.LockOSThread() }

func main() {
	var spec confine.Spec
	err := json.Unmarshal([]byte(os.Getenv("AZR_SANDBOX")), &spec)
	if err == nil {
		err = confine.Apply(spec)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(97)
}
