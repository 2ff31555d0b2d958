//! How a thread waits for what is told by a [`Waker`]: it parks, and the waker unparks it.
//!
//! The bridge between the core, which knows only wakers, and the fronts for threads.

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

/// Looks a few times whether `ready`, for what takes less time than parking and being woken does: at first on this
/// core, then letting others run, whose work this may wait for.
///
/// `pause` is how many spins there are between two looks, at least 1. Each look takes what it looks at from the core that
/// is working on it; where several things may become ready, it pays to let them come together.
pub(crate) fn linger(pause: usize, mut ready: impl FnMut() -> bool) -> bool {
    const SPINS: usize = 64;
    const YIELDS: u32 = 5;
    let spun = (0..SPINS / pause).any(|_| {
        (0..pause).for_each(|_| std::hint::spin_loop());
        ready()
    });
    spun || (0..YIELDS).any(|_| {
        thread::yield_now();
        ready()
    })
}
