//! How the futures of a group are polled.
//!
//! The mechanism is that of the threads: what is queued stays where everyone can reach it, and those who run it are
//! called as long as there is more. Here they are tasks of the runtime, the *runners*:
//!
//! 1. While futures are queued, runners are on their way: [`Home::ahead`] of them, or as many as there are futures. That
//!    is one more than the runtime has workers, for a worker may keep one task back, which no other can take while it
//!    is busy; so one of them can always be taken by a worker that is free, whatever the others do.
//! 2. A runner polls each future it takes once, and leaves after a [`TURN`], so that the runtime's other tasks have
//!    theirs.
//! 3. A future that is not done after that becomes a task of its own, a [`Sleeper`], and is polled again at once: the
//!    first poll's waker wakes nobody.
//! 4. Whatever was handed over and is dropped before it is done gives its permits back, so that nobody waits for it for
//!    ever. If that was by the end of its runtime, it counts as a panic, so that nobody takes it for done.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{self, Poll, Waker};
use std::thread;

use ::tokio::runtime::Handle;
use ::tokio::task::AbortHandle;

use crate::backlog::Backlog;
use crate::context::Cancel;
use crate::group;
use crate::policy::Policy;
use crate::rules::{Held, Permit, Rules};
use crate::snapshot::Listing;
use crate::sync::Mutex;
use crate::task::{Spec, told};
use crate::tokio::Job;

/// How many futures a runner polls before it leaves.
const TURN: usize = 64;

/// What the text of a panic is for what was aborted.
const ABORTED: &str = "a task was aborted before it was done";

pub(super) type Boxed<E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send>>;

/// What the handle, the futures and their runners share.
pub(super) struct Shared<E> {
    /// The same group for closures: its rules hold for both.
    pub(super) threads: Arc<group::Shared<E>>,
    futures: Backlog<Queued<E>>,
    /// Runners that were called and have not begun.
    coming: AtomicUsize,
    /// Where the group's first task was started, and where all its futures run.
    runtime: OnceLock<Home>,
    sleepers: Mutex<Sleepers>,
}

pub(super) struct Home {
    pub(super) handle: Handle,
    /// How many runners may be on their way.
    ahead: usize,
}

/// A future that has its permits and waits for its first poll.
struct Queued<E> {
    future: Boxed<E>,
    held: Held,
}

/// The futures that became tasks of their own.
#[derive(Default)]
struct Sleepers {
    next: u64,
    /// How each is aborted; `None` while it is being started.
    handles: BTreeMap<u64, Option<AbortHandle>>,
    /// Nothing is begun any more.
    closed: bool,
}

