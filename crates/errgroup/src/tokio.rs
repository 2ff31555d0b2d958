//! The same [`Group`] for futures, on tokio. Needs the feature `tokio`.
//!
//! A thin front: what a limit, a first error, a policy mean is said once, for threads and futures alike. What is here
//! is how a future gets its permits without blocking a thread, and how it is polled.
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//!
//! use errgroup::{Context, tokio::Group};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> io::Result<()> {
//! let (group, ctx) = Group::<io::Error>::with_context(&Context::background());
//! group.set_limit(8);
//! for n in 0..100 {
//!     let ctx = ctx.clone();
//!     group.go(async move {
//!         if n == 50 {
//!             return Err(io::Error::other("the fiftieth is broken"));
//!         }
//!         tokio::select! {
//!             () = ctx.cancelled() => ctx.check()?, // fails: another has failed
//!             () = tokio::time::sleep(Duration::from_secs(1)) => {} // or any work
//!         }
//!         Ok(())
//!     }).await;
//! }
//! assert_eq!(group.join().await.unwrap_err().to_string(), "the fiftieth is broken");
//! # Ok(())
//! # }
//! ```
//!
//! # How futures run
//!
//! A future that `go` has taken is queued in its group, and first polled by one of a few tasks of the runtime that
//! come for what is queued. Most of what is small is done then. One that has to wait becomes a task of its own. So a
//! future that never waits costs no task, and [`task::id`](::tokio::task::id) may differ between its first poll
//! and the others.
//!
//! A group belongs to the runtime in which its first task is started: all its futures run there. Outside of any, that
//! first start panics, as [`spawn`](::tokio::spawn) does.
//!
//! This module and the crate `tokio` have one name: do not import `errgroup::*` beside it.
//!
//! # What blocks, and what ends it
//!
//! Nothing here blocks a thread for longer than a short lock. `go` waits for permits, `wait` for the tasks' end; what
//! is dropped while it waits has done nothing, but for a `go` from inside the group's own tasks (see [`Group::go`]).
//! `join`, `join_errors` and `shutdown` own the group: dropped while they wait, they drop it, which aborts its futures.

mod admission;
mod bridge;
mod map;
mod race;
mod running;

use std::fmt::{self, Debug, Display};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use self::admission::{Admission, Rest};
pub use self::bridge::{from_token, to_token, with_deadline, with_timeout};
pub use self::map::{try_map, try_map_with_context};
pub use self::race::race;
use self::running::{Boxed, Shared};
use crate::context::Context;
use crate::error::{Failed, Refused};
use crate::group::Task;
use crate::policy::Policy;
use crate::rules::{CancelsWhenDropped, Held};
use crate::snapshot::{Listing, Snapshot};
use crate::task::{Spec, TaskBuilder};

/// A collection of futures that are parts of one job: [`errgroup::Group`](crate::Group) on tokio.
///
/// The first future that fails cancels the context; [`wait`](Self::wait) waits for all and gives that error. A future
/// is not interrupted by that, it sees its context, as in `tokio::select!` with
/// [`Context::cancelled`](crate::Context::cancelled). A future that panics cancels the rest too.
///
/// Dropping the group cancels its context and aborts its futures, as dropping a `JoinSet` does; a closure of
/// [`go_blocking`](Self::go_blocking) that runs cannot be aborted, and goes on by itself. Whatever was aborted, by the
/// end of its runtime too, counts as having panicked: it was not done, and nobody must take it for a success.
#[must_use = "dropping a group cancels and aborts it, and loses its error"]
pub struct Group<E: Display + Send + Sync + 'static> {
    shared: Arc<Shared<E>>,
}

/// What a group runs: a future, or a closure that may block.
enum Job<E> {
    Future(Boxed<E>),
    Closure(Task<E>),
}

/// How a task came to its permits.
enum Admitted {
    /// They were free.
    Freely,
    /// They are beyond the limit: the caller is inside a task of the group, and waits for this one.
    ByItsParent,
    /// It did not.
    No,
}

