package executor

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os/exec"

	"github.com/azr-train/azr/executor/sandbox"
)

//go:embed libraries.py
var describeLibraries string

// libraries are installed modules that scripts may import.
type libraries struct {
	// Files maps a module's name to the file that Python would load.
	Files map[string]string
	// Paths are the folders and files to make readable.
	Paths []string
	// Missing are the names asked for that are not installed.
	Missing []string
}

// findLibraries asks the user's own interpreter, unconfined, where the named
// modules and all that they require are installed.
func findLibraries(ctx context.Context, python string, names []string) (libraries, error) {
	if len(names) == 0 {
		return libraries{}, nil
	}
	out, err := exec.CommandContext(ctx, python, append([]string{"-c", describeLibraries}, names...)...).Output()
	if err != nil {
		return libraries{}, fmt.Errorf("executor.Open: looking for libraries %q with %s; %w", names, python, err)
	}
	var found libraries
	if err := json.Unmarshal(out, &found); err != nil {
		return libraries{}, fmt.Errorf("executor.Open: looking for libraries %q with %s; %w", names, python, err)
	}
	if len(found.Missing) > 0 {
		return libraries{}, fmt.Errorf("executor.Open: library %s is not installed for %s; hint: %s -m pip install %[1]s, or take it out of libraries",
			printable(found.Missing[0]), python, python)
	}
	for _, path := range found.Paths {
		if obstacle := firstUnreadable(path, sandbox.UserID()); obstacle != "" {
			return libraries{}, fmt.Errorf("executor.Open: library at %s is out of reach behind %s; want one that user %d can read", path, obstacle, sandbox.UserID())
		}
	}
	return found, nil
}
