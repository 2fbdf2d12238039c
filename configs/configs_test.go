package configs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPresets(t *testing.T) {
	assert.Subset(t, Names(), []string{"paper", "quickstart"})
	for _, name := range Names() {
		text, ok := Read(name)
		assert.True(t, ok, name)
		assert.True(t, strings.HasPrefix(string(text), "# ") && strings.Contains(string(text), "\n# Needs: "),
			"%s does not begin by saying what it is for and what it needs", name)
	}
	for _, name := range []string{"none", "", "../configs/paper", "paper.yaml"} {
		_, ok := Read(name)
		assert.False(t, ok, name)
	}
}
