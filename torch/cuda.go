package torch

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/azr-train/azr/torch/internal/capi"
)

// CUDARuntime is what is there of CUDA.
type CUDARuntime struct {
	// Devices that this libtorch can use.
	Devices int
	// Plugin: `make cuda` has made the plugin, and it is open.
	Plugin bool
	// Error says why the plugin, or libtorch's CUDA library, could not be opened; empty if it is open or there is none.
	Error string
	// Driver is the newest CUDA that the machine's driver can do, Runtime the one that libtorch is made for; NCCL moves bytes
	// between GPUs. They are known of the plugin only; Driver is 0 where there is no driver.
	Driver, Runtime, NCCL Version
	// Architectures are those that libtorch has kernels for; known where there are devices.
	Architectures []Capability
}

// Version is 10000 major + 100 minor + patch.
type Version int

// String returns for example "13.2", or "2.30.7".
func (v Version) String() string {
	text := fmt.Sprintf("%d.%d", v/10000, v/100%100)
	if patch := v % 100; patch != 0 {
		text += fmt.Sprintf(".%d", patch)
	}
	return text
}

// OldDriver tells whether the machine has a driver that is too old for libtorch's CUDA: one of an earlier major version.
func (r CUDARuntime) OldDriver() bool { return r.Driver > 0 && r.Driver/10000 < r.Runtime/10000 }

func describeCUDA() CUDARuntime {
	v := capi.CUDADescribe()
	cuda := func(v int) Version { return Version(v/1000*10000 + v%1000/10*100) }
	return CUDARuntime{
		Devices: capi.CUDADevices(), Plugin: v.Plugin, Error: capi.CUDAError(),
		Driver: cuda(v.Driver), Runtime: cuda(v.Runtime), NCCL: Version(v.NCCL),
		Architectures: architectures(capi.CUDAConfig()),
	}
}

// Capability is a card's compute capability, such as 9.0, or that of an architecture.
type Capability struct{ Major, Minor int }

// String returns for example "9.0".
func (c Capability) String() string { return fmt.Sprintf("%d.%d", c.Major, c.Minor) }

var architecture = regexp.MustCompile(`\bsm_(\d+)(\d)\b`)

// architectures reads the flags that kernels were compiled with.
func architectures(config string) (list []Capability) {
	for _, m := range architecture.FindAllStringSubmatch(config, -1) {
		major, _ := strconv.Atoi(m[1])
		minor, _ := strconv.Atoi(m[2])
		list = append(list, Capability{major, minor})
	}
	return list
}

// Runs tells whether kernels of one of the architectures run on a card: one of its major version that is not newer.
func (c Capability) Runs(architectures []Capability) bool {
	for _, a := range architectures {
		if a.Major == c.Major && a.Minor <= c.Minor {
			return true
		}
	}
	return false
}

// Card is a GPU.
type Card struct {
	Name string
	Capability
}

// DescribeCard asks the CUDA plugin.
func DescribeCard(d Device) (Card, error) {
	name, major, minor, err := capi.CUDACard(d.Index())
	if err != nil {
		return Card{}, fmt.Errorf("torch.DescribeCard: %s", err.Msg)
	}
	return Card{name, Capability{major, minor}}, nil
}

// FastBF16 tells whether a device is there for bf16: a GPU that has it in its matrix units, of compute capability 8.0 or later.
// Of CPUs it says no: training in f32 is as fast there, see [Runtime].
func FastBF16(d Device) bool {
	card, err := DescribeCard(d)
	return err == nil && card.Major >= 8
}

// check refuses a card that libtorch has no kernels for.
func (c Card) check(d Device, architectures []Capability) error {
	if len(architectures) == 0 || c.Runs(architectures) {
		return nil
	}
	list := make([]string, len(architectures))
	for i, a := range architectures {
		list[i] = a.String()
	}
	return fmt.Errorf("torch.ParseDevice: this libtorch has no kernels for %s; got %s of compute capability %s, want %s or a later minor version of one; hint: --device cpu",
		d, c.Name, c.Capability, strings.Join(list, ", "))
}

// current is the device that "cuda" and "auto" mean.
var current = 0

// SetDevice has the names cuda and auto mean the i-th CUDA device from now on (default 0), as for a rank that shares its
// machine with others.
func SetDevice(i int) { current = i }

// DeviceMemory is a device's free and total memory in bytes. It is known of CUDA devices only.
func DeviceMemory(d Device) (free, total int64, err error) {
	defer Catch(&err)
	free, total, failed := capi.DeviceMemory(d.Index())
	check("DeviceMemory", failed)
	return free, total, nil
}

// DevicePeak is the most bytes that tensors on a device have held together since the last call. What libtorch keeps
// beyond that, to give out again, is not counted.
func DevicePeak(d Device) (peak int64, err error) {
	defer Catch(&err)
	if d == CPU {
		defer ResetPeak()
		return PeakBytes(), nil
	}
	_, peak, failed := capi.DeviceBytes(d.Index())
	check("DevicePeak", failed)
	check("DevicePeak", capi.ResetDevicePeak(d.Index()))
	return peak, nil
}
