//! The program's manifests in every format: written, read again, and read by the programs whose formats they are.

#![forbid(unsafe_code)]

mod document;
mod formats;
mod seal;
mod tools;

#[path = "../check/promises.rs"]
mod promises;

#[allow(dead_code, reason = "shared with the program's other tests, each of which uses a part")]
#[path = "../program/harness.rs"]
mod harness;
