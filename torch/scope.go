package torch

import (
	"slices"

	"github.com/azr-train/azr/torch/internal/capi"
)

// Scope owns tensors and frees them together, those of children that are still
// open too: whatever a panic leaves open, closing the outermost scope frees. A
// child scope must be closed before its parent is used for anything that the
// child's tensors took part in.
type Scope struct {
	parent   *Scope
	depth    int
	children []*Scope // open ones, by age
	handles  []capi.Handle
	closed   bool
}

// NewScope opens a scope that stands alone.
func NewScope() *Scope { return &Scope{} }

// Child opens a scope inside s: its tensors may be mixed with those of s.
func (s *Scope) Child() *Scope {
	s.mustBeOpen("Child")
	child := &Scope{parent: s, depth: s.depth + 1}
	s.children = append(s.children, child)
	return child
}

// Close frees the scope's tensors. Closing twice does nothing.
func (s *Scope) Close() {
	if s.closed {
		return
	}
	s.closed = true
	for n := len(s.children); n > 0; n = len(s.children) {
		s.children[n-1].Close()
	}
	if s.parent != nil {
		i := slices.Index(s.parent.children, s)
		s.parent.children = slices.Delete(s.parent.children, i, i+1)
	}
	capi.FreeMany(slices.DeleteFunc(s.handles, capi.Handle.IsNil))
	s.handles = nil
}

func (s *Scope) mustBeOpen(op string) {
	if s.closed {
		panic(misuse(op, "scope used after Close"))
	}
}

func (s *Scope) contains(inner *Scope) bool {
	for ; inner != nil && inner.depth >= s.depth; inner = inner.parent {
		if inner == s {
			return true
		}
	}
	return false
}

// own takes a call's result into the scope, or panics with its error.
func (s *Scope) own(op string, h capi.Handle, err *capi.Error, args ...Tensor) Tensor {
	if err != nil {
		panic(newError(op, err, args))
	}
	s.handles = append(s.handles, h)
	return Tensor{s, len(s.handles) - 1}
}

// innermost is the deepest scope among the operands, all of which must lie on one chain.
func innermost(op string, first Tensor, rest ...Tensor) *Scope {
	s := first.scope
	for _, t := range rest {
		switch {
		case t.scope == s || t.scope.contains(s):
		case s.contains(t.scope):
			s = t.scope
		default:
			panic(misuse(op, "operands live in sibling scopes; want one inside the other"))
		}
	}
	return s
}
