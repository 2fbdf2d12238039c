package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/azr-train/azr/wholefile"
)

const (
	tokenizerFile        = "tokenizer.json"
	tokenizerConfigFile  = "tokenizer_config.json"
	chatTemplateFile     = "chat_template.jinja"
	specialTokensFile    = "special_tokens_map.json"
	generationConfigFile = "generation_config.json"
	modelConfigFile      = "config.json"
)

// specialTokenNames are the special tokens that a chat template may name.
var specialTokenNames = []string{
	"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
}

// folder is what a model folder's files say about its tokenizer.
type folder struct {
	dir string
	// tokenizer is tokenizer.json without truncation and padding.
	tokenizer    []byte
	byteFallback bool
	// template is empty if there is none; templateFile is where it comes from.
	template, templateFile string
	names                  map[string]string
	// affixes is nil unless the config says what a prompt begins and ends with.
	affixes *affixNames
	ends    []int32
}

func readFolder(dir string) (*folder, error) {
	f := &folder{dir: dir, names: map[string]string{}}
	for _, read := range []func() error{f.readTokenizer, f.readTokenizerConfig, f.readSpecialTokens, f.readTemplate, f.readEnds} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// mostBytes bounds each file; the longest tokenizer.json are some 40 MB.
const mostBytes = 512 << 20

// readJSON fills v from a file of the folder; a file that is not there leaves v as it is.
func (f *folder) readJSON(name string, v any) error {
	path := filepath.Join(f.dir, name)
	data, err := wholefile.Read(path, mostBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// readTokenizer reads tokenizer.json. Its truncation and padding are taken out:
// transformers applies them only when asked, the library always.
func (f *folder) readTokenizer() error {
	path := filepath.Join(f.dir, tokenizerFile)
	data, err := wholefile.Read(path, mostBytes)
	if err != nil {
		return err
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f.tokenizer = data
	f.byteFallback = bytes.Contains(parts["decoder"], []byte(`"ByteFallback"`))
	if isNull(parts["truncation"]) && isNull(parts["padding"]) {
		return nil
	}
	delete(parts, "truncation")
	delete(parts, "padding")
	f.tokenizer, err = json.Marshal(parts)
	return err
}

func isNull(value json.RawMessage) bool { return len(value) == 0 || string(value) == "null" }

func (f *folder) readTokenizerConfig() error {
	var config map[string]json.RawMessage
	if err := f.readJSON(tokenizerConfigFile, &config); err != nil {
		return err
	}
	path := filepath.Join(f.dir, tokenizerConfigFile)
	if err := f.addNames(path, config); err != nil {
		return err
	}
	var err error
	if f.template, err = templateSource(config["chat_template"]); err != nil {
		return fmt.Errorf("%s: chat_template: %w", path, err)
	}
	f.templateFile = path
	if f.affixes, err = readAffixes(config, f.names); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (f *folder) readSpecialTokens() error {
	var tokens map[string]json.RawMessage
	if err := f.readJSON(specialTokensFile, &tokens); err != nil {
		return err
	}
	return f.addNames(filepath.Join(f.dir, specialTokensFile), tokens)
}

// addNames notes the special tokens that are not known yet: each is a string, an
// object with a content, or null.
func (f *folder) addNames(path string, values map[string]json.RawMessage) error {
	for _, name := range specialTokenNames {
		value := values[name]
		if isNull(value) || f.names[name] != "" {
			continue
		}
		var token struct{ Content string }
		if json.Unmarshal(value, &token.Content) != nil {
			if err := json.Unmarshal(value, &token); err != nil {
				return fmt.Errorf("%s: %s: %w", path, name, err)
			}
		}
		f.names[name] = token.Content
	}
	return nil
}

// readTemplate reads chat_template.jinja, which goes before the config's template.
func (f *folder) readTemplate() error {
	path := filepath.Join(f.dir, chatTemplateFile)
	data, err := wholefile.Read(path, mostBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f.template, f.templateFile = string(data), path
	return nil
}

// templateSource reads a chat_template: null, a template, or a list of named
// templates, of which "default" or the only one counts.
func templateSource(value json.RawMessage) (string, error) {
	if isNull(value) {
		return "", nil
	}
	var source string
	if json.Unmarshal(value, &source) == nil {
		return source, nil
	}
	var list []struct{ Name, Template string }
	if err := json.Unmarshal(value, &list); err != nil {
		return "", err
	}
	var names []string
	for _, entry := range list {
		if entry.Name == "default" || len(list) == 1 {
			return entry.Template, nil
		}
		names = append(names, entry.Name)
	}
	return "", fmt.Errorf("no default among the named templates; got %q, want one named \"default\"", strings.Join(names, ", "))
}

// readEnds collects eos_token_id, a number or a list of them, from both configs.
func (f *folder) readEnds() error {
	for _, name := range []string{generationConfigFile, modelConfigFile} {
		var config struct {
			EOS json.RawMessage `json:"eos_token_id"`
		}
		if err := f.readJSON(name, &config); err != nil {
			return err
		}
		if isNull(config.EOS) {
			continue
		}
		ids, err := oneOrMany(config.EOS)
		if err != nil {
			return fmt.Errorf("%s: eos_token_id: %w", filepath.Join(f.dir, name), err)
		}
		f.ends = append(f.ends, ids...)
	}
	return nil
}

func oneOrMany(value json.RawMessage) ([]int32, error) {
	var id int32
	if json.Unmarshal(value, &id) == nil {
		return []int32{id}, nil
	}
	var ids []int32
	err := json.Unmarshal(value, &ids)
	return ids, err
}
