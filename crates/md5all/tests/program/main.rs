//! The program, driven from outside, against slow and obvious oracles.

#![forbid(unsafe_code)]

mod contents;
mod descriptors;
mod devices;
mod harness;
mod memory;
mod odd;
mod options;
mod output;
mod signals;
mod tree;
