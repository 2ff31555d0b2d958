//! Sidecars and journals, line by line.
//!
//! Run with `cargo +nightly fuzz run ledger`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| md5all::fuzzing::ledger(text));
