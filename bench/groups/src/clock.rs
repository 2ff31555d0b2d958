//! How a case is timed: a part of it first, unmeasured, then all of it.

use std::fs;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use crate::Job;
use crate::marks::{Mark, check, marks};

/// How many times shorter the warm-up is.
const WARM_UP: usize = 10;

/// How long those who have said that they are about to sleep are given to fall asleep.
pub(crate) const SETTLE: Duration = Duration::from_millis(50);

/// How many tasks sleep where cancelling is timed.
pub(crate) const SLEEPERS: usize = 1_000;

/// Nanoseconds of one of `count` operations in `run`.
pub(crate) fn per_operation(count: usize, run: impl Fn(usize)) -> f64 {
    run(count.div_ceil(WARM_UP));
    let start = Instant::now();
    run(count);
    nanoseconds(start.elapsed()) / count as f64
}

/// Nanoseconds of a task, where `group` runs one group of a task for each mark and waits for it.
pub(crate) fn per_task(job: Job, group: impl Fn(&'static [Mark])) -> f64 {
    let run = |marks: &'static [Mark]| marks.chunks(job.size).for_each(&group);
    let (warm_up, all) = (marks(job.count.div_ceil(WARM_UP)), marks(job.count));
    run(warm_up);
    let start = Instant::now();
    run(all);
    let took = start.elapsed();
    check(warm_up);
    check(all);
    nanoseconds(took) / job.count as f64
}

/// The median nanoseconds of a group, each after a pause in which whoever runs tasks goes to sleep.
pub(crate) fn from_idle(job: Job, group: impl Fn(&'static [Mark])) -> f64 {
    const PAUSE: Duration = Duration::from_millis(2);
    let all = marks(job.count * job.size);
    let times = all.chunks(job.size).map(|marks| {
        thread::sleep(PAUSE);
        let start = Instant::now();
        group(marks);
        start.elapsed()
    });
    let median = median(times.collect());
    check(all);
    median
}

/// Waits until all threads that are to sleep have arrived and no thread but this one runs.
pub(crate) fn all_asleep(arrived: &AtomicUsize) {
    while arrived.load(SeqCst) < SLEEPERS || running() > 1 {
        thread::sleep(SETTLE);
    }
}

/// How many threads of this process run or are ready to, this one included.
fn running() -> usize {
    let threads = fs::read_dir("/proc/self/task").expect("Linux's list of our threads");
    // One that has ended meanwhile has no state any more.
    let states = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    states.filter(|state| state.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" R"))).count()
}

/// In nanoseconds.
pub(crate) fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    nanoseconds(times[times.len() / 2])
}

pub(crate) fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
