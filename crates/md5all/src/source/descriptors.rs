//! What is done when there is no descriptor to be had.
//!
//! The shares of a run fit into what the process may have. But others in the process open files as well, and the system
//! as a whole may have no more (`EMFILE`, `ENFILE`). Whoever then finds none, in this order:
//!
//! 1. closes directories that the walk has open and can open again: those that were listed ahead, then those that it
//!    will come back to, the one furthest from where it stands first;
//! 2. waits for one to be freed, if there is an open file, which is closed before long, or a directory that goes with
//!    the last of its entries;
//! 3. to open a file, closes the spare: a descriptor that is open for nothing else;
//! 4. reports it: nothing is left here that could be closed.
//!
//! The walk opens no directory while there is no spare. So a file can be opened once no other is open, whoever has
//! taken the rest, and the walk waits until what it has found is done.
//!
//! Each pipeline has its own of all this, and does not wait for what another has open: on a device that hangs, that may
//! be for ever.
//!
//! Those who open files do not count them, since that would cost each file. What is counted is *holders*: workers that
//! have files in hand, and files on their way. Whoever waits has registered first and looked at the count then;
//! whoever frees lowers the count first and looks then who waits. One of the two sees the other.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};

use errgroup::Context;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::source::local::Base;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Descriptors {
    reserve: Mutex<Reserve>,
    /// Directories that are open, wherever.
    folders: AtomicUsize,
    /// Those that have, or may have, files open.
    holders: AtomicUsize,
    /// Whether anybody waits. Written under the lock of `waiting`.
    wanted: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
    /// Who can close something.
    idle: OnceLock<Weak<dyn Idle>>,
    /// Written by who closes the spare, and opens a file instead; read by who opens a directory, with a spare there.
    last: RwLock<()>,
}

/// Somebody who has descriptors open that are not needed yet.
pub(crate) trait Idle: Send + Sync + fmt::Debug {
    /// Closes them; false if there were none.
    fn close(self: Arc<Self>) -> bool;
}

/// What can be closed.
#[derive(Debug)]
struct Reserve {
    /// Directories that the walk will come back to, the shallowest first.
    above: VecDeque<Base>,
    /// How many of them there may be.
    most: usize,
    spare: Option<OwnedFd>,
}

/// Somebody who may have files open.
#[must_use]
pub(crate) struct Held(Option<Arc<Descriptors>>);

/// A directory that is open.
pub(crate) struct Counted(Arc<Descriptors>);

impl Descriptors {
    /// For a walk that keeps so many directories open above the one it stands in.
    pub(crate) fn new(most: usize) -> Arc<Descriptors> {
        let spare = open_spare().ok(); // if there is none now, the walk waits for it
        let reserve = Reserve { above: VecDeque::new(), most, spare };
        Arc::new(Descriptors {
            reserve: Mutex::new(reserve),
            folders: AtomicUsize::new(0),
            holders: AtomicUsize::new(0),
            wanted: AtomicBool::new(false),
            waiting: Mutex::default(),
            idle: OnceLock::new(),
            last: RwLock::default(),
        })
    }

    /// Keeps a directory open for when the walk comes back up to it, if it may.
    pub(crate) fn keep(&self, base: Base) {
        let mut reserve = self.reserve();
        reserve.above.push_back(base);
        let let_go = if reserve.above.len() > reserve.most { reserve.above.pop_front() } else { None };
        drop(reserve);
        drop(let_go); // not under the lock: it may be closed
    }

    /// The deepest of the directories that were kept, if it is still open.
    pub(crate) fn take_back(&self) -> Option<Base> {
        self.reserve().above.pop_back()
    }

    /// Lets go of all that was kept: it is not the way to where the walk stands.
    pub(crate) fn forget(&self) {
        let let_go = mem::take(&mut self.reserve().above);
        drop(let_go);
    }

