//! The border between C and Rust: panics, errors, strings and arrays.

use std::any::Any;
use std::ffi::{c_char, CString};
use std::panic::{catch_unwind, set_hook, AssertUnwindSafe};
use std::ptr;
use std::sync::Once;

/// Runs `f`, and makes a panic inside it an error like any other.
pub fn guard<T>(f: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // The caller reports the panic: the default hook's own report would be a second one.
    static QUIET: Once = Once::new();
    QUIET.call_once(|| set_hook(Box::new(|_| {})));
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| Err(panic_text(payload.as_ref())))
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("no message"))
}

/// A new C string. C strings cannot hold NUL, so each becomes U+FFFD.
pub fn c_string(text: &str) -> *mut c_char {
    CString::new(text.replace('\0', "\u{FFFD}")).map_or(ptr::null_mut(), CString::into_raw)
}

/// Frees what [`c_string`] made.
///
/// # Safety
/// `text` is null, or came from [`c_string`] and is not used again.
pub unsafe fn free_c_string(text: *mut c_char) {
    if !text.is_null() {
        drop(CString::from_raw(text));
    }
}

/// Hands an array over to C; an empty one is null.
pub fn into_array<T>(items: Vec<T>) -> *mut T {
    if items.is_empty() {
        return ptr::null_mut();
    }
    Box::into_raw(items.into_boxed_slice()).cast()
}

/// Takes back what [`into_array`] handed over.
///
/// # Safety
/// `items` is null, or came from [`into_array`] of a vector of `len` items and is not used again.
pub unsafe fn from_array<T>(items: *mut T, len: usize) -> Box<[T]> {
    if items.is_null() {
        return Box::default();
    }
    Box::from_raw(ptr::slice_from_raw_parts_mut(items, len))
}

/// The `len` items that C lends at `items`; null is an error unless `len` is 0.
///
/// # Safety
/// `items` points to `len` items that live and stay unchanged during the call, or is null.
pub unsafe fn borrowed<'a, T>(items: *const T, len: usize) -> Result<&'a [T], String> {
    match (items.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err("null pointer".into()),
        (false, _) => Ok(std::slice::from_raw_parts(items, len)),
    }
}

/// The UTF-8 text that C lends at `text`.
///
/// # Safety
/// As [`borrowed`].
pub unsafe fn borrowed_text<'a>(text: *const c_char, len: usize) -> Result<&'a str, String> {
    std::str::from_utf8(borrowed(text.cast(), len)?).map_err(|e| e.to_string())
}
