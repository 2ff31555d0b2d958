//! [`Context`]: what tells a tree of tasks that it is time to stop, why, and by when.
//!
//! The model is Go's `context` package. Cancelling is cooperative: it interrupts nothing, it is seen by those who
//! look ([`is_cancelled`](Context::is_cancelled)), wait ([`wait`](Context::wait), [`done`](Context::done),
//! [`cancelled`](Context::cancelled)) or left a function behind ([`after_func`](Context::after_func)). One context
//! serves threads and futures alike. Deadlines are kept by `timer`; functions run on `pool`.
//!
//! Invariants of the tree:
//!
//! 1. A child holds its parent strongly, a parent its child weakly: dropping the last handle of a child removes it.
//! 2. No two nodes are ever locked at once. Cancelling takes the links out of each node under its lock and follows
//!    them after it, with a list of its own instead of recursion, so that depth costs no stack.
//! 3. `cause` is set before `state` says so, once, by whoever wins the node's lock first.

use std::any::Any;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{self, Poll, Waker};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::{pool, timer};

/// A cancellation signal with a cause, a deadline and values, handed down from task to task.
///
/// Cheap to clone: clones are the same context. A context made from another is its child: it is cancelled when the
/// parent is, with the parent's cause, and may be cancelled earlier on its own.
///
/// ```
/// use errgroup::Context;
///
/// let (ctx, cancel) = Context::background().with_cancel();
/// assert!(!ctx.is_cancelled());
/// cancel.cancel_with("the user asked to stop");
/// assert!(ctx.is_cancelled());
/// assert_eq!(ctx.cause().unwrap().to_string(), "the user asked to stop");
/// ```
#[derive(Clone)]
pub struct Context {
    /// `None` for a context that nothing can cancel.
    node: Option<Arc<Node>>,
    values: Option<Arc<Value>>,
}

/// Why a context is over, in kind. The reason itself is its [`cause`](Context::cause).
#[doc(alias = "CancellationError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContextError {
    /// It, or one it was made from, was cancelled.
    Canceled,
    /// Its deadline, or that of one it was made from, has passed.
    DeadlineExceeded,
}

/// The reason for which a context was cancelled: any error, shared.
///
/// ```
/// use errgroup::{Context, Failed, Group};
///
/// let (group, ctx) = Group::<String>::with_context(&Context::background());
/// group.go(|| Err("no such luck".to_owned()));
/// group.wait().unwrap_err();
/// let cause = ctx.cause().unwrap();
/// assert_eq!(cause.to_string(), "no such luck");
/// assert!(cause.downcast_ref::<Failed<String>>().is_some());
/// ```
#[derive(Clone)]
pub struct Cause(Reason);

/// A plain end costs no allocation: every group that is waited for has one.
#[derive(Clone)]
enum Reason {
    Plain(ContextError),
    Said(Arc<dyn Error + Send + Sync>),
}

/// What a task is told when there is no point in going on: a context is over ([`Context::check`]), or, in a
/// [`Pipeline`](crate::Pipeline), nobody is left to read what it sends. Its text is the context's cause.
///
/// Where work is left out, the error type is made from it: that of a pipeline, of
/// [`try_map_with_context`](crate::try_map_with_context), and of a group with
/// [`Policy::skip_when_cancelled`](crate::Policy::skip_when_cancelled). So `out.send(item)?` is all that a worker has to
/// say. It becomes the error of the whole only if nothing else went wrong first, as when the parent context was
/// cancelled. An error type of one's own needs three lines:
///
/// ```
/// # struct MyError(errgroup::Stopped);
/// impl From<errgroup::Stopped> for MyError {
///     fn from(stopped: errgroup::Stopped) -> Self { MyError(stopped) }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Stopped(Cause);

/// Cancels the context it was made with. Clones cancel the same one; dropping it cancels nothing.
#[derive(Clone, Debug)]
pub struct Cancel {
    node: Arc<Node>,
}