    /// How many are kept.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.reserve().above.len()
    }

    /// Counts a directory that was opened.
    pub(crate) fn count(self: &Arc<Self>) -> Counted {
        self.folders.fetch_add(1, SeqCst);
        Counted(Arc::clone(self))
    }

    /// Counts somebody who may have files open from now on.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        self.holders.fetch_add(1, SeqCst);
        Held(Some(Arc::clone(self)))
    }

    /// A file, or whatever else held a descriptor, was closed: whoever waits may try again.
    #[inline]
    pub(crate) fn freed(&self) {
        if self.wanted.load(SeqCst) {
            self.wake();
        }
    }

    /// Whether anybody waits.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(SeqCst)
    }

    /// Has `waker` woken when there may be a descriptor. Says whether anything is open whose closing would do so: if
    /// not, it will not be woken for that.
    pub(crate) fn want(&self, waker: Waker) -> bool {
        let mut waiting = self.waiting();
        waiting.retain(|other| !other.will_wake(&waker));
        waiting.push(waker);
        self.wanted.store(true, SeqCst);
        drop(waiting);
        self.holders.load(SeqCst) > 0
    }

    /// There is somebody who can close something; the first one is asked.
    pub(crate) fn add_idle(&self, idle: Weak<dyn Idle>) {
        self.idle.get_or_init(|| idle);
    }

    /// Closes a directory that the walk can open again. False if there is none.
    pub(crate) fn give_up_directory(&self) -> bool {
        if self.idle.get().and_then(Weak::upgrade).is_some_and(Idle::close) {
            return true;
        }
        let given_up = self.reserve().above.pop_front();
        given_up.is_some()
    }

    /// Whoever has found that nothing is open tries once more, one after the other, and while no directory is opened:
    /// what one gives up, another must not take. Blocks while another tries, or a directory is being opened.
    pub(crate) fn last_resort(&self) -> RwLockWriteGuard<'_, ()> {
        self.last.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be held while a directory is opened. Blocks while somebody closes the spare and opens a file.
    ///
    /// # Errors
    ///
    /// There is no descriptor for a spare.
    pub(crate) fn opening(&self) -> Result<RwLockReadGuard<'_, ()>, Errno> {
        let opening = self.last.read().unwrap_or_else(PoisonError::into_inner);
        self.keep_spare()?;
        Ok(opening)
    }

    /// Closes the descriptor that is there for this. False if it was closed already.
    pub(crate) fn give_up_spare(&self) -> bool {
        let given_up = self.reserve().spare.take();
        given_up.is_some()
    }

    /// Opens a directory for the walk, which stands in `own` directories; as long as there is no descriptor, and one
    /// may be freed, blocks until it is, or `ctx` is cancelled.
    ///
    /// # Errors
    ///
    /// What `open` says.
    pub(crate) fn open_directory<T>(
        self: &Arc<Self>,
        ctx: &Context,
        own: usize,
        mut open: impl FnMut() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let mut is_last = false;
        loop {
            match open() {
                Err(error) if is_want(error) => {
                    if self.give_up_directory() || self.wait(ctx, own) {
                        is_last = false;
                        continue;
                    }
                    // What was closed since it was tried, and before anybody looked, is there now.
                    if is_last {
                        return Err(error);
                    }
                    is_last = true;
                }
                opened => return opened,
            }
        }
    }

    fn keep_spare(&self) -> Result<(), Errno> {
        let mut reserve = self.reserve();
        if reserve.spare.is_none() {
            match open_spare() {
                Err(error) if is_want(error) => return Err(error),
                opened => reserve.spare = opened.ok(),
            }
        }
        Ok(())
    }

    /// Blocks until something was freed, if anything is open but the `own` directories; false if not.
    fn wait(self: &Arc<Self>, ctx: &Context, own: usize) -> bool {
        let sleeper = Arc::new(Sleeper { thread: thread::current(), woken: AtomicBool::new(false) });
        let is_open = self.want(Waker::from(Arc::clone(&sleeper)));
        if ctx.is_cancelled() || !(is_open || self.folders.load(SeqCst) > own) {
            return false;
        }
        let waker = Waker::from(Arc::clone(&sleeper));
        let cancelled = ctx.after_func(move || waker.wake());
        while !sleeper.woken.load(SeqCst) {
            thread::park();
        }
        cancelled.stop();
        !ctx.is_cancelled()
    }

    #[cold]
    fn wake(&self) {
        let mut waiting = self.waiting();
        self.wanted.store(false, SeqCst);
        let woken = mem::take(&mut *waiting);
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
    }

    fn reserve(&self) -> MutexGuard<'_, Reserve> {
        self.reserve.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this says that there is no descriptor to be had, in the process or in the system.
pub(crate) fn is_want(error: Errno) -> bool {
    matches!(error, Errno::MFILE | Errno::NFILE)
}

/// Anything that can be opened at any time.
fn open_spare() -> Result<OwnedFd, Errno> {
    openat(CWD, c"/", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

impl Held {
    /// It has opened nothing: nobody is woken, or two who find no descriptor would wake each other for ever; but if
    /// nothing at all is open now, whoever waits must know.
    pub(crate) fn in_vain(mut self) {
        if let Some(descriptors) = self.0.take()
            && descriptors.holders.fetch_sub(1, SeqCst) == 1
        {
            descriptors.freed();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(descriptors) = self.0.take() {
            descriptors.holders.fetch_sub(1, SeqCst);
            descriptors.freed();
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.folders.fetch_sub(1, SeqCst);
        self.0.freed();
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

/// A thread that waits.
struct Sleeper {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, SeqCst);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a directory was tried, and what came of it, if `meddle` is called at each try.
    fn tried(mut meddle: impl FnMut(usize) -> Result<(), Errno>) -> (usize, Result<(), Errno>) {
        let mut tries = 0;
        let opened = Descriptors::new(0).open_directory(&Context::background(), 0, || {
            tries += 1;
            meddle(tries)
        });
        (tries, opened)
    }

    #[test]
    fn what_is_freed_between_a_try_and_a_look_is_not_missed() {
        let descriptors = Descriptors::new(0);
        let mut last = Some(descriptors.hold());
        let opened = descriptors.open_directory(&Context::background(), 0, || match last.take() {
            Some(held) => {
                drop(held); // the descriptor is there now, and nobody waited for it yet
                Err(Errno::MFILE)
            }
            None => Ok(()),
        });
        assert_eq!(opened, Ok(()));
    }

    #[test]
    fn where_nothing_is_open_want_is_told_and_what_is_none_at_once() {
        assert_eq!(tried(|_| Err(Errno::MFILE)), (2, Err(Errno::MFILE)));
        assert_eq!(tried(|_| Err(Errno::NFILE)), (2, Err(Errno::NFILE)));
        assert_eq!(tried(|_| Err(Errno::ACCESS)), (1, Err(Errno::ACCESS)));
        assert_eq!(tried(|_| Ok(())), (1, Ok(())));
    }
}
