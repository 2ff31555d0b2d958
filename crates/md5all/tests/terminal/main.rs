//! What somebody sees who starts the program on a terminal: it runs in a pseudo-terminal, and what it writes there is
//! shown on a screen that the tests look at.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

mod document;
mod json;
mod keys;
mod line;
mod pipes;
mod screen;
mod sizes;

#[allow(dead_code, reason = "shared with the program's other tests, each of which uses a part")]
#[path = "../program/harness.rs"]
mod harness;

#[path = "../check/promises.rs"]
mod promises;
