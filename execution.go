package azr

import "context"

// Execution asks an Executor to run a program's f on each of Inputs.
type Execution struct {
	// Program is Python source that defines f.
	Program string
	// Inputs are lists of positional arguments as literal text, for example `[1, 2], 'a'`.
	Inputs []string
	// Twice runs every input under two interpreters with different hash seeds and address spaces
	// and answers Nondeterministic where they differ.
	Twice bool
	// Trusted says that the program was validated before: its inputs may share one process.
	Trusted bool
}

// Result is what became of one input of an Execution.
type Result struct {
	Status Status `json:"status"`
	// Value is the canonical literal text of what f returned; set if Status is OK.
	Value string `json:"value"`
	// Error names the exception's type or says more of the status.
	Error string `json:"error,omitempty"`
}

// Status says how an execution ended.
type Status uint8

const (
	// Infra: the sandbox failed, not the program. Never a reason to pay or punish.
	Infra Status = iota
	// OK: f returned a literal.
	OK
	// Error: an exception, no f, a non-literal value or a broken protocol.
	Error
	// Timeout: over the wall or CPU limit.
	Timeout
	// Memory: over the memory limit.
	Memory
	// OutputLimit: the value or the printed output is over its limit.
	OutputLimit
	// Blocked: refused by the gate or killed by the system-call filter.
	Blocked
	// Nondeterministic: two runs disagreed.
	Nondeterministic
	// BadInput: the input text is not a list of literals.
	BadInput
)

var statusNames = [...]string{"infra", "ok", "error", "timeout", "memory", "output_limit", "blocked", "nondeterministic", "bad_input"}

// String returns the status's name.
func (s Status) String() string { return name(statusNames[:], s) }

// MarshalText writes the status's name.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a status's name.
func (s *Status) UnmarshalText(text []byte) error { return parse(s, statusNames[:], text) }

// Executor runs programs that nobody has read. It is safe for concurrent use.
type Executor interface {
	// Run returns one Result per input, in order. An error means that nothing can be run any more
	// (or that ctx ended), never that a program failed.
	Run(ctx context.Context, e Execution) ([]Result, error)
}
