/* What rollout/tokenizer needs beyond tokenizers.h of github.com/daulet/tokenizers:
 * chat templates, token look-ups, and the errors which that interface swallows.
 *
 * A tokenizer is the pointer that tokenizers_from_bytes answers. All texts are
 * UTF-8 of a given length, may hold NUL bytes, and are only read during the call.
 * Every function may be called from many threads at once, save for the free
 * functions, which end a value's use. An error is one line, in a C string that
 * tokenizers_free_string (or azr_text_free) frees. */
#ifndef AZR_TOKENIZERS_H
#define AZR_TOKENIZERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* To be linked: the number changes with this header. */
void azr_tokenizers_abi_2(void);

/* Either a text of len bytes without a NUL at its end (data is NULL if len is 0),
 * or a non-NULL error. azr_text_free frees both. */
typedef struct azr_text {
  char *data;
  size_t len;
  char *error;
} azr_text;

void azr_text_free(azr_text text);

/* An id, or -1 for none, or a non-NULL error. */
typedef struct azr_id {
  int64_t id;
  char *error;
} azr_id;

/* Why encoding this text, or decoding these ids, fails; NULL if it does not. */
char *azr_encode_error(const void *tokenizer, const char *text, size_t len, bool add_special_tokens);
char *azr_decode_error(const void *tokenizer, const uint32_t *ids, size_t len, bool skip_special_tokens);

/* The added tokens in the order of their ids, as JSON: [{"id":0,"content":"<s>","special":true}]. */
azr_text azr_added_tokens(const void *tokenizer);

/* The id of a token written as in the vocabulary. */
azr_id azr_token_to_id(const void *tokenizer, const char *token, size_t len);

/* The token of an id, as written in the vocabulary; empty if there is none. */
azr_text azr_id_to_token(const void *tokenizer, uint32_t id);

typedef struct azr_chat_template azr_chat_template;

/* Either a template or a non-NULL error. */
typedef struct azr_chat_template_result {
  azr_chat_template *chat;
  char *error;
} azr_chat_template_result;

/* What a template may take: bytes of output, bytes of memory and milliseconds.
 * Work that breaks the last two is given up: the call returns an error, and the
 * memory that the work had, at most memory_bytes, is lost to the process. */
typedef struct azr_limits {
  size_t output_bytes;
  size_t memory_bytes;
  uint64_t milliseconds;
} azr_limits;

/* Compiles a Jinja chat template. Its clock (strftime_now) always shows
 * unix_seconds, in UTC, so that a prompt does not depend on the day. */
azr_chat_template_result azr_chat_template_compile(const char *source, size_t len, int64_t unix_seconds,
                                                   azr_limits limits);

/* Renders a template with the variables of a JSON object. */
azr_text azr_chat_template_render(const azr_chat_template *chat_template, const char *context, size_t len,
                                  azr_limits limits);

void azr_chat_template_free(azr_chat_template *chat_template);

#endif
