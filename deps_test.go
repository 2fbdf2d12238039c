package azr_test

import (
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/azr-train/azr"

// mayImport says which packages of this module each package may import; "." is the root, "x/..." is x
// and all below it. A package that is not listed may import nothing of ours. It is the picture of the
// house: who knows whom.
var mayImport = map[string][]string{
	"selfplay":             {"."},
	"selfplay/python":      {".", "executor/literal"},
	"selfplay/python/...":  {".", "executor/literal"},
	"bootstrap":            {".", "selfplay/python/..."},
	"executor":             {".", "executor/..."},
	"executor/sandbox/...": {"executor/sandbox/..."},
	"store":                {"."},
	"monitor":              {"."},
	"eval":                 {"."},
	"bench/executor":       {".", "executor"},
	"torch":                {"torch/internal/capi"},
	"model":                {"torch", "torch/safetensors"},
	"model/modeltest":      {"model", "torch/safetensors"},
	"rollout":              {".", "torch", "model", "rollout/tokenizer"},
	"rollout/tokenizer":    {"."},
	"trainer":              {".", "torch", "torch/safetensors", "model"},
	"trainer/checkpoint":   {"torch/safetensors"},
	"cmd/azr-train": {".", "bootstrap", "configs", "eval", "executor", "model", "monitor", "rollout", "rollout/tokenizer",
		"selfplay", "selfplay/python/...", "store", "torch", "trainer", "trainer/checkpoint"},
}

// mayUseC lists the packages with cgo.
var mayUseC = []string{"torch/internal/capi", "rollout/tokenizer"}

func TestImportTable(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	require.NoError(t, err)
	packages := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		from := relative(fields[0])
		packages++
		for _, imported := range fields[1:] {
			if imported == "C" {
				assert.Contains(t, mayUseC, from, "%s uses cgo", from)
			}
			if imported == module || strings.HasPrefix(imported, module+"/") {
				assert.True(t, allowed(from, relative(imported)), "%s imports %s; see the table in this file", from, relative(imported))
			}
		}
	}
	assert.Greater(t, packages, 15)
}

func relative(importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

func allowed(from, to string) bool {
	for pattern, targets := range mayImport {
		if !matches(pattern, from) {
			continue
		}
		for _, target := range targets {
			if matches(target, to) {
				return true
			}
		}
	}
	return false
}

func matches(pattern, name string) bool {
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == below || strings.HasPrefix(name, below+"/")
	}
	return path.Clean(pattern) == name
}
