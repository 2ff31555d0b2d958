//! The program, driven from outside, against slow and obvious oracles.

#![forbid(unsafe_code)]

mod contents;
mod devices;
mod harness;
mod odd;
mod options;
mod output;
mod signals;
mod tree;
