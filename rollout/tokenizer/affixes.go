package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
)

// affixNames are the tokens that tokenizer_config.json wants around a prompt.
type affixNames struct{ before, after string }

// affixes are their ids, none or one each.
type affixes struct{ before, after []int32 }

// readAffixes reads add_bos_token and add_eos_token. As in transformers, one of
// them in the config replaces the post-processor of tokenizer.json, also with false.
func readAffixes(config map[string]json.RawMessage, names map[string]string) (*affixNames, error) {
	var result affixNames
	set := false
	for _, affix := range []struct {
		key, token string
		name       *string
	}{
		{"add_bos_token", names["bos_token"], &result.before},
		{"add_eos_token", names["eos_token"], &result.after},
	} {
		if isNull(config[affix.key]) {
			continue
		}
		set = true
		var add bool
		if err := json.Unmarshal(config[affix.key], &add); err != nil {
			return nil, fmt.Errorf("%s: %w", affix.key, err)
		}
		if add {
			*affix.name = affix.token
		}
	}
	if !set {
		return nil, nil
	}
	return &result, nil
}

// resolve looks up the ids; a token that is not in the vocabulary is left out.
func (a affixNames) resolve(t *Tokenizer) *affixes {
	ids := func(token string) []int32 {
		if id, ok := t.ID(token); ok {
			return []int32{id}
		}
		return nil
	}
	return &affixes{ids(a.before), ids(a.after)}
}

func (a *affixes) around(ids []int32) []int32 { return slices.Concat(a.before, ids, a.after) }
