//! [`Policy`]: what a group does beyond what every group does.

use std::fmt::{self, Debug};

use crate::context::Stopped;

/// What a group does beyond running its tasks and giving the first error: plain data, chosen when the group is made.
///
/// What is not asked for costs nothing. The same policy serves threads, scopes and futures.
///
/// ```
/// use errgroup::{Context, Group, Policy};
///
/// let policy = Policy::new().keep_all_errors();
/// let (group, _ctx) = Group::with_policy(policy, &Context::background());
/// for n in 0..10 {
///     group.go(move || if n % 5 == 0 { Err(format!("{n} is no good")) } else { Ok(()) });
/// }
/// assert_eq!(group.join_errors().unwrap_err().len(), 2);
/// ```
pub struct Policy<E> {
    pub(crate) keep_all_errors: bool,
    pub(crate) watch_tasks: bool,
    /// What a task that was not begun counts as, if tasks are skipped at all.
    pub(crate) skip: Option<fn(Stopped) -> E>,
}

impl<E> Policy<E> {
    /// The policy of [`Group::with_context`](crate::Group::with_context): the first error only, every task is run,
    /// nobody watches.
    pub const fn new() -> Self {
        Self { keep_all_errors: false, watch_tasks: false, skip: None }
    }

    /// Keeps every error that a task returns, in the order of time, for `errors` and `join_errors`. The first still
    /// cancels the context, and is still what `wait` and `join` give.
    ///
    /// Memory grows with the number of tasks that fail.
    #[must_use]
    pub const fn keep_all_errors(mut self) -> Self {
        self.keep_all_errors = true;
        self
    }

    /// Begins no task once the group's context is cancelled: neither one that is queued nor one that waits for a
    /// permit. `try_go` and `go_until` give theirs back. Those that `go` took are dropped and counted in `skipped`.
    ///
    /// A group that has skipped a task has not succeeded: if nothing had gone wrong before, as when the parent was
    /// cancelled, its error is made from [`Stopped`] with the context's cause. Since `wait` cancels the context, a
    /// group with this policy takes no more tasks after it.
    ///
    /// ```
    /// use errgroup::{Context, Group, Policy};
    ///
    /// let policy = Policy::<String>::new().skip_when_cancelled();
    /// let (parent, cancel) = Context::background().with_cancel();
    /// let (group, _ctx) = Group::with_policy(policy, &parent);
    /// cancel.cancel_with("the user has left");
    /// group.go(|| unreachable!("it is too late to begin"));
    /// assert_eq!(group.wait().unwrap_err().to_string(), "the user has left");
    /// assert_eq!(group.skipped(), 1);
    /// ```
    #[must_use]
    pub fn skip_when_cancelled(mut self) -> Self
    where
        E: From<Stopped>,
    {
        self.skip = Some(E::from);
        self
    }

    /// Keeps a list of the tasks that wait, are queued and run, with their names, for `snapshot`. Costs each task
    /// two or three short locks.
    #[must_use]
    pub const fn watch_tasks(mut self) -> Self {
        self.watch_tasks = true;
        self
    }
}

impl<E> Default for Policy<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Clone for Policy<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Policy<E> {}

impl<E> Debug for Policy<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("keep_all_errors", &self.keep_all_errors)
            .field("skip_when_cancelled", &self.skip.is_some())
            .field("watch_tasks", &self.watch_tasks)
            .finish()
    }
}
