package python

import (
	"crypto/sha256"
	"encoding/hex"
)

// TemplateHashes maps each of the style's prompt templates, for example
// "chat/solve_deduction.tmpl", to the SHA-256 of its text in hex, and the plain
// wrapper's if that is used. Two runs with the same hashes asked in the same words.
func (e *Environment) TemplateHashes() map[string]string {
	hashes := map[string]string{}
	addHashes(hashes, string(e.cfg.Style))
	if e.cfg.Style == Chat && e.cfg.Wrapper == PlainWrapper {
		addHashes(hashes, string(PlainWrapper))
	}
	return hashes
}

func addHashes(hashes map[string]string, set string) {
	entries, err := promptFiles.ReadDir("prompts/" + set)
	if err != nil {
		panic(err) // the files are part of this program
	}
	for _, entry := range entries {
		text, err := promptFiles.ReadFile("prompts/" + set + "/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(text)
		hashes[set+"/"+entry.Name()] = hex.EncodeToString(sum[:])
	}
}
