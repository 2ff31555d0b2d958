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
    WAKER.with(Waker::clone)
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

/// Looks a few times whether `ready`, for what takes less time than parking does.
pub(crate) fn spin(mut ready: impl FnMut() -> bool) -> bool {
    const LOOKS: u32 = 200;
    (0..LOOKS).any(|_| {
        std::hint::spin_loop();
        ready()
    })
}
