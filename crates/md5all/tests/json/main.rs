//! What the program tells in JSON: every line of every subcommand, held to docs/schema.json.

#![forbid(unsafe_code)]

mod document;
mod lines;
mod schema;

#[allow(dead_code, reason = "shared with the program's other tests, each of which uses a part")]
#[path = "../program/harness.rs"]
mod harness;

#[allow(dead_code, reason = "shared with the tests of the other documents")]
#[path = "../check/promises.rs"]
mod promises;
