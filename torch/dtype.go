package torch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/azr-train/azr/torch/internal/capi"
)

// DType is an element type.
type DType int32

// The element types that cross the border, numbered as in csrc/azr_torch.h.
const (
	F32 DType = iota
	BF16
	F16
	F64
	I64
	I32
	Bool
)

var dtypes = [...]struct {
	name string
	size int
}{{"f32", 4}, {"bf16", 2}, {"f16", 2}, {"f64", 8}, {"i64", 8}, {"i32", 4}, {"bool", 1}}

// String returns for example "bf16".
func (d DType) String() string {
	if d < 0 || int(d) >= len(dtypes) {
		return fmt.Sprintf("dtype(%d)", int32(d))
	}
	return dtypes[d].name
}

// Size is the bytes of one element.
func (d DType) Size() int { return dtypes[d].size }

// MarshalText is String.
func (d DType) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDType.
func (d *DType) UnmarshalText(name []byte) (err error) {
	*d, err = ParseDType(string(name))
	return err
}

// ParseDType reads a name that String gives, or safetensors' upper-case form of it.
func ParseDType(name string) (DType, error) {
	for i, d := range dtypes {
		if d.name == strings.ToLower(name) {
			return DType(i), nil
		}
	}
	return 0, fmt.Errorf("torch.ParseDType: unknown dtype; got %q, want f32, bf16 or f16", name)
}

// Device is where a tensor's storage is. The zero Device is the CPU.
type Device struct{ number int32 }

// CPU is the host's memory.
var CPU = Device{}

// CUDA is the i-th CUDA device.
func CUDA(i int) Device { return Device{int32(i) + 1} }

// Index is the number of a CUDA device, -1 of the CPU.
func (d Device) Index() int32 { return d.number - 1 }

// String returns "cpu" or "cuda:0".
func (d Device) String() string {
	if d.number == 0 {
		return "cpu"
	}
	return fmt.Sprintf("cuda:%d", d.number-1)
}

// ParseDevice reads "cpu", "cuda:N", "cuda" (the one of [SetDevice]) or "auto" (that one if there are any, else the CPU).
// A CUDA device that is not there, or that libtorch has no kernels for, is an error.
func ParseDevice(name string) (Device, error) {
	cuda := capi.CUDADevices()
	switch {
	case name == "cpu", name == "auto" && cuda == 0:
		return CPU, nil
	case name == "auto", name == "cuda":
		name = CUDA(current).String()
	}
	number, ok := strings.CutPrefix(name, "cuda:")
	i, err := strconv.Atoi(number)
	if !ok || err != nil || i < 0 {
		return CPU, fmt.Errorf("torch.ParseDevice: unknown device; got %q, want cpu, cuda, cuda:N or auto", name)
	}
	if i >= cuda {
		return CPU, fmt.Errorf("torch.ParseDevice: no such device; got %s, want one of %d CUDA devices that this libtorch can use; hint: --device cpu", name, cuda)
	}
	card, err := DescribeCard(CUDA(i))
	if err != nil { // without the plugin: libtorch will say what it thinks of the card
		return CUDA(i), nil
	}
	return CUDA(i), card.check(CUDA(i), architectures(capi.CUDAConfig()))
}
