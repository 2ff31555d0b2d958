//! The Rust contenders of `bench/groups/run`: one workload of one of them, timed, in a process of its own.
//!
//! `bench-groups CASE COUNT [SIZE [LIMIT]]` prints the nanoseconds of one operation and the process's peak memory in
//! KiB. `bench-groups` alone lists the cases. `groups.go` is the same program for Go. Each case warms up with a part
//! of its work, makes sure that all of the work was done, and leaves that check outside of what is timed.

mod channels;
mod clock;
#[cfg(feature = "front")]
mod front;
mod marks;
mod ours;
mod rayon_scope;
mod std_threads;
mod tokio_peers;

use std::process::ExitCode;

/// How much a case has to do.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    /// Tasks, items, looks, cancellations: whatever the case is about, in all.
    pub(crate) count: usize,
    /// How many tasks there are in one group.
    pub(crate) size: usize,
    /// How many may be active at once.
    pub(crate) limit: usize,
}

/// Gives the nanoseconds of one operation.
type Case = fn(Job) -> f64;

const CASES: &[(&str, Case)] = &[
    ("ours", ours::tasks),
    ("ours-context", ours::tasks_with_context),
    ("ours-scope", ours::scope),
    ("ours-idle", ours::from_idle),
    ("ours-stage", ours::stage),
    ("ours-each", ours::each),
    ("ours-look", ours::look),
    ("ours-check", ours::check),
    ("ours-cancel", ours::cancel),
    #[cfg(feature = "front")]
    ("front-in-task", front::tasks_from_task),
    #[cfg(feature = "front")]
    ("front-in-block-on", front::tasks_from_block_on),
    #[cfg(feature = "front")]
    ("front-cancel", front::cancel),
    ("join-set-in-task", tokio_peers::join_set_from_task),
    ("join-set-in-block-on", tokio_peers::join_set_from_block_on),
    ("tracker-in-task", tokio_peers::tracker_from_task),
    ("tracker-in-block-on", tokio_peers::tracker_from_block_on),
    ("bare-in-task", tokio_peers::bare_from_task),
    ("bare-in-block-on", tokio_peers::bare_from_block_on),
    ("join-set-blocking", tokio_peers::join_set_blocking),
    ("token-look", tokio_peers::look),
    ("token-cancel", tokio_peers::cancel),
    ("rayon", rayon_scope::tasks),
    ("rayon-idle", rayon_scope::from_idle),
    ("std-scope", std_threads::scope),
    ("broadcast", std_threads::broadcast),
    ("channels", channels::pipeline),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, numbers)) = arguments.split_first() else {
        CASES.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let case = CASES.iter().find(|(known, _)| known == name);
    let (Some((_, case)), Some(job)) = (case, job(numbers)) else {
        eprintln!("usage: bench-groups CASE COUNT [SIZE [LIMIT]]");
        return ExitCode::FAILURE;
    };
    println!("{} {}", case(job), peak());
    ExitCode::SUCCESS
}

fn job(numbers: &[String]) -> Option<Job> {
    let numbers: Vec<usize> = numbers.iter().map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let count = *numbers.first()?;
    let size = numbers.get(1).copied().unwrap_or(count);
    let limit = numbers.get(2).copied().unwrap_or(usize::MAX);
    (count > 0 && size > 0).then_some(Job { count, size, limit })
}

/// The most memory that this process ever had resident, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux's account of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak in it");
    line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
}
