package torch_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/safetensors"
)

// golden is one case of testdata/golden/ops.json; its README.md describes the format.
type golden struct {
	Op          string    `json:"op"`
	Inputs      []string  `json:"inputs"`
	Args        arguments `json:"args"`
	Outputs     []string  `json:"outputs"`
	GradOutputs []string  `json:"grad_outputs"`
	GradInputs  []string  `json:"grad_inputs"`
}

// arguments are an op's arguments that are not tensors.
type arguments map[string]any

func (a arguments) number(key string) float64 { return a[key].(float64) }
func (a arguments) int(key string) int        { return int(a.number(key)) }
func (a arguments) flag(key string) bool      { return a[key].(bool) }

func (a arguments) ints(key string) []int64 {
	var list []int64
	for _, x := range a[key].([]any) {
		list = append(list, int64(x.(float64)))
	}
	return list
}

func goldenCases(t *testing.T) []golden {
	text, err := os.ReadFile("../testdata/golden/ops.json")
	require.NoError(t, err)
	var cases []golden
	require.NoError(t, json.Unmarshal(text, &cases))
	require.NotEmpty(t, cases)
	return cases
}

// goldenTensors makes tensors of ops.safetensors by name.
type goldenTensors struct {
	t    *testing.T
	file *safetensors.File
}

func openGoldenTensors(t *testing.T) goldenTensors {
	file, err := safetensors.Open("../testdata/golden/ops.safetensors")
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	return goldenTensors{t, file}
}

func (g goldenTensors) load(s *torch.Scope, name string) torch.Tensor {
	info, ok := g.file.Lookup(name)
	require.True(g.t, ok, "no tensor %s", name)
	dtype, err := torch.ParseDType(string(info.DType))
	require.NoError(g.t, err)
	data, err := g.file.Read(name)
	require.NoError(g.t, err)
	return s.FromBytes(data, dtype, torch.CPU, info.Shape...)
}

// require compares: whole numbers and truth values exactly, f32 within 1e-5 relative or 1e-6 absolute.
func (g goldenTensors) require(t *testing.T, name string, got torch.Tensor) {
	s := torch.NewScope()
	defer s.Close()
	want := g.load(s, name)
	require.Equal(t, want.Shape(), got.Shape(), "shape of %s", name)
	require.Equal(t, want.DType(), got.DType(), "dtype of %s", name)
	if want.DType() != torch.F32 {
		require.Equal(t, want.Int64s(), got.Int64s(), name)
		return
	}
	wants, gots := want.Float32s(), got.Float32s()
	for i := range wants {
		w, x := float64(wants[i]), float64(gots[i])
		close := math.Abs(x-w) <= 1e-5*math.Abs(w)+1e-6
		require.True(t, close || w == x, "%s[%d]: got %g, want %g", name, i, x, w)
	}
}

func TestOpsEqualGoldensForwardAndBackward(t *testing.T) {
	lockThread(t)
	tensors := openGoldenTensors(t)
	live, bytes := torch.Live(), torch.AllocatedBytes()
	count := map[string]int{}
	for _, c := range goldenCases(t) {
		name := fmt.Sprintf("%s.%d", c.Op, count[c.Op])
		count[c.Op]++
		t.Run(name, func(t *testing.T) { runGolden(t, tensors, c) })
	}
	assert.Equal(t, live, torch.Live(), "handles")
	assert.Equal(t, bytes, torch.AllocatedBytes(), "bytes")
}

func runGolden(t *testing.T, tensors goldenTensors, c golden) {
	call, ok := ops[c.Op]
	require.True(t, ok, "no Go method in the table for %s", c.Op)
	s := torch.NewScope()
	defer s.Close()
	inputs := make([]torch.Tensor, len(c.Inputs))
	for i, name := range c.Inputs {
		inputs[i] = tensors.load(s, name)
		if len(c.GradInputs) > 0 && c.GradInputs[i] != "" {
			inputs[i] = inputs[i].Leaf()
		}
	}
	outputs := call(s, c.Args, inputs)
	require.Len(t, outputs, len(c.Outputs))
	for i, name := range c.Outputs {
		tensors.require(t, name, outputs[i])
	}
	if len(c.GradOutputs) == 0 {
		return
	}
	total := s.Zeros(torch.F32, torch.CPU)
	for i, name := range c.GradOutputs {
		if name != "" {
			total = total.Add(outputs[i].Mul(tensors.load(s, name)).SumAll())
		}
	}
	total.Backward(torch.Tensor{})
	for i, name := range c.GradInputs {
		if name != "" {
			require.False(t, inputs[i].Grad().IsNone(), "no gradient of %s", c.Inputs[i])
			tensors.require(t, name, inputs[i].Grad())
		}
	}
}

