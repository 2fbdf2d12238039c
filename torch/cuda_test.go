package torch

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestArchitecturesOfLibtorch(t *testing.T) {
	const config = "  - NVCC architecture flags: -gencode;arch=compute_75,code=sm_75;-gencode;arch=compute_90,code=sm_90;-gencode;arch=compute_120,code=sm_120\n"
	list := architectures(config)
	assert.Equal(t, []Capability{{7, 5}, {9, 0}, {12, 0}}, list)
	assert.Empty(t, architectures(""))
	for card, runs := range map[Capability]bool{{7, 0}: false, {7, 5}: true, {8, 0}: false, {9, 0}: true, {12, 1}: true, {13, 0}: false} {
		assert.Equal(t, runs, card.Runs(list), card)
	}
}

func TestACardWithoutKernelsIsRefused(t *testing.T) {
	old := Card{"Tesla V100", Capability{7, 0}}
	assert.NoError(t, old.check(CUDA(1), nil), "nothing is known of this libtorch")
	assert.EqualError(t, old.check(CUDA(1), []Capability{{7, 5}, {9, 0}}),
		"torch.ParseDevice: this libtorch has no kernels for cuda:1; got Tesla V100 of compute capability 7.0, want 7.5, 9.0 or a later minor version of one; hint: --device cpu")
	assert.NoError(t, Card{"H100", Capability{9, 0}}.check(CUDA(1), []Capability{{7, 5}, {9, 0}}))
}

func TestVersions(t *testing.T) {
	assert.Equal(t, "13.2", Version(130200).String())
	assert.Equal(t, "2.30.7", Version(23007).String())
	old := CUDARuntime{Driver: 120400, Runtime: 130200}
	assert.True(t, old.OldDriver())
	assert.False(t, CUDARuntime{Driver: 130000, Runtime: 130200}.OldDriver(), "a driver serves all of its major version")
	assert.False(t, CUDARuntime{Runtime: 130200}.OldDriver(), "there is none")
}
