//! `md5all audit` and `md5all diff`: what became of trees, by tables, beside an oracle, beside hashdeep, and in bad times.

#![forbid(unsafe_code)]

mod bad_times;
mod differences;
mod document;
mod hashdeep;
mod oracle;
mod situations;
mod stage;

#[allow(dead_code, reason = "shared with the program's other tests, each of which uses a part")]
#[path = "../program/harness.rs"]
mod harness;

#[path = "../check/promises.rs"]
mod promises;

#[allow(dead_code, reason = "shared with the tests of update, which use all of it")]
#[path = "../update/settled.rs"]
mod settled;
