package azr_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
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
	"selfplay/python":      {".", "executor/literal"}, // pure Go without cgo or processes: values are read, compared and printed in one place
	"selfplay/python/...":  {".", "executor/literal"},
	"selfplay/terms":       {"."},
	"bootstrap":            {".", "selfplay/python/..."},
	"executor":             {".", "executor/..."},
	"executor/sandbox/...": {"executor/sandbox/..."},
	"store":                {"."},
	"monitor":              {".", "monitor/curves"},
	"monitor/curves":       {"."},
	"eval":                 {"."},
	"bench/executor":       {".", "executor"},
	"bench/gpu":            {".", "bench/machine", "bench/page", "model", "rollout", "rollout/tokenizer", "torch", "trainer"},
	"bench/learning":       {"bench/machine", "bench/page", "monitor/curves"},
	"bench/ranks":          {"bench/machine"},
	"bench/speed":          {".", "bench/machine", "bench/page", "model", "monitor/curves", "rollout", "rollout/tokenizer", "torch", "trainer"},
	"torch":                {"torch/internal/capi"},
	"torch/dist":           {"torch", "torch/internal/capi"},
	"torch/dist/disttest":  {"torch", "torch/dist"},
	"model":                {"torch", "torch/safetensors", "wholefile"},
	"model/modeltest":      {"model", "torch/safetensors"},
	"rollout":              {".", "torch", "model", "rollout/tokenizer"},
	"rollout/tokenizer":    {".", "wholefile"},
	"trainer":              {".", "torch", "torch/dist", "torch/safetensors", "model"},
	"trainer/checkpoint":   {"torch/safetensors", "wholefile"},
	"parallel":             {".", "rollout", "torch/dist"},
	"cmd/azr-train": {".", "bootstrap", "configs", "eval", "executor", "model", "monitor", "monitor/curves", "monitor/watchdog", "rollout", "rollout/tokenizer",
		"parallel", "selfplay", "selfplay/python/...", "selfplay/terms", "store", "torch", "torch/dist", "torch/safetensors", "trainer", "trainer/checkpoint"},
}

// mayImportInTests says what test files may import beside what their package may, and the package itself.
var mayImportInTests = map[string][]string{
	"selfplay/python":           {"selfplay", "executor"}, // its world test plays the game, others run real Python
	"selfplay/python/generator": {"selfplay/python", "executor"},
	"selfplay/terms":            {"selfplay"},
	"bootstrap":                 {"executor"},
	"torch":                     {"torch/safetensors"},
	"model":                     {"model/modeltest"},
	"rollout":                   {"model/modeltest"},
	"parallel":                  {"torch/dist/disttest"},
	"torch/dist":                {"torch/dist/disttest"},
	"trainer":                   {"model/modeltest", "torch/dist/disttest"},
	"cmd/azr-train":             {"model/modeltest", "torch/dist/disttest"},
}

// mayUseC lists the packages with cgo.
var mayUseC = []string{"torch/internal/capi", "rollout/tokenizer"}

func TestImportTable(t *testing.T) {
	packages := 0
	eachImport(t, `{{join .Imports " "}}`, func(from, imported string) {
		packages++
		if imported == "C" {
			assert.Contains(t, mayUseC, from, "%s uses cgo", from)
		}
		if to, ours := relative(imported); ours {
			assert.True(t, allowed(mayImport, from, to), "%s imports %s; see the table in this file", from, to)
		}
	})
	assert.Greater(t, packages, 100)
}

func TestImportTableOfTests(t *testing.T) {
	seen := 0
	eachImport(t, `{{join .TestImports " "}} {{join .XTestImports " "}}`, func(from, imported string) {
		assert.NotEqual(t, "C", imported, "a test of %s uses cgo", from)
		if to, ours := relative(imported); ours {
			seen++
			assert.True(t, from == to || allowed(mayImport, from, to) || allowed(mayImportInTests, from, to),
				"a test of %s imports %s; see the tables in this file", from, to)
		}
	})
	assert.Greater(t, seen, 30)
}

// The wall clock may be set while a run goes on. Nothing is computed from it: what a time.Time loses its monotonic reading
// by stands where a date is written down for people and nowhere else.
func TestDurationsDoNotComeFromTheWallClock(t *testing.T) {
	mayWriteDates := []string{"monitor/tensorboard.go"}
	wall := regexp.MustCompile(`\.(Unix|UnixMicro|UnixMilli|UnixNano|UTC|Local|ModTime)\(\)|\.Round\(0\)|time\.(Unix|Date|Parse)\(`)
	files := 0
	require.NoError(t, filepath.WalkDir(".", func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		files++
		text, err := os.ReadFile(file)
		if found := wall.Find(text); found != nil && !slices.Contains(mayWriteDates, file) {
			t.Errorf("%s reads the wall clock: %s", file, found)
		}
		return err
	}))
	assert.Greater(t, files, 200)
}

// eachImport calls f for each import that a go list template gives, of every package of this module.
func eachImport(t *testing.T, template string, f func(from, imported string)) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} "+template, "./...").Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		from, _ := relative(fields[0])
		for _, imported := range fields[1:] {
			f(from, imported)
		}
	}
}

// relative is an import path within this module, and whether it is one.
func relative(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func allowed(table map[string][]string, from, to string) bool {
	for pattern, targets := range table {
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
