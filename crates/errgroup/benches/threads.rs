//! What a task, a group and an item cost on threads. `cargo bench -p errgroup --bench threads`
//!
//! Each figure is the best of five, as noise only ever adds. An argument picks the rows that have it in their name.
//! Peers are not measured here: `bench/groups` does that.

use std::hint::black_box;
use std::time::{Duration, Instant};

use errgroup::{Context, Group, Order, Pipeline, scope};

const ROUNDS: usize = 5;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return; // `cargo test --benches` only asks whether it builds and starts
    }
    for (name, limit) in [("no limit", usize::MAX), ("limit 8", 8), ("limit 2", 2)] {
        report(&format!("a task, {name}"), 1_000_000, |count| tasks(limit, count));
    }
    report("a group of ten", 100_000, |count| (0..count).for_each(|_| group_of_ten()));
    report("a scope of ten", 100_000, |count| (0..count).for_each(|_| scope_of_ten()));
    if wanted("a group of ten, from idle") {
        from_idle();
    }
    report("an item, a stage of 4", 1_000_000, stage);
    report("an item, each of 4, in order", 1_000_000, each);
    let (ctx, _cancel) = Context::background().with_cancel();
    report("a look at a context", 100_000_000, |count| {
        assert!((0..count).all(|_| !black_box(&ctx).is_cancelled()));
    });
}

/// Whether the row was asked for.
fn wanted(name: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    words.peek().is_none() || words.any(|word| name.contains(&word))
}

fn report(name: &str, count: usize, run: impl Fn(usize)) {
    if !wanted(name) {
        return;
    }
    let once = || {
        let start = Instant::now();
        run(count);
        start.elapsed()
    };
    print(name, (0..ROUNDS).map(|_| once()).min().unwrap_or_default(), count);
}

fn print(name: &str, time: Duration, count: usize) {
    println!("{name:32} {:10.1} ns", time.as_secs_f64() * 1e9 / count as f64);
}

fn tasks(limit: usize, count: usize) {
    let group = Group::<String>::new();
    group.set_limit(limit);
    for n in 0..count {
        group.go(move || {
            black_box(n);
            Ok(())
        });
    }
    group.join().unwrap();
}

fn group_of_ten() {
    let group = Group::<String>::new();
    for n in 0..10 {
        group.go(move || {
            black_box(n);
            Ok(())
        });
    }
    group.join().unwrap();
}

fn scope_of_ten() {
    scope(|s| {
        for n in 0..10 {
            s.go(move || {
                black_box(n);
                Ok::<_, String>(())
            });
        }
        Ok(())
    })
    .unwrap();
}

/// With a pause before each, so that whoever runs the tasks has gone to sleep.
fn from_idle() {
    const GROUPS: usize = 200;
    let once = || {
        std::thread::sleep(Duration::from_millis(2));
        let start = Instant::now();
        group_of_ten();
        start.elapsed()
    };
    let mut times: Vec<_> = (0..GROUPS).map(|_| once()).collect();
    times.sort_unstable();
    print("a group of ten, from idle", times[GROUPS / 2], 1);
}

fn source(count: usize) -> Pipeline<usize, String> {
    Pipeline::source(&Context::background(), 64, move |out| {
        for n in 0..count {
            out.send(n)?;
        }
        Ok(())
    })
}

fn stage(count: usize) {
    let results = source(count).stage(4, |input, out| {
        for n in input {
            out.send(n)?;
        }
        Ok(())
    });
    assert_eq!(results.map(Result::unwrap).count(), count);
}

fn each(count: usize) {
    let results = source(count).each(4, Order::Source { window: 64 }, Ok);
    assert_eq!(results.map(Result::unwrap).count(), count);
}