// elsewhere lists the functions of azr_torch.h that have no golden case, and why.
var elsewhere = map[string]string{
	"detach": "no values of its own; scope_test.go: Keep and Leaf", "alias": "no values of its own; scope_test.go: In",
	"unary": "a family of ops.def", "scalar": "a family of ops.def", "binary": "a family of ops.def", "reduce": "a family of ops.def",
	"abi_4": "a link-time check", "libtorch_version": "TestRuntimeDescribesItself", "cpu_capability": "TestRuntimeDescribesItself",
	"fast_bf16": "TestRuntimeDescribesItself", "cuda_devices": "TestRuntimeDescribesItself", "cuda_error": "TestRuntimeDescribesItself", "num_threads": "TestRuntimeDescribesItself",
	"set_num_threads": "TestRuntimeDescribesItself", "grad_enabled": "scope_test.go: NoGrad", "set_grad_enabled": "scope_test.go: NoGrad",
	"free_many": "scope_test.go: Live", "live": "scope_test.go", "allocated_bytes": "scope_test.go", "peak_bytes": "scope_test.go", "reset_peak": "scope_test.go",
	"muon_step": "trainer: TestMuonMovesEveryDirectionAlike", "lerp": "trainer: TestAveragedWeightsAreTheModel", "exchange": "trainer: TestAveragedWeightsAreTheModel",
	"round_stochastically": "TestStochasticRoundingIsRightInTheMean", "set_grad": "trainer: TestMastersAreRounded",
	"cuda_describe": "TestRuntimeDescribesItself, cmd: TestThePluginIsOpen", "cuda_config": "cmd: TestThePluginIsOpen", "cuda_card": "TestDeviceMemoryIsOfADevice",
	"device_memory": "TestDeviceMemoryIsOfADevice", "device_bytes": "TestDeviceMemoryIsOfADevice", "reset_device_peak": "TestDeviceMemoryIsOfADevice",
	"compute_nanoseconds": "TestComputeTimeIsThatOfCalls",
	"limit_bytes":         "TestWantOfMemoryHasItsKindAndNumbers",
	"full":                "scope_test.go", "arange": "TestMakersAndConversions", "from_host": "every golden input", "to_host": "every golden output", "host_data": "TestViewIsTheVarsOwnBytes",
	"ndim": "every golden output", "size": "every golden output", "dtype_of": "every golden output", "device_of": "scope_test.go: errors name operands",
	"copy_": "TestSetCopiesOverAVar", "to": "TestMakersAndConversions",
	"paged_attention": "TestPagedAttentionEqualsPackedAttention", "copy_pages": "TestCopyPages", "decode_attention": "model: TestDecodingToldByTensors",
	"group_open": "torch/dist", "group_close": "torch/dist", "group_connect": "TestNCCLIsBetweenGPUs",
	"all_reduce": "torch/dist", "broadcast": "torch/dist", "all_gather": "torch/dist",
	"reduce_to": "torch/dist", "scale_grads": "trainer: TestRanksEqualOne", "release_storage": "trainer: TestRanksEqualOne", "restore_storage": "trainer: TestRanksEqualOne", "work_wait": "torch/dist", "store_set": "torch/dist", "store_get": "torch/dist",
	"graph_begin": "TestTheCPURecordsNothing", "graph_end": "bench/gpucheck", "graph_replay": "bench/gpucheck", "graph_free": "bench/gpucheck",
	"batch_invariant": "TestRowsApart", "set_batch_invariant": "TestRowsApart",
	"set_requires_grad": "every golden gradient", "backward": "every golden gradient", "grad": "every golden gradient", "clear_grad": "scope_test.go: gradients",
}

func TestEveryOpHasAMethodAndAGoldenCase(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range goldenCases(t) {
		tested[c.Op] = true
	}
	declared := declaredOps(t)
	require.Greater(t, len(declared), 80)
	for _, name := range declared {
		if _, ok := elsewhere[name]; ok {
			assert.NotContains(t, ops, name, "in the table and listed as tested elsewhere")
			continue
		}
		assert.Contains(t, ops, name, "no Go method in the table")
		assert.True(t, tested[name], "no golden case of %s", name)
	}
	for name := range ops {
		assert.Contains(t, declared, name, "in the table and not declared in csrc")
	}
	for name := range elsewhere {
		assert.Contains(t, declared, name, "listed as tested elsewhere and not declared in csrc")
	}
}

// declaredOps lists the ops of ops.def and the functions of azr_torch.h, without their prefix.
func declaredOps(t *testing.T) []string {
	var names []string
	for path, pattern := range map[string]string{
		"../csrc/ops.def":     `^AZ_(?:UNARY|SCALAR|BINARY|REDUCE)\((\w+)`,
		"../csrc/azr_torch.h": `^(?:\w+ )+\*?az_(\w+)\(`,
	} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		re := regexp.MustCompile(pattern)
		for line := range strings.Lines(string(text)) {
			if found := re.FindStringSubmatch(line); found != nil {
				names = append(names, found[1])
			}
		}
	}
	return names
}

// lockThread makes the test's goroutine the compute thread while the test runs.
func lockThread(t *testing.T) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
}

func float64s(x torch.Tensor) []float64 {
	data := x.Bytes()
	values := make([]float64, len(data)/8)
	for i := range values {
		values[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
	}
	return values
}
