//! [`Group`]: tasks on threads, run as one operation.
//!
//! A thin front: the rules are in `state` and `rules`, the threads in `pool`, the queue between them in `backlog`. What
//! is here is how a closure gets from the one to the other.
//!
//! Each thread knows the groups whose tasks it is inside of. That is how a task may call `go` on its own full group
//! without waiting for itself, and drop its group without joining itself.

use std::cell::RefCell;
use std::fmt::{self, Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};
use std::task::Poll;

use crate::backlog::Backlog;
use crate::block;
use crate::context::{Cancel, Context};
use crate::error::{Failed, Refused};
use crate::policy::Policy;
use crate::pool::{self, Need, Work};
use crate::rules::{Held, Permit, Rules};
use crate::snapshot::{Listing, Snapshot};
use crate::state::Turn;
#[cfg(feature = "tokio")]
use crate::state::contain;
use crate::task::{Spec, TaskBuilder, told};

/// A collection of tasks that are parts of one job. The first that fails cancels the rest; [`wait`](Self::wait)
/// joins them all and gives that error.
///
/// Tasks are closures that may block. They run on threads that all groups share and that grow in number as tasks
/// block, so that no task waits behind another; [`set_limit`](Self::set_limit) bounds how many are active at once.
/// Cancelling is cooperative: the group of [`with_context`](Self::with_context) comes with a [`Context`] for the
/// tasks to look at.
///
/// Share a group between threads, or with its own tasks, in an [`Arc`]. For tasks that borrow from the stack there
/// is [`scope`](crate::scope).
///
/// Dropping a group that was not waited for cancels its context and joins its tasks, without their error or panic.
/// Where the last handle is dropped inside one of the group's own tasks, it cancels and does not join.
///
/// # Examples
///
/// ```
/// use errgroup::Group;
///
/// fn fetch_all() -> std::io::Result<()> {
///     let group = Group::new();
///     for name in ["Cargo.toml", "src/lib.rs"] {
///         group.go(move || std::fs::metadata(name).map(drop));
///     }
///     group.join()
/// }
/// # fetch_all().unwrap();
/// ```
#[must_use = "dropping a group cancels and joins it, and loses its error"]
pub struct Group<E: Display + Send + Sync + 'static> {
    shared: Arc<Shared<E>>,
}

/// What the handle, the tasks and the pool share.
pub(crate) struct Shared<E> {
    pub(crate) rules: Rules<E>,
    tasks: Backlog<Queued<E>>,
    /// Twice the number of workers that are here, plus [`OFFERED`].
    staff: AtomicUsize,
}

pub(crate) type Task<E> = Box<dyn FnOnce() -> Result<(), E> + Send>;

/// A task that has its permits and waits for a worker.
struct Queued<E> {
    task: Task<E>,
    held: Held,
}

/// The group is on the pool's list: a worker will come.
const OFFERED: usize = 1;
const WORKER: usize = 2;

/// After so many tasks a worker looks whether other groups wait.
const TURN: usize = 32;

/// How many tasks deep a thread may be and still run queued tasks while it waits: a bound on its stack.
const DEPTH: usize = 16;

