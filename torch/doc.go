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
// Weights, optimiser moments and KV buffers are [Var]s: they live until Free is
// called, and cannot be computed with directly. Whatever is computed is a
// [Tensor] and belongs to a [Scope]; v.In(scope) makes one that shares a Var's
// storage. An op puts its result where the shortest-lived of its operands is.
// When a scope is closed, everything in it goes with one call to C; what should
// stay is taken out before with [Tensor.Keep].
//
//	s := torch.NewScope()
//	defer s.Close()
//	y := x.In(s).Linear(w.In(s)).Silu()
//
// Using a tensor of a closed scope, or tensors of two scopes of which neither
// contains the other, panics with a sentence that says so. The garbage collector
// frees nothing here. A graph that is still referenced keeps what it saved for
// backward even when the handles are gone, so leak tests compare both [Live] and
// [AllocatedBytes].
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
// called [LockThread]; a Scope belongs to that goroutine. Only [Var.View] may be
// asked for elsewhere, by whoever writes weights to a disk meanwhile. Set
// OMP_WAIT_POLICY=passive before the process starts.
package torch
