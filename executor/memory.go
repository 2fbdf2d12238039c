package executor

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// affordableSlots returns how many of the wanted slots have their Memory in what
// the machine has to spare. It is an error if not even one does.
func affordableSlots(wanted int, memory, available Bytes) (int, error) {
	slots := min(Bytes(wanted), available/memory)
	if slots < 1 {
		return 0, fmt.Errorf("executor.Open: not enough memory for one program; got %s available, want %s; hint: lower executor.memory", available, memory)
	}
	return int(slots), nil
}

// AvailableMemory is what new processes may use before something is swapped or
// killed: the least that the kernel and the control group of this process tell.
// A system that tells neither sets no bound.
func AvailableMemory() Bytes {
	available := Bytes(math.MaxInt64)
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			var kib int64
			if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
				available = Bytes(kib) << 10
			}
		}
	}
	for _, group := range []struct{ limit, used, stat string }{
		{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"},
		{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes", "/sys/fs/cgroup/memory/memory.stat"},
	} {
		limit, errLimit := readNumber(group.limit)
		used, errUsed := readNumber(group.used)
		if errLimit == nil && errUsed == nil {
			available = min(available, max(0, limit-used+reclaimable(group.stat)))
		}
	}
	return available
}

// reclaimable is the part of a control group's memory that only caches files.
func reclaimable(stat string) Bytes {
	text, err := os.ReadFile(stat)
	if err != nil {
		return 0
	}
	var inactive int64
	for line := range strings.Lines(string(text)) {
		if n, _ := fmt.Sscanf(line, "inactive_file %d", &inactive); n == 1 {
			break
		}
	}
	return Bytes(inactive)
}

func readNumber(file string) (Bytes, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return Bytes(n), err
}
