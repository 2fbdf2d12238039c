// Package page writes the generated parts of a page. Each stands between two marks with its name; what stands outside
// them is a person's.
package page

import (
	"fmt"
	"os"
	"strings"
)

// Write puts each part between the lines <!-- NAME --> and <!-- end of NAME --> of a file. Where one has no place there
// the file stays as it was.
func Write(file string, parts map[string]string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := string(old)
	for name, part := range parts {
		begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
		before, rest, begun := strings.Cut(text, begin)
		_, after, ended := strings.Cut(rest, end)
		if !begun || !ended {
			return fmt.Errorf("%s: no place for %s; want the lines %q and %q", file, name, strings.TrimSpace(begin), end)
		}
		text = before + begin + part + end + after
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
