package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/configs"
)

// What has no type in Go keeps that of YAML, there and back.
func TestUntypedValues(t *testing.T) {
	c := defaultConfig()
	require.NoError(t, configs.Over(&c).Set("--set", `rollout.chat_template_kwargs={a: false, b: 3, c: 0.5, d: "3", e: "true", f: text, g: ''}`))
	want := map[string]any{"a": false, "b": 3, "c": 0.5, "d": "3", "e": "true", "f": "text", "g": ""}
	assert.Equal(t, want, c.Rollout.ChatTemplateKwargs)
	again := defaultConfig()
	require.NoError(t, configs.Over(&again).File(writeConfig(t, string(configs.Dump(&c, nil)))))
	assert.Equal(t, want, again.Rollout.ChatTemplateKwargs)
	err := configs.Over(&c).Set("--set", "rollout.chat_template_kwargs={a: [1]}")
	assert.ErrorContains(t, err, "wrong type of rollout.chat_template_kwargs.a; got \"[1]\", want a single value")
}
