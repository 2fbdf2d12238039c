package tokenizer

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

func TestLoadErrorsAreOneLineAndNameTheFile(t *testing.T) {
	whole := readFile(t, "testdata/bytelevel/tokenizer.json")
	for name, c := range map[string]struct {
		files map[string]string
		file  string
		want  string
	}{
		"none":         {nil, tokenizerFile, "no such file"},
		"empty":        {map[string]string{tokenizerFile: ""}, tokenizerFile, "unexpected end"},
		"cut short":    {map[string]string{tokenizerFile: whole[:len(whole)/2]}, tokenizerFile, "unexpected end"},
		"not one":      {map[string]string{tokenizerFile: `{"version": "1.0"}`}, tokenizerFile, ""},
		"no model":     {map[string]string{tokenizerFile: `{"version": "1.0", "model": {"type": "X"}}`}, tokenizerFile, ""},
		"config":       {map[string]string{tokenizerFile: whole, tokenizerConfigFile: "{"}, tokenizerConfigFile, "unexpected end"},
		"name":         {map[string]string{tokenizerFile: whole, tokenizerConfigFile: `{"bos_token": 3}`}, tokenizerConfigFile, "bos_token"},
		"affix":        {map[string]string{tokenizerFile: whole, tokenizerConfigFile: `{"add_bos_token": 3}`}, tokenizerConfigFile, "add_bos_token"},
		"names":        {map[string]string{tokenizerFile: whole, specialTokensFile: "[1]"}, specialTokensFile, "cannot unmarshal"},
		"template":     {map[string]string{tokenizerFile: whole, tokenizerConfigFile: `{"chat_template": "{% if %}"}`}, tokenizerConfigFile, "chat template failed to compile"},
		"template 2":   {map[string]string{tokenizerFile: whole, chatTemplateFile: "{{"}, chatTemplateFile, "chat template failed to compile"},
		"no default":   {map[string]string{tokenizerFile: whole, tokenizerConfigFile: `{"chat_template": [{"name": "a"}, {"name": "b"}]}`}, tokenizerConfigFile, `got "a, b"`},
		"end ids":      {map[string]string{tokenizerFile: whole, modelConfigFile: `{"eos_token_id": "2"}`}, modelConfigFile, "eos_token_id"},
		"end ids list": {map[string]string{tokenizerFile: whole, generationConfigFile: `{"eos_token_id": [1, "2"]}`}, generationConfigFile, "eos_token_id"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := writeFolder(t, c.files)
			tok, err := Load(dir)
			require.Nil(t, tok)
			require.ErrorContains(t, err, "tokenizer.Load: ")
			require.ErrorContains(t, err, filepath.Join(dir, c.file))
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestEndIDsJoinTheConfigs(t *testing.T) {
	require.Equal(t, []int32{0, 2}, loadTest(t, "testdata/bytelevel").EndIDs())
	files := map[string]string{
		tokenizerFile:        readFile(t, "testdata/bytelevel/tokenizer.json"),
		generationConfigFile: `{"eos_token_id": [7, 5]}`,
		modelConfigFile:      `{"eos_token_id": 5}`,
		specialTokensFile:    `{"eos_token": "<|im_start|>"}`,
	}
	require.Equal(t, []int32{1, 5, 7}, loadTest(t, writeFolder(t, files)).EndIDs())
	require.Empty(t, loadTest(t, writeFolder(t, map[string]string{tokenizerFile: files[tokenizerFile]})).EndIDs())
}

func TestVocabularyLookUps(t *testing.T) {
	tok := loadTest(t, "testdata/bytelevel")
	for id := range int32(tok.VocabSize()) {
		token, ok := tok.Token(id)
		require.True(t, ok, id)
		back, ok := tok.ID(token)
		require.True(t, ok, token)
		require.Equal(t, id, back)
	}
	for _, none := range []string{"", "no such token", "\xff"} {
		_, ok := tok.ID(none)
		require.False(t, ok, none)
	}
	for _, none := range []int32{-1, int32(tok.VocabSize()), 1 << 30} {
		_, ok := tok.Token(none)
		require.False(t, ok, none)
	}
}

// transformers truncates and pads only when asked; the library does so always.
func TestTruncationAndPaddingAreIgnored(t *testing.T) {
	text := readFile(t, "testdata/bytelevel/tokenizer.json")
	text = strings.Replace(text, `"truncation":null`,
		`"truncation":{"direction":"Right","max_length":3,"strategy":"LongestFirst","stride":0}`, 1)
	text = strings.Replace(text, `"padding":null`,
		`"padding":{"strategy":{"Fixed":9},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"x"}`, 1)
	tok := loadTest(t, writeFolder(t, map[string]string{tokenizerFile: text}))
	plain := loadTest(t, "testdata/bytelevel")
	for _, text := range []string{"a", "def f(xs): return sorted(xs)[0]"} {
		want, err := plain.EncodePrompt(text)
		require.NoError(t, err)
		got, err := tok.EncodePrompt(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// add_bos_token and add_eos_token replace the post-processor, as in transformers 5.
func TestConfiguredAffixes(t *testing.T) {
	for config, want := range map[string][2][]int32{
		`{"bos_token": "<s>", "eos_token": "</s>"}`:                                                {{1}, nil},
		`{"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": false}`:                        {nil, nil},
		`{"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": true, "add_eos_token": true}`:  {{1}, {2}},
		`{"eos_token": "</s>", "add_bos_token": true}`:                                             {nil, nil},
		`{"bos_token": "<no such>", "eos_token": "</s>", "add_bos_token": true}`:                   {nil, nil},
		`{"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": null, "add_eos_token": false}`: {nil, nil},
	} {
		tok := loadTest(t, writeFolder(t, map[string]string{
			tokenizerFile:       readFile(t, "testdata/bytefallback/tokenizer.json"),
			tokenizerConfigFile: config,
		}))
		text := "def f(x):"
		inner, err := tok.Encode(text)
		require.NoError(t, err)
		whole := append(append(want[0], inner...), want[1]...)
		for _, encode := range []func(string) ([]int32, error){tok.EncodePrompt, tok.EncodeDocument} {
			got, err := encode(text)
			require.NoError(t, err)
			require.Equal(t, whole, got, config)
		}
	}
}

func TestNULIsAnError(t *testing.T) {
	tok := loadTest(t, "testdata/bytelevel")
	for _, encode := range []func(string) ([]int32, error){tok.Encode, tok.EncodeDocument, tok.EncodePrompt} {
		ids, err := encode("abc\x00def")
		require.Nil(t, ids)
		require.ErrorContains(t, err, "NUL byte in the text; got one at byte 3, want none")
	}
	// A model may write the byte; its text must stay whole and be encodable.
	nul, ok := tok.ID("Ā")
	require.True(t, ok)
	a, _ := tok.ID("a")
	text, err := tok.Decode([]int32{a, nul, a})
	require.NoError(t, err)
	require.Equal(t, "a\uFFFDa", text)
	require.Equal(t, text, streamed(tok, []int32{a, nul, a}))
}

func TestTextIsDataNotAnError(t *testing.T) {
	tok := loadTest(t, "testdata/bytelevel")
	for _, text := range []string{"\xff\xfe", "\xed\xa0\x80", "a\xc3", "\uFFFD", strings.Repeat("\U0010FFFF", 100)} {
		ids, err := tok.Encode(text)
		require.NoError(t, err)
		back, err := tok.Decode(ids)
		require.NoError(t, err)
		require.Equal(t, []rune(text), []rune(back), "%q", text)
	}
}

func TestDecodeSkipsWhatHasNoText(t *testing.T) {
	tok := loadTest(t, "testdata/bytelevel")
	a, _ := tok.ID("a")
	text, err := tok.Decode([]int32{1, a, 2, 1 << 30, a, 0})
	require.NoError(t, err)
	require.Equal(t, "aa", text)
	text, err = tok.Decode(nil)
	require.NoError(t, err)
	require.Empty(t, text)
	_, err = tok.Decode([]int32{a, -1})
	require.EqualError(t, err, "tokenizer.Decode: negative id; got -1 at position 1")
}

// The binding swallows errors: a model that fails must not look like an empty text.
func TestFailuresOfTheLibraryAreReported(t *testing.T) {
	broken := `{"version":"1.0","added_tokens":[],"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"[UNK]"}}`
	tok := loadTest(t, writeFolder(t, map[string]string{tokenizerFile: broken}))
	_, err := tok.Encode("b")
	require.ErrorContains(t, err, "tokenizer.Encode: ")
	ids, err := tok.Encode("a")
	require.NoError(t, err)
	require.Equal(t, []int32{0}, ids)
}

func TestUseAfterCloseIsAnError(t *testing.T) {
	tok, err := Load("testdata/bytelevel")
	require.NoError(t, err)
	require.NoError(t, tok.Close())
	require.NoError(t, tok.Close())
	_, err = tok.Encode("a")
	require.EqualError(t, err, "tokenizer.Encode: null tokenizer")
	_, err = tok.Decode([]int32{7})
	require.EqualError(t, err, "tokenizer.Decode: null tokenizer")
	_, err = tok.RenderChat([]azr.Message{{Role: "user", Content: "a"}}, nil)
	require.EqualError(t, err, "tokenizer.RenderChat: chat template: null template")
	_, ok := tok.ID("a")
	require.False(t, ok)
	require.Empty(t, streamed(tok, []int32{7, 8}))
}

func TestConcurrentUse(t *testing.T) {
	tok := loadTest(t, "testdata/bytelevel")
	g := readGolden(t)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for round := range 5 {
				for i := range g.Texts {
					i = (i + worker) % len(g.Texts)
					ids, err := tok.Encode(g.Texts[i])
					assert.NoError(t, err)
					assert.True(t, equalIDs(g.Encodings["bytelevel"][i].Plain, ids))
					assert.Equal(t, g.Encodings["bytelevel"][i].Decoded, streamed(tok, ids))
				}
				chat := g.Chats[(worker+round)%5]
				ids, err := tok.EncodeChat(chat.Messages, "", nil)
				assert.NoError(t, err)
				assert.Equal(t, chat.IDs, ids)
			}
		})
	}
	group.Wait()
}

func TestMemoryStaysFlat(t *testing.T) {
	tok := loadTest(t, "testdata/bytelevel")
	// Long enough for one lost text a round to show.
	text := "def f(xs):\n    return [x * 2 for x in xs]  # 漢字 🙂\n" + strings.Repeat("<think>", 300)
	hostile := []azr.Message{{Role: "user", Content: text + "<|im_end|>"}}
	use := func(times int) {
		for range times {
			ids, err := tok.EncodePrompt(text)
			require.NoError(t, err)
			_, err = tok.Decode(ids)
			require.NoError(t, err)
			_, err = tok.EncodeChat(hostile, "<|im_end|>", nil)
			require.NoError(t, err)
			_, err = tok.RenderChat(nil, nil)
			require.Error(t, err)
			_, ok := tok.Token(ids[0])
			require.True(t, ok)
			_, ok = tok.ID("\xff")
			require.False(t, ok)
		}
	}
	use(1000)
	runtime.GC()
	before := residentBytes(t)
	use(10000)
	runtime.GC()
	grown := residentBytes(t) - before
	t.Logf("resident memory grew by %d KiB in 10000 rounds", grown>>10)
	require.Less(t, grown, 8<<20)
}

func TestReloadingFreesMemory(t *testing.T) {
	reload := func(times int) {
		for range times {
			tok, err := Load("testdata/bytelevel")
			require.NoError(t, err)
			require.NoError(t, tok.Close())
		}
	}
	reload(20)
	runtime.GC()
	before := residentBytes(t)
	reload(100)
	runtime.GC()
	grown := residentBytes(t) - before
	t.Logf("resident memory grew by %d KiB in 100 loads", grown>>10)
	require.Less(t, grown, 16<<20)
}

// residentBytes reads the process's resident set.
func residentBytes(t *testing.T) int {
	data, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}
