package sandbox

import (
	"bufio"
	"fmt"
	"os"

	"github.com/azr-train/azr/executor/sandbox/confine"
)

// CannotDrop says why this process, which is root's, cannot make a confined program another user's: it is in a user
// namespace that has no other. It is "" if it can or need not. Without it there is no level.
func CannotDrop() string {
	maps, err := os.Open("/proc/self/uid_map")
	if os.Getuid() != 0 || err != nil {
		return ""
	}
	defer maps.Close()
	if hasUser(bufio.NewScanner(maps), confine.Nobody) {
		return ""
	}
	return fmt.Sprintf("this user namespace has user 0 but not user %d, which programs run as here", confine.Nobody)
}

// hasUser tells whether a user is in a map of lines of first user, first user outside, and how many.
func hasUser(lines *bufio.Scanner, user uint64) bool {
	for lines.Scan() {
		var first, outside, count uint64
		if n, _ := fmt.Sscan(lines.Text(), &first, &outside, &count); n == 3 && first <= user && user-first < count {
			return true
		}
	}
	return false
}
