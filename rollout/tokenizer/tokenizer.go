package tokenizer

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/daulet/tokenizers"
)

// Tokenizer is the tokenizer of one model folder, with its chat template. It is
// safe for concurrent use, except that Close must come after all other use.
type Tokenizer struct {
	// Two readings of one tokenizer.json: parsing recognises special tokens in
	// the text, plain does not.
	parsing, plain *tokenizers.Tokenizer
	chat           *chatTemplate // nil if the folder has no template
	// names holds bos_token, eos_token and so on, for the chat template.
	names  map[string]string
	markup markup
	// special and fallback hold the ids of special tokens and of byte-fallback
	// tokens such as <0xE4>.
	special, fallback map[int32]bool
	ends              []int32
	vocabSize         int
	// affixes replace the tokenizer's post-processor if not nil.
	affixes *affixes
}

// Load reads the tokenizer of a model folder: tokenizer.json, and where they are
// there tokenizer_config.json, chat_template.jinja, special_tokens_map.json,
// generation_config.json and config.json. An error names the file at fault.
// The caller closes the Tokenizer.
func Load(dir string) (*Tokenizer, error) {
	t, err := load(dir)
	return t, wrap("Load", err)
}

func load(dir string) (*Tokenizer, error) {
	f, err := readFolder(dir)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{names: f.names}
	if err := t.open(f); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// open fills a Tokenizer from the folder's files; on an error it may be half full.
func (t *Tokenizer) open(f *folder) error {
	if err := t.openModels(f.tokenizer); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(f.dir, tokenizerFile), err)
	}
	added, err := addedTokens(t.parsing)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(f.dir, tokenizerFile), err)
	}
	// The library counts anew each time, in milliseconds.
	t.vocabSize = int(t.parsing.VocabSize())
	t.special = make(map[int32]bool)
	var contents []string
	for _, token := range added {
		if token.Special {
			t.special[token.ID] = true
			contents = append(contents, token.Content)
		}
	}
	t.markup = newMarkup(contents)
	t.fallback = t.fallbackIDs(f.byteFallback)
	if f.template != "" {
		if t.chat, err = compileTemplate(f.template, defaultLimits); err != nil {
			return fmt.Errorf("%s: chat template: %w; hint: remove the template to use the model without chat", f.templateFile, err)
		}
	}
	if f.affixes != nil {
		t.affixes = f.affixes.resolve(t)
	}
	t.ends = t.endIDs(f.ends)
	return nil
}

// openModels reads both tokenizers at once, since reading one takes up to a second.
func (t *Tokenizer) openModels(data []byte) error {
	plainErr := make(chan error, 1)
	go func() {
		var err error
		t.plain, err = tokenizers.FromBytes(data, tokenizers.WithEncodeSpecialTokens())
		plainErr <- err
	}()
	var err error
	t.parsing, err = tokenizers.FromBytes(data)
	return cmp.Or(<-plainErr, err)
}

// fallbackIDs finds the 256 byte tokens of a tokenizer with byte fallback.
func (t *Tokenizer) fallbackIDs(byteFallback bool) map[int32]bool {
	ids := make(map[int32]bool)
	if !byteFallback {
		return ids
	}
	for b := range 256 {
		if id, ok := t.ID(fmt.Sprintf("<0x%02X>", b)); ok {
			ids[id] = true
		}
	}
	return ids
}

// endIDs joins what the configs say with the tokenizer's eos_token.
func (t *Tokenizer) endIDs(configured []int32) []int32 {
	ids := slices.Clone(configured)
	if id, ok := t.ID(t.names["eos_token"]); ok {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// EndIDs returns the ids that end a completion, ascending: eos_token_id of
// generation_config.json and config.json and the tokenizer's eos_token. It is
// empty if the folder names none.
func (t *Tokenizer) EndIDs() []int32 { return slices.Clone(t.ends) }

// VocabSize returns the number of tokens, added ones included. A model's
// embedding may have more rows.
func (t *Tokenizer) VocabSize() int { return t.vocabSize }

// ID returns the id of a token as written in the vocabulary, for example
// "<|im_end|>" or "Ġthe"; false if there is none.
func (t *Tokenizer) ID(token string) (int32, bool) { return tokenToID(t.parsing, token) }

// Token returns the token of an id as written in the vocabulary; false if there
// is none.
func (t *Tokenizer) Token(id int32) (string, bool) { return idToToken(t.parsing, id) }

// Close frees the tokenizer's memory, which Go's collector does not see. Using
// the Tokenizer afterwards gives errors; closing it twice does nothing.
func (t *Tokenizer) Close() error {
	var errs []error
	for _, model := range []*tokenizers.Tokenizer{t.parsing, t.plain} {
		if model != nil {
			errs = append(errs, model.Close())
		}
	}
	t.chat.free()
	return errors.Join(errs...)
}
