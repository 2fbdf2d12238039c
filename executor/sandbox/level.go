package sandbox

import "fmt"

// Level is how well a process is confined. Stronger levels are greater.
type Level uint8

const (
	// None: resource limits only. For development on systems without seccomp.
	None Level = iota
	// Minimal: a system-call filter (no network, no writing, no processes) and a user of its own,
	// but every file that this user may read can be read.
	Minimal
	// Lite: Minimal, and landlock closes all files but the interpreter's.
	Lite
	// Full: Lite, in user, mount, pid, net, ipc, uts and cgroup namespaces of its own, on a read-only
	// root that holds the interpreter alone. Landlock is an addition here and may be missing.
	Full
)

var levelNames = [...]string{"none", "minimal", "lite", "full"}

// String returns the level's name.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("unknown(%d)", uint8(l))
}

// MarshalText writes the level's name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads a level's name.
func (l *Level) UnmarshalText(text []byte) error {
	for i, name := range levelNames {
		if name == string(text) {
			*l = Level(i)
			return nil
		}
	}
	return fmt.Errorf("sandbox.Level: unknown level; got %q, want one of %q", text, levelNames)
}
