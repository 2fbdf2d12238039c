package main

import (
	"encoding/json"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
)

func TestVersion(t *testing.T) {
	var v versions
	require.NoError(t, json.Unmarshal([]byte(succeeded(t, "version", "--json")), &v))
	assert.Equal(t, torch.Describe().Version, v.LibTorch)
	assert.Equal(t, tokenizer.LibraryVersion, v.Tokenizers)
	assert.Equal(t, runtime.Version(), v.Go)
	assert.NotEmpty(t, v.Program)
	text := succeeded(t, "version")
	for _, line := range []string{"azr-train  " + v.String(), "libtorch   " + v.LibTorch, "tokenizers " + v.Tokenizers, "go         " + v.Go} {
		assert.Contains(t, text, line+"\n")
	}
}

func TestVersionNamesTheCommit(t *testing.T) {
	assert.Equal(t, "v1.2.0", versions{Program: "v1.2.0"}.String())
	assert.Equal(t, "v1.2.0, commit abc", versions{Program: "v1.2.0", Commit: "abc"}.String())
	assert.Equal(t, "v1.2.0, commit abc with changes", versions{Program: "v1.2.0", Commit: "abc", Modified: true}.String())
}
