package python

import (
	"crypto/sha256"
	"encoding/hex"
)

// TemplateHashes maps each of the style's prompt templates, for example
// "chat/solve_deduction.tmpl", to the SHA-256 of its text in hex. Two runs with
// the same hashes asked in the same words.
func (e *Environment) TemplateHashes() map[string]string {
	style := string(e.cfg.Style)
	entries, err := promptFiles.ReadDir("prompts/" + style)
	if err != nil {
		panic(err) // the files are part of this program
	}
	hashes := map[string]string{}
	for _, entry := range entries {
		text, err := promptFiles.ReadFile("prompts/" + style + "/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(text)
		hashes[style+"/"+entry.Name()] = hex.EncodeToString(sum[:])
	}
	return hashes
}
