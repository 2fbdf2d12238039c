package tokenizer

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

// golden is what Python gives; testdata/make_golden.py makes it.
type golden struct {
	Texts []string
	// Encodings has, for each tokenizer, an entry for each of Texts.
	Encodings map[string][]goldenEncoding
	Chats     []goldenChat
	// SmolLM2Chats are rendered with the model's own template.
	SmolLM2Chats []goldenChat `json:"smollm2_chats"`
	// ShippedChats are rendered with the templates that Llama 3 and Qwen ship.
	ShippedChats []goldenChat `json:"shipped_chats"`
}

type goldenEncoding struct {
	Plain, Document, Prompt []int32
	// Decoded is the text of Plain, DecodedPrompt that of Prompt.
	Decoded       string
	DecodedPrompt string `json:"decoded_prompt"`
}

type goldenChat struct {
	Template  string
	Messages  []azr.Message
	Variables map[string]any
	Text      string
	IDs       []int32
	// Error is why the template refused the chat.
	Error string
	// Hostile chats name special tokens in their contents; IDs have them as plain text.
	Hostile bool
}

func readGolden(t *testing.T) golden {
	data, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(data, &g))
	return g
}

// loadTest loads a model folder and closes the tokenizer when the test ends.
func loadTest(t testing.TB, dir string) *Tokenizer {
	tok, err := Load(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tok.Close()) })
	return tok
}

// writeFolder makes a model folder of the given files.
func writeFolder(t testing.TB, files map[string]string) string {
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}

func readFile(t testing.TB, path string) string {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

// moduleFile returns the text of a tokenizer that the binding's module has for its tests.
func moduleFile(t *testing.T, name string) string {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/daulet/tokenizers").Output()
	require.NoError(t, err)
	return readFile(t, filepath.Join(strings.TrimSpace(string(dir)), "test/data", name))
}

// smolLM2 returns the folder of the converted model, or skips the test.
func smolLM2(t *testing.T) string {
	dir := os.Getenv("AZR_SMOLLM2")
	if dir == "" {
		dir = "../../third_party/build/smollm2"
	}
	if _, err := os.Stat(filepath.Join(dir, tokenizerFile)); err != nil {
		t.Skipf("no converted SmolLM2 (%v); run third_party/build.sh smollm2, or set AZR_SMOLLM2", err)
	}
	return dir
}

func TestEncodingsEqualPython(t *testing.T) {
	g := readGolden(t)
	dirs := map[string]func(t *testing.T) string{
		"bytelevel":    func(*testing.T) string { return "testdata/bytelevel" },
		"bytefallback": func(*testing.T) string { return "testdata/bytefallback" },
		"llama3": func(t *testing.T) string {
			return writeFolder(t, map[string]string{tokenizerFile: moduleFile(t, "Meta-Llama-3-8B-Instruct.json")})
		},
		"bert": func(t *testing.T) string {
			return writeFolder(t, map[string]string{tokenizerFile: moduleFile(t, "bert-base-uncased.json")})
		},
		"smollm2": smolLM2,
	}
	require.Len(t, g.Encodings, len(dirs))
	for name, dir := range dirs {
		t.Run(name, func(t *testing.T) {
			tok := loadTest(t, dir(t))
			rows := g.Encodings[name]
			require.Len(t, rows, len(g.Texts))
			for i, want := range rows {
				requireEncoding(t, tok, g.Texts[i], want)
			}
		})
	}
}

func requireEncoding(t *testing.T, tok *Tokenizer, text string, want goldenEncoding) {
	plain, err := tok.Encode(text)
	require.NoError(t, err)
	document, err := tok.EncodeDocument(text)
	require.NoError(t, err)
	prompt, err := tok.EncodePrompt(text)
	require.NoError(t, err)
	require.True(t, equalIDs(want.Plain, plain), "Encode %.80q: got %v, want %v", text, plain, want.Plain)
	require.True(t, equalIDs(want.Document, document), "EncodeDocument %.80q: got %v, want %v", text, document, want.Document)
	require.True(t, equalIDs(want.Prompt, prompt), "EncodePrompt %.80q: got %v, want %v", text, prompt, want.Prompt)
	for _, c := range []struct {
		ids  []int32
		want string
	}{{plain, want.Decoded}, {prompt, want.DecodedPrompt}} {
		got, err := tok.Decode(c.ids)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
		require.Equal(t, c.want, streamed(tok, c.ids), "streamed %.80q", text)
	}
}

func equalIDs(a, b []int32) bool {
	return len(a) == len(b) && (len(a) == 0 || assert.ObjectsAreEqual(a, b))
}

// streamed decodes ids one by one.
func streamed(tok *Tokenizer, ids []int32) string {
	s := tok.NewStream()
	var text strings.Builder
	for _, id := range ids {
		text.WriteString(s.Add(id))
	}
	text.WriteString(s.Flush())
	return text.String()
}