impl<E: Display + Send + Sync + 'static> Shared<E> {
    pub(super) fn new(cancel: Option<Cancel>, policy: Policy<E>) -> Arc<Self> {
        Arc::new(Self {
            threads: group::Shared::new(cancel, policy),
            futures: Backlog::new(),
            coming: AtomicUsize::new(0),
            runtime: OnceLock::new(),
            sleepers: Mutex::default(),
        })
    }

    pub(super) fn rules(&self) -> &Rules<E> {
        &self.threads.rules
    }

    /// The group's runtime: the current one, if it has none yet.
    ///
    /// # Panics
    ///
    /// If there is no current one.
    pub(super) fn home(&self) -> &Home {
        self.runtime.get_or_init(|| {
            let handle = Handle::current();
            let ahead = handle.metrics().num_workers() + 1;
            Home { handle, ahead }
        })
    }

    /// Queues what has its permits.
    pub(super) fn push(self: &Arc<Self>, job: Job<E>, held: Held, spec: &Spec, listing: Option<Listing>) {
        if let Some(listing) = &listing {
            listing.queued();
        }
        match job {
            Job::Future(future) => {
                let future = dressed(future, spec, listing);
                self.futures.push(Queued { future, held });
                self.call_runner();
            }
            Job::Closure(task) => self.threads.push(group::dressed(task, spec, listing), held),
        }
    }

    /// Sees to it that runners come for what is queued.
    ///
    /// A runner that begins is off the count before it looks at the queue: whoever finds the count full has queued its
    /// future in time for that look.
    fn call_runner(self: &Arc<Self>) {
        let home = self.home();
        let one_more = |coming| (coming < home.ahead).then_some(coming + 1);
        if self.coming.fetch_update(AcqRel, Relaxed, one_more).is_ok() {
            home.handle.spawn(Runner { shared: Arc::clone(self), begun: false });
        }
    }

    /// Polls a future for the first time.
    fn begin(self: &Arc<Self>, mut queued: Queued<E>) {
        if self.rules().is_closed() {
            return self.skip(queued);
        }
        let mut cx = task::Context::from_waker(Waker::noop());
        match self.poll(&mut queued.future, &mut cx) {
            Poll::Ready(result) => self.finish(queued, result),
            Poll::Pending => self.put_to_sleep(queued),
        }
    }

    /// Polls a future. Never unwinds.
    fn poll(&self, future: &mut Boxed<E>, cx: &mut task::Context<'_>) -> Poll<thread::Result<Result<(), E>>> {
        let _inside = self.threads.enter();
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => Poll::Ready(Ok(result)),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    }

    /// A future is done: it is dropped, its result recorded, its permits given back, in this order.
    fn finish(&self, queued: Queued<E>, result: thread::Result<Result<(), E>>) {
        let _permit = Permit::of(&self.rules().state, queued.held);
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(queued.future)));
        self.rules().record(match (result, dropped) {
            (Ok(_), Err(payload)) => Err(payload),
            (Err(first), Err(second)) => {
                std::mem::forget(second); // its drop may panic as well
                Err(first)
            }
            (result, Ok(())) => result,
        });
    }

    /// A future will not be done. If nobody of ours asked for that, it is as bad as a panic.
    fn abort(&self, queued: Queued<E>) {
        let on_purpose = self.sleepers.lock().closed;
        self.finish(queued, if on_purpose { Ok(Ok(())) } else { Err(Box::new(ABORTED)) });
    }

    /// A future is not begun.
    fn skip(&self, queued: Queued<E>) {
        let _permit = Permit::of(&self.rules().state, queued.held);
        self.rules().skip(queued.future);
    }

    /// Makes a future a task of its own.
    fn put_to_sleep(self: &Arc<Self>, queued: Queued<E>) {
        let Some(key) = self.reserve() else { return self.abort(queued) };
        // Not under the lock: a runtime that is shutting down drops the future here and now.
        let task = self.home().handle.spawn(Sleeper { shared: Arc::clone(self), key, queued: Some(queued) });
        let mut sleepers = self.sleepers.lock();
        if sleepers.closed {
            drop(sleepers);
            return task.abort();
        }
        if let Some(handle) = sleepers.handles.get_mut(&key) {
            *handle = Some(task.abort_handle());
        }
    }

    fn reserve(&self) -> Option<u64> {
        let mut sleepers = self.sleepers.lock();
        if sleepers.closed {
            return None;
        }
        sleepers.next += 1;
        let key = sleepers.next;
        sleepers.handles.insert(key, None);
        Some(key)
    }

    /// Cancels the context and aborts all.
    pub(super) fn cancel_and_abort(&self) {
        self.rules().cancel();
        self.abort_all();
    }

    /// Aborts all futures; of the closures, those that have not begun.
    pub(super) fn abort_all(&self) {
        let mut sleepers = self.sleepers.lock();
        sleepers.closed = true;
        let handles = std::mem::take(&mut sleepers.handles);
        drop(sleepers);
        handles.into_values().flatten().for_each(|handle| handle.abort());
        self.drain();
        self.threads.drop_queued();
    }

    /// Aborts what nobody has begun.
    fn drain(&self) {
        while let Some((queued, _)) = self.futures.pop() {
            self.abort(queued);
        }
    }
}

/// One turn at the queue.
struct Runner<E: Display + Send + Sync + 'static> {
    shared: Arc<Shared<E>>,
    begun: bool,
}

impl<E: Display + Send + Sync + 'static> Runner<E> {
    /// It is not among those who will come any more: see [`Shared::call_runner`].
    fn arrive(&mut self) {
        self.begun = true;
        self.shared.coming.fetch_sub(1, AcqRel);
    }
}

impl<E: Display + Send + Sync + 'static> Future for Runner<E> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<()> {
        self.arrive();
        for _ in 0..TURN {
            let Some((queued, more)) = self.shared.futures.pop() else { break };
            if more {
                self.shared.call_runner();
            }
            self.shared.begin(queued);
        }
        Poll::Ready(())
    }
}

impl<E: Display + Send + Sync + 'static> Drop for Runner<E> {
    /// A runner is only dropped before its turn when its runtime ends, and then nobody else will come either.
    fn drop(&mut self) {
        if !self.begun {
            self.arrive();
            self.shared.drain();
        }
    }
}

/// A future as a task of its own.
struct Sleeper<E: Display + Send + Sync + 'static> {
    shared: Arc<Shared<E>>,
    key: u64,
    /// `None` once it is done.
    queued: Option<Queued<E>>,
}

impl<E: Display + Send + Sync + 'static> Future for Sleeper<E> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(queued) = &mut this.queued else { return Poll::Ready(()) };
        let Poll::Ready(result) = this.shared.poll(&mut queued.future, cx) else { return Poll::Pending };
        if let Some(queued) = this.queued.take() {
            this.shared.finish(queued, result);
        }
        Poll::Ready(())
    }
}

impl<E: Display + Send + Sync + 'static> Drop for Sleeper<E> {
    fn drop(&mut self) {
        let handle = self.shared.sleepers.lock().handles.remove(&self.key);
        drop(handle);
        if let Some(queued) = self.queued.take() {
            self.shared.abort(queued);
        }
    }
}

/// A future that says where it is, if anybody asked.
fn dressed<E: Display + 'static>(future: Boxed<E>, spec: &Spec, listing: Option<Listing>) -> Boxed<E> {
    let future = spec.spanned(future, |future, span| Box::pin(span.around(async { told(future.await) })));
    match listing {
        None => future,
        Some(listing) => Box::pin(async move {
            listing.runs();
            future.await
        }),
    }
}