impl<E: Display + Send + Sync + 'static> Group<E> {
    /// A group without a context: a failing future cancels nothing.
    pub fn new() -> Self {
        Self { shared: Shared::new(None, Policy::new()) }
    }

    /// A group, and the context made from `parent` that is cancelled at the first error or panic, with that as its
    /// cause, or when [`wait`](Self::wait) returns, on success too.
    pub fn with_context(parent: &Context) -> (Self, Context) {
        Self::with_policy(Policy::new(), parent)
    }

    /// The same as [`with_context`](Self::with_context), for a group that does what `policy` says.
    pub fn with_policy(policy: Policy<E>, parent: &Context) -> (Self, Context) {
        let (ctx, cancel) = parent.with_cancel();
        (Self { shared: Shared::new(Some(cancel), policy) }, ctx)
    }

    /// Runs `future` in the group. Waits while the group is at its limit; at limit 0 until that is changed.
    ///
    /// Dropped while it waits, `future` is not run; nor is it where [`Policy::skip_when_cancelled`] ends the wait.
    ///
    /// From inside one of the group's own futures, when the group is full, `future` runs on its caller's permit, and this
    /// waits until it is done. A caller that starts several so at the same time, by `join!`, or that drops this while it
    /// waits, lends its permit more than once: by those the limit is exceeded.
    ///
    /// # Panics
    ///
    /// If the group has no runtime yet, and this is awaited outside of any.
    #[doc(alias = "spawn")]
    #[track_caller]
    pub fn go<F>(&self, future: F) -> impl Future<Output = ()> + Send
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.start(Spec::here(), Job::Future(Box::pin(future)))
    }

    /// Runs `future` in the group if it is below its limit. Does not wait.
    ///
    /// # Errors
    ///
    /// Gives the future back, not polled, if the group is full.
    ///
    /// # Panics
    ///
    /// If the group has no runtime yet, and this is called outside of any.
    #[doc(alias = "try_spawn")]
    #[track_caller]
    pub fn try_go<F>(&self, future: F) -> Result<(), Refused<F>>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.try_start(Spec::here(), future)
    }

    /// Like [`go`](Self::go), but stops waiting for a place when `ctx` is cancelled.
    ///
    /// # Errors
    ///
    /// Gives the future back, not polled, if `ctx` was cancelled first, also where there is a place.
    ///
    /// # Panics
    ///
    /// As [`go`](Self::go).
    #[track_caller]
    pub fn go_until<F>(&self, ctx: &Context, future: F) -> impl Future<Output = Result<(), Refused<F>>> + Send
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.start_until(ctx, Spec::here(), future)
    }

    /// Runs a closure that may block in the group, on the threads that all groups share, inside the group's runtime.
    /// Waits like [`go`](Self::go).
    ///
    /// # Panics
    ///
    /// If the group has no runtime yet, and this is called outside of any.
    ///
    /// ```
    /// use errgroup::tokio::Group;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let group = Group::new();
    /// group.go_blocking(|| std::fs::metadata("Cargo.toml").map(drop)).await;
    /// group.join().await
    /// # }
    /// ```
    #[doc(alias = "spawn_blocking")]
    #[track_caller]
    pub fn go_blocking(
        &self,
        task: impl FnOnce() -> Result<(), E> + Send + 'static,
    ) -> impl Future<Output = ()> + Send {
        self.start(Spec::here(), self.blocking(task))
    }

    /// Begins to say more of a task than what it does: a name, a weight. It is started by `go`, `try_go`, `go_until` or
    /// `go_blocking` of what this gives.
    #[track_caller]
    pub fn build_task(&self) -> TaskBuilder<&Self> {
        TaskBuilder::new(self)
    }

    /// Bounds how many tasks are active at once, from now on: see [`errgroup::Group`](crate::Group::set_limit).
    #[doc(alias = "semaphore")]
    pub fn set_limit(&self, limit: usize) {
        self.shared.rules().state.set_limit(limit);
    }

    /// Waits until all tasks are done, cancels the group's context, and gives the first error, as a handle that can be
    /// given again. [`join`](Self::join) gives the error itself, once.
    ///
    /// May be called again, and from several tasks at once.
    ///
    /// # Errors
    ///
    /// The first error by time that a task returned, and only that.
    ///
    /// # Panics
    ///
    /// If a task panicked or was aborted, whatever errors there are: the first call resumes the first panic with its own
    /// payload, later ones panic with its message. Also if awaited inside one of the group's own tasks, where it could never
    /// end.
    #[doc(alias = "join_all")]
    pub async fn wait(&self) -> Result<(), Failed<E>> {
        self.rest().await;
        self.shared.rules().verdict()
    }

    /// Waits like [`wait`](Self::wait), and gives the error itself, so that `?` works in a function of any error type.
    /// Dropped while it waits, it drops the group.
    ///
    /// # Errors
    ///
    /// The first error that a task returned.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    pub async fn join(self) -> Result<(), E> {
        self.rest().await;
        self.shared.rules().judge()
    }

    /// Waits like [`wait`](Self::wait), and gives all errors that were kept, the first one first: see
    /// [`Policy::keep_all_errors`].
    ///
    /// # Errors
    ///
    /// The errors themselves.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    pub async fn join_errors(self) -> Result<(), Vec<E>> {
        self.rest().await;
        self.shared.rules().judge_all()
    }

    /// Cancels the group's context, aborts its futures, and waits until nothing of the group is active: closures of
    /// [`go_blocking`](Self::go_blocking) that have begun are waited for. Errors and panics are dropped.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let group = errgroup::tokio::Group::<String>::new();
    /// group.go(std::future::pending()).await;
    /// group.shutdown().await;
    /// # }
    /// ```
    pub async fn shutdown(self) {
        self.shared.cancel_and_abort();
        self.rest().await;
    }

    /// The errors that were kept so far, the first one first: see [`join_errors`](Self::join_errors).
    pub fn errors(&self) -> Vec<Failed<E>> {
        self.shared.rules().state.errors()
    }

    /// How many tasks were dropped without being begun: see [`Policy::skip_when_cancelled`].
    pub fn skipped(&self) -> usize {
        self.shared.rules().skipped()
    }

    /// What the group looks like now: see [`errgroup::Group`](crate::Group::snapshot).
    pub fn snapshot(&self) -> Snapshot {
        self.shared.rules().snapshot()
    }

    /// Joins, and aborts what still runs once `failed` is over.
    async fn join_or_abort(self, failed: &Context) -> Result<(), E> {
        {
            let (mut all, mut cancelled) = (pin!(self.rest()), pin!(failed.cancelled()));
            poll_fn(|cx| match cancelled.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => all.as_mut().poll(cx),
            })
            .await;
        }
        if failed.is_cancelled() {
            self.shared.abort_all(); // and no more: the failure may not be recorded yet, and cancels with its cause
        }
        self.join().await
    }

    async fn rest(&self) {
        let is_inside = self.shared.threads.is_inside();
        assert!(!is_inside, "a task waits for its own group: it would wait for itself");
        Rest::new(&self.shared.rules().state).await;
        self.shared.rules().cancel();
        self.shared.threads.withdraw();
    }

    /// A closure that runs inside the group's runtime.
    fn blocking(&self, task: impl FnOnce() -> Result<(), E> + Send + 'static) -> Job<E> {
        let runtime = self.shared.home().handle.clone();
        Job::Closure(Box::new(move || {
            let _inside = runtime.enter();
            task()
        }))
    }

    async fn start(&self, spec: Spec, job: Job<E>) {
        self.shared.home(); // outside a runtime it panics here, where nothing is taken yet
        let listing = self.shared.rules().list(&spec);
        match self.admit(spec.weight, None).await {
            Admitted::No => self.shared.rules().skip(job),
            admitted => self.run(admitted, job, &spec, listing).await,
        }
    }

    fn try_start<F>(&self, spec: Spec, future: F) -> Result<(), Refused<F>>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.shared.home();
        let rules = self.shared.rules();
        if !rules.state.try_acquire(spec.weight) {
            return Err(Refused::new(future));
        }
        if rules.is_closed() {
            rules.state.release(spec.weight);
            return Err(Refused::new(future));
        }
        let listing = rules.list(&spec);
        self.shared.push(Job::Future(Box::pin(future)), Held::permits(spec.weight), &spec, listing);
        Ok(())
    }

    async fn start_until<F>(&self, ctx: &Context, spec: Spec, future: F) -> Result<(), Refused<F>>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.shared.home();
        let rules = self.shared.rules();
        let too_late = || ctx.is_cancelled() || rules.is_closed();
        if too_late() {
            return Err(Refused::new(future));
        }
        let listing = rules.list(&spec);
        match self.admit(spec.weight, Some(ctx)).await {
            Admitted::No => return Err(Refused::new(future)),
            // The place may be that of the very task that failed.
            _ if too_late() => {
                rules.state.release(spec.weight);
                return Err(Refused::new(future));
            }
            admitted => self.run(admitted, Job::Future(Box::pin(future)), &spec, listing).await,
        }
        Ok(())
    }

    /// Takes permits, waiting for them unless a context ends that.
    async fn admit(&self, weight: usize, ctx: Option<&Context>) -> Admitted {
        let rules = self.shared.rules();
        if rules.state.try_acquire(weight) {
            return Admitted::Freely;
        }
        if self.shared.threads.is_inside() {
            rules.state.force(weight);
            return Admitted::ByItsParent;
        }
        let ends = [ctx.map(Context::cancelled), rules.deciding_context().map(|ctx| ctx.cancelled())];
        if Admission::new(&rules.state, weight, ends).await { Admitted::Freely } else { Admitted::No }
    }

    async fn run(&self, admitted: Admitted, job: Job<E>, spec: &Spec, listing: Option<Listing>) {
        if let Admitted::ByItsParent = admitted {
            let (over, cancel) = Context::background().with_cancel();
            let held = Held::lent(spec.weight, CancelsWhenDropped::new(cancel));
            self.shared.push(job, held, spec, listing);
            return over.cancelled().await;
        }
        self.shared.push(job, Held::permits(spec.weight), spec, listing);
    }
}

