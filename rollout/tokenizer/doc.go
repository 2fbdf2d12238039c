// Package tokenizer turns text into token ids and back, the way the Hugging Face
// tokenizer of a model folder does, and renders the model's chat template.
//
// # What it is for
//
// [Load] reads a model folder (tokenizer.json and the small files beside it). One
// tokenizer.json serves two tokenizers: one that recognises special tokens in
// the text (<|im_end|> becomes one id) and one that takes them for plain text.
// Which of the two is used is the border between what the program wrote and what
// a model may have written:
//
//	Encode          plain     no bos    any text
//	EncodeDocument  plain     bos       any text that is continued as it is
//	EncodeChat      both      template  the template's markup is parsed, contents are plain
//	EncodePrompt    parsing   bos       trusted text only, as Python's tokenizer(text)
//
// Added tokens that are not special, such as Qwen3's <think>, are words of the
// vocabulary: they are one id wherever they stand. So are the ids equal to
// Python's whenever no content holds a special token's text.
//
// [Tokenizer.Decode] and [Stream] go the other way and skip special tokens. A
// Stream gives the text as far as it is certain, and holds back what the next
// token may still change, such as half an emoji.
//
// # What it is not
//
// It knows nothing of models, padding, truncation or batches: settings of
// tokenizer.json for those are ignored. It does not train tokenizers, and it
// does not read tiktoken or SentencePiece files.
//
// # Below it
//
// Encoding and decoding go through github.com/daulet/tokenizers; chat templates,
// token look-ups and the errors which that package swallows come from our own
// functions in the same Rust library, third_party/tokenizers, declared in its
// azr_tokenizers.h. The library is linked from third_party/build/tokenizers.
//
// # Errors and goroutines
//
// Every error is one line. Text is data: only a NUL byte in it is an error, since
// C strings end there; invalid UTF-8 is read as U+FFFD, and a NUL that a model
// produced is decoded as U+FFFD, so that decoded text can always be encoded.
//
// A Tokenizer is safe for concurrent use, except that Close must come after all
// other use. A Stream belongs to one goroutine.
package tokenizer
