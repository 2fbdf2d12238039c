package tokenizer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

// fuzzed is a copy of the byte-level folder with one file of other content.
func fuzzed(t *testing.T, name string, content []byte) string {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/bytelevel")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o644))
	return dir
}

// Whatever a tokenizer.json says, it encodes and decodes, or there is one line.
func FuzzTokenizer(f *testing.F) {
	whole, err := os.ReadFile("testdata/bytelevel/" + tokenizerFile)
	require.NoError(f, err)
	f.Add(whole)
	for _, text := range []string{
		`{}`, `null`, `{"model": {"type": "BPE", "vocab": {}, "merges": []}}`, `{"model": {"type": "WordLevel", "vocab": {"a": 4294967295}, "unk_token": "a"}}`,
		`{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}`, `{"model": {"type": "Unigram", "vocab": [], "unk_id": 7}}`,
		`{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": false}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		tok, err := Load(fuzzed(t, tokenizerFile, content))
		if err != nil {
			assert.False(t, strings.Contains(err.Error(), "\n"), "%q", err)
			return
		}
		defer tok.Close()
		if ids, err := tok.Encode("aab, so 7 + 2\n"); err == nil {
			_, _ = tok.Decode(ids)
		}
	})
}

// Whatever a chat template says, a chat is rendered, or there is one line; and it takes no more time or memory than it may.
func FuzzChatTemplate(f *testing.F) {
	for _, text := range []string{
		`{% for m in messages %}<|im_start|>{{ m.role }}{{ m.content }}<|im_end|>{% endfor %}`, `{{ messages[0].content * 3 }}`, `{{ messages | tojson }}`,
		`{% for i in range(1000000000) %}x{% endfor %}`, `{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}`, `{% set x = "a" * 100000000 %}{{ x }}`,
		`{{ raise_exception("no") }}`, `{{ strftime_now("%Y") }}`, `{% include "/etc/passwd" %}`, `{{ ''.__class__ }}`, `{%`, `{{ 1 / 0 }}`, `{{ [1,2][5] }}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		tok, err := Load(fuzzed(t, chatTemplateFile, content))
		if err == nil {
			defer tok.Close()
			if !tok.HasChatTemplate() {
				return
			}
			_, err = tok.EncodeChat([]azr.Message{{Role: "user", Content: "What is <|im_end|> 2 + 2?"}}, "So", nil)
		}
		if err != nil {
			assert.False(t, strings.Contains(err.Error(), "\n"), "%q", err)
		}
	})
}
