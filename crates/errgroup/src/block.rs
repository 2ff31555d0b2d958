//! How a thread waits for what is told by a [`Waker`]: it parks, and the waker unparks it.
//!
//! The bridge between the core, which knows only wakers, and the fronts for threads.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    static WAKER: Waker = Waker::from(Arc::new(Unpark(thread::current())));
}

/// The waker of this thread.
pub(crate) fn waker() -> Waker {
    // A thread that is ending may have lost the one it keeps.
    WAKER.try_with(Waker::clone).unwrap_or_else(|_| Waker::from(Arc::new(Unpark(thread::current()))))
}

/// Parks this thread until `poll` is ready.
pub(crate) fn until<T>(mut poll: impl FnMut(&Waker) -> Poll<T>) -> T {
    let waker = waker();
    loop {
        if let Poll::Ready(value) = poll(&waker) {
            return value;
        }
        thread::park();
    }
}

/// Looks for a while whether `ready`, for about as long as being woken from parking would take: if that is soon enough, it
/// costs half of what parking does. False if it is time to park.
///
/// Spinning serves where the thread that is waited for runs on another core, yielding where it waits for this one; which
/// of the two it is cannot be asked. A thread that finds what it waits for only after yielding shares its core with
/// whoever brings it, and the two go on so, one after the other, though another core may be idle: they never sleep, so
/// the scheduler has no cause to place them anew. So after some of that it is time to park.
pub(crate) fn linger(mut ready: impl FnMut() -> bool) -> bool {
    const ROUNDS: u32 = 5;
    if is_crowded() {
        return false;
    }
    for round in 0..ROUNDS {
        if round > 0 {
            thread::yield_now();
        }
        if spin(&mut ready) {
            crowd(round > 0);
            return true;
        }
    }
    false
}

/// 1.6 µs or so.
fn spin(ready: &mut impl FnMut() -> bool) -> bool {
    const LOOKS: u32 = 20;
    // Each look takes what it looks at from the core that works on it.
    const PAUSE: u32 = 4;
    (0..LOOKS).any(|_| {
        (0..PAUSE).for_each(|_| std::hint::spin_loop());
        ready()
    })
}

thread_local! {
    /// How often more this thread has found what it waited for after yielding than before.
    static CROWDED: Cell<u32> = const { Cell::new(0) };
}

/// Notes whether yielding was what helped.
fn crowd(by_yielding: bool) {
    let _ = CROWDED.try_with(|times| {
        times.set(if by_yielding { times.get() + 1 } else { times.get().saturating_sub(1) });
    });
}

/// Whether it is time to be placed anew; once.
fn is_crowded() -> bool {
    const MOST: u32 = 16;
    CROWDED.try_with(|times| times.get() > MOST && times.replace(0) > MOST).unwrap_or(false)
}
