//! What a task and a group cost on tokio. `cargo bench -p errgroup --features tokio --bench futures`
//!
//! Each figure is the best of five, as noise only ever adds. The peers here are tokio's own; `bench/groups` has more.

use std::future::Future;
use std::hint::black_box;
use std::time::{Duration, Instant};

use errgroup::Context;
use errgroup::tokio::Group;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const ROUNDS: usize = 5;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return; // `cargo test --benches` only asks whether it builds and starts
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    report(&runtime, "a future, no limit", 1_000_000, |count| tasks(usize::MAX, count));
    report(&runtime, "a future, limit 8", 1_000_000, |count| tasks(8, count));
    report(&runtime, "a future that waits once", 1_000_000, |count| async move {
        let group = Group::<String>::new();
        for _ in 0..count {
            group
                .go(async {
                    tokio::task::yield_now().await;
                    Ok(())
                })
                .await;
        }
        group.join().await.unwrap();
    });
    report(&runtime, "a closure that may block", 1_000_000, |count| async move {
        let group = Group::<String>::new();
        for n in 0..count {
            group
                .go_blocking(move || {
                    black_box(n);
                    Ok(())
                })
                .await;
        }
        group.join().await.unwrap();
    });
    report(&runtime, "a group of ten", 100_000, |count| async move {
        for _ in 0..count {
            tasks(usize::MAX, 10).await;
        }
    });
    report(&runtime, "JoinSet, a task", 1_000_000, |count| async move {
        let mut set = JoinSet::new();
        for n in 0..count {
            set.spawn(async move { black_box(n) });
        }
        while set.join_next().await.is_some() {}
    });
    report(&runtime, "JoinSet, a group of ten", 100_000, |count| async move {
        for _ in 0..count {
            let mut set = JoinSet::new();
            for n in 0..10 {
                set.spawn(async move { black_box(n) });
            }
            while set.join_next().await.is_some() {}
        }
    });
    sleepers(&runtime);
}

/// From the runtime's own task, and from `block_on`.
fn report<F: Future<Output = ()> + Send + 'static>(
    runtime: &Runtime,
    name: &str,
    count: usize,
    run: impl Fn(usize) -> F,
) {
    let within = best(|| runtime.block_on(async { tokio::spawn(run(count)).await.unwrap() }));
    let without = best(|| runtime.block_on(run(count)));
    let nanos = |time: Duration| time.as_secs_f64() * 1e9 / count as f64;
    println!("{name:32} {:10.1} ns {:10.1} ns from block_on", nanos(within), nanos(without));
}

fn best(run: impl Fn()) -> Duration {
    let once = || {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..ROUNDS).map(|_| once()).min().unwrap_or_default()
}

async fn tasks(limit: usize, count: usize) {
    let group = Group::<String>::new();
    group.set_limit(limit);
    for n in 0..count {
        group
            .go(async move {
                black_box(n);
                Ok(())
            })
            .await;
    }
    group.join().await.unwrap();
}

/// From a cancellation until 1,000 futures that slept on the context are done.
fn sleepers(runtime: &Runtime) {
    let once = || {
        runtime.block_on(async {
            let (parent, cancel) = Context::background().with_cancel();
            let (group, ctx) = Group::<String>::with_context(&parent);
            for _ in 0..1_000 {
                let ctx = ctx.clone();
                group
                    .go(async move {
                        ctx.cancelled().await;
                        Ok(())
                    })
                    .await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            let start = Instant::now();
            cancel.cancel();
            group.join().await.unwrap();
            start.elapsed()
        })
    };
    let mut times: Vec<_> = (0..50).map(|_| once()).collect();
    times.sort_unstable();
    println!("{:32} {:10.1} us", "1,000 sleepers cancelled", times[25].as_secs_f64() * 1e6);
}
