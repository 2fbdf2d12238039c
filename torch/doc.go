// Package torch is the Go view of libtorch: tensors, gradients and the
// optimiser's kernels, over the C ABI in csrc.
//
// It follows the cgo approach of github.com/wangkuiyi/gotorch, which is not
// served any more and stops at 2020, and changes what hurt there: lifetimes are
// explicit instead of finalized, errors come from the call that failed, and the
// ops are about a hundred written lines instead of generated thousands.
//
// # Two types carry lifetime
//
// A [Var] owns storage that outlives a step (a parameter, a moment, a KV
// buffer). It has Free and no maths. A [Tensor] is a value in a [Scope] and has
// all the maths. v.In(scope) is a Var's view as a Tensor; a result lives in the
// innermost scope among its operands; closing a scope frees all of its tensors
// in one call; [Tensor.Keep] moves a tensor out of its scope into a Var.
//
//	s := torch.NewScope()
//	defer s.Close()
//	y := x.In(s).Linear(w.In(s)).Silu()
//
// Using a tensor of a closed scope, or tensors of two scopes of which neither
// contains the other, panics with a sentence that says so. There are no
// finalizers. A closed handle does not free what a live autograd graph saved:
// leak tests compare [Live] and [AllocatedBytes].
//
// # Errors
//
// Ops panic with *[Error] on misuse or exhaustion. It becomes an error at three
// boundaries only (load, generate, train step), each of which defers [Catch].
//
// # Threads
//
// libtorch keeps a thread pool per calling OS thread, and the grad mode belongs
// to the thread too. All tensor work of a process happens on one goroutine that
// called [LockThread]; a Scope belongs to that goroutine. Set
// OMP_WAIT_POLICY=passive before the process starts.
package torch
