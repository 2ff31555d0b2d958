//! The program: what the command line says, run, and what the shell is told.

#![forbid(unsafe_code)]

mod cli;
mod exit;
mod failure;
mod interrupt;
mod output;
mod quote;
mod run;
mod sink;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::parse().map_or_else(ExitCode::from, |config| run::run(config).into())
}
