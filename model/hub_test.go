package model_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
)

const (
	first  = "0123456789abcdef0123456789abcdef01234567"
	second = "89abcdef0123456789abcdef0123456789abcdef"
)

// hubCache makes a cache with models--org--tiny at two commits and a name without an owner.
func hubCache(t *testing.T) string {
	t.Helper()
	cache := filepath.Join(t.TempDir(), "hub")
	for path, text := range map[string]string{
		"models--org--tiny-model/refs/main":      first,
		"models--org--tiny-model/refs/v1.0":      second + "\n",
		"models--org--tiny-model/refs/refs/pr/1": second,
		"models--org--tiny-model/refs/damaged":   "../../../../etc",
		"models--org--tiny-model/refs/partial":   strings.Repeat("a", 40),
		"models--gpt/refs/main":                  first,
		"datasets--org--tasks/refs/main":         first,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(cache, path)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(cache, path), []byte(text), 0o644))
	}
	for _, snapshot := range []string{"models--org--tiny-model/snapshots/" + first, "models--org--tiny-model/snapshots/" + second, "models--gpt/snapshots/" + first} {
		require.NoError(t, os.MkdirAll(filepath.Join(cache, snapshot), 0o755))
	}
	for _, name := range []string{"HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	t.Setenv("HF_HUB_CACHE", cache)
	return cache
}

func TestFind(t *testing.T) {
	cache := hubCache(t)
	for name, want := range map[string]string{
		"org/tiny-model":           "models--org--tiny-model/snapshots/" + first,
		"org/tiny-model@v1.0":      "models--org--tiny-model/snapshots/" + second,
		"org/tiny-model@refs/pr/1": "models--org--tiny-model/snapshots/" + second,
		"org/tiny-model@" + second: "models--org--tiny-model/snapshots/" + second,
		"gpt":                      "models--gpt/snapshots/" + first,
		filepath.Join(cache, "models--gpt", "..", "models--gpt"): "models--gpt",
	} {
		got, err := model.Find(name)
		require.NoError(t, err, name)
		assert.Equal(t, filepath.Join(cache, want), got, name)
	}
	assert.Equal(t, []string{"gpt", "org/tiny-model"}, model.Cached())
}

func TestFindPrefersAFolder(t *testing.T) {
	hubCache(t)
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("org/tiny-model", 0o755))
	got, err := model.Find("org/tiny-model")
	require.NoError(t, err)
	here, err := filepath.Abs("org/tiny-model")
	require.NoError(t, err)
	assert.Equal(t, here, got)
}

func TestFindFollowsTheVariables(t *testing.T) {
	cache := hubCache(t)
	t.Setenv("HF_HUB_CACHE", "")
	home := filepath.Dir(cache)
	for variable, value := range map[string]string{"HUGGINGFACE_HUB_CACHE": cache, "HF_HOME": home} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, value)
			_, err := model.Find("org/tiny-model")
			assert.NoError(t, err)
		})
	}
	require.NoError(t, os.MkdirAll(filepath.Join(home, ".cache"), 0o755))
	require.NoError(t, os.Symlink(home, filepath.Join(home, ".cache", "huggingface")))
	for variable, value := range map[string]string{"XDG_CACHE_HOME": filepath.Join(home, ".cache"), "HF_HOME": "~/.cache/huggingface", "HOME": home} {
		t.Run(variable+" "+value, func(t *testing.T) {
			t.Setenv("HOME", home)
			t.Setenv(variable, value)
			_, err := model.Find("org/tiny-model")
			assert.NoError(t, err)
		})
	}
}

func TestFindRefuses(t *testing.T) {
	cache := hubCache(t)
	for name, words := range map[string][]string{
		"org/tiny-modle":              {"no model there", cache, "did you mean org/tiny-model?"},
		"Tiny":                        {"did you mean org/tiny-model?"},
		"someone/quite-different":     {cache, "none of the 2 models there has a name like it"},
		"org/tiny-model@v2":           {"no such revision", "refs/v2"},
		"org/tiny-model@damaged":      {"damaged revision", "../../../../etc"},
		"org/tiny-model@partial":      {"the snapshot of", "is missing", "download it again"},
		"../org/tiny-model":           {"no model there", "want a folder"},
		"org/..":                      {"no model there", "want a folder"},
		"org/tiny-model@../refs/main": {"no model there", "want a folder"},
		"org/tiny-model@a/../../x":    {"no model there", "want a folder"},
		"org/tiny-model/extra/parts":  {"no model there", "want a folder"},
		"/nonexistent/model":          {"no model there", "/nonexistent/model"},
		"org/tiny\nmodel":             {"no model there", `\n`},
		"":                            {"no model there"},
	} {
		_, err := model.Find(name)
		if assert.Error(t, err, name) {
			assert.NotContains(t, err.Error(), "\n")
			for _, word := range words {
				assert.Contains(t, err.Error(), word, name)
			}
		}
	}
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	_, err := model.Find("org/tiny-model")
	assert.ErrorContains(t, err, "no model is there")
}
