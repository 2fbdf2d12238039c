package torch

import (
	"math"
	"runtime"
	"time"

	"github.com/azr-train/azr/torch/internal/capi"
)

// LockThread binds the calling goroutine to its OS thread for good: the process's compute thread.
func LockThread() { runtime.LockOSThread() }

// SetNumThreads sets how many threads an op uses (default: libtorch's choice, the cores).
func SetNumThreads(n int) { check("SetNumThreads", capi.SetNumThreads(n)) }

// ComputeTime is the time that the process's calls of libtorch have taken so far, those that make, copy and free tensors
// included. On a GPU a call returns before its kernel is done: there it is the calling thread's time, not the device's.
func ComputeTime() time.Duration { return capi.ComputeTime() }

// Live counts tensors and vars that are not freed.
func Live() int64 { return capi.Live() }

// AllocatedBytes counts the bytes that CPU tensors hold.
func AllocatedBytes() int64 { return capi.AllocatedBytes() }

// PeakBytes is the highest AllocatedBytes since ResetPeak.
func PeakBytes() int64 { return capi.PeakBytes() }

// ResetPeak starts a new PeakBytes.
func ResetPeak() { capi.ResetPeak() }

// LimitBytes bounds what CPU tensors may hold together; a tensor beyond it is an [OutOfMemory], as if the
// machine had no more. With 0 there is no bound but the machine's (default), where Linux ends the process
// rather than refuse.
func LimitBytes(most int64) {
	if most <= 0 {
		most = math.MaxInt64
	}
	capi.LimitBytes(most)
}

// Runtime is what libtorch says of itself and the machine.
type Runtime struct {
	// Version of libtorch; CPU vector instructions in use; threads of an op.
	Version, CPU string
	Threads      int
	// FastBF16: the CPU multiplies bf16 no slower than f32.
	FastBF16 bool
	CUDA     CUDARuntime
}

// Describe asks libtorch.
func Describe() Runtime {
	return Runtime{Version: capi.Version(), CPU: capi.CPUCapability(), Threads: capi.NumThreads(), FastBF16: capi.FastBF16(), CUDA: describeCUDA()}
}
