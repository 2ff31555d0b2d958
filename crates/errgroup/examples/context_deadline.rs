//! As far as one gets in a given time: `Context::with_timeout`, `check`.
//!
//! `cargo run --release --example context_deadline -- MS` looks for twin primes on every core, for MS milliseconds, and
//! tells how far each came. A deadline interrupts nothing: each task looks at its context as it goes.

use std::error::Error;
use std::thread;
use std::time::Duration;

use errgroup::{Context, ContextError, Stopped, scope_with_context};

const STEP: u64 = 1_000_000_000;

/// What one task has found.
#[derive(Clone, Default)]
struct Search {
    tried: u64,
    twins: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let ms = std::env::args().nth(1).map_or(Ok(200), |ms| ms.parse())?;
    let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(ms));
    let mut searches = vec![Search::default(); thread::available_parallelism()?.get()];

    let stopped = scope_with_context(&ctx, |s| {
        for (search, start) in searches.iter_mut().zip((0..).step_by(STEP as usize)) {
            s.go(move || search.run(s.context(), start));
        }
        Ok::<_, Stopped>(())
    })
    .expect_err("nobody searches for a thousand million numbers in that time");

    for (search, start) in searches.iter().zip((0..).step_by(STEP as usize)) {
        println!("{} twins among the {} numbers from {start}", search.twins, search.tried);
    }
    println!("ended by: {stopped}");
    match stopped.cause().downcast_ref() {
        Some(ContextError::DeadlineExceeded) => Ok(()),
        _ => Err(stopped.into()),
    }
}

impl Search {
    fn run(&mut self, ctx: &Context, start: u64) -> Result<(), Stopped> {
        for n in start..start + STEP {
            ctx.check()?; // one atomic load
            self.tried += 1;
            self.twins += u64::from(is_prime(n) && is_prime(n + 2));
        }
        Ok(())
    }
}

fn is_prime(n: u64) -> bool {
    n >= 2 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d))
}
