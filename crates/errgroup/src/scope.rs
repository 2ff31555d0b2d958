//! [`scope`]: a group whose tasks may borrow from the stack.
//!
//! The one module of the crate with `unsafe` in it, once: a task that borrows for `'scope` is stored where `'static`
//! is asked for. That is sound because `scope` does not return, by value or by panic, before every task has been run
//! and dropped ([`Joined`] sees to it), and because nobody else can end a scope: a [`Scope`] is a
//! handle that lives for `'scope`.
#![allow(unsafe_code)]

use std::fmt::{self, Debug, Display};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::context::Context;
use crate::error::Refused;
use crate::group::{Shared, Task};
use crate::policy::Policy;
use crate::rules::Rules;
use crate::snapshot::Snapshot;
use crate::task::{Spec, TaskBuilder};

/// Runs `body` with a [`Scope`] in which tasks can be started that borrow what outlives the call, blocks until all
/// have returned, and gives what `body` gave.
///
/// Followed by `?`, the compiler must be told the error type: end `body` with `Ok::<_, MyError>(…)`, or begin it with
/// `|s: Scope<'_, '_, MyError>|`.
///
/// A task that waits for the end of [`Scope::context`], such as a watchdog, waits for itself if nothing fails: the scope
/// ends when all its tasks have.
///
/// `body` counts as one of the tasks: the first error, its own or a task's, cancels [`Scope::context`] and is the
/// result.
///
/// # Errors
///
/// The first error that `body` or a task returned.
///
/// # Panics
///
/// If `body` or a task panicked, with the payload of the first that did, after all have returned.
///
/// # Examples
///
/// ```
/// let text = String::from("borrowed, not moved");
/// let mut halves = [0, 0];
/// errgroup::scope(|s| {
///     let (left, right) = text.split_at(text.len() / 2);
///     for (half, part) in halves.iter_mut().zip([left, right]) {
///         s.go(move || {
///             *half = part.chars().filter(char::is_ascii_alphabetic).count();
///             Ok(())
///         });
///     }
///     Ok::<_, std::convert::Infallible>(())
/// })
/// .unwrap();
/// assert_eq!(halves.iter().sum::<usize>(), 16);
/// ```
pub fn scope<'env, T, E, F>(body: F) -> Result<T, E>
where
    E: Display + Send + Sync + 'static,
    F: for<'scope> FnOnce(Scope<'scope, 'env, E>) -> Result<T, E>,
{
    scope_with_context(&Context::background(), body)
}

/// [`scope`] with a context made from `parent`, so that whoever cancels that is heard by the tasks.
///
/// # Errors
///
/// As [`scope`].
///
/// # Panics
///
/// As [`scope`].
pub fn scope_with_context<'env, T, E, F>(parent: &Context, body: F) -> Result<T, E>
where
    E: Display + Send + Sync + 'static,
    F: for<'scope> FnOnce(Scope<'scope, 'env, E>) -> Result<T, E>,
{
    run(Policy::new(), parent, body, |rules| rules.judge())
}

/// [`scope_with_context`] that does what `policy` says, and gives all errors that were kept: with
/// [`Policy::keep_all_errors`] every one, otherwise the first. `body` itself is always run.
///
/// # Errors
///
/// The errors that `body` and the tasks returned, the first one first.
///
/// # Panics
///
/// As [`scope`].
///
/// ```
/// use errgroup::{Context, Policy, scope_with_policy};
///
/// let names = ["a", "b", "c"];
/// let policy = Policy::new().keep_all_errors();
/// let failed = scope_with_policy(policy, &Context::background(), |s| {
///     names.iter().for_each(|name| s.go(move || Err(format!("{name} is missing"))));
///     Ok(())
/// });
/// assert_eq!(failed.unwrap_err().len(), 3);
/// ```
pub fn scope_with_policy<'env, T, E, F>(policy: Policy<E>, parent: &Context, body: F) -> Result<T, Vec<E>>
where
    E: Display + Send + Sync + 'static,
    F: for<'scope> FnOnce(Scope<'scope, 'env, E>) -> Result<T, E>,
{
    run(policy, parent, body, |rules| rules.judge_all())
}

fn run<'env, T, E, F, R>(
    policy: Policy<E>,
    parent: &Context,
    body: F,
    judge: impl FnOnce(&Rules<E>) -> Result<(), R>,
) -> Result<T, R>
where
    E: Display + Send + Sync + 'static,
    F: for<'scope> FnOnce(Scope<'scope, 'env, E>) -> Result<T, E>,
{
    let (ctx, cancel) = parent.with_cancel();
    let inner = Inner { shared: Shared::new(Some(cancel), policy), ctx };
    let joined = Joined(&inner.shared);
    let scope = Scope { inner: &inner, scope: PhantomData, env: PhantomData };
    let value = match catch_unwind(AssertUnwindSafe(|| body(scope))) {
        Ok(Ok(value)) => Some(value),
        failed => {
            inner.shared.rules.record(failed.map(|result| result.map(drop)));
            None
        }
    };
    drop(joined);
    inner.shared.rules.cancel();
    judge(&inner.shared.rules)?;
    Ok(value.expect("without a value there is an error or a panic"))
}

