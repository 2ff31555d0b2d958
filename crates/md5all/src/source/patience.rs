//! Questions to a file system that mostly are answered at once, by those who may not wait.
//!
//! Nobody tells beforehand whether a `stat` will have to wait for a device. So whoever asks looks at how long it took; after
//! one that was long, the next few are left to those who may wait; so they are where an opening said itself that it would
//! have had to wait. It is advice, and decides nothing about what is said.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// How many of the next questions are left to those who may wait. Relaxed: nothing else is read by it.
    left: AtomicU64,
}

impl Patience {
    /// A `stat` that takes longer has waited for a device.
    const LONG: Duration = Duration::from_micros(200);

    /// So many questions are left to others after one that had to be waited for, before another is tried.
    const RUN: u64 = 32;

    /// Whether the next question is to be left to those who may wait: lately, asking has taken long.
    pub(crate) fn is_out(&self) -> bool {
        self.left.load(Relaxed) > 0 && self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Asks, and remembers if that had to wait.
    pub(crate) fn ask<T>(&self, ask: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let answer = ask();
        if begun.elapsed() > Self::LONG {
            self.lose();
        }
        answer
    }

    /// A question would have had to wait.
    pub(crate) fn lose(&self) {
        self.left.store(Self::RUN, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_one_that_had_to_wait_some_are_left_to_others() {
        let patience = Patience::default();
        patience.ask(|| ());
        patience.ask(|| {
            let begun = Instant::now();
            while begun.elapsed() <= Patience::LONG {
                std::hint::spin_loop();
            }
        });
        assert_eq!((0..100).filter(|_| patience.is_out()).count() as u64, Patience::RUN);
    }
}
