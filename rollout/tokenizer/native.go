package tokenizer

/*
#cgo CFLAGS: -I${SRCDIR}/../../third_party/tokenizers
#cgo LDFLAGS: -L${SRCDIR}/../../third_party/build/tokenizers -ltokenizers -lm -ldl -lstdc++
#include <stdlib.h>
#include "azr_tokenizers.h"

void tokenizers_free_string(char *text);

// A library of another version of the header does not link.
void (*azr_tokenizers_abi)(void) = &azr_tokenizers_abi_2;
*/
import "C"

import (
	"encoding/json"
	"errors"
	"reflect"
	"time"
	"unsafe"

	"github.com/daulet/tokenizers"
)

// handle returns the library's pointer to a tokenizer, which the binding keeps in
// an unexported field.
func handle(model *tokenizers.Tokenizer) unsafe.Pointer {
	return reflect.ValueOf(model).Elem().FieldByName("tokenizer").UnsafePointer()
}

// lend gives C the bytes of a string for one call.
func lend(text string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text))
}

// takeError makes a Go error of one of the library's and frees it; nil if there is none.
func takeError(text *C.char) error {
	if text == nil {
		return nil
	}
	defer C.tokenizers_free_string(text)
	return errors.New(C.GoString(text))
}

// takeText makes a Go string of one of the library's and frees it.
func takeText(text C.azr_text) (string, error) {
	defer C.azr_text_free(text)
	if text.error != nil {
		return "", errors.New(C.GoString(text.error))
	}
	return string(unsafe.Slice((*byte)(unsafe.Pointer(text.data)), int(text.len))), nil
}

func encodeError(model *tokenizers.Tokenizer, text string, addSpecial bool) error {
	data, size := lend(text)
	return takeError(C.azr_encode_error(handle(model), data, size, C.bool(addSpecial)))
}

func decodeError(model *tokenizers.Tokenizer, ids []uint32) error {
	data := (*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(ids)))
	return takeError(C.azr_decode_error(handle(model), data, C.size_t(len(ids)), true))
}

// addedToken is a token outside the model's own vocabulary.
type addedToken struct {
	ID      int32
	Content string
	Special bool
}

func addedTokens(model *tokenizers.Tokenizer) ([]addedToken, error) {
	list, err := takeText(C.azr_added_tokens(handle(model)))
	if err != nil {
		return nil, err
	}
	var tokens []addedToken
	err = json.Unmarshal([]byte(list), &tokens)
	return tokens, err
}

func tokenToID(model *tokenizers.Tokenizer, token string) (int32, bool) {
	data, size := lend(token)
	found := C.azr_token_to_id(handle(model), data, size)
	if takeError(found.error) != nil || found.id < 0 {
		return 0, false
	}
	return int32(found.id), true
}

func idToToken(model *tokenizers.Tokenizer, id int32) (string, bool) {
	if id < 0 {
		return "", false
	}
	token, err := takeText(C.azr_id_to_token(handle(model), C.uint32_t(id)))
	return token, err == nil && token != ""
}

// chatTemplate is a compiled template. It is safe for concurrent use.
type chatTemplate struct {
	native *C.azr_chat_template
	limits templateLimits
}

// templateTime is what a template's clock shows, in seconds since 1970: 26 July
// 2024. It stands still so that a prompt does not depend on the day; the date is
// the one that Llama's templates show where there is no clock.
const templateTime = 1721952000

// templateLimits bound what compiling a template or rendering a chat may take. A model
// folder may come from anywhere, and so may a template that never ends.
type templateLimits struct {
	output, memory int // bytes
	time           time.Duration
}

// defaultLimits are far above what templates take: some kB and less than a millisecond.
var defaultLimits = templateLimits{output: 16 << 20, memory: 256 << 20, time: 10 * time.Second}

func (l templateLimits) native() C.azr_limits {
	return C.azr_limits{
		output_bytes: C.size_t(l.output), memory_bytes: C.size_t(l.memory), milliseconds: C.uint64_t(l.time.Milliseconds()),
	}
}

func compileTemplate(source string, limits templateLimits) (*chatTemplate, error) {
	data, size := lend(source)
	compiled := C.azr_chat_template_compile(data, size, templateTime, limits.native())
	if err := takeError(compiled.error); err != nil {
		return nil, err
	}
	return &chatTemplate{compiled.chat, limits}, nil
}

// render fills in the template with the variables of a JSON object.
func (c *chatTemplate) render(context []byte) (string, error) {
	data := (*C.char)(unsafe.Pointer(unsafe.SliceData(context)))
	text, err := takeText(C.azr_chat_template_render(c.native, data, C.size_t(len(context)), c.limits.native()))
	return text, err
}

func (c *chatTemplate) free() {
	if c != nil {
		C.azr_chat_template_free(c.native)
		c.native = nil
	}
}
