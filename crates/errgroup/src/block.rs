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

/// Looks for a while whether `ready`, for about as long as it would take to be woken from parking; if that is soon enough,
/// it costs half of what parking does.
///
/// The pause between two looks is there because each look takes what it looks at from the core that works on it. To let
/// others run instead (`yield_now`) was tried: it keeps this thread and the one it waits for on the same core, one after the
/// other, while another core is idle. Whoever parks is placed anew.
pub(crate) fn linger(mut ready: impl FnMut() -> bool) -> bool {
    const LOOKS: u32 = 100;
    const PAUSE: u32 = 4;
    (0..LOOKS).any(|_| {
        (0..PAUSE).for_each(|_| std::hint::spin_loop());
        ready()
    })
}
