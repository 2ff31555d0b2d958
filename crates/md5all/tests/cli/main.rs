//! What the command line has beside its tasks: help, hints, colours, quiet, completions and manual pages; and that what
//! DESIGN says of dependencies is so.

#![forbid(unsafe_code)]

mod colours;
mod completions;
mod dependencies;
mod help;
mod manual;
mod quiet;
mod typos;

#[allow(dead_code, reason = "shared with the program's other tests, each of which uses a part")]
#[path = "../program/harness.rs"]
mod harness;
