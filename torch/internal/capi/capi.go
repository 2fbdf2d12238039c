// Package capi is the only cgo of torch: each function is one call into csrc
// and returns a handle or an *Error, taken from that same call.
//
// A goroutine may change OS threads between two cgo calls, so nothing here
// depends on thread-local state except the grad mode, which torch sets with the
// thread locked. Handles are not checked: torch.Scope and torch.Var are what
// makes their lifetimes safe.
package capi

/*
#cgo CFLAGS: -I${SRCDIR}/../../../csrc
#cgo LDFLAGS: -L${SRCDIR}/../../../third_party/build/csrc -lazrtorch -Wl,-rpath,${SRCDIR}/../../../third_party/build/csrc
#include <stdlib.h>
#include "azr_torch.h"
*/
import "C"

import (
	"time"
	"unsafe"
)

// init links the library's version: with a stale library the program does not link.
func init() { C.az_abi_4() }

// Kind classifies a failure.
type Kind int32

// The kinds of failure, as in azr_torch.h.
const (
	Invalid     Kind = C.AZ_INVALID
	OutOfMemory Kind = C.AZ_OUT_OF_MEMORY
	Internal    Kind = C.AZ_INTERNAL
)

// Error is a failed call's message.
type Error struct {
	Kind Kind
	Msg  string
}

// Handle is one reference to a libtorch tensor. The zero Handle is none.
type Handle struct{ p *C.az_tensor }

// IsNil tells whether the handle is none.
func (h Handle) IsNil() bool { return h.p == nil }

func failure(s C.az_status) *Error {
	if s.error == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(s.error))
	return &Error{Kind: Kind(s.kind), Msg: C.GoString(s.error)}
}

func result(r C.az_result) (Handle, *Error) { return Handle{r.tensor}, failure(r.status) }

func ints(s []int64) *C.int64_t { return (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(s))) }

func handles(hs []Handle) **C.az_tensor {
	return (**C.az_tensor)(unsafe.Pointer(unsafe.SliceData(hs)))
}

// ---- runtime

// Version is libtorch's version, for example "2.15.0".
func Version() string { return C.GoString(C.az_libtorch_version()) }

// CPUCapability names the vector instructions that libtorch uses, for example "AVX2".
func CPUCapability() string { return C.GoString(C.az_cpu_capability()) }

// FastBF16 tells whether this CPU multiplies bf16 at least as fast as f32.
func FastBF16() bool { return C.az_fast_bf16() != 0 }

// CUDADevices counts the CUDA devices that libtorch can use.
func CUDADevices() int { return int(C.az_cuda_devices()) }

// CUDAError says why the CUDA plugin or libtorch's CUDA library could not be opened; "" if it is open or there is none.
func CUDAError() string { return C.GoString(C.az_cuda_error()) }

// CUDAVersions tells of the CUDA plugin, see az_cuda_versions.
type CUDAVersions struct {
	Plugin                bool
	Driver, Runtime, NCCL int
}

// CUDADescribe is az_cuda_describe.
func CUDADescribe() CUDAVersions {
	v := C.az_cuda_describe()
	return CUDAVersions{Plugin: v.plugin != 0, Driver: int(v.driver), Runtime: int(v.runtime), NCCL: int(v.nccl)}
}

// CUDACard is az_cuda_card.
func CUDACard(device int32) (name string, major, minor int, err *Error) {
	var text *C.char
	var most, least C.int32_t
	if err := failure(C.az_cuda_card(C.az_device(device), &text, &most, &least)); err != nil {
		return "", 0, 0, err
	}
	defer C.free(unsafe.Pointer(text))
	return C.GoString(text), int(most), int(least), nil
}

// CUDAConfig is az_cuda_config.
func CUDAConfig() string { return C.GoString(C.az_cuda_config()) }

// NumThreads is the number of threads of an op.
func NumThreads() int { return int(C.az_num_threads()) }

// SetNumThreads sets the number of threads of an op.
func SetNumThreads(n int) *Error { return failure(C.az_set_num_threads(C.int32_t(n))) }

// ComputeTime is the time that calls which compute, copy or free have taken so far.
func ComputeTime() time.Duration { return time.Duration(C.az_compute_nanoseconds()) }

