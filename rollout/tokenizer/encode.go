package tokenizer

import (
	"fmt"
	"strings"

	"github.com/daulet/tokenizers"
)

// Encode returns the ids of a text, without bos. Special tokens in the text are
// plain text, so the text may come from anywhere. A NUL byte is an error.
func (t *Tokenizer) Encode(text string) ([]int32, error) {
	ids, err := encode(t.plain, text, false)
	return ids, wrap("Encode", err)
}

// EncodeDocument returns the ids of a text that is continued as it is: as Encode,
// with the bos (if any) that EncodePrompt would put before it.
func (t *Tokenizer) EncodeDocument(text string) ([]int32, error) {
	ids, err := t.encodeWhole(t.plain, text)
	return ids, wrap("EncodeDocument", err)
}

// EncodePrompt returns the ids that Python's tokenizer(text) gives: special
// tokens in the text are recognised and the post-processor (bos) is applied.
// It is for text that the program or its user wrote. A NUL byte is an error.
func (t *Tokenizer) EncodePrompt(text string) ([]int32, error) {
	ids, err := t.encodeWhole(t.parsing, text)
	return ids, wrap("EncodePrompt", err)
}

func (t *Tokenizer) encodeWhole(model *tokenizers.Tokenizer, text string) ([]int32, error) {
	ids, err := encode(model, text, t.affixes == nil)
	if err != nil || t.affixes == nil {
		return ids, err
	}
	return t.affixes.around(ids), nil
}

// encode asks the library for the ids. The library is silent about failures, so
// an empty answer to a text that is not empty is asked about.
func encode(model *tokenizers.Tokenizer, text string, addSpecial bool) ([]int32, error) {
	if err := checkNUL(text); err != nil {
		return nil, err
	}
	found := model.EncodeWithOptions(text, addSpecial).IDs
	if len(found) == 0 && text != "" {
		return nil, encodeError(model, text, addSpecial)
	}
	ids := make([]int32, len(found))
	for i, id := range found {
		ids[i] = int32(id)
	}
	return ids, nil
}

func checkNUL(text string) error {
	if at := strings.IndexByte(text, 0); at >= 0 {
		return fmt.Errorf("NUL byte in the text; got one at byte %d, want none", at)
	}
	return nil
}

// Decode returns the text of ids. Special tokens are skipped, and so are ids that
// have no token (a model's embedding may have more rows than there are tokens);
// bytes that are not UTF-8 become U+FFFD. A negative id is an error.
func (t *Tokenizer) Decode(ids []int32) (string, error) {
	given := make([]uint32, len(ids))
	for i, id := range ids {
		if id < 0 {
			return "", fmt.Errorf("tokenizer.Decode: negative id; got %d at position %d", id, i)
		}
		given[i] = uint32(id)
	}
	text, err := decode(t.parsing, given)
	return text, wrap("Decode", err)
}

// decode asks about an empty answer as encode does.
func decode(model *tokenizers.Tokenizer, ids []uint32) (string, error) {
	text := model.Decode(ids, true)
	if text == "" && len(ids) > 0 {
		return "", decodeError(model, ids)
	}
	return text, nil
}

// wrap names the operation in an error and keeps it on one line.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("tokenizer.%s: %s", op, oneLine(err.Error()))
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
