//! `md5all update`, its sidecar, the journal and `--resume`: what becomes of a manifest when its tree changes, and when a
//! run is cut short.
//!
//! What a user can rely on is in `docs/update.md`, sentence by sentence with the name of its test.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

mod attributes;
mod columns;
mod document;
mod doubt;
mod full;
#[allow(dead_code, reason = "shared with the program's other tests, each of which uses a part")]
#[path = "../program/harness.rs"]
mod harness;
#[allow(dead_code, reason = "shared with the tests of faults, which use all of it")]
#[path = "../faults/mounts.rs"]
mod mounts;
mod names;
mod resume;
mod settled;
mod sidecar;
mod table;
