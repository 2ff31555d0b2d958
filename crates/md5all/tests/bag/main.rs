//! Bags: made, verified, broken in every way that RFC 8493 knows; and beside those of another program.

#![forbid(unsafe_code)]

mod create;
mod document;
mod peers;
mod verify;

#[allow(dead_code, reason = "shared with the program's other tests, each of which uses a part")]
#[path = "../program/harness.rs"]
mod harness;

#[allow(dead_code, reason = "shared with the tests of the other documents")]
#[path = "../check/promises.rs"]
mod promises;
