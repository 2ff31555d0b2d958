//! [`Group`]: tasks on threads, run as one operation.
//!
//! A thin front: the rules are in `state`, the threads in `pool`, the queue between them in `backlog`. What is here
//! is the order of things. When a task fails: record the error → cancel the context with it as the cause → release
//! the permit, which lowers the count. In any other order a sibling's "I was cancelled" could win over the cause, or
//! `wait` return before the context is over.
//!
//! Each thread knows the groups whose tasks it is inside of. That is how a task may call `go` on its own full group
//! without waiting for itself, and drop its group without joining itself.

use std::cell::RefCell;
use std::fmt::{self, Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};
use std::task::Poll;

use crate::backlog::Backlog;
use crate::block;
use crate::context::{Cancel, Context};
use crate::error::{Failed, Panicked, Refused};
use crate::pool::{self, Need, Work};
use crate::state::{State, Turn, Verdict};

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
    state: State<E>,
    tasks: Backlog<Task<E>>,
    /// Twice the number of workers that are here, plus [`OFFERED`].
    staff: AtomicUsize,
    /// Cancels the group's context, if it has one.
    cancel: Option<Cancel>,
}

pub(crate) type Task<E> = Box<dyn FnOnce() -> Result<(), E> + Send>;

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
        Self { shared: Shared::new(None) }
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
        let (ctx, cancel) = parent.with_cancel();
        (Self { shared: Shared::new(Some(cancel)) }, ctx)
    }

    /// Runs `task` in the group.
    ///
    /// Blocks while the group is at its limit; at limit 0 until that is changed. The task always runs, also after
    /// the context was cancelled: it sees that for itself. Works after [`wait`](Self::wait) too.
    ///
    /// From inside a task of this same group, when it is full, `task` runs inline, on its caller's permit, before
    /// `go` returns. A caller that would then wait for `task` through a channel is not supported, and a task that starts
    /// itself again in this way goes deeper into its stack each time.
    #[doc(alias = "spawn")]
    pub fn go(&self, task: impl FnOnce() -> Result<(), E> + Send + 'static) {
        self.shared.go(task, |task| Box::new(task));
    }

    /// Runs `task` in the group if it is below its limit. Does not block.
    ///
    /// # Errors
    ///
    /// Gives the closure back, not run, if the group is full.
    #[doc(alias = "try_spawn")]
    pub fn try_go<F>(&self, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        self.shared.try_go(task, |task| Box::new(task))
    }

    /// Like [`go`](Self::go), but stops waiting for a place when `ctx` is cancelled.
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
    pub fn go_until<F>(&self, ctx: &Context, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        self.shared.go_until(ctx, task, |task| Box::new(task))
    }

    /// Bounds how many tasks are active at once, from now on; `usize::MAX` is no bound, as in a new group.
    ///
    /// May be called at any time. Where more are active than that, they stay so, and no new one starts until enough
    /// have ended. At 0 nothing new starts: [`try_go`](Self::try_go) refuses, [`go`](Self::go) waits.
    #[doc(alias = "semaphore")]
    pub fn set_limit(&self, limit: usize) {
        self.shared.state.set_limit(limit);
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
    pub fn wait(&self) -> Result<(), Failed<E>> {
        self.shared.wait()
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
    pub fn join(self) -> Result<(), E> {
        self.shared.join()
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
        f.debug_struct("Group").field("active", &self.shared.state.active()).finish_non_exhaustive()
    }
}

impl<E: Display + Send + Sync + 'static> Drop for Group<E> {
    fn drop(&mut self) {
        self.shared.cancel();
        if !self.shared.is_inside() {
            self.shared.rest();
        }
    }
}

