package torch

import (
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
}

// Error returns "torch.Op: message; got operands".
func (e *Error) Error() string {
	if len(e.Args) == 0 {
		return fmt.Sprintf("torch.%s: %s", e.Op, e.Msg)
	}
	return fmt.Sprintf("torch.%s: %s; got %s", e.Op, e.Msg, strings.Join(e.Args, ", "))
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
