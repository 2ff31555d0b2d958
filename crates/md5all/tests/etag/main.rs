//! ETags, beside a slow and obvious way to compute them.

#![forbid(unsafe_code)]

mod document;
mod library;
mod program;

#[allow(dead_code, reason = "shared with the program's other tests, each of which uses a part")]
#[path = "../program/harness.rs"]
mod harness;

#[allow(dead_code, reason = "shared with the tests of the other documents")]
#[path = "../check/promises.rs"]
mod promises;
