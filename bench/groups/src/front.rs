//! errgroup's front for tokio, on the runtime and in the ways of its peers.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use errgroup::Context;
use errgroup::tokio::Group;

use crate::Job;
use crate::clock::{self, SLEEPERS};
use crate::marks::Mark;
use crate::tokio_peers::{all_asleep, from_block_on, from_task, runtime};

pub(crate) fn tasks_from_task(job: Job) -> f64 {
    from_task(job, one_group)
}

pub(crate) fn tasks_from_block_on(job: Job) -> f64 {
    from_block_on(job, one_group)
}

async fn one_group(marks: &'static [Mark]) {
    let group = Group::<String>::new();
    for mark in marks {
        group
            .go(async {
                mark.set();
                Ok(())
            })
            .await;
    }
    group.wait().await.unwrap();
}

/// The first time is not counted.
pub(crate) fn cancel(job: Job) -> f64 {
    let runtime = runtime();
    let once = || runtime.block_on(async { tokio::spawn(one_cancel()).await.unwrap() });
    clock::median((0..=job.count).map(|_| once()).skip(1).collect())
}

async fn one_cancel() -> Duration {
    let (parent, cancel) = Context::background().with_cancel();
    let (group, ctx) = Group::<String>::with_context(&parent);
    let (arrived, left) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for _ in 0..SLEEPERS {
        let (ctx, arrived, left) = (ctx.clone(), Arc::clone(&arrived), Arc::clone(&left));
        let sleeper = async move {
            arrived.fetch_add(1, SeqCst);
            ctx.cancelled().await;
            left.fetch_add(1, SeqCst);
            Ok(())
        };
        group.go(sleeper).await;
    }
    all_asleep(&arrived).await;
    assert_eq!(left.load(SeqCst), 0);
    let start = Instant::now();
    cancel.cancel();
    group.wait().await.unwrap();
    let took = start.elapsed();
    assert_eq!(left.load(SeqCst), SLEEPERS);
    took
}
