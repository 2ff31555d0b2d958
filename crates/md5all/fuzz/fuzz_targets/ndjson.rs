//! Objects of JSON, one a line.
//!
//! Run with `cargo +nightly fuzz run ndjson`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use md5all::manifest::Format;

mod round;

fuzz_target!(|text: &[u8]| round::check(text, Format::Ndjson));
