//! What the fronts, for threads and for futures, share of a group: its state, its context, its policy, and the order
//! of things.
//!
//! When a task fails: record the error → cancel the context with it as the cause → release the permit, which lowers
//! the count. In any other order a sibling's "I was cancelled" could win over the cause, or `wait` return before the
//! context is over. The first two steps are here; the third is [`Permit`]'s, dropped after them.

use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use crate::context::{Cancel, Context, Stopped};
use crate::error::{Failed, Panicked};
use crate::policy::Policy;
use crate::snapshot::{Listing, Roster, Snapshot};
use crate::state::{State, UNLIMITED, Verdict, contain};
use crate::task::Spec;

pub(crate) struct Rules<E> {
    pub(crate) state: State<E>,
    /// Cancels the group's context, if it has one.
    cancel: Option<Cancel>,
    /// What a task that is not begun counts as, if any is skipped.
    skip: Option<fn(Stopped) -> E>,
    /// How many were.
    skipped: AtomicUsize,
    /// The tasks there are, if they are watched.
    roster: Option<Arc<Roster>>,
}

impl<E: Display + Send + Sync + 'static> Rules<E> {
    pub(crate) fn new(cancel: Option<Cancel>, policy: Policy<E>) -> Self {
        Self {
            state: State::new(policy.keep_all_errors),
            cancel,
            skip: policy.skip,
            skipped: AtomicUsize::new(0),
            roster: policy.watch_tasks.then(Arc::default),
        }
    }

    /// Records an error and, if it is the first, cancels the context with it. Never unwinds.
    pub(crate) fn fail(&self, error: E) {
        contain(|| {
            let first = self.state.fail(error);
            if let (Some(failed), Some(cancel)) = (first, &self.cancel) {
                cancel.cancel_with(failed);
            }
        });
    }

    /// The same for a panic.
    pub(crate) fn panicked(&self, payload: Box<dyn Any + Send>) {
        contain(|| {
            let first = self.state.panicked(payload);
            if let (Some(message), Some(cancel)) = (first, &self.cancel) {
                cancel.cancel_with(Panicked::new(message));
            }
        });
    }

    /// Records how a task ended.
    pub(crate) fn record(&self, result: thread::Result<Result<(), E>>) {
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fail(error),
            Err(payload) => self.panicked(payload),
        }
    }

    /// Cancels the context, if there is one and it is not over.
    pub(crate) fn cancel(&self) {
        if let Some(cancel) = &self.cancel {
            cancel.cancel();
        }
    }

    /// The context whose end also ends the wait for permits, in a group that begins no task after it.
    pub(crate) fn deciding_context(&self) -> Option<Context> {
        self.skip.and(self.cancel.as_ref()).map(Cancel::context)
    }

    /// Whether no task is begun any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.skip.is_some() && self.cancel.as_ref().is_some_and(Cancel::is_over)
    }

    /// Drops a task that will not be begun, and counts it. Never unwinds.
    pub(crate) fn skip<T>(&self, task: T) {
        contain(|| drop(task));
        self.skipped.fetch_add(1, Relaxed);
        if let (Some(error), Some(cancel)) = (self.skip, &self.cancel)
            && !self.state.has_failed()
        {
            match catch_unwind(AssertUnwindSafe(|| error(Stopped::of(&cancel.context())))) {
                Ok(error) => contain(|| drop(self.state.fail_unless_failed(error))),
                Err(payload) => self.panicked(payload),
            }
        }
    }

    /// How many tasks were dropped without being begun.
    pub(crate) fn skipped(&self) -> usize {
        self.skipped.load(Relaxed)
    }

    /// Lists a task that is being handed over, if tasks are watched.
    pub(crate) fn list(&self, spec: &Spec) -> Option<Listing> {
        self.roster.as_ref().map(|roster| roster.list(spec))
    }

    /// What became of the group, after its last task.
    ///
    /// # Panics
    ///
    /// If a task did.
    pub(crate) fn verdict(&self) -> Result<(), Failed<E>> {
        match self.state.verdict() {
            Verdict::Fine => Ok(()),
            Verdict::Failed(failed) => Err(failed),
            Verdict::Panicked(payload) => resume_unwind(payload),
            Verdict::HadPanicked(message) => panic!("{message}"),
        }
    }

    /// See [`Group::join`](crate::Group::join): the verdict with the error itself.
    pub(crate) fn judge(&self) -> Result<(), E> {
        self.verdict().map_err(|failed| failed.take().expect(ONE_JOIN))
    }

    /// The verdict with all errors that were kept.
    pub(crate) fn judge_all(&self) -> Result<(), Vec<E>> {
        if self.verdict().is_ok() {
            return Ok(());
        }
        Err(self.state.errors().iter().map(|failed| failed.take().expect(ONE_JOIN)).collect())
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let limit = self.state.limit();
        Snapshot {
            held: self.state.active(),
            limit: (limit != UNLIMITED).then_some(limit),
            skipped: self.skipped(),
            failure: self.state.failure(),
            watched: self.roster.is_some(),
            tasks: self.roster.as_ref().map_or_else(Vec::new, |roster| roster.tasks()),
        }
    }
}

const ONE_JOIN: &str = "only one join can take the error";

/// What a task has until its end is recorded.
pub(crate) struct Held {
    weight: usize,
    /// Told of the end, after the permits are free: whoever lent his own.
    #[cfg(feature = "tokio")]
    _lender: Option<CancelsWhenDropped>,
}

impl Held {
    pub(crate) fn permits(weight: usize) -> Self {
        Self {
            weight,
            #[cfg(feature = "tokio")]
            _lender: None,
        }
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn lent(weight: usize, lender: CancelsWhenDropped) -> Self {
        Self { weight, _lender: Some(lender) }
    }
}

/// The permits of a task, given back when this is dropped.
pub(crate) struct Permit<'state, E> {
    state: &'state State<E>,
    /// Dropped after the permits are given back.
    held: Held,
}

impl<'state, E> Permit<'state, E> {
    /// For permits that were taken before.
    pub(crate) fn of(state: &'state State<E>, held: Held) -> Self {
        Self { state, held }
    }
}

impl<E> Drop for Permit<'_, E> {
    fn drop(&mut self) {
        self.state.release(self.held.weight);
    }
}

/// Cancels a context when it is dropped, unless it was disarmed.
#[cfg(feature = "tokio")]
pub(crate) struct CancelsWhenDropped(Option<Cancel>);

#[cfg(feature = "tokio")]
impl CancelsWhenDropped {
    pub(crate) fn new(cancel: Cancel) -> Self {
        Self(Some(cancel))
    }

    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

#[cfg(feature = "tokio")]
impl Drop for CancelsWhenDropped {
    fn drop(&mut self) {
        self.0.iter().for_each(Cancel::cancel);
    }
}