/// A function that waits for a context to be cancelled: see [`Context::after_func`].
#[derive(Debug)]
pub struct AfterFunc {
    function: Arc<Function>,
    /// Where it is registered, to be forgotten there.
    watch: Option<(Weak<Node>, u64)>,
}

/// The future of [`Context::cancelled`].
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Cancelled {
    ctx: Context,
    watch: Option<u64>,
}

/// One cancellable context.
pub(crate) struct Node {
    /// [`ALIVE`], or how it ended: all that a hot loop reads.
    state: AtomicU8,
    /// Set before `state` leaves [`ALIVE`].
    cause: OnceLock<Cause>,
    /// The soonest of its own deadline and its parent's.
    deadline: Option<Instant>,
    /// Whose child it is, and under which key.
    parent: Option<(Arc<Node>, u64)>,
    links: Mutex<Links>,
    /// Notified once, when the node is cancelled.
    over: Condvar,
}

/// Who must hear of a cancellation.
#[derive(Default)]
struct Links {
    next: u64,
    children: BTreeMap<u64, Weak<Node>>,
    watches: BTreeMap<u64, Watch>,
    done: Option<(Sender<Infallible>, Receiver<Infallible>)>,
    /// How many threads wait at `over`: to notify nobody is a system call, too.
    sleepers: usize,
    /// What cancels the node from without, such as the alarm of its own deadline: undone by being dropped.
    tie: Option<Box<dyn Any + Send>>,
}

enum Watch {
    Wake(Waker),
    Run(Arc<Function>),
}

/// A function that is run once or stopped once, whichever comes first.
struct Function(Mutex<Option<Box<dyn FnOnce() + Send>>>);

struct Value {
    value: Box<dyn Any + Send + Sync>,
    outer: Option<Arc<Value>>,
}

const ALIVE: u8 = 0;
const CANCELED: u8 = 1;
const DEADLINE_EXCEEDED: u8 = 2;

impl Context {
    /// The context that is never cancelled and has no deadline: the root of every tree. Costs no allocation.
    pub fn background() -> Self {
        Self { node: None, values: None }
    }

    /// A child, and the handle that cancels it. It is also cancelled with this context. Dropping the handle cancels
    /// nothing.
    pub fn with_cancel(&self) -> (Self, Cancel) {
        let node = Node::child(self.node.as_ref(), None);
        (self.over(&node), Cancel { node })
    }

