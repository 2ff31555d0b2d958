//! Which files are taken: by an oracle, beside git, in the field, in comparisons, and from lists.

#![forbid(unsafe_code)]

mod comparisons;
mod document;
mod field;
mod git;
mod lists;
mod oracle;

#[allow(dead_code, reason = "shared with the program's other tests, each of which uses a part")]
#[path = "../program/harness.rs"]
mod harness;

#[path = "../check/promises.rs"]
mod promises;