// GradEnabled reads the calling thread's grad mode.
func GradEnabled() bool { return C.az_grad_enabled() != 0 }

// SetGradEnabled sets the calling thread's grad mode.
func SetGradEnabled(on bool) { C.az_set_grad_enabled(flag(on)) }

// BatchInvariant reads the mode.
func BatchInvariant() bool { return C.az_batch_invariant() != 0 }

// SetBatchInvariant sets the mode.
func SetBatchInvariant(on bool) { C.az_set_batch_invariant(flag(on)) }

func flag(on bool) C.int32_t {
	if on {
		return 1
	}
	return 0
}

// ---- memory

// FreeMany frees handles in one call.
func FreeMany(hs []Handle) {
	if len(hs) > 0 {
		C.az_free_many(handles(hs), C.size_t(len(hs)))
	}
}

// Live counts the handles not freed.
func Live() int64 { return int64(C.az_live()) }

// AllocatedBytes counts the bytes that CPU tensors hold.
func AllocatedBytes() int64 { return int64(C.az_allocated_bytes()) }

// PeakBytes is the highest AllocatedBytes since ResetPeak.
func PeakBytes() int64 { return int64(C.az_peak_bytes()) }

// ResetPeak starts a new PeakBytes.
func ResetPeak() { C.az_reset_peak() }

// DeviceMemory is a CUDA device's free and total memory in bytes.
func DeviceMemory(device int32) (free, total int64, err *Error) {
	var f, t C.int64_t
	err = failure(C.az_device_memory(C.az_device(device), &f, &t))
	return int64(f), int64(t), err
}

// DeviceBytes is what tensors on a CUDA device hold, and the most since ResetDevicePeak.
func DeviceBytes(device int32) (allocated, peak int64, err *Error) {
	var a, p C.int64_t
	err = failure(C.az_device_bytes(C.az_device(device), &a, &p))
	return int64(a), int64(p), err
}

// ResetDevicePeak starts a new peak.
func ResetDevicePeak(device int32) *Error {
	return failure(C.az_reset_device_peak(C.az_device(device)))
}

// LimitBytes bounds AllocatedBytes.
func LimitBytes(most int64) { C.az_limit_bytes(C.int64_t(most)) }

// ---- tensors

// Full makes a tensor of one value.
func Full(value float64, dtype, device int32, shape []int64) (Handle, *Error) {
	return result(C.az_full(C.double(value), C.int32_t(dtype), C.az_device(device), ints(shape), C.int32_t(len(shape))))
}

// Arange makes start, start+1, ... end-1.
func Arange(start, end int64, dtype, device int32) (Handle, *Error) {
	return result(C.az_arange(C.int64_t(start), C.int64_t(end), C.int32_t(dtype), C.az_device(device)))
}

// FromHost copies bytes into a new tensor.
func FromHost(data []byte, dtype, device int32, shape []int64) (Handle, *Error) {
	return result(C.az_from_host(unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)), C.int32_t(dtype), C.az_device(device), ints(shape), C.int32_t(len(shape))))
}

// ToHost copies a tensor's bytes out.
func ToHost(h Handle, data []byte) *Error {
	return failure(C.az_to_host(h.p, unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data))))
}

// HostData is the n bytes of a contiguous CPU tensor where they are, nil of others.
func HostData(h Handle, n int) []byte {
	data := C.az_host_data(h.p)
	if data == nil {
		return nil
	}
	return unsafe.Slice((*byte)(data), n)
}

// Shape reads a tensor's sizes.
func Shape(h Handle) []int64 {
	shape := make([]int64, C.az_ndim(h.p))
	for i := range shape {
		shape[i] = int64(C.az_size(h.p, C.int32_t(i)))
	}
	return shape
}

// DType reads a tensor's dtype.
func DType(h Handle) int32 { return int32(C.az_dtype_of(h.p)) }

// Device reads a tensor's device.
func Device(h Handle) int32 { return int32(C.az_device_of(h.p)) }

// Copy copies src over dst in place.
func Copy(dst, src Handle) *Error { return failure(C.az_copy_(dst.p, src.p)) }