    /// A child that is also cancelled once `timeout` has passed: see [`with_deadline`](Self::with_deadline).
    ///
    /// # Panics
    ///
    /// As [`with_deadline`](Self::with_deadline).
    ///
    /// ```
    /// use errgroup::{Context, ContextError};
    /// use std::time::Duration;
    ///
    /// let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    /// ctx.wait();
    /// assert_eq!(ctx.err(), Some(ContextError::DeadlineExceeded));
    /// ```
    pub fn with_timeout(&self, timeout: Duration) -> (Self, Cancel) {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.with_deadline(deadline),
            None => self.with_cancel(), // later than any clock can say
        }
    }

    /// A child that is also cancelled at `deadline`, with [`ContextError::DeadlineExceeded`] as its cause.
    ///
    /// A child's deadline only shrinks: if this context has an earlier one, that holds. A deadline that has passed
    /// cancels the child at once.
    ///
    /// # Panics
    ///
    /// If the thread that keeps deadlines cannot be started.
    pub fn with_deadline(&self, deadline: Instant) -> (Self, Cancel) {
        self.with_deadline_by(deadline, |node| {
            if deadline <= Instant::now() {
                node.expire();
            } else if !node.is_over() {
                let alarm: Weak<Node> = Arc::downgrade(node);
                node.tie(timer::set(deadline, alarm));
            }
        })
    }

    /// The same, with the deadline kept by whatever `keep` ties to the new node.
    pub(crate) fn with_deadline_by(&self, deadline: Instant, keep: impl FnOnce(&Arc<Node>)) -> (Self, Cancel) {
        if self.deadline().is_some_and(|ours| ours <= deadline) {
            return self.with_cancel();
        }
        let node = Node::child(self.node.as_ref(), Some(deadline));
        keep(&node);
        (self.over(&node), Cancel { node })
    }

    /// The same context with a value more, found again by its type: see [`value`](Self::value). Cancelling one
    /// cancels the other.
    ///
    /// Values are for what belongs to a request and crosses many hands, such as an id to log. Wrap what you store in
    /// a type of your own, so that nobody else's `String` hides it.
    #[must_use = "the value is in the context that this gives"]
    pub fn with_value<T: Any + Send + Sync>(&self, value: T) -> Self {
        let value = Value { value: Box::new(value), outer: self.values.clone() };
        Self { node: self.node.clone(), values: Some(Arc::new(value)) }
    }

    /// A context with the same values that is not cancelled with this one and has no deadline.
    #[must_use = "the context itself stays as it is"]
    pub fn without_cancel(&self) -> Self {
        Self { node: None, values: self.values.clone() }
    }

    /// The value of type `T` that was added last, here or in a context this one was made from.
    ///
    /// ```
    /// use errgroup::Context;
    ///
    /// struct RequestId(u64);
    /// let ctx = Context::background().with_value(RequestId(7));
    /// let (child, _cancel) = ctx.with_cancel();
    /// assert_eq!(child.value::<RequestId>().unwrap().0, 7);
    /// ```
    pub fn value<T: Any>(&self) -> Option<&T> {
        let mut next = self.values.as_deref();
        while let Some(layer) = next {
            if let Some(value) = layer.value.downcast_ref() {
                return Some(value);
            }
            next = layer.outer.as_deref();
        }
        None
    }

    /// Whether the context is over. One atomic load: made for hot loops.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.is_over())
    }

    /// Fails once the context is over: for loops that end by `?`. One atomic load while it is alive.
    ///
    /// # Errors
    ///
    /// [`Stopped`] with the cause.
    ///
    /// ```
    /// use errgroup::{Context, Stopped};
    ///
    /// fn work(ctx: &Context) -> Result<u32, Stopped> {
    ///     let mut rounds = 0;
    ///     while rounds < 1_000 {
    ///         ctx.check()?;
    ///         rounds += 1;
    ///     }
    ///     Ok(rounds)
    /// }
    /// assert_eq!(work(&Context::background()).unwrap(), 1_000);
    /// ```
    pub fn check(&self) -> Result<(), Stopped> {
        match self.cause() {
            None => Ok(()),
            Some(cause) => Err(Stopped::new(cause)),
        }
    }

    /// `None` while the context is alive, then how it ended. Why it did is its [`cause`](Self::cause).
    pub fn err(&self) -> Option<ContextError> {
        match self.node.as_ref()?.state.load(Acquire) {
            ALIVE => None,
            CANCELED => Some(ContextError::Canceled),
            _ => Some(ContextError::DeadlineExceeded),
        }
    }

    /// `None` while the context is alive, then why it ended: what [`Cancel::cancel_with`] was given, the error of
    /// the task that failed, or the [`ContextError`] where nobody said more. The first cause wins, and children
    /// that were alive have it too.
    pub fn cause(&self) -> Option<Cause> {
        let node = self.node.as_ref()?;
        node.is_over().then(|| node.cause())
    }

    /// When the context will end by itself, if it will.
    pub fn deadline(&self) -> Option<Instant> {
        self.node.as_ref()?.deadline
    }

    /// A channel that carries nothing and disconnects when the context is cancelled, to be selected on beside
    /// others. On a context that nothing can cancel it stays silent for ever.
    ///
    /// Keep a handle of the context, or of its [`Cancel`], for as long as the channel: with the last of them it
    /// disconnects too.
    ///
    /// ```
    /// use crossbeam_channel::{select, unbounded};
    /// use errgroup::Context;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// let (_sender, jobs) = unbounded::<u32>();
    /// cancel.cancel();
    /// select! {
    ///     recv(ctx.done()) -> _ => println!("stopped: {}", ctx.cause().unwrap()),
    ///     recv(jobs) -> job => println!("a job: {job:?}"),
    /// }
    /// ```
    pub fn done(&self) -> Receiver<Infallible> {
        let Some(node) = &self.node else {
            return crossbeam_channel::never();
        };
        let mut links = node.links();
        if node.is_over() {
            return crossbeam_channel::bounded(0).1; // its sender is gone: disconnected
        }
        links.done.get_or_insert_with(|| crossbeam_channel::bounded(0)).1.clone()
    }

    /// Blocks until the context is cancelled; for ever on one that nothing can cancel.
    pub fn wait(&self) {
        let Some(node) = &self.node else {
            loop {
                std::thread::park();
            }
        };
        let mut links = node.links();
        links.sleepers += 1; // never taken away: the end takes it away with all else
        while !node.is_over() {
            links = node.over.wait(links).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Blocks until the context is cancelled or `timeout` has passed; says whether it is cancelled.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let Some(node) = &self.node else {
            std::thread::sleep(timeout);
            return false;
        };
        let alive = |_: &mut Links| !node.is_over();
        let mut links = node.links();
        links.sleepers += 1;
        (links, _) = node.over.wait_timeout_while(links, timeout, alive).unwrap_or_else(PoisonError::into_inner);
        links.sleepers = links.sleepers.saturating_sub(1); // none, if the end came first
        node.is_over()
    }

    /// A future that is ready when the context is cancelled, on any executor; never, on one that nothing can cancel.
    /// May be dropped at any time.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled { ctx: self.clone(), watch: None }
    }

    /// Runs `function` on a thread of its own once the context is cancelled: at once if it is already.
    ///
    /// Does not block. The handle can prevent the run; dropping it does not. A panic in `function` ends it alone. Where
    /// all handles of the context and of its [`Cancel`] are dropped before it is cancelled, `function` does not run.
    ///
    /// ```
    /// use errgroup::Context;
    /// use std::sync::mpsc;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// let (sender, receiver) = mpsc::channel();
    /// let after = ctx.after_func(move || sender.send("closing").unwrap());
    /// cancel.cancel();
    /// assert_eq!(receiver.recv(), Ok("closing"));
    /// assert!(!after.stop(), "it has run");
    /// ```
    pub fn after_func(&self, function: impl FnOnce() + Send + 'static) -> AfterFunc {
        let function = Arc::new(Function(Mutex::new(Some(Box::new(function)))));
        let key = self.watch(Watch::Run(Arc::clone(&function)));
        let watch = self.node.as_ref().zip(key).map(|(node, key)| (Arc::downgrade(node), key));
        AfterFunc { function, watch }
    }

    /// Wakes `waker` when the context is cancelled: at once if it is already. The key, while there is something to
    /// forget, is for [`unwatch`](Self::unwatch).
    pub(crate) fn wake_when_cancelled(&self, waker: Waker) -> Option<u64> {
        self.watch(Watch::Wake(waker))
    }

    /// Forgets a waker.
    pub(crate) fn unwatch(&self, key: u64) {
        if let Some(node) = &self.node {
            node.unwatch(key);
        }
    }

    fn watch(&self, watch: Watch) -> Option<u64> {
        let node = self.node.as_ref()?;
        let mut links = node.links();
        if node.is_over() {
            drop(links);
            watch.fire();
            return None;
        }
        let key = links.key();
        links.watches.insert(key, watch);
        Some(key)
    }

    fn over(&self, node: &Arc<Node>) -> Self {
        Self { node: Some(Arc::clone(node)), values: self.values.clone() }
    }
}

