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

	"golang.org/x/sys/unix"

	"github.com/azr-train/azr/executor/sandbox/confine"
)

// init keeps main on the first thread: rights are dropped thread by thread.
func init() { runtime.LockOSThread() }

func main() {
	unix.CloseOnExec(4) // the file that this program came from
	// Out of memory the kernel takes a worker before the trainer. Where this is forbidden it decides as it likes.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	var spec confine.Spec
	err := json.Unmarshal([]byte(os.Getenv("AZR_SANDBOX")), &spec)
	if err == nil {
		err = confine.Apply(spec)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(97)
}
