//! Chat templates, rendered as Python's transformers does; declared in
//! `azr_tokenizers.h`, where the contract of each function is.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use hf_chat_template::{ChatTemplate, FixedClock};

use crate::boundary::{borrowed_text, c_string, guard};
use crate::extras::Text;
use crate::limits::{within, Limits};

/// A compiled template. Shared, since rendering that broke a limit never lets go of it.
pub type Shared = Arc<ChatTemplate>;

/// A compiled template, or an error; see `azr_chat_template_result` in the header.
#[repr(C)]
pub struct Compiled {
    template: *mut Shared,
    error: *mut c_char,
}

#[no_mangle]
pub unsafe extern "C" fn azr_chat_template_compile(
    source: *const c_char,
    len: usize,
    unix_seconds: i64,
    limits: Limits,
) -> Compiled {
    let template = guard(|| {
        let source = borrowed_text(source, len)?.to_owned();
        within(limits, move || {
            let template = ChatTemplate::builder(&source).clock(FixedClock::from_unix_secs(unix_seconds)).build();
            template.map_err(|e| e.to_string())
        })
    });
    match template {
        Ok(template) => Compiled { template: Box::into_raw(Box::new(Arc::new(template))), error: ptr::null_mut() },
        Err(reason) => Compiled { template: ptr::null_mut(), error: c_string(&reason) },
    }
}

#[no_mangle]
pub unsafe extern "C" fn azr_chat_template_render(
    template: *const Shared,
    context: *const c_char,
    len: usize,
    limits: Limits,
) -> Text {
    let rendered = guard(|| {
        let template = template.as_ref().ok_or("null template")?.clone();
        let context = borrowed_text(context, len)?.to_owned();
        within(limits, move || {
            let context: serde_json::Value = serde_json::from_str(&context).map_err(|e| format!("context: {e}"))?;
            let text = template.render_context(&context).map_err(|e| e.to_string())?;
            if text.len() > limits.output_bytes {
                let (got, want) = (text.len(), limits.output_bytes);
                return Err(format!("rendered chat is too long; got {got} bytes, want at most {want}"));
            }
            Ok(text)
        })
    });
    rendered.into()
}

#[no_mangle]
pub unsafe extern "C" fn azr_chat_template_free(template: *mut Shared) {
    if !template.is_null() {
        drop(Box::from_raw(template));
    }
}
