//! Work that somebody else does if he is free, else oneself: `Group::try_go`.
//!
//! `cargo run --release --example try_go -- N` counts the primes below N. Each part goes to the group while that has
//! room; a part that is refused comes back in its `Refused`, and is counted where it is.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use errgroup::Group;

type Failure = Box<dyn Error + Send + Sync>;

const PART: u64 = 1_000;

fn main() -> Result<(), Failure> {
    let end = std::env::args().nth(1).map_or(Ok(100_000), |n| n.parse())?;
    let primes = Arc::new(AtomicUsize::new(0));
    let (mut given, mut kept) = (0, 0);

    let group = Group::<Failure>::new();
    group.set_limit(thread::available_parallelism()?.get() - 1); // this thread is the other one
    for start in (0..end).step_by(PART as usize) {
        let primes = Arc::clone(&primes);
        let part = move || {
            let found = (start..end.min(start + PART)).filter(|n| is_prime(*n)).count();
            primes.fetch_add(found, Ordering::Relaxed);
            Ok(())
        };
        match group.try_go(part) {
            Ok(()) => given += 1,
            Err(refused) => {
                refused.into_inner()()?;
                kept += 1;
            }
        }
    }
    group.join()?;
    println!("{} primes below {end}: {given} parts given away, {kept} kept", primes.load(Ordering::Relaxed));
    Ok(())
}

fn is_prime(n: u64) -> bool {
    n >= 2 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d))
}
