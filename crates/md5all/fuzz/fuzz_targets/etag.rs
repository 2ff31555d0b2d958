//! ETags: what is one is written, and must be understood again.
//!
//! Run with `cargo +nightly fuzz run etag`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use md5all::ETag;

fuzz_target!(|text: &str| {
    let Ok(etag) = text.parse::<ETag>() else { return };
    let written = etag.to_string();
    assert_eq!(written.parse(), Ok(etag));
    assert!(written.len() <= text.len() && !written.contains('"'));
});
