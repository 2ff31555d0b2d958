//! The manifests of bags.
//!
//! Run with `cargo +nightly fuzz run bagit`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use md5all::manifest::Format;

mod round;

fuzz_target!(|text: &[u8]| round::check(text, Format::Bagit));