impl Cancel {
    /// Cancels the context, and those made from it, with [`ContextError::Canceled`] as the cause. Does nothing if it
    /// is over already, not even wait for another thread that is just cancelling those below it. Blocks on nothing but
    /// short locks.
    pub fn cancel(&self) {
        self.node.cancel(CANCELED, Cause(Reason::Plain(ContextError::Canceled)));
    }

    /// The same with a cause of its own: an error, or a text.
    #[doc(alias = "CancelCauseFunc")]
    pub fn cancel_with(&self, cause: impl Into<Box<dyn Error + Send + Sync>>) {
        self.node.cancel(CANCELED, Cause::new(cause));
    }
}

impl Cancel {
    /// The context that this cancels, without its values.
    pub(crate) fn context(&self) -> Context {
        Context { node: Some(Arc::clone(&self.node)), values: None }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.node.is_over()
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn of(node: Arc<Node>) -> Self {
        Self { node }
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }
}

impl AfterFunc {
    /// Forgets the function. True if this prevented it from running; false if it has been started or stopped before.
    /// Does not wait for one that runs.
    pub fn stop(&self) -> bool {
        if let Some((node, key)) = &self.watch
            && let Some(node) = node.upgrade()
        {
            node.unwatch(*key);
        }
        self.function.take().is_some()
    }
}

impl Cause {
    /// An error, or a text, as a cause.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        // A cause that is passed on from another context stays itself.
        match cause.into().downcast::<Self>() {
            Ok(cause) => *cause,
            Err(error) => Self(Reason::Said(Arc::from(error))),
        }
    }