thread_local! {
    /// The groups whose tasks this thread is inside of, innermost last.
    static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

impl<E: Display + Send + Sync + 'static> Group<E> {
    /// A group without a context: a failing task cancels nothing.
    pub fn new() -> Self {
        Self { shared: Shared::new(None, Policy::new()) }
    }

    /// A group, and the context made from `parent` that is cancelled at the first error or panic, with that as its
    /// cause, or when [`wait`](Self::wait) returns, on success too.
    ///
    /// ```
    /// use errgroup::{Context, Group};
    ///
    /// let (group, ctx) = Group::with_context(&Context::background());
    /// group.go(|| Err("the disk is full"));
    /// group.go(move || {
    ///     ctx.wait(); // anything long looks at its context
    ///     Err("cancelled")
    /// });
    /// assert_eq!(group.join(), Err("the disk is full"));
    /// ```
    #[doc(alias = "WithContext")]
    pub fn with_context(parent: &Context) -> (Self, Context) {
        Self::with_policy(Policy::new(), parent)
    }

    /// The same as [`with_context`](Self::with_context), for a group that does what `policy` says.
    pub fn with_policy(policy: Policy<E>, parent: &Context) -> (Self, Context) {
        let (ctx, cancel) = parent.with_cancel();
        (Self { shared: Shared::new(Some(cancel), policy) }, ctx)
    }

    /// Runs `task` in the group.
    ///
    /// Blocks while the group is at its limit; at limit 0 until that is changed. The task always runs, also after
    /// the context was cancelled: it sees that for itself. (Unless the group was made with
    /// [`Policy::skip_when_cancelled`]: then the context ends the wait, and the task is dropped.) Works after
    /// [`wait`](Self::wait) too.
    ///
    /// From inside a task of this same group, when it is full, `task` runs inline, on its caller's permit, before
    /// `go` returns. The two do not run side by side then: if one waits for the other on a channel, both hang. A task
    /// that starts itself again in this way goes deeper into its stack each time.
    #[doc(alias = "spawn")]
    #[track_caller]
    pub fn go(&self, task: impl FnOnce() -> Result<(), E> + Send + 'static) {
        self.shared.go(Spec::here(), task, |task| Box::new(task));
    }

    /// Runs `task` in the group if it is below its limit. Does not block.
    ///
    /// # Errors
    ///
    /// Gives the closure back, not run, if the group is full.
    #[doc(alias = "try_spawn")]
    #[track_caller]
    pub fn try_go<F>(&self, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        self.shared.try_go(Spec::here(), task, |task| Box::new(task))
    }

    /// Like [`go`](Self::go), but stops waiting for a place when `ctx` is cancelled.
    ///
    /// What is given back was not done. If that is because another task failed, `join` says so; if it is because somebody
    /// else cancelled, it does not: see the crate's page.
    ///
    /// # Errors
    ///
    /// Gives the closure back, not run, if `ctx` was cancelled first, also where there is a place.
    ///
    /// ```
    /// use errgroup::{Context, Group};
    ///
    /// let (group, ctx) = Group::with_context(&Context::background());
    /// group.set_limit(1);
    /// group.go(|| Err("broken"));
    /// let mut started = 0;
    /// while group.go_until(&ctx, || Ok(())).is_ok() {
    ///     started += 1;
    /// }
    /// println!("{started} were started before the error was seen");
    /// assert!(group.join().is_err());
    /// ```
    #[track_caller]
    pub fn go_until<F>(&self, ctx: &Context, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        self.shared.go_until(ctx, Spec::here(), task, |task| Box::new(task))
    }

    /// Begins to say more of a task than what it does: a name, a weight. It is started by `go`, `try_go` or `go_until`
    /// of what this gives.
    #[track_caller]
    pub fn build_task(&self) -> TaskBuilder<&Self> {
        TaskBuilder::new(self)
    }

    /// Bounds how many tasks are active at once, from now on; `usize::MAX` is no bound, as in a new group.
    ///
    /// May be called at any time. Where more are active than that, they stay so, and no new one starts until enough
    /// have ended. At 0 nothing new starts: [`try_go`](Self::try_go) refuses, [`go`](Self::go) waits.
    #[doc(alias = "semaphore")]
    pub fn set_limit(&self, limit: usize) {
        self.shared.rules.state.set_limit(limit);
    }

    /// Blocks until all tasks have returned, cancels the group's context, and gives the first error, as a handle that
    /// can be given again. [`join`](Self::join) gives the error itself, once.
    ///
    /// May be called again, and from several threads at once: each call gives the same error. While it waits, the
    /// calling thread may run tasks of the group that nobody has begun.
    ///
    /// # Errors
    ///
    /// The first error by time that a task returned, and only that.
    ///
    /// # Panics
    ///
    /// If a task panicked, whatever errors there are: the first call resumes the first panic with its own payload,
    /// later ones panic with its message. Also if called from inside one of the group's own tasks, where it could
    /// never return.
    #[doc(alias = "join_all")]
    #[track_caller]
    pub fn wait(&self) -> Result<(), Failed<E>> {
        self.shared.rest_and_cancel();
        self.shared.rules.verdict()
    }

    /// Blocks like [`wait`](Self::wait), and gives the error itself, so that `?` works in a function of any error type.
    ///
    /// `?` converts errors, so where it follows `join` the compiler cannot tell the group's type from the function's:
    /// name it, as in `Group::<io::Error>::new()`. A group in an [`Arc`] is taken out by `Arc::into_inner` once its
    /// tasks have returned, which `wait` tells.
    ///
    /// # Errors
    ///
    /// The first error that a task returned.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn join(self) -> Result<(), E> {
        self.shared.rest_and_cancel();
        self.shared.rules.judge()
    }

    /// Blocks like [`wait`](Self::wait), and gives all errors that were kept, the first one first: with
    /// [`Policy::keep_all_errors`] every error that a task returned, otherwise the first.
    ///
    /// # Errors
    ///
    /// The errors themselves.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn join_errors(self) -> Result<(), Vec<E>> {
        self.shared.rest_and_cancel();
        self.shared.rules.judge_all()
    }

    /// The errors that were kept so far, the first one first: see [`join_errors`](Self::join_errors). Does not block.
    pub fn errors(&self) -> Vec<Failed<E>> {
        self.shared.rules.state.errors()
    }

    /// How many tasks were dropped without being begun: see [`Policy::skip_when_cancelled`]. Does not block.
    pub fn skipped(&self) -> usize {
        self.shared.rules.skipped()
    }

    /// What the group looks like now: how many permits are held and, with [`Policy::watch_tasks`], each task with its
    /// name, how far it is, since when and on which thread. Does not block but for short locks.
    ///
    /// Whoever waits cannot look. Let another thread look that does not keep the group:
    ///
    /// ```
    /// # use errgroup::{Context, Group, Policy};
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # let (group, _ctx) = Group::<String>::with_policy(Policy::new().watch_tasks(), &Context::background());
    /// let group = Arc::new(group);
    /// let watched = Arc::downgrade(&group);
    /// std::thread::spawn(move || {
    ///     std::thread::sleep(Duration::from_secs(60));
    ///     if let Some(group) = watched.upgrade() {
    ///         eprintln!("{}", group.snapshot());
    ///     }
    /// });
    /// group.wait()?;
    /// # Ok::<(), errgroup::Failed<String>>(())
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        self.shared.rules.snapshot()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<E>> {
        &self.shared
    }
}

