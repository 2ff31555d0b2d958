//! The program, driven from outside, against slow and obvious oracles.

#![forbid(unsafe_code)]

mod contents;
mod descriptors;
mod devices;
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod harness;
mod memory;
mod odd;
mod options;
mod output;
mod signals;
mod tree;