    /// The error inside, if it is an `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.error().downcast_ref()
    }

    fn error(&self) -> &(dyn Error + 'static) {
        match &self.0 {
            Reason::Plain(error) => error,
            Reason::Said(error) => &**error,
        }
    }
}

impl Stopped {
    pub(crate) fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Cause::new(cause))
    }

    /// What is to be said of a context that is over.
    pub(crate) fn of(ctx: &Context) -> Self {
        match ctx.cause() {
            Some(cause) => Self::new(cause),
            None => Self::new("the pipeline has stopped"),
        }
    }

    /// Why: what the context was cancelled with.
    pub fn cause(&self) -> &Cause {
        &self.0
    }
}

impl Node {
    fn child(parent: Option<&Arc<Self>>, deadline: Option<Instant>) -> Arc<Self> {
        let Some(parent) = parent else {
            return Arc::new(Self::new(None, deadline));
        };
        let mut links = parent.links();
        let key = links.key();
        let deadline = deadline.or(parent.deadline);
        let node = Arc::new(Self::new(Some((Arc::clone(parent), key)), deadline));
        if !parent.is_over() {
            links.children.insert(key, Arc::downgrade(&node));
            return node;
        }
        drop(links);
        node.cancel(parent.state.load(Acquire), parent.cause());
        node
    }

    fn new(parent: Option<(Arc<Self>, u64)>, deadline: Option<Instant>) -> Self {
        Self {
            state: AtomicU8::new(ALIVE),
            cause: OnceLock::new(),
            deadline,
            parent,
            links: Mutex::default(),
            over: Condvar::new(),
        }
    }

    #[inline]
    fn is_over(&self) -> bool {
        // Acquire pairs with the Release in `end`: whoever sees the end sees the cause.
        self.state.load(Acquire) != ALIVE
    }

