//go:build !linux

package sandbox

import (
	"errors"
	"os"
)

// Command is what to run and how well to confine it.
type Command struct {
	Level     Level
	Argv, Env []string
	Readable  []string
	LastPID   int
	Stdout    *os.File
	Files     []*os.File
}

// Process is a running confined program.
type Process struct{}

// UserID is the user that a confined program of this process's runs as.
func UserID() int { return os.Getuid() }

// CannotDrop is "": no program becomes another user's here.
func CannotDrop() string { return "" }

// ChildFilter is the system-call filter for the program's children: none here.
func ChildFilter() []byte { return nil }

// Start fails: only Linux has the mechanisms.
func Start(Command) (*Process, error) {
	return nil, errors.New("sandbox.Start: programs can be confined on Linux only; hint: run in a Linux virtual machine or container")
}

// PID returns the process's id.
func (p *Process) PID() int { return 0 }

// Stderr returns the end of what the program wrote to its standard error.
func (p *Process) Stderr() string { return "" }

// Kill ends the process.
func (p *Process) Kill() {}
