//! The C interface that github.com/daulet/tokenizers v1.24.0 links against.
//!
//! Encoding and decoding have no error in their signatures: a failure gives an
//! empty result, and `azr_encode_error` and `azr_decode_error` tell why.

use std::ffi::{c_char, c_void, CStr};
use std::ptr;

use hf::tokenizer::{Encoding, Tokenizer, TruncationDirection, TruncationParams};

use crate::boundary::{borrowed, c_string, free_c_string, from_array, guard, into_array};

#[repr(C)]
pub struct Options {
    encode_special_tokens: bool,
}

#[repr(C)]
pub struct EncodeOptions {
    add_special_tokens: bool,
    return_type_ids: bool,
    return_tokens: bool,
    return_special_tokens_mask: bool,
    return_attention_mask: bool,
    return_offsets: bool,
}

/// One encoding; each array has `len` items (`offsets` two a token) or is null.
#[repr(C)]
pub struct Buffer {
    ids: *mut u32,
    type_ids: *mut u32,
    special_tokens_mask: *mut u32,
    attention_mask: *mut u32,
    tokens: *mut *mut c_char,
    offsets: *mut usize,
    len: u32,
}

impl Buffer {
    fn empty() -> Buffer {
        Buffer {
            ids: ptr::null_mut(),
            type_ids: ptr::null_mut(),
            special_tokens_mask: ptr::null_mut(),
            attention_mask: ptr::null_mut(),
            tokens: ptr::null_mut(),
            offsets: ptr::null_mut(),
            len: 0,
        }
    }

    fn new(encoding: &Encoding, options: &EncodeOptions) -> Result<Buffer, String> {
        let copy = |wanted: bool, items: &[u32]| into_array(if wanted { items.to_vec() } else { Vec::new() });
        let len = u32::try_from(encoding.len()).map_err(|e| e.to_string())?;
        let mut buffer = Buffer {
            ids: copy(true, encoding.get_ids()),
            type_ids: copy(options.return_type_ids, encoding.get_type_ids()),
            special_tokens_mask: copy(options.return_special_tokens_mask, encoding.get_special_tokens_mask()),
            attention_mask: copy(options.return_attention_mask, encoding.get_attention_mask()),
            len,
            ..Buffer::empty()
        };
        if options.return_tokens {
            buffer.tokens = into_array(encoding.get_tokens().iter().map(|t| c_string(t)).collect());
        }
        if options.return_offsets {
            buffer.offsets = into_array(encoding.get_offsets().iter().flat_map(|&(from, to)| [from, to]).collect());
        }
        Ok(buffer)
    }
}

/// Exists to be linked: the Go module asks for the symbol of the library it was written for.
#[no_mangle]
pub extern "C" fn tokenizers_version_1_23_0() {}

/// The version of the interface, a constant that is not freed.
#[no_mangle]
pub extern "C" fn tokenizers_version() -> *const c_char {
    c"1.23.0".as_ptr()
}

/// The tokenizer as a pointer, or null with the reason in `*error`.
unsafe fn handle(tokenizer: Result<Tokenizer, String>, error: *mut *mut c_char) -> *mut c_void {
    match tokenizer {
        Ok(tokenizer) => Box::into_raw(Box::new(tokenizer)).cast(),
        Err(reason) => {
            if !error.is_null() {
                *error = c_string(&reason);
            }
            ptr::null_mut()
        }
    }
}

unsafe fn parse(config: *const u8, len: u32) -> Result<Tokenizer, String> {
    Tokenizer::from_bytes(borrowed(config, len as usize)?).map_err(|e| e.to_string())
}

#[no_mangle]
pub unsafe extern "C" fn tokenizers_from_bytes(
    config: *const u8,
    len: u32,
    options: *const Options,
    error: *mut *mut c_char,
) -> *mut c_void {
    let tokenizer = guard(|| {
        let mut tokenizer = parse(config, len)?;
        tokenizer.set_encode_special_tokens(options.as_ref().is_some_and(|o| o.encode_special_tokens));
        Ok(tokenizer)
    });
    handle(tokenizer, error)
}