impl<E: Display + Send + Sync + 'static> Default for Group<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Display + Send + Sync + 'static> Debug for Group<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("active", &self.shared.rules.state.active()).finish_non_exhaustive()
    }
}

impl<E: Display + Send + Sync + 'static> Drop for Group<E> {
    fn drop(&mut self) {
        self.shared.rules.cancel();
        if !self.shared.is_inside() {
            self.shared.rest();
        }
    }
}

impl<E: Display + Send + Sync + 'static> TaskBuilder<&Group<E>> {
    /// Runs the task: see [`Group::go`], also for when it blocks.
    pub fn go(self, task: impl FnOnce() -> Result<(), E> + Send + 'static) {
        self.group.shared.go(self.spec, task, |task| Box::new(task));
    }

    /// Runs the task if its permits are free. Does not block.
    ///
    /// # Errors
    ///
    /// Gives the closure back, not run, if they are not.
    pub fn try_go<F>(self, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        self.group.shared.try_go(self.spec, task, |task| Box::new(task))
    }

    /// Runs the task, unless `ctx` is cancelled before its permits are free: see [`Group::go_until`].
    ///
    /// # Errors
    ///
    /// Gives the closure back, not run, if `ctx` was cancelled first.
    pub fn go_until<F>(self, ctx: &Context, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        self.group.shared.go_until(ctx, self.spec, task, |task| Box::new(task))
    }
}

