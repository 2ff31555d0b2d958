//! tokio's own ways to run many tasks, and tokio-util's: `JoinSet`, `TaskTracker`, and a vector of handles. On a
//! runtime of two workers, begun from one of its tasks or from `block_on`, which runs outside of the workers.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Job;
use crate::clock::{self, SETTLE, SLEEPERS};
use crate::marks::Mark;

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs groups by `group`, each from start to end inside a task of the runtime.
pub(crate) fn from_task<F>(job: Job, group: fn(&'static [Mark]) -> F) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = runtime();
    clock::per_task(job, |marks| runtime.block_on(async { tokio::spawn(group(marks)).await.unwrap() }))
}

/// Runs groups by `group`, each from start to end in `block_on`.
pub(crate) fn from_block_on<F: Future<Output = ()>>(job: Job, group: fn(&'static [Mark]) -> F) -> f64 {
    let runtime = runtime();
    clock::per_task(job, |marks| runtime.block_on(group(marks)))
}

/// What a fallible task gives.
type Outcome = Result<(), String>;

pub(crate) fn join_set_from_task(job: Job) -> f64 {
    from_task(job, join_set)
}

pub(crate) fn join_set_from_block_on(job: Job) -> f64 {
    from_block_on(job, join_set)
}

async fn join_set(marks: &'static [Mark]) {
    let mut set = JoinSet::<Outcome>::new();
    for mark in marks {
        set.spawn(async {
            mark.set();
            Ok(())
        });
    }
    while let Some(outcome) = set.join_next().await {
        outcome.unwrap().unwrap();
    }
}

pub(crate) fn join_set_blocking(job: Job) -> f64 {
    from_task(job, blocking)
}

async fn blocking(marks: &'static [Mark]) {
    let mut set = JoinSet::<Outcome>::new();
    for mark in marks {
        set.spawn_blocking(|| {
            mark.set();
            Ok(())
        });
    }
    while let Some(outcome) = set.join_next().await {
        outcome.unwrap().unwrap();
    }
}

pub(crate) fn tracker_from_task(job: Job) -> f64 {
    from_task(job, tracker)
}

pub(crate) fn tracker_from_block_on(job: Job) -> f64 {
    from_block_on(job, tracker)
}

/// A tracker gives no outcome: it only knows when all are done.
async fn tracker(marks: &'static [Mark]) {
    let tracker = TaskTracker::new();
    for mark in marks {
        tracker.spawn(async { mark.set() });
    }
    tracker.close();
    tracker.wait().await;
}

pub(crate) fn bare_from_task(job: Job) -> f64 {
    from_task(job, bare)
}

pub(crate) fn bare_from_block_on(job: Job) -> f64 {
    from_block_on(job, bare)
}

async fn bare(marks: &'static [Mark]) {
    let mut handles = Vec::new();
    for mark in marks {
        handles.push(tokio::spawn(async {
            mark.set();
            Outcome::Ok(())
        }));
    }
    for handle in handles {
        handle.await.unwrap().unwrap();
    }
}

pub(crate) fn look(job: Job) -> f64 {
    let token = CancellationToken::new();
    clock::per_operation(job.count, |count| {
        assert!((0..count).all(|_| !black_box(&token).is_cancelled()));
    })
}

/// The first time is not counted.
pub(crate) fn cancel(job: Job) -> f64 {
    let runtime = runtime();
    let once = || runtime.block_on(async { tokio::spawn(one_cancel()).await.unwrap() });
    clock::median((0..=job.count).map(|_| once()).skip(1).collect())
}

async fn one_cancel() -> Duration {
    let (token, arrived) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let mut set = JoinSet::<Outcome>::new();
    for _ in 0..SLEEPERS {
        let (token, arrived) = (token.clone(), Arc::clone(&arrived));
        set.spawn(async move {
            arrived.fetch_add(1, SeqCst);
            token.cancelled().await;
            Ok(())
        });
    }
    all_asleep(&arrived).await;
    let start = Instant::now();
    token.cancel();
    let mut left = 0;
    while let Some(outcome) = set.join_next().await {
        outcome.unwrap().unwrap();
        left += 1;
    }
    let took = start.elapsed();
    assert_eq!(left, SLEEPERS);
    took
}

/// Waits until all tasks have arrived where they sleep, and a moment longer: what a runtime's tasks do cannot be seen.
pub(crate) async fn all_asleep(arrived: &AtomicUsize) {
    while arrived.load(SeqCst) < SLEEPERS {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(SETTLE).await;
}