#[no_mangle]
pub unsafe extern "C" fn tokenizers_from_bytes_with_truncation(
    config: *const u8,
    len: u32,
    max_len: u32,
    direction: u8,
    error: *mut *mut c_char,
) -> *mut c_void {
    let tokenizer = guard(|| {
        let direction = match direction {
            0 => TruncationDirection::Left,
            1 => TruncationDirection::Right,
            other => return Err(format!("unknown truncation direction {other}; want 0 (left) or 1 (right)")),
        };
        let truncation = TruncationParams { max_length: max_len as usize, direction, ..Default::default() };
        let mut tokenizer = parse(config, len)?;
        tokenizer.with_truncation(Some(truncation)).map_err(|e| e.to_string())?;
        Ok(tokenizer)
    });
    handle(tokenizer, error)
}

#[no_mangle]
pub unsafe extern "C" fn tokenizers_from_file(path: *const c_char, error: *mut *mut c_char) -> *mut c_void {
    let tokenizer = guard(|| {
        if path.is_null() {
            return Err("null path".into());
        }
        let path = CStr::from_ptr(path).to_str().map_err(|e| e.to_string())?;
        Tokenizer::from_file(path).map_err(|e| format!("{path}: {e}"))
    });
    handle(tokenizer, error)
}

#[no_mangle]
pub unsafe extern "C" fn tokenizers_from_tiktoken(
    _model: *const c_char,
    _config: *const c_char,
    _pattern: *const c_char,
    error: *mut *mut c_char,
) -> *mut c_void {
    handle(Err("tiktoken files are not supported; convert the tokenizer to a tokenizer.json".into()), error)
}

/// Encodes C text; invalid UTF-8 is read as U+FFFD.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_encode(
    tokenizer: *const c_void,
    text: *const c_char,
    options: *const EncodeOptions,
) -> Buffer {
    let encode = || {
        let tokenizer = tokenizer.cast::<Tokenizer>().as_ref().ok_or("null tokenizer")?;
        let options = options.as_ref().ok_or("null options")?;
        if text.is_null() {
            return Err("null text".into());
        }
        let text = CStr::from_ptr(text).to_string_lossy();
        let encoding = if options.return_offsets {
            tokenizer.encode(text.as_ref(), options.add_special_tokens)
        } else {
            tokenizer.encode_fast(text.as_ref(), options.add_special_tokens)
        };
        Buffer::new(&encoding.map_err(|e| e.to_string())?, options)
    };
    guard(encode).unwrap_or_else(|_| Buffer::empty())
}

/// Decodes ids to a new C string, in which a NUL has become U+FFFD; null on failure.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_decode(
    tokenizer: *const c_void,
    ids: *const u32,
    len: u32,
    skip_special_tokens: bool,
) -> *mut c_char {
    let decode = || {
        let tokenizer = tokenizer.cast::<Tokenizer>().as_ref().ok_or("null tokenizer")?;
        let ids = borrowed(ids, len as usize)?;
        tokenizer.decode(ids, skip_special_tokens).map_err(|e| e.to_string())
    };
    guard(decode).map_or(ptr::null_mut(), |text| c_string(&text))
}

/// The number of tokens, added ones included.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_vocab_size(tokenizer: *const c_void) -> u32 {
    let tokenizer = tokenizer.cast::<Tokenizer>().as_ref();
    guard(|| Ok(tokenizer.map_or(0, |t| t.get_vocab_size(true) as u32))).unwrap_or(0)
}

#[no_mangle]
pub unsafe extern "C" fn tokenizers_free_tokenizer(tokenizer: *mut c_void) {
    if !tokenizer.is_null() {
        drop(Box::from_raw(tokenizer.cast::<Tokenizer>()));
    }
}

#[no_mangle]
pub unsafe extern "C" fn tokenizers_free_buffer(buffer: Buffer) {
    let len = buffer.len as usize;
    for ids in [buffer.ids, buffer.type_ids, buffer.special_tokens_mask, buffer.attention_mask] {
        drop(from_array(ids, len));
    }
    drop(from_array(buffer.offsets, 2 * len));
    for token in from_array(buffer.tokens, len) {
        free_c_string(token);
    }
}

#[no_mangle]
pub unsafe extern "C" fn tokenizers_free_string(text: *mut c_char) {
    free_c_string(text);
}