impl<E: Display + Send + Sync + 'static> Shared<E> {
    pub(crate) fn new(cancel: Option<Cancel>, policy: Policy<E>) -> Arc<Self> {
        let rules = Rules::new(cancel, policy);
        Arc::new(Self { rules, tasks: Backlog::new(), staff: AtomicUsize::new(0) })
    }

    /// See [`Group::go`]. How a closure becomes a [`Task`] is the caller's to say, for [`scope`](crate::scope) has
    /// its own way.
    #[inline]
    pub(crate) fn go<F>(self: &Arc<Self>, spec: Spec, task: F, boxed: impl FnOnce(F) -> Task<E>) {
        let listing = self.rules.list(&spec);
        if !self.rules.state.try_acquire(spec.weight) {
            if self.is_inside() {
                return self.begin(dressed(boxed(task), &spec, listing));
            }
            if !self.acquire(spec.weight) {
                return self.rules.skip(task);
            }
        }
        self.enqueue(spec, listing, boxed(task));
    }

    /// See [`Group::try_go`].
    pub(crate) fn try_go<F>(
        self: &Arc<Self>,
        spec: Spec,
        task: F,
        boxed: impl FnOnce(F) -> Task<E>,
    ) -> Result<(), Refused<F>> {
        if !self.rules.state.try_acquire(spec.weight) {
            return Err(Refused::new(task));
        }
        if self.rules.is_closed() {
            self.rules.state.release(spec.weight);
            return Err(Refused::new(task));
        }
        let listing = self.rules.list(&spec);
        self.enqueue(spec, listing, boxed(task));
        Ok(())
    }

    /// See [`Group::go_until`].
    pub(crate) fn go_until<F>(
        self: &Arc<Self>,
        ctx: &Context,
        spec: Spec,
        task: F,
        boxed: impl FnOnce(F) -> Task<E>,
    ) -> Result<(), Refused<F>> {
        if ctx.is_cancelled() || self.rules.is_closed() {
            return Err(Refused::new(task));
        }
        let listing = self.rules.list(&spec);
        if !self.rules.state.try_acquire(spec.weight) {
            if self.is_inside() {
                self.begin(dressed(boxed(task), &spec, listing));
                return Ok(());
            }
            let own = self.rules.deciding_context();
            if !self.acquire_until([Some(ctx), own.as_ref()], spec.weight) {
                return Err(Refused::new(task));
            }
        }
        // The place may be that of the very task that failed.
        if ctx.is_cancelled() || self.rules.is_closed() {
            self.rules.state.release(spec.weight);
            return Err(Refused::new(task));
        }
        self.enqueue(spec, listing, boxed(task));
        Ok(())
    }

    /// Waits for permits; false if they are not worth having any more.
    fn acquire(&self, weight: usize) -> bool {
        // Half the permits at once: each look at the count costs those who release as much as this thread.
        let state = &self.rules.state;
        let is_half_free = || state.active() <= state.limit() / 2;
        if block::linger(|| is_half_free() && state.try_acquire(weight)) || state.try_acquire(weight) {
            return true;
        }
        let own = self.rules.deciding_context();
        self.acquire_until([own.as_ref(), None], weight)
    }

    /// Waits for permits; false if one of `ends` was cancelled first.
    fn acquire_until(&self, ends: [Option<&Context>; 2], weight: usize) -> bool {
        let mut turn = Turn::default();
        let ends = ends.into_iter().flatten();
        let watches: Vec<_> = ends.clone().map(|ctx| (ctx, ctx.wake_when_cancelled(block::waker()))).collect();
        let acquired = block::until(|waker| {
            if ends.clone().any(Context::is_cancelled) {
                return Poll::Ready(false);
            }
            self.rules.state.poll_acquire(&mut turn, weight, waker).map(|()| true)
        });
        for (ctx, watch) in watches {
            watch.into_iter().for_each(|watch| ctx.unwatch(watch));
        }
        if !acquired {
            self.rules.state.give_up(&mut turn);
        }
        acquired
    }

    /// Runs `task`, which stays for long, on a thread of its own from the start. For groups that have no limit.
    pub(crate) fn reside(self: &Arc<Self>, task: Task<E>) {
        let admitted = self.rules.state.try_acquire(1);
        debug_assert!(admitted, "a group with residents has no limit");
        self.tasks.push(Queued { task, held: Held::permits(1) });
        pool::offer(self.clone(), Need::Resident);
    }

    /// Queues a task that has its permits.
    #[inline]
    fn enqueue(self: &Arc<Self>, spec: Spec, listing: Option<Listing>, task: Task<E>) {
        if let Some(listing) = &listing {
            listing.queued();
        }
        self.push(dressed(task, &spec, listing), Held::permits(spec.weight));
    }

    /// The same for one that is dressed.
    pub(crate) fn push(self: &Arc<Self>, task: Task<E>, held: Held) {
        self.tasks.push(Queued { task, held });
        self.call_worker();
    }

    /// Drops what nobody has begun.
    #[cfg(feature = "tokio")]
    pub(crate) fn drop_queued(self: &Arc<Self>) {
        while let Some((queued, _)) = self.tasks.pop() {
            let _permit = Permit::of(&self.rules.state, queued.held);
            contain(|| drop(queued.task));
        }
        self.withdraw();
    }

    /// Sees to it that a worker comes for what is queued.
    ///
    /// The flag is lowered by the worker that takes the group off the list, before it looks at the queue: whoever finds
    /// it still raised has queued its task in time for that look.
    fn call_worker(self: &Arc<Self>) {
        if self.staff.load(Relaxed) & OFFERED != 0 {
            return;
        }
        let before = self.staff.fetch_or(OFFERED, AcqRel);
        if before & OFFERED == 0 {
            let need = if before < WORKER { Need::Worker } else { Need::Help };
            pool::offer(self.clone(), need);
        }
    }

    /// Runs a task that has its permits, and gives them back whatever comes.
    fn execute(&self, queued: Queued<E>) {
        let permit = Permit::of(&self.rules.state, queued.held);
        self.begin(queued.task);
        drop(permit);
    }

    /// Runs a task, unless it is too late to begin, and records how it ended. Never unwinds.
    fn begin(&self, task: Task<E>) {
        if self.rules.is_closed() {
            return self.rules.skip(task);
        }
        self.rules.record(catch_unwind(AssertUnwindSafe(task)));
    }

    /// Records an error that is not a task's.
    pub(crate) fn fail(&self, error: E) {
        self.rules.fail(error);
    }

    /// Blocks until all tasks have returned, and cancels the context.
    #[track_caller]
    pub(crate) fn rest_and_cancel(self: &Arc<Self>) {
        assert!(!self.is_inside(), "a task waits for its own group: it would wait for itself");
        self.rest();
        self.rules.cancel();
    }

    /// Blocks until no task is active. Runs what is queued meanwhile: it could not return before that is done anyway.
    /// Never unwinds: a [`scope`](crate::scope) stands on that.
    pub(crate) fn rest(self: &Arc<Self>) {
        let state = &self.rules.state;
        if state.active() > 0 {
            self.help();
            let idle = || state.active() == 0;
            if !idle() && !block::linger(idle) {
                let mut turn = Turn::default();
                block::until(|waker| state.poll_idle(&mut turn, waker));
            }
        }
        self.withdraw();
    }

    /// Takes the group off the pool's list, where it would stay, with all it holds, until a worker has time to find
    /// that there is nothing to do.
    pub(crate) fn withdraw(self: &Arc<Self>) {
        if self.staff.load(Relaxed) & OFFERED == 0 {
            return;
        }
        self.clone().take_back();
    }

    fn take_back(self: Arc<Self>) {
        let work: Arc<dyn Work> = self.clone();
        if pool::withdraw(&work) {
            self.staff.fetch_and(!OFFERED, AcqRel);
            // As in `run`: what was queued before the flag was lowered has called nobody.
            if self.tasks.len() > 0 {
                self.call_worker();
            }
        }
    }

    fn help(&self) {
        if depth() >= DEPTH {
            return;
        }
        let _inside = self.enter();
        while let Some((task, _)) = self.tasks.pop() {
            self.execute(task);
        }
    }

    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether this thread is inside one of this group's tasks.
    pub(crate) fn is_inside(&self) -> bool {
        INSIDE.try_with(|groups| groups.borrow().contains(&self.id())).unwrap_or(false)
    }

    pub(crate) fn enter(&self) -> Inside {
        // A thread that is ending has no such list any more; it helps at no depth, and so is inside of nothing.
        let _ = INSIDE.try_with(|groups| groups.borrow_mut().push(self.id()));
        Inside
    }
}