impl<E: Display + Send + Sync + 'static> TaskBuilder<&Group<E>> {
    /// Runs the future: see [`Group::go`].
    pub fn go<F>(self, future: F) -> impl Future<Output = ()> + Send
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.group.start(self.spec, Job::Future(Box::pin(future)))
    }

    /// Runs the future if its permits are free. Does not wait: see [`Group::try_go`].
    ///
    /// # Errors
    ///
    /// Gives the future back, not polled, if they are not.
    pub fn try_go<F>(self, future: F) -> Result<(), Refused<F>>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.group.try_start(self.spec, future)
    }

    /// Runs the future, unless `ctx` is cancelled before its permits are free: see [`Group::go_until`].
    ///
    /// # Errors
    ///
    /// Gives the future back, not polled, if `ctx` was cancelled first.
    pub fn go_until<F>(self, ctx: &Context, future: F) -> impl Future<Output = Result<(), Refused<F>>> + Send
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.group.start_until(ctx, self.spec, future)
    }

    /// Runs a closure that may block: see [`Group::go_blocking`].
    pub fn go_blocking(self, task: impl FnOnce() -> Result<(), E> + Send + 'static) -> impl Future<Output = ()> + Send {
        self.group.start(self.spec, self.group.blocking(task))
    }
}

impl<E: Display + Send + Sync + 'static> Default for Group<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Display + Send + Sync + 'static> Debug for Group<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("active", &self.shared.rules().state.active()).finish_non_exhaustive()
    }
}

impl<E: Display + Send + Sync + 'static> Drop for Group<E> {
    fn drop(&mut self) {
        self.shared.cancel_and_abort();
    }
}
