//! Lists whose format is to be found.
//!
//! Run with `cargo +nightly fuzz run detect`.

#![no_main]

use libfuzzer_sys::fuzz_target;

mod round;

fuzz_target!(|text: &[u8]| round::detect(text));
