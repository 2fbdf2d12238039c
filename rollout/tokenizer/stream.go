package tokenizer

import "strings"

// Stream decodes a completion token by token. The texts that Add and Flush return
// are, one after the other, what [Tokenizer.Decode] returns for all ids. A Stream
// belongs to one goroutine and does not outlive its Tokenizer.
type Stream struct {
	t *Tokenizer
	// ids are the last tokens whose text was returned, which decoders need to
	// know that a word is not the first, and then those held back.
	ids []uint32
	// shown is how many bytes of the text of ids were returned.
	shown int
	// known counts the ids whose text was returned.
	known int
}

// NewStream starts the decoding of one completion.
func (t *Tokenizer) NewStream() *Stream { return &Stream{t: t} }

// Add takes the next id and returns the text that became certain with it: none
// for a special token, an id without a token, or a character that is not complete.
func (s *Stream) Add(id int32) string {
	if id < 0 || s.t.special[id] {
		return ""
	}
	s.ids = append(s.ids, uint32(id))
	// A run of byte-fallback tokens is decoded as a whole.
	if s.t.fallback[id] {
		return ""
	}
	text := s.text(s.ids)
	if len(text) <= s.shown || strings.HasSuffix(text, "\uFFFD") {
		return ""
	}
	fresh := text[s.shown:]
	s.ids = s.ids[s.known:]
	s.known = len(s.ids)
	s.shown = len(s.text(s.ids))
	return fresh
}

// Flush ends the stream: it returns what was held back, with U+FFFD for what never
// became a character. The Stream can be used again for another completion.
func (s *Stream) Flush() string {
	text := s.text(s.ids)
	fresh := text[min(s.shown, len(text)):]
	*s = Stream{t: s.t}
	return fresh
}

// text is the text of some ids. Decoding fails for no id that Add lets in.
func (s *Stream) text(ids []uint32) string { return s.t.parsing.Decode(ids, true) }
