package configs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPresets(t *testing.T) {
	assert.Subset(t, Names(), []string{
		"llama-3.1-8b", "original-code", "paper", "quickstart", "qwen2.5-14b", "qwen2.5-3b", "qwen2.5-7b",
		"qwen2.5-coder-14b", "qwen2.5-coder-3b", "qwen2.5-coder-7b", "qwen3-4b", "smollm2-135m",
	})
	for _, name := range Names() {
		text, ok := Read(name)
		assert.True(t, ok, name)
		assert.True(t, strings.HasPrefix(string(text), "# ") && strings.Contains(string(text), "\n# Needs: "),
			"%s does not begin by saying what it is for and what it needs", name)
		assert.Regexp(t, `(?m)^# .*(Never run|Run )`, string(text), "%s does not say whether it has been run", name)
	}
	for _, name := range []string{"none", "", "../configs/paper", "paper.yaml"} {
		_, ok := Read(name)
		assert.False(t, ok, name)
	}
}