impl<E: Display + Send + Sync + 'static> Shared<E> {
    pub(crate) fn new(cancel: Option<Cancel>) -> Arc<Self> {
        Arc::new(Self { state: State::new(), tasks: Backlog::new(), staff: AtomicUsize::new(0), cancel })
    }

    /// See [`Group::go`]. How a closure becomes a [`Task`] is the caller's to say, for [`scope`](crate::scope) has
    /// its own way.
    pub(crate) fn go<F>(self: &Arc<Self>, task: F, boxed: impl FnOnce(F) -> Task<E>) {
        if !self.state.try_acquire() {
            if self.is_inside() {
                return self.attempt(boxed(task));
            }
            if !block::linger(|| self.state.try_acquire()) {
                let mut turn = Turn::default();
                block::until(|waker| self.state.poll_acquire(&mut turn, waker));
            }
        }
        self.enqueue(boxed(task));
    }

    /// See [`Group::try_go`].
    pub(crate) fn try_go<F>(self: &Arc<Self>, task: F, boxed: impl FnOnce(F) -> Task<E>) -> Result<(), Refused<F>> {
        if !self.state.try_acquire() {
            return Err(Refused::new(task));
        }
        self.enqueue(boxed(task));
        Ok(())
    }

    /// See [`Group::go_until`].
    pub(crate) fn go_until<F>(
        self: &Arc<Self>,
        ctx: &Context,
        task: F,
        boxed: impl FnOnce(F) -> Task<E>,
    ) -> Result<(), Refused<F>> {
        if ctx.is_cancelled() {
            return Err(Refused::new(task));
        }
        if !self.state.try_acquire() {
            if self.is_inside() {
                self.attempt(boxed(task));
                return Ok(());
            }
            if !self.acquire_until(ctx) {
                return Err(Refused::new(task));
            }
        }
        self.enqueue(boxed(task));
        Ok(())
    }

    /// Waits for a permit; false if `ctx` was cancelled first.
    fn acquire_until(&self, ctx: &Context) -> bool {
        let mut turn = Turn::default();
        let watch = ctx.wake_when_cancelled(block::waker());
        let acquired = block::until(|waker| {
            if ctx.is_cancelled() {
                return Poll::Ready(false);
            }
            self.state.poll_acquire(&mut turn, waker).map(|()| true)
        });
        if let Some(watch) = watch {
            ctx.unwatch(watch);
        }
        if !acquired {
            self.state.give_up(&mut turn);
        }
        acquired
    }

    /// Runs `task`, which stays for long, on a thread of its own from the start. For groups that have no limit.
    pub(crate) fn reside(self: &Arc<Self>, task: Task<E>) {
        let admitted = self.state.try_acquire();
        debug_assert!(admitted, "a group with residents has no limit");
        self.tasks.push(task);
        pool::offer(self.clone(), Need::Resident);
    }

    /// Queues a task that has its permit.
    fn enqueue(self: &Arc<Self>, task: Task<E>) {
        self.tasks.push(task);
        self.call_worker();
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

    /// Runs a task that has its permit, and gives that back whatever comes.
    fn execute(&self, task: Task<E>) {
        let permit = Permit(&self.state);
        self.attempt(task);
        drop(permit);
    }

    /// Runs a task and records how it failed. Never unwinds.
    fn attempt(&self, task: Task<E>) {
        match catch_unwind(AssertUnwindSafe(task)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fail(error),
            Err(payload) => self.panicked(payload),
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
    pub(crate) fn panicked(&self, payload: Box<dyn std::any::Any + Send>) {
        contain(|| {
            let first = self.state.panicked(payload);
            if let (Some(message), Some(cancel)) = (first, &self.cancel) {
                cancel.cancel_with(Panicked::new(message));
            }
        });
    }

    /// Cancels the context, if there is one and it is not over.
    pub(crate) fn cancel(&self) {
        if let Some(cancel) = &self.cancel {
            cancel.cancel();
        }
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.state.set_limit(limit);
    }

    /// See [`Group::wait`].
    fn wait(self: &Arc<Self>) -> Result<(), Failed<E>> {
        assert!(!self.is_inside(), "a task waits for its own group: it would wait for itself");
        self.rest();
        self.cancel();
        match self.state.verdict() {
            Verdict::Fine => Ok(()),
            Verdict::Failed(failed) => Err(failed),
            Verdict::Panicked(payload) => resume_unwind(payload),
            Verdict::HadPanicked(message) => panic!("{message}"),
        }
    }

    /// See [`Group::join`].
    pub(crate) fn join(self: &Arc<Self>) -> Result<(), E> {
        self.wait().map_err(|failed| failed.take().expect("only one join can take the error"))
    }

    /// Blocks until no task is active. Runs what is queued meanwhile: it could not return before that is done anyway.
    /// Never unwinds: a [`scope`](crate::scope) stands on that.
    pub(crate) fn rest(self: &Arc<Self>) {
        if self.state.active() > 0 {
            self.help();
            let idle = || self.state.active() == 0;
            if !idle() && !block::linger(idle) {
                let mut turn = Turn::default();
                block::until(|waker| self.state.poll_idle(&mut turn, waker));
            }
        }
        self.withdraw();
    }

    /// Takes the group off the pool's list, where it would stay, with all it holds, until a worker has time to find
    /// that there is nothing to do.
    fn withdraw(self: &Arc<Self>) {
        if self.staff.load(Relaxed) & OFFERED == 0 {
            return;
        }
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
    fn is_inside(&self) -> bool {
        INSIDE.try_with(|groups| groups.borrow().contains(&self.id())).unwrap_or(false)
    }

    fn enter(&self) -> Inside {
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
            // To be called back costs more than to stay for a moment, and a group at its limit has its next task soon.
            if !block::linger(|| self.tasks.has_come()) {
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
}

/// The permit of a task that runs.
struct Permit<'state, E>(&'state State<E>);

impl<E> Drop for Permit<'_, E> {
    fn drop(&mut self) {
        self.0.release();
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
struct Inside;

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|groups| groups.borrow_mut().pop());
    }
}

/// How many tasks deep this thread is; past every bound where it cannot be told, in a thread that is ending.
fn depth() -> usize {
    INSIDE.try_with(|groups| groups.borrow().len()).unwrap_or(usize::MAX)
}

/// Runs what may run a user's code that is no task, such as the drop of an error that comes second. A panic there has
/// been printed by the hook, and must not keep a group from joining its tasks.
fn contain(run: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        std::mem::forget(payload); // its drop may panic as well
    }
}
