//! `--check`, and the program under the names of `md5sum`, `sha256sum` and their like, beside GNU's own.
//!
//! Every row is run by both, and must give the same standard output, standard error and exit status, and the same of
//! both together, which tells their order. Under such a name nothing may differ; under its own, the program's name.
//! What differs on purpose is in `deviations`.

#![forbid(unsafe_code)]

mod deviations;
mod document;
mod field;
mod flags;
mod kinds;
mod lists;
mod promises;
mod random;
mod writing;

#[allow(dead_code, reason = "shared with the program's other tests, each of which uses a part")]
#[path = "../program/harness.rs"]
mod harness;
