//! [`scope`]: a group whose tasks may borrow from the stack.
//!
//! The one module of the crate with `unsafe` in it, once: a task that borrows for `'scope` is stored where `'static`
//! is asked for. That is sound because `scope` does not return, by value or by panic, before every task has been run
//! and dropped ([`Joined`] sees to it), and because nobody else can end a scope: a [`Scope`] is only ever lent.
#![allow(unsafe_code)]

use std::fmt::{self, Debug, Display};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::context::Context;
use crate::error::Refused;
use crate::group::{Shared, Task};

/// Runs `body` with a [`Scope`] in which tasks can be started that borrow what outlives the call, blocks until all
/// have returned, and gives what `body` gave.
///
/// `body` counts as one of the tasks: the first error, its own or a task's, cancels [`Scope::context`] and is the
/// result.
///
/// An error type with a lifetime in it, even `&'static str`, makes the compiler ask that what the tasks borrow be
/// `'static` too (it cannot choose between two lifetimes that outlive `'scope`); use one without, such as `String`.
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
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, E>) -> Result<T, E>,
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
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, E>) -> Result<T, E>,
{
    let (ctx, cancel) = parent.with_cancel();
    let scope = Scope { shared: Shared::new(Some(cancel)), ctx, scope: PhantomData, env: PhantomData };
    let joined = Joined(&scope.shared);
    let given = catch_unwind(AssertUnwindSafe(|| body(&scope)));
    let value = match given {
        Ok(Ok(value)) => Some(value),
        Ok(Err(error)) => {
            scope.shared.fail(error);
            None
        }
        Err(payload) => {
            scope.shared.panicked(payload);
            None
        }
    };
    drop(joined);
    scope.shared.join()?;
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

/// A group of tasks that may borrow for `'scope`: see [`scope`].
pub struct Scope<'scope, 'env: 'scope, E> {
    shared: Arc<Shared<E>>,
    ctx: Context,
    // Both lifetimes invariant, as in std: a task must not be able to shrink what others borrow for.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope, E: Display + Send + Sync + 'static> Scope<'scope, '_, E> {
    /// Runs `task` in the scope: see [`Group::go`](crate::Group::go), also for when it blocks.
    #[doc(alias = "spawn")]
    pub fn go(&'scope self, task: impl FnOnce() -> Result<(), E> + Send + 'scope) {
        self.shared.go(task, boxed);
    }

    /// Runs `task` in the scope if that is below its limit. Does not block.
    ///
    /// # Errors
    ///
    /// Gives the closure back, not run, if the scope is full.
    pub fn try_go<F>(&'scope self, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> Result<(), E> + Send + 'scope,
    {
        self.shared.try_go(task, boxed)
    }

    /// Like [`go`](Self::go), but stops waiting for a place when `ctx` is cancelled.
    ///
    /// # Errors
    ///
    /// Gives the closure back, not run, if `ctx` was cancelled first.
    pub fn go_until<F>(&'scope self, ctx: &Context, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> Result<(), E> + Send + 'scope,
    {
        self.shared.go_until(ctx, task, boxed)
    }

    /// Bounds how many tasks are active at once: see [`Group::set_limit`](crate::Group::set_limit). `body` is not
    /// counted.
    pub fn set_limit(&self, limit: usize) {
        self.shared.set_limit(limit);
    }

    /// The scope's context: cancelled at the first error or panic, and when the scope ends.
    pub fn context(&self) -> &Context {
        &self.ctx
    }
}

impl<E> Debug for Scope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("context", &self.ctx).finish_non_exhaustive()
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
