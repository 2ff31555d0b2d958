//! How many files each worker has in hand, so that the last ones are shared out.
//!
//! How long a file takes is not known before it is read, and the last few decide
//! how long a core stands idle. One stream has a core for itself at best; two
//! cores with two streams each are faster than one with three and one with one.
//! So a worker that has no new file to begin hands one over for as long as
//! another has at least two fewer.
//!
//! What is read here may be a moment old. That costs a file that moves once too
//! often, or a moment too late; a worker that waits takes whatever there is, so
//! nothing is ever left.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Balance {
    loads: Vec<Load>,
    /// How many workers have a place.
    seated: AtomicUsize,
}

/// Each in a cache line of its own: its worker writes it for every file.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Load(AtomicUsize);

/// One worker's place.
#[derive(Debug)]
pub(crate) struct Seat<'balance> {
    balance: &'balance Balance,
    index: usize,
}

impl Balance {
    /// For so many workers.
    pub(crate) fn new(workers: usize) -> Balance {
        Balance { loads: (0..workers).map(|_| Load::default()).collect(), seated: AtomicUsize::new(0) }
    }

    /// A place for one more worker.
    pub(crate) fn seat(&self) -> Seat<'_> {
        Seat { balance: self, index: self.seated.fetch_add(1, Relaxed) }
    }
}

impl Seat<'_> {
    /// This worker has so many files.
    pub(crate) fn holds(&self, files: usize) {
        self.balance.loads[self.index].0.store(files, Relaxed);
    }

    /// This worker is busy with one thing and takes nothing else until it [holds](Self::holds) something again.
    pub(crate) fn is_away(&self) {
        self.holds(usize::MAX);
    }

    /// How many files the worker with the fewest has, but for this one; `usize::MAX` if there is no other.
    pub(crate) fn least_of_others(&self) -> usize {
        let others = self.balance.loads.iter().enumerate().filter(|(index, _)| *index != self.index);
        others.map(|(_, load)| load.0.load(Relaxed)).min().unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_that_of_others_who_are_there() {
        let balance = Balance::new(3);
        let seats = [balance.seat(), balance.seat(), balance.seat()];
        for (seat, files) in seats.iter().zip([1, 5, 3]) {
            seat.holds(files);
        }
        assert_eq!(seats.each_ref().map(Seat::least_of_others), [3, 1, 1]);
        seats[0].is_away();
        assert_eq!(seats.each_ref().map(Seat::least_of_others), [3, 3, 5]);
    }

    #[test]
    fn one_alone_has_nobody_to_compare_with() {
        assert_eq!(Balance::new(1).seat().least_of_others(), usize::MAX);
    }
}
