//! The seam between the crate and its locks and atomics.
//!
//! What a model checker must see goes through here: with `--cfg loom` the same code runs on loom's types. That is the
//! core, [`state`](crate::state), whose models are beside it. Everything else waits on what loom cannot run.

#[cfg(loom)]
use loom::sync::Mutex as Lock;
#[cfg(loom)]
pub(crate) use loom::sync::{MutexGuard, atomic};
#[cfg(not(loom))]
use std::sync::Mutex as Lock;
#[cfg(not(loom))]
pub(crate) use std::sync::{MutexGuard, atomic};

use std::sync::PoisonError;

/// A mutex that does not poison: no code of a user ever runs under one of our locks, so that a panic cannot leave
/// what it guards half changed.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(Lock<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