impl<E: Display + Send + Sync + 'static> Work for Shared<E> {
    fn run(self: Arc<Self>, last: bool) {
        if last {
            self.staff.fetch_and(!OFFERED, AcqRel); // before the first look at the queue: see `call_worker`
        }
        let _here = Here::new(&self.staff);
        let _inside = self.enter();
        let mut ran = 0;
        loop {
            while let Some((task, more)) = self.tasks.pop() {
                if more {
                    self.call_worker();
                }
                self.execute(task);
                ran += 1;
                if ran >= TURN && pool::others_wait() {
                    self.call_worker();
                    return;
                }
            }
            // A group at its limit has its next task soon.
            if !pool::linger(|| self.tasks.has_come()) {
                return;
            }
        }
    }

    fn progress(&self) -> usize {
        self.tasks.taken()
    }

    fn queued(&self) -> usize {
        self.tasks.len()
    }

    /// Also where the flag is not raised: residents are offered without it, and once more than they are taken.
    fn withdraw(self: Arc<Self>) {
        self.take_back();
    }
}

/// A worker at a group.
struct Here<'staff>(&'staff AtomicUsize);

impl<'staff> Here<'staff> {
    fn new(staff: &'staff AtomicUsize) -> Self {
        staff.fetch_add(WORKER, Relaxed);
        Self(staff)
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(WORKER, Release);
    }
}

/// A mark on [`INSIDE`].
pub(crate) struct Inside;

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|groups| groups.borrow_mut().pop());
    }
}

/// How many tasks deep this thread is; past every bound where it cannot be told, in a thread that is ending.
fn depth() -> usize {
    INSIDE.try_with(|groups| groups.borrow().len()).unwrap_or(usize::MAX)
}

/// A task that says where it is, if anybody asked.
#[inline]
pub(crate) fn dressed<E: Display + 'static>(task: Task<E>, spec: &Spec, listing: Option<Listing>) -> Task<E> {
    let task = spec.spanned(task, |task, span| Box::new(move || span.in_scope(|| told(task()))));
    match listing {
        None => task,
        Some(listing) => Box::new(move || {
            listing.runs();
            task()
        }),
    }
}
