//! errgroup on threads.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use errgroup::{Context, Group, Order, Pipeline};

use crate::Job;
use crate::clock::{self, SLEEPERS};
use crate::marks::Mark;

const WORKERS: usize = 4;
const BOUND: usize = 64;

pub(crate) fn tasks(job: Job) -> f64 {
    clock::per_task(job, |marks| one_group(marks, job.limit))
}

fn one_group(marks: &'static [Mark], limit: usize) {
    let group = Group::<String>::new();
    if limit != usize::MAX {
        group.set_limit(limit);
    }
    for mark in marks {
        group.go(|| {
            mark.set();
            Ok(())
        });
    }
    group.wait().unwrap();
}

pub(crate) fn tasks_with_context(job: Job) -> f64 {
    clock::per_task(job, |marks| {
        let (group, _ctx) = Group::<String>::with_context(&Context::background());
        for mark in marks {
            group.go(|| {
                mark.set();
                Ok(())
            });
        }
        group.wait().unwrap();
    })
}

pub(crate) fn scope(job: Job) -> f64 {
    clock::per_task(job, |marks| {
        errgroup::scope(|s| {
            for mark in marks {
                s.go(|| {
                    mark.set();
                    Ok(())
                });
            }
            Ok::<_, String>(())
        })
        .unwrap();
    })
}

pub(crate) fn from_idle(job: Job) -> f64 {
    clock::from_idle(job, |marks| one_group(marks, job.limit))
}

pub(crate) fn stage(job: Job) -> f64 {
    clock::per_operation(job.count, |count| {
        let results = source(count).stage(WORKERS, |input, out| {
            for n in input {
                out.send(n)?;
            }
            Ok(())
        });
        consume(results, count);
    })
}

pub(crate) fn each(job: Job) -> f64 {
    clock::per_operation(job.count, |count| consume(source(count).each(WORKERS, Order::Completion, Ok), count))
}

fn source(count: usize) -> Pipeline<usize, String> {
    Pipeline::source(&Context::background(), BOUND, move |out| {
        for n in 0..count {
            out.send(n)?;
        }
        Ok(())
    })
}

fn consume(results: Pipeline<usize, String>, count: usize) {
    let mut sum = 0;
    for n in results {
        sum += n.unwrap();
    }
    assert_eq!(sum, sum_below(count));
}

/// What the items of a pipeline add up to.
pub(crate) fn sum_below(count: usize) -> usize {
    count * (count - 1) / 2
}

pub(crate) fn look(job: Job) -> f64 {
    let (ctx, _cancel) = Context::background().with_cancel();
    clock::per_operation(job.count, |count| {
        assert!((0..count).all(|_| !black_box(&ctx).is_cancelled()));
    })
}

pub(crate) fn check(job: Job) -> f64 {
    let (ctx, _cancel) = Context::background().with_cancel();
    clock::per_operation(job.count, |count| {
        assert!((0..count).all(|_| black_box(&ctx).check().is_ok()));
    })
}

/// The first time starts the threads, and is not counted.
pub(crate) fn cancel(job: Job) -> f64 {
    clock::median((0..=job.count).map(|_| one_cancel()).skip(1).collect())
}

fn one_cancel() -> Duration {
    let (parent, cancel) = Context::background().with_cancel();
    let (group, ctx) = Group::<String>::with_context(&parent);
    let (arrived, left) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for _ in 0..SLEEPERS {
        let (ctx, arrived, left) = (ctx.clone(), Arc::clone(&arrived), Arc::clone(&left));
        group.go(move || {
            arrived.fetch_add(1, SeqCst);
            ctx.wait();
            left.fetch_add(1, SeqCst);
            Ok(())
        });
    }
    clock::all_asleep(&arrived);
    assert_eq!(left.load(SeqCst), 0);
    let start = Instant::now();
    cancel.cancel();
    group.wait().unwrap();
    let took = start.elapsed();
    assert_eq!(left.load(SeqCst), SLEEPERS);
    took
}