    fn cause(&self) -> Cause {
        self.cause.get().expect("the cause is set before the state").clone()
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        // No code of a user runs under this lock.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The deadline has passed.
    pub(crate) fn expire(&self) {
        self.cancel(DEADLINE_EXCEEDED, Cause(Reason::Plain(ContextError::DeadlineExceeded)));
    }

    /// Ends this node and all below it, and only then tells those who wait: whoever is woken sees the whole tree over.
    fn cancel(&self, state: u8, cause: Cause) {
        let Some(links) = self.end(state, cause.clone()) else { return };
        let (mut nodes, mut ended) = (Vec::new(), vec![links]);
        let mut next = 0;
        while next < ended.len() {
            for child in std::mem::take(&mut ended[next].children).into_values().filter_map(|child| child.upgrade()) {
                if let Some(links) = child.end(state, cause.clone()) {
                    ended.push(links);
                    nodes.push(child);
                }
            }
            next += 1;
        }
        self.rouse(&ended[0]);
        nodes.iter().zip(&ended[1..]).for_each(|(node, links)| node.rouse(links));
        // The channels disconnect here too, by being dropped.
        ended.into_iter().flat_map(|links| links.watches.into_values()).for_each(Watch::fire);
    }

    /// Wakes the threads that wait for the end of this node, of which these were the links.
    fn rouse(&self, links: &Links) {
        if links.sleepers > 0 {
            self.over.notify_all();
        }
    }

    /// Ends this node alone. `None` if it was over; otherwise who else must hear of it.
    fn end(&self, state: u8, cause: Cause) -> Option<Links> {
        let mut links = self.links();
        if self.is_over() {
            return None;
        }
        self.cause.set(cause).expect("only the first to cancel comes here");
        self.state.store(state, Release);
        Some(std::mem::take(&mut *links))
    }

    fn unwatch(&self, key: u64) {
        if self.is_over() {
            return; // it has no watches any more
        }
        let watch = self.links().watches.remove(&key);
        drop(watch); // outside the lock: a waker's drop is somebody else's code
    }

    /// Keeps `tie` until the node is over or gone.
    pub(crate) fn tie(&self, tie: impl Any + Send) {
        let tie: Box<dyn Any + Send> = Box::new(tie);
        let mut links = self.links();
        if self.is_over() {
            drop(links); // a tie's drop may be somebody else's code
            return drop(tie);
        }
        links.tie = Some(tie);
    }

    /// Leaves the parent, on the way out, and gives it up for its own turn to be dropped.
    fn leave(&mut self) -> Option<Arc<Self>> {
        let (parent, key) = self.parent.take()?;
        parent.links().children.remove(&key);
        Some(parent)
    }
}

impl Drop for Value {
    /// A loop, as for nodes.
    fn drop(&mut self) {
        let mut next = self.outer.take();
        while let Some(layer) = next {
            next = Arc::into_inner(layer).and_then(|mut layer| layer.outer.take());
        }
    }
}

impl timer::Alarm for Node {
    fn ring(&self) {
        self.expire();
    }
}

impl Drop for Node {
    /// A loop up the tree where plain drops would recurse, for chains of any length.
    fn drop(&mut self) {
        let mut next = self.leave();
        while let Some(parent) = next {
            next = Arc::into_inner(parent).and_then(|mut node| node.leave());
        }
    }
}

impl Links {
    fn key(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Watch {
    fn fire(self) {
        match self {
            // A waker is its executor's code. If it panics, which the hook has printed, the others must still be told.
            Self::Wake(waker) => {
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                    std::mem::forget(payload);
                }
            }
            Self::Run(function) => {
                if let Some(function) = function.take() {
                    pool::run(function);
                }
            }
        }
    }
}

impl Function {
    fn take(&self) -> Option<Box<dyn FnOnce() + Send>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        if self.ctx.is_cancelled() {
            self.watch = None; // forgotten with all others
            return Poll::Ready(());
        }
        // A new waker each time: an executor may have moved the task.
        self.forget();
        self.watch = self.ctx.wake_when_cancelled(cx.waker().clone());
        if self.ctx.is_cancelled() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Cancelled {
    fn forget(&mut self) {
        if let Some(key) = self.watch.take() {
            self.ctx.unwatch(key);
        }
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.forget();
    }
}

impl Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Canceled => "context canceled",
            Self::DeadlineExceeded => "context deadline exceeded",
        })
    }
}

impl Error for ContextError {}

impl Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self.error(), f)
    }
}

impl Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(self.error(), f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error().source()
    }
}

impl Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl Error for Stopped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source() // the cause's own words are ours already
    }
}

impl From<Stopped> for io::Error {
    /// Of the kind `TimedOut` if a deadline has passed, else `Other`: `Interrupted` would make callers try again.
    fn from(stopped: Stopped) -> Self {
        let kind = match stopped.cause().downcast_ref() {
            Some(ContextError::DeadlineExceeded) => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, stopped)
    }
}

impl From<Stopped> for String {
    fn from(stopped: Stopped) -> Self {
        stopped.to_string()
    }
}

impl Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("err", &self.err())
            .field("cause", &self.cause())
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}

impl Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("cause", &self.cause.get()).finish_non_exhaustive()
    }
}

impl Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").finish_non_exhaustive()
    }
}
