package configs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPresets(t *testing.T) {
	assert.Subset(t, Names(), []string{
		"llama-3.1-8b", "original-code", "paper", "quickstart", "qwen2.5-14b", "qwen2.5-3b", "qwen2.5-7b",
		"qwen2.5-coder-14b", "qwen2.5-coder-3b", "qwen2.5-coder-7b", "qwen3-4b", "smollm2-135m",
	})
	for _, name := range []string{"none", "", "../configs/paper", "paper.yaml"} {
		_, ok := Read(name)
		assert.False(t, ok, name)
	}
}

// Each preset says which hardware it needs and whether anyone has run it.
func TestEveryPresetDescribesItself(t *testing.T) {
	for _, name := range Names() {
		about, err := Describe(name)
		require.NoError(t, err, name)
		assert.Regexp(t, `\.$`, about.Purpose, name)
		assert.Regexp(t, `\w`, about.Needs, name)
		assert.Regexp(t, `^(Never run|Run ).*\.$`, about.Run, name)
	}
	about, err := Describe("quickstart")
	require.NoError(t, err)
	assert.Equal(t, "2 cores, about 5 GB of memory, no GPU.", about.Needs)
	assert.Regexp(t, "^Run often", about.Run)
	_, err = Describe("papper")
	assert.ErrorContains(t, err, "did you mean paper?")
}
