//! Hugging Face tokenizers and chat templates behind two C interfaces in one
//! static library (two Rust static libraries in one program would clash):
//!
//! * [`binding`]: what `tokenizers.h` of the Go module github.com/daulet/tokenizers
//!   v1.24.0 declares;
//! * [`extras`] and [`chat`]: what `azr_tokenizers.h` declares, for that which the
//!   Go module lacks. Templates run within [`limits`].
//!
//! No panic leaves the library: each function that can fail runs inside
//! [`boundary::guard`], and each failure is reported by the same call, or, where
//! the Go module's interface has no room for an error, by a function of
//! [`extras`] that tells it.

mod binding;
mod boundary;
mod chat;
mod extras;
mod limits;
