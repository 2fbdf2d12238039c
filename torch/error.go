package torch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/azr-train/azr/torch/internal/capi"
)

// Kind classifies an Error.
type Kind = capi.Kind

const (
	// Invalid: shapes, dtypes or arguments do not fit.
	Invalid = capi.Invalid
	// OutOfMemory: the allocator has no more. A smaller micro-batch may do.
	OutOfMemory = capi.OutOfMemory
	// Internal: libtorch failed in another way.
	Internal = capi.Internal
)

// Error is a failed op with the operands that it failed on.
type Error struct {
	Op string
	// Args describes the operands, for example "(2, 3) f32 cpu".
	Args []string
	Kind Kind
	Msg  string
	// Held is what CPU tensors held when memory ran out, in bytes; 0 for other kinds.
	Held int64
}

// Error returns "torch.Op: message; got operands".
func (e *Error) Error() string {
	text := fmt.Sprintf("torch.%s: %s", e.Op, e.Msg)
	if e.Kind == OutOfMemory {
		text += fmt.Sprintf(" (CPU tensors held %.1f MiB)", float64(e.Held)/(1<<20))
	}
	if len(e.Args) > 0 {
		text += "; got " + strings.Join(e.Args, ", ")
	}
	return text
}

// IsOutOfMemory tells whether err is, or wraps, a failure for want of memory.
func IsOutOfMemory(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == OutOfMemory
}

// Catch is deferred at a boundary where tensor failures become errors:
//
//	func Load() (err error) { defer torch.Catch(&err); ... }
//
// Other panics pass through.
func Catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case *Error:
		*err = r
	default:
		panic(r)
	}
}

func newError(op string, err *capi.Error, args []Tensor) *Error {
	e := &Error{Op: op, Kind: err.Kind, Msg: err.Msg}
	if e.Kind == OutOfMemory {
		e.Held = AllocatedBytes()
	}
	for _, t := range args {
		e.Args = append(e.Args, t.String())
	}
	return e
}

func misuse(op, msg string) *Error { return &Error{Op: op, Kind: Invalid, Msg: msg} }

func check(op string, err *capi.Error, args ...Tensor) {
	if err != nil {
		panic(newError(op, err, args))
	}
}
