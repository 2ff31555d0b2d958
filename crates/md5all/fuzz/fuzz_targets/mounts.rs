//! `/proc/self/mountinfo`.
//!
//! Run with `cargo +nightly fuzz run mounts`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| md5all::fuzzing::mounts(text));
