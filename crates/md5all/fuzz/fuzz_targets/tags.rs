//! Tag files of bags.
//!
//! Run with `cargo +nightly fuzz run tags`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| md5all::fuzzing::tags(text));
