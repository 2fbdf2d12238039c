// Package machine names the machine that something was measured on, and what else it did.
package machine

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Name is the processor's and the number of its cores, or the architecture's where Linux does not tell.
func Name() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name\t: "); ok {
			return fmt.Sprintf("%s, %d cores", strings.TrimSpace(name), runtime.NumCPU())
		}
	}
	return fmt.Sprintf("%s, %d cores", runtime.GOARCH, runtime.NumCPU())
}

// Load is the load of the last minute, or "unknown" where Linux does not tell.
func Load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	load, _, _ := strings.Cut(string(text), " ")
	return load
}
