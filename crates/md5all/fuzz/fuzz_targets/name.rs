//! Names: escaped as GNU has them, and in one spelling.
//!
//! Run with `cargo +nightly fuzz run name`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| md5all::fuzzing::name(text));
