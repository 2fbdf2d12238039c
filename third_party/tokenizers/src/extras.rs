//! What a tokenizer can tell and the Go module does not ask; declared in
//! `azr_tokenizers.h`, where the contract of each function is.

use std::ffi::{c_char, c_void};
use std::ptr;

use hf::tokenizer::Tokenizer;
use serde_json::json;

use crate::boundary::{borrowed, borrowed_text, c_string, free_c_string, from_array, guard, into_array};

/// A text of `len` bytes, or an error; see `azr_text` in the header.
#[repr(C)]
pub struct Text {
    data: *mut u8,
    len: usize,
    error: *mut c_char,
}

impl From<Result<String, String>> for Text {
    fn from(result: Result<String, String>) -> Text {
        match result {
            Ok(text) => {
                let len = text.len();
                Text { data: into_array(text.into_bytes()), len, error: ptr::null_mut() }
            }
            Err(reason) => Text { data: ptr::null_mut(), len: 0, error: c_string(&reason) },
        }
    }
}

/// An id, or -1 for none, or an error; see `azr_id` in the header.
#[repr(C)]
pub struct Id {
    id: i64,
    error: *mut c_char,
}

unsafe fn tokenizer_at<'a>(tokenizer: *const c_void) -> Result<&'a Tokenizer, String> {
    tokenizer.cast::<Tokenizer>().as_ref().ok_or_else(|| "null tokenizer".into())
}

fn error_only(result: Result<(), String>) -> *mut c_char {
    result.map_or_else(|reason| c_string(&reason), |()| ptr::null_mut())
}

/// Exists to be linked: its number changes with the header.
#[no_mangle]
pub extern "C" fn azr_tokenizers_abi_2() {}

#[no_mangle]
pub unsafe extern "C" fn azr_text_free(text: Text) {
    drop(from_array(text.data, text.len));
    free_c_string(text.error);
}

#[no_mangle]
pub unsafe extern "C" fn azr_encode_error(
    tokenizer: *const c_void,
    text: *const c_char,
    len: usize,
    add_special_tokens: bool,
) -> *mut c_char {
    error_only(guard(|| {
        let text = String::from_utf8_lossy(borrowed(text.cast(), len)?);
        let encoding = tokenizer_at(tokenizer)?.encode_fast(text.as_ref(), add_special_tokens);
        encoding.map(|_| ()).map_err(|e| e.to_string())
    }))
}

#[no_mangle]
pub unsafe extern "C" fn azr_decode_error(
    tokenizer: *const c_void,
    ids: *const u32,
    len: usize,
    skip_special_tokens: bool,
) -> *mut c_char {
    error_only(guard(|| {
        let text = tokenizer_at(tokenizer)?.decode(borrowed(ids, len)?, skip_special_tokens);
        text.map(|_| ()).map_err(|e| e.to_string())
    }))
}

#[no_mangle]
pub unsafe extern "C" fn azr_added_tokens(tokenizer: *const c_void) -> Text {
    let list = guard(|| {
        let mut tokens: Vec<_> = tokenizer_at(tokenizer)?.get_added_tokens_decoder().into_iter().collect();
        tokens.sort_by_key(|(id, _)| *id);
        let list =
            tokens.iter().map(|(id, token)| json!({"id": id, "content": token.content, "special": token.special}));
        Ok(list.collect::<serde_json::Value>().to_string())
    });
    list.into()
}

#[no_mangle]
pub unsafe extern "C" fn azr_token_to_id(tokenizer: *const c_void, token: *const c_char, len: usize) -> Id {
    match guard(|| Ok(tokenizer_at(tokenizer)?.token_to_id(borrowed_text(token, len)?))) {
        Ok(id) => Id { id: id.map_or(-1, i64::from), error: ptr::null_mut() },
        Err(reason) => Id { id: -1, error: c_string(&reason) },
    }
}

#[no_mangle]
pub unsafe extern "C" fn azr_id_to_token(tokenizer: *const c_void, id: u32) -> Text {
    guard(|| Ok(tokenizer_at(tokenizer)?.id_to_token(id).unwrap_or_default())).into()
}
