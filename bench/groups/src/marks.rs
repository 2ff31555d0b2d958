//! Proof that tasks ran: a byte for each, which the task sets. A plain store to a place of its own costs each
//! contender the same, where one counter for all would cost most where most threads run tasks.

use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;

#[repr(transparent)]
pub(crate) struct Mark(AtomicU8);

impl Mark {
    /// All that a task does.
    pub(crate) fn set(&self) {
        self.0.store(1, Relaxed);
    }
}

/// Marks for `count` tasks, for as long as the process lives, so that tasks which may not borrow can hold one.
pub(crate) fn marks(count: usize) -> &'static [Mark] {
    (0..count).map(|_| Mark(AtomicU8::new(0))).collect::<Vec<_>>().leak()
}

/// Panics unless every task ran. Only for after they were waited for.
pub(crate) fn check(marks: &[Mark]) {
    let missing = marks.iter().filter(|mark| mark.0.load(Relaxed) == 0).count();
    assert_eq!(missing, 0, "of {} tasks", marks.len());
}
