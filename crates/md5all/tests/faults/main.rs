//! Faults that really happen: file systems that fail, hang, fill up and change, and the program among them.
//!
//! What a user gets in each case is in `docs/faults.md`, line by line with the name of its test. Most of these mount
//! something, each in a namespace of its own, and say `SKIPPED` where that cannot be done.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

mod changes;
mod document;
mod errors;
mod file_systems;
mod full;
mod hangs;
#[allow(dead_code)] // shared with the other program of tests, and not all of it is for both
#[path = "../program/harness.rs"]
mod harness;
mod loops;
mod many;
mod mounts;
mod served;
mod stopped;
mod storm;