/// Joins the tasks, whichever way the scope is left.
struct Joined<'shared, E: Display + Send + Sync + 'static>(&'shared Arc<Shared<E>>);

impl<E: Display + Send + Sync + 'static> Drop for Joined<'_, E> {
    fn drop(&mut self) {
        // `rest` does not unwind. If it ever did, tasks could outlive what they borrow: nothing may go on then.
        if catch_unwind(AssertUnwindSafe(|| self.0.rest())).is_err() {
            std::process::abort();
        }
    }
}

/// A group of tasks that may borrow for `'scope`: see [`scope`]. A handle, to be copied: a task that starts others
/// takes it along by `move`.
///
/// ```
/// let sum = std::sync::atomic::AtomicU32::new(0);
/// errgroup::scope(|s| {
///     let sum = &sum;
///     s.go(move || {
///         s.go(move || {
///             sum.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///             Ok(())
///         });
///         Ok(())
///     });
///     Ok::<_, std::io::Error>(())
/// })?;
/// assert_eq!(sum.into_inner(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Scope<'scope, 'env: 'scope, E: 'static> {
    inner: &'scope Inner<E>,
    // Both lifetimes invariant, as in std: a task must not be able to shrink what others borrow for.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

struct Inner<E> {
    shared: Arc<Shared<E>>,
    ctx: Context,
}

impl<E> Clone for Scope<'_, '_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Scope<'_, '_, E> {}

impl<'scope, E: Display + Send + Sync + 'static> Scope<'scope, '_, E> {
    /// Runs `task` in the scope: see [`Group::go`](crate::Group::go), also for when it blocks.
    #[doc(alias = "spawn")]
    #[track_caller]
    pub fn go(self, task: impl FnOnce() -> Result<(), E> + Send + 'scope) {
        self.inner.shared.go(Spec::here(), task, boxed);
    }

    /// Runs `task` in the scope if that is below its limit. Does not block.
    ///
    /// # Errors
    ///
    /// Gives the closure back, not run, if the scope is full.
    #[track_caller]
    pub fn try_go<F>(self, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> Result<(), E> + Send + 'scope,
    {
        self.inner.shared.try_go(Spec::here(), task, boxed)
    }

    /// Like [`go`](Self::go), but stops waiting for a place when `ctx` is cancelled.
    ///
    /// # Errors
    ///
    /// Gives the closure back, not run, if `ctx` was cancelled first, also where there is a place.
    #[track_caller]
    pub fn go_until<F>(self, ctx: &Context, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> Result<(), E> + Send + 'scope,
    {
        self.inner.shared.go_until(ctx, Spec::here(), task, boxed)
    }

    /// Begins to say more of a task than what it does: see [`Group::build_task`](crate::Group::build_task).
    #[track_caller]
    pub fn build_task(self) -> TaskBuilder<Self> {
        TaskBuilder::new(self)
    }

    /// Bounds how many tasks are active at once: see [`Group::set_limit`](crate::Group::set_limit). `body` is not
    /// counted.
    pub fn set_limit(self, limit: usize) {
        self.inner.shared.rules.state.set_limit(limit);
    }

    /// What the scope looks like now: see [`Group::snapshot`](crate::Group::snapshot).
    pub fn snapshot(self) -> Snapshot {
        self.inner.shared.rules.snapshot()
    }

    /// The scope's context: cancelled at the first error or panic, with the parent it was made from, and when the scope
    /// ends.
    pub fn context(self) -> &'scope Context {
        &self.inner.ctx
    }
}

impl<'scope, E: Display + Send + Sync + 'static> TaskBuilder<Scope<'scope, '_, E>> {
    /// Runs the task: see [`Group::go`](crate::Group::go), also for when it blocks.
    pub fn go(self, task: impl FnOnce() -> Result<(), E> + Send + 'scope) {
        self.group.inner.shared.go(self.spec, task, boxed);
    }

    /// Runs the task if its permits are free. Does not block.
    ///
    /// # Errors
    ///
    /// Gives the closure back, not run, if they are not.
    pub fn try_go<F>(self, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> Result<(), E> + Send + 'scope,
    {
        self.group.inner.shared.try_go(self.spec, task, boxed)
    }

    /// Runs the task, unless `ctx` is cancelled before its permits are free: see
    /// [`Group::go_until`](crate::Group::go_until).
    ///
    /// # Errors
    ///
    /// Gives the closure back, not run, if `ctx` was cancelled first.
    pub fn go_until<F>(self, ctx: &Context, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> Result<(), E> + Send + 'scope,
    {
        self.group.inner.shared.go_until(ctx, self.spec, task, boxed)
    }
}

impl<E> Debug for Scope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("context", &self.inner.ctx).finish_non_exhaustive()
    }
}

fn boxed<'scope, E: 'static>(task: impl FnOnce() -> Result<(), E> + Send + 'scope) -> Task<E> {
    let task: Box<dyn FnOnce() -> Result<(), E> + Send + 'scope> = Box::new(task);
    // SAFETY: only the lifetime changes. The task is consumed, with all it borrows, before the group's count of
    // active tasks is lowered for it; `Joined` waits for that count to be zero before the scope returns
    // or unwinds, and `'scope` lasts until then. What a task leaves behind is its error and its panic's payload, which
    // are `'static` by their types.
    unsafe { std::mem::transmute::<Box<dyn FnOnce() -> Result<(), E> + Send + 'scope>, Task<E>>(task) }
}
