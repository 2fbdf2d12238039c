package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/torch"
)

func TestDoctor(t *testing.T) {
	o := azrTrain(t, "", "doctor")
	require.Zero(t, o.code, o.stderr)
	for _, what := range []string{"azr-train", "libtorch", "cuda", "bf16", "cores", "memory", "disk", "ranks", "nccl", "python", "executor"} {
		assert.Regexp(t, `(?m)^`+what+` +\S`, o.stdout)
	}
}

func TestDoctorTriesTheRanksInterface(t *testing.T) {
	f := ranksFinding("lo")
	assert.Equal(t, "gloo over lo", f.Found)
	f = ranksFinding("nowhere0")
	assert.Contains(t, f.Found, "gloo does not work here: ")
	assert.Contains(t, f.Hint, "--dist-interface")
}

// A run on that device would be refused.
func TestDoctorLooksForTheConfiguredDevice(t *testing.T) {
	o := azrTrain(t, "", "doctor", "--set", "device=cuda:99")
	assert.Equal(t, exitBadInput, o.code)
	assert.Contains(t, o.stderr, "no such device; got cuda:99")
	assert.Regexp(t, `(?m)^executor +level`, o.stdout)
}

// What is missing does not keep the doctor from telling the rest.
func TestDoctorReportsAllBeforeItFails(t *testing.T) {
	for setting, words := range map[string][]string{
		"executor.python=/nonexistent/python3": {"no usable Python", "/nonexistent/python3"},
		"executor.memory=8TiB":                 {"not enough memory for one program", "lower executor.memory"},
	} {
		o := azrTrain(t, "", "doctor", "--json", "--set", setting)
		assert.Equal(t, exitBadInput, o.code)
		assert.Equal(t, 1, strings.Count(o.stderr, "\n"), o.stderr)
		for _, word := range words {
			assert.Contains(t, o.stderr, word)
		}
		var report struct {
			Usable   bool
			Findings []finding
		}
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &report), o.stdout)
		assert.False(t, report.Usable)
		last := report.Findings[len(report.Findings)-1]
		assert.Equal(t, "executor", last.What)
		assert.Contains(t, last.Costs, "run, resume, eval and exec do not start")
		assert.GreaterOrEqual(t, len(report.Findings), 9)
	}
}

