package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/azr-train/azr"
)

// HasChatTemplate tells whether the model folder has a chat template.
func (t *Tokenizer) HasChatTemplate() bool { return t.chat != nil }

// RenderChat returns the text of a chat up to the start of the assistant's turn,
// as transformers' apply_chat_template with add_generation_prompt does. Where a
// template asks for the date it is always 26 July 2024. No template, no messages,
// a NUL byte, a chat that the template refuses, and more than 16 MiB of text are
// errors.
func (t *Tokenizer) RenderChat(messages []azr.Message) (string, error) {
	text, err := t.render(messages)
	return text, wrap("RenderChat", err)
}

func (t *Tokenizer) render(messages []azr.Message) (string, error) {
	if t.chat == nil {
		return "", errors.New("the model has no chat template; use plain text prompts")
	}
	if len(messages) == 0 {
		return "", errors.New("empty chat; want at least one message")
	}
	for i, m := range messages {
		if err := checkNUL(m.Role + m.Content); err != nil {
			return "", fmt.Errorf("message %d: %w", i, err)
		}
	}
	variables := map[string]any{
		"messages":              messages,
		"tools":                 nil,
		"documents":             nil,
		"add_generation_prompt": true,
	}
	for name, token := range t.names {
		variables[name] = token
	}
	context, err := json.Marshal(variables)
	if err != nil {
		return "", err
	}
	return t.chat.render(context)
}

// EncodeChat returns the ids of a chat followed by begin, the start of the
// assistant's turn ("" for none). Special tokens that the template writes are
// parsed; in message contents and in begin they are plain text. If there are
// none in these, the ids are those of apply_chat_template. Errors are as in
// RenderChat. Roles are trusted: they are names that the program chose.
func (t *Tokenizer) EncodeChat(messages []azr.Message, begin string) ([]int32, error) {
	ids, err := t.encodeChat(messages, begin)
	return ids, wrap("EncodeChat", err)
}

func (t *Tokenizer) encodeChat(messages []azr.Message, begin string) ([]int32, error) {
	contents := []string{begin}
	for _, m := range messages {
		contents = append(contents, m.Content)
	}
	if !t.markup.in(contents) {
		text, err := t.render(messages)
		if err != nil {
			return nil, err
		}
		return encode(t.parsing, text+begin, false)
	}
	veil, err := t.markup.veil(contents)
	if err != nil {
		return nil, err
	}
	veiled := make([]azr.Message, len(messages))
	for i, m := range messages {
		veiled[i] = azr.Message{Role: m.Role, Content: veil.hide.Replace(m.Content)}
	}
	text, err := t.render(veiled)
	if err != nil {
		return nil, err
	}
	if err := checkNUL(begin); err != nil {
		return nil, err
	}
	return t.encodeVeiled(text+veil.hide.Replace(begin), veil)
}

// encodeVeiled cuts the text at the template's own special tokens. Each stretch
// that holds a veiled one is encoded as plain text, and what lies between such
// stretches with its special tokens.
func (t *Tokenizer) encodeVeiled(text string, veil *veil) ([]int32, error) {
	var ids []int32
	add := func(text string, plain bool) error {
		model := t.parsing
		if plain {
			model = t.plain
		}
		more, err := encode(model, text, false)
		ids = append(ids, more...)
		return err
	}
	parsed := ""
	for _, stretch := range t.markup.split(text) {
		if !strings.ContainsRune(stretch, veil.mark) {
			parsed += stretch
			continue
		}
		if err := errors.Join(add(parsed, false), add(veil.show.Replace(stretch), true)); err != nil {
			return nil, err
		}
		parsed = ""
	}
	err := add(parsed, false)
	return ids, err
}
