package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch"
)

// needPlugin skips where `make cuda` has not been.
func needPlugin(t *testing.T) torch.CUDARuntime {
	t.Helper()
	if _, err := os.Stat("../../third_party/build/csrc_cuda/libazrcuda.so"); err != nil {
		t.Skip("there is no CUDA plugin; hint: make cuda")
	}
	r := torch.Describe().CUDA
	require.Empty(t, r.Error)
	require.True(t, r.Plugin)
	return r
}

// The plugin is open, whether there is a GPU or not, and says what it is for.
func TestThePluginIsOpen(t *testing.T) {
	r := needPlugin(t)
	assert.Equal(t, 13, int(r.Runtime/10000), r.Runtime)
	assert.Equal(t, 2, int(r.NCCL/10000), r.NCCL)
	o := azrTrain(t, "", "doctor")
	assert.Zero(t, o.code, o.stderr)
	assert.Regexp(t, `(?m)^nccl +NCCL 2\.`, o.stdout)
	if r.Devices == 0 {
		assert.Regexp(t, `(?m)^cuda +plugin for CUDA 13\.\d(, but no NVIDIA driver| and a driver for)`, o.stdout)
		assert.Contains(t, o.stdout, "costs: everything runs on the CPU")
		return
	}
	require.NotEmpty(t, r.Architectures)
	assert.Equal(t, torch.Capability{Major: 7, Minor: 5}, r.Architectures[0], "what the doctor's hint says")
}

// Without a GPU the CPU works as it did, and a GPU that is asked for is refused in a line.
func TestThePluginLeavesTheCPUAsItIs(t *testing.T) {
	if r := needPlugin(t); r.Devices > 0 {
		t.Skip("this machine has a GPU, which device auto would take")
	}
	o := azrTrain(t, "", "generate", "--model", "../../starter", "--prompt", "def f", "--max-tokens", "4")
	assert.Zero(t, o.code, o.stderr)
	o = azrTrain(t, "", "generate", "--model", "../../starter", "--prompt", "def f", "--max-tokens", "4", "--device", "cuda")
	assert.Equal(t, exitBadInput, o.code)
	assert.Contains(t, o.stderr, "no such device; got cuda:0")
}
