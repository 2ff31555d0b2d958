//! The program: what the command line says, run, and what the shell is told.

#![forbid(unsafe_code)]

mod auditing;
mod bagging;
mod checking;
mod cli;
mod companions;
mod diffing;
mod exit;
mod failure;
mod findings;
mod generating;
mod interrupt;
mod json;
mod left_out;
mod line;
mod name;
mod output;
mod pouring;
mod quote;
mod run;
mod screen;
mod shell;
mod showing;
mod sink;
mod summing;
mod tagging;
mod terminal;
mod units;
mod updating;

use std::process::ExitCode;

use cli::Task;

fn main() -> ExitCode {
    let exit = cli::parse().map(|task| match task {
        Task::Hash(config) => run::run(config),
        Task::Check(check) => checking::run(check),
        Task::Sum(sums) => summing::run(sums),
        Task::Audit(audit) => auditing::run(audit),
        Task::Diff(diff) => diffing::run(diff),
        Task::Bag(bags) => bagging::run(bags),
        Task::Tag(tags) => tagging::run(tags),
        Task::Update(task) => updating::run(task),
        Task::Write(texts) => generating::run(texts),
    });
    exit.unwrap_or_else(|exit| if name::name().tool.is_some() { exit.as_gnu() } else { exit }).into()
}
