//! [`TaskBuilder`]: a task with a name or a weight, for any kind of group.

use std::borrow::Cow;
#[cfg(not(feature = "tracing"))]
use std::convert::Infallible;
use std::fmt::{self, Debug, Display};
use std::panic::Location;

use crate::state::HEAVIEST;

/// Says more of a task than `go` alone does: its name, its weight. Made by `build_task` of a
/// [`Group`](crate::Group::build_task) or a [`Scope`](crate::Scope::build_task), and of the group of futures.
///
/// ```
/// use errgroup::Group;
///
/// // 64 MiB to go round: a task that needs much waits for the others.
/// let group = Group::<std::io::Error>::new();
/// group.set_limit(64 << 20);
/// for size in [10 << 20, 0, 50 << 20, 20 << 20] {
///     group.build_task().name("unpack").weight(size.max(1)).go(move || {
///         let buffer = vec![0u8; size];
///         drop(buffer);
///         Ok(())
///     });
/// }
/// group.join()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a task is started by `go`, `try_go` or `go_until`"]
pub struct TaskBuilder<G> {
    pub(crate) group: G,
    pub(crate) spec: Spec,
}

/// What is known of a task beside what it does.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) location: &'static Location<'static>,
    /// How many permits it holds, at least 1.
    pub(crate) weight: usize,
}

impl Spec {
    /// A task without a name, that weighs 1, handed over by whoever called the function that calls this.
    #[track_caller]
    #[inline]
    pub(crate) fn here() -> Self {
        Self { name: None, location: Location::caller(), weight: 1 }
    }
}

/// The span of a task, where anybody listens. Without the feature `tracing` there is none.
pub(crate) struct Span(#[cfg(feature = "tracing")] tracing::Span, #[cfg(not(feature = "tracing"))] Infallible);

impl Spec {
    /// Puts a task into its span by `wrap`, where somebody listens.
    #[inline]
    pub(crate) fn spanned<T>(&self, task: T, wrap: impl FnOnce(T, Span) -> T) -> T {
        match self.span() {
            Some(span) => wrap(task, span),
            None => task,
        }
    }

    #[cfg(feature = "tracing")]
    fn span(&self) -> Option<Span> {
        let (file, line) = (self.location.file(), self.location.line());
        let span = tracing::debug_span!(target: "errgroup", "task", name = self.name.as_deref(), file, line);
        (!span.is_disabled()).then_some(Span(span))
    }

    #[cfg(not(feature = "tracing"))]
    fn span(&self) -> Option<Span> {
        None
    }
}

/// Tells of a failure, to whoever listens to the span of its task.
pub(crate) fn told<E: Display>(result: Result<(), E>) -> Result<(), E> {
    #[cfg(feature = "tracing")]
    if let Err(error) = &result {
        tracing::debug!(target: "errgroup", %error, "a task failed");
    }
    result
}

#[cfg(feature = "tracing")]
impl Span {
    pub(crate) fn in_scope<R>(&self, task: impl FnOnce() -> R) -> R {
        self.0.in_scope(task)
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn around<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        tracing::Instrument::instrument(future, self.0)
    }
}

#[cfg(not(feature = "tracing"))]
impl Span {
    pub(crate) fn in_scope<R>(&self, _task: impl FnOnce() -> R) -> R {
        match self.0 {}
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn around<F: Future>(self, future: F) -> F {
        drop(future);
        match self.0 {}
    }
}

impl<G> TaskBuilder<G> {
    #[track_caller]
    pub(crate) fn new(group: G) -> Self {
        Self { group, spec: Spec::here() }
    }

    /// Names the task, for [`Snapshot`](crate::Snapshot) and for spans. In a group that is not watched nobody sees it.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.spec.name = Some(name.into());
        self
    }

    /// How many of the group's permits the task holds; 1 if nothing is said. In a group without a limit it changes
    /// nothing.
    ///
    /// A task heavier than the limit runs when nothing else does. While a task that weighs more than 1 is the next in
    /// line for its permits, none that came later passes it. A task that is handed over from inside a task of the same group,
    /// when it is full, runs on that one's permits, whatever it weighs itself: to keep to a budget, hand over from outside.
    /// Weights above 2⁴⁰ (on 32-bit machines 2²⁰) count as that.
    ///
    /// # Panics
    ///
    /// If `weight` is 0. In a group without a limit, starting a task panics if all that are active weigh more than 2⁶⁰ (2²⁸)
    /// together.
    #[track_caller]
    pub fn weight(mut self, weight: usize) -> Self {
        assert!(weight > 0, "a task without weight would not be counted, and nobody would wait for it");
        self.spec.weight = weight.min(HEAVIEST);
        self
    }
}

impl<G> Debug for TaskBuilder<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskBuilder")
            .field("name", &self.spec.name)
            .field("weight", &self.spec.weight)
            .finish_non_exhaustive()
    }
}
