package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/azr-train/azr"
)

// HasChatTemplate tells whether the model folder has a chat template.
func (t *Tokenizer) HasChatTemplate() bool { return t.chat != nil }

// RenderChat returns the text of a chat up to the start of the assistant's turn,
// as transformers' apply_chat_template with add_generation_prompt does. Where a
// template asks for the date it is always 26 July 2024. The variables, nil for
// none, go to the template beside the messages, as the keyword arguments of
// apply_chat_template do: "enable_thinking" of Qwen3, "date_string" of Llama 3,
// or "add_generation_prompt", which is true unless they say otherwise. Their
// values are what JSON can say.
//
// No template, no messages, a NUL byte, a chat that the template refuses, and a
// template that takes more than 16 MiB of text, 256 MiB of memory or 10 s are errors.
func (t *Tokenizer) RenderChat(messages []azr.Message, variables map[string]any) (string, error) {
	text, err := t.render(messages, variables)
	return text, wrap("RenderChat", err)
}

func (t *Tokenizer) render(messages []azr.Message, more map[string]any) (string, error) {
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
		"tools":                 nil,
		"documents":             nil,
		"add_generation_prompt": true,
	}
	for name, token := range t.names {
		variables[name] = token
	}
	maps.Copy(variables, more)
	variables["messages"] = messages
	context, err := json.Marshal(variables)
	if err != nil {
		return "", err
	}
	text, err := t.chat.render(context)
	if err != nil {
		return "", fmt.Errorf("chat template: %w", err)
	}
	return text, nil
}

// EncodeChat returns the ids of a chat followed by begin, the start of the
// assistant's turn ("" for none). Special tokens that the template writes are
// parsed; in message contents and in begin they are plain text, and a template
// that changes a content cannot make one of it. If there are none in these, the
// ids are those of apply_chat_template. Variables and errors are as in RenderChat.
// Roles and variables are trusted: the program or its user chose them.
func (t *Tokenizer) EncodeChat(messages []azr.Message, begin string, variables map[string]any) ([]int32, error) {
	ids, err := t.encodeChat(messages, begin, variables)
	return ids, wrap("EncodeChat", err)
}

func (t *Tokenizer) encodeChat(messages []azr.Message, begin string, variables map[string]any) ([]int32, error) {
	if err := checkNUL(begin); err != nil {
		return nil, err
	}
	contents := []string{begin}
	for _, m := range messages {
		contents = append(contents, m.Content)
	}
	if !containsAny(contents, t.markup.firsts) {
		text, err := t.render(messages, variables)
		if err != nil {
			return nil, err
		}
		return encode(t.parsing, text+begin, false)
	}
	// What the template writes when it sees of the contents all but special tokens, and when it sees
	// nothing in them that could begin one. It may read the contents, as Qwen3's does, so the first is
	// the right one; unless it made a special token out of what was left.
	seen, err := newVeil(contents, t.markup.tokens)
	if err != nil {
		return nil, err
	}
	text, err := t.renderVeiled(messages, begin, variables, seen)
	if err != nil {
		return nil, err
	}
	unseen, err := newVeil(contents, t.markup.firsts)
	if err != nil {
		return nil, err
	}
	safe, err := t.renderVeiled(messages, begin, variables, unseen)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(t.markup.found(text), t.markup.found(safe)) {
		return t.encodeVeiled(safe, unseen)
	}
	return t.encodeVeiled(text, seen)
}

func (t *Tokenizer) renderVeiled(messages []azr.Message, begin string, variables map[string]any, v *veil) (string, error) {
	veiled := make([]azr.Message, len(messages))
	for i, m := range messages {
		veiled[i] = azr.Message{Role: m.Role, Content: v.hide.Replace(m.Content)}
	}
	text, err := t.render(veiled, variables)
	return text + v.hide.Replace(begin), err
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