func TestWhatTheDoctorSaysOfEachMissingThing(t *testing.T) {
	type facts = func(torch.Device) (deviceFacts, error)
	memory := func(free int64) facts {
		return func(torch.Device) (deviceFacts, error) { return deviceFacts{free: free, total: 80e9}, nil }
	}
	unknown := func(torch.Device) (deviceFacts, error) { return deviceFacts{}, errors.New("unknown") }
	card := func(name string, major, minor int) facts {
		return func(torch.Device) (deviceFacts, error) {
			return deviceFacts{torch.Card{Name: name, Capability: torch.Capability{Major: major, Minor: minor}}, 400e9, 400e9}, nil
		}
	}
	cuda := func(devices int, driver torch.Version) torch.CUDARuntime {
		return torch.CUDARuntime{Devices: devices, Plugin: true, Driver: driver, Runtime: 130200, NCCL: 23007, Architectures: []torch.Capability{{Major: 7, Minor: 5}, {Major: 9}}}
	}
	four := executor.Config{Slots: 4, Memory: 512 << 20}
	for name, c := range map[string]struct {
		finding      finding
		found, costs string // parts of the text; costs "" wants none
		hint         string
	}{
		"vector instructions":    {libtorchFinding(torch.Runtime{Version: "2", CPU: "AVX2"}), "AVX2", "", ""},
		"no vector instructions": {libtorchFinding(torch.Runtime{Version: "2", CPU: "DEFAULT"}), "DEFAULT", "several times slower", "AVX2"},
		"no plugin":              {cudaFinding(torch.CUDARuntime{}, unknown), "no plugin", "on the CPU", "make cuda"},
		"a broken CUDA library":  {cudaFinding(torch.CUDARuntime{Error: "libcudart.so: not found"}, unknown), "libcudart.so", "on the CPU", "make cuda"},
		"no driver":              {cudaFinding(cuda(0, 0), unknown), "plugin for CUDA 13.2, but no NVIDIA driver", "on the CPU", "driver 580"},
		"an old driver":          {cudaFinding(cuda(0, 120400), unknown), "only does CUDA 12.4", "on the CPU", "driver 580"},
		"a driver and no card":   {cudaFinding(cuda(0, 130000), unknown), "a driver for CUDA 13.0, but no device", "on the CPU", "CUDA_VISIBLE_DEVICES"},
		"a named card":           {cudaFinding(cuda(1, 130000), card("NVIDIA H100", 9, 0)), "cuda:0, NVIDIA H100 of compute capability 9.0, with 400.00 GB, 400.00 GB of it free; CUDA 13.2, driver for 13.0", "", ""},
		"a card too old":         {cudaFinding(cuda(1, 130000), card("Tesla V100", 7, 0)), "Tesla V100", "cuda:0 cannot be used", "compute capability 7.5"},
		"a card":                 {cudaFinding(torch.CUDARuntime{Devices: 1}, memory(400e9)), "cuda:0 with 80.00 GB, 400.00 GB of it free", "", ""},
		"a card of 80 GB":        {cudaFinding(torch.CUDARuntime{Devices: 1}, memory(79e9)), "79.00 GB of it free", "these presets do not fit: llama-3.1-8b (", "azr-train fit"},
		"two cards":              {cudaFinding(torch.CUDARuntime{Devices: 2}, memory(400e9)), "cuda:1 with", "the others idle", "launch --gpus"},
		"a card of unknown size": {cudaFinding(torch.CUDARuntime{Devices: 1}, unknown), "cuda:0", "", ""},
		"no nccl":                {ncclFinding(torch.CUDARuntime{}, time.Minute, []string{"NCCL_DEBUG=INFO"}), "none: it comes with the CUDA plugin; a run of several ranks has timeout 1m0s, NCCL_DEBUG=INFO", "", ""},
		"nccl":                   {ncclFinding(cuda(1, 130000), time.Minute, []string{"A=1", "B=2"}), "NCCL 2.30.7; a run of several ranks has timeout 1m0s, A=1, B=2", "", ""},
		"slow bf16":              {bf16Finding(torch.Runtime{}), "slow", "nothing in training, which is in f32", ""},
		"fast bf16":              {bf16Finding(torch.Runtime{FastBF16: true}), "fast", "", ""},
		"few cores":              {coresFinding(2), "2", "share 2", "8 or more"},
		"many cores":             {coresFinding(64), "64", "", ""},
		"no memory":              {memoryFinding(1e9), "1.00 GB", "smollm2-135m (", "azr-train fit"},
		"some memory":            {memoryFinding(100e9), "100.00 GB", "qwen2.5-7b (", "azr-train fit"},
		"much memory":            {memoryFinding(1e12), "1000.00 GB", "", ""},
		"little disk":            {diskFinding(1e9), "1.00 GB", "smollm2-135m (5 GB)", "checkpoint.keep"},
		"much disk":              {diskFinding(1e12), "1000.00 GB", "", ""},
		"unknown disk":           {diskFinding(-1), "unknown", "", ""},
		"full":                   {executorFinding(executor.Full, 4, four, nil), "level full, 4 programs of 512MiB", "", ""},
		"lite":                   {executorFinding(executor.Lite, 4, four, errors.New("full fails and needs user namespaces")), "level lite", "namespaces of their own", "full fails and needs user namespaces"},
		"minimal":                {executorFinding(executor.Minimal, 4, four, errors.New("lite needs landlock")), "level minimal", "read every file", "landlock"},
		"none":                   {executorFinding(executor.None, 4, four, errors.New("no seccomp")), "level none", "not confined", "no seccomp"},
		"memory for two":         {executorFinding(executor.Full, 2, four, nil), "2 programs", "memory for 2 of 4 programs", "lower executor.memory"},
	} {
		assert.Contains(t, c.finding.Found, c.found, name)
		if c.costs == "" {
			assert.Empty(t, c.finding.Costs, name)
		}
		assert.Contains(t, c.finding.Costs, c.costs, name)
		assert.Contains(t, c.finding.Hint, c.hint, name)
		if c.hint == "" {
			assert.Empty(t, c.finding.Hint, name)
		}
	}
	assert.NotContains(t, memoryFinding(100e9).Costs, "qwen2.5-3b")
}

func TestAFindingIsPrintedInLines(t *testing.T) {
	var out bytes.Buffer
	finding{What: "cuda", Found: "none", Costs: "speed", Hint: "a card\x1b[2J"}.print(&out)
	lines := strings.Split(out.String(), "\n")
	assert.Equal(t, []string{"cuda       none", "           costs: speed"}, lines[:2])
	assert.NotContains(t, out.String(), "\x1b")
	out.Reset()
	finding{What: "cores", Found: "64"}.print(&out)
	assert.Equal(t, "cores      64\n", out.String())
}

// A level below the strongest is explained by what the strongest fails at.
func TestDoctorAsksWhyALevelIsNotTheStrongest(t *testing.T) {
	config := executor.DefaultConfig()
	config.AtMost = executor.Lite
	f, err := openExecutor(t.Context(), config)
	if err != nil {
		t.Skipf("this machine cannot give level lite: %v", err)
	}
	assert.Contains(t, f.Found, "level lite")
	assert.Empty(t, f.Hint, "lite is what was asked for")
	assert.NotEmpty(t, f.Costs)
}
