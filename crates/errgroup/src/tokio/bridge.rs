//! Between a [`Context`] and tokio: its cancellation tokens and its clock.

use std::future::Future;
use std::sync::{Arc, Weak};
use std::task::{self, Wake, Waker};
use std::time::Duration;

use ::tokio::task::JoinHandle;
use ::tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::context::{Cancel, Context, Node};

/// A child of `parent` that is also cancelled when `token` is, with
/// [`ContextError::Canceled`](crate::ContextError::Canceled) as its cause. Cancelling the child does not cancel
/// `token`.
///
/// Does not block, and needs no runtime.
///
/// ```
/// use errgroup::Context;
/// use tokio_util::sync::CancellationToken;
///
/// let token = CancellationToken::new();
/// let (ctx, _cancel) = errgroup::tokio::from_token(&Context::background(), &token);
/// token.cancel();
/// assert!(ctx.is_cancelled());
/// ```
pub fn from_token(parent: &Context, token: &CancellationToken) -> (Context, Cancel) {
    let (ctx, cancel) = parent.with_cancel();
    let waker = Waker::from(Arc::new(CancelsNode(Arc::downgrade(cancel.node()))));
    let mut cancelled = Box::pin(token.clone().cancelled_owned());
    match cancelled.as_mut().poll(&mut task::Context::from_waker(&waker)) {
        task::Poll::Ready(()) => cancel.cancel(),
        task::Poll::Pending => cancel.node().tie(cancelled), // while it lives, the waker is known to the token
    }
    (ctx, cancel)
}

/// A token that is cancelled when `ctx` is. Cancelling the token does not cancel `ctx`.
///
/// Each call registers with `ctx` until that is over: make one token, and clones or children of it.
///
/// Does not block, and needs no runtime.
///
/// ```
/// use errgroup::Context;
///
/// let (ctx, cancel) = Context::background().with_cancel();
/// let token = errgroup::tokio::to_token(&ctx);
/// cancel.cancel();
/// assert!(token.is_cancelled());
/// ```
pub fn to_token(ctx: &Context) -> CancellationToken {
    let token = CancellationToken::new();
    ctx.wake_when_cancelled(Waker::from(Arc::new(CancelsToken(token.clone()))));
    token
}

/// [`Context::with_timeout`] by tokio's clock: see [`with_deadline`].
///
/// # Panics
///
/// As [`with_deadline`].
pub fn with_timeout(parent: &Context, timeout: Duration) -> (Context, Cancel) {
    match Instant::now().checked_add(timeout) {
        Some(deadline) => with_deadline(parent, deadline),
        None => parent.with_cancel(), // later than any clock can say
    }
}

/// [`Context::with_deadline`] by the clock of the current tokio runtime: it stands still where that is paused, and
/// jumps where that is advanced. The deadline is kept by a task of the runtime, and lost with it.
///
/// # Panics
///
/// Outside a runtime, or in one without time.
///
/// ```
/// use std::time::Duration;
/// use errgroup::Context;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let day = Duration::from_secs(24 * 60 * 60);
/// let (ctx, _cancel) = errgroup::tokio::with_timeout(&Context::background(), day);
/// ctx.cancelled().await; // at once, if the clock is paused
/// assert_eq!(ctx.cause().unwrap().to_string(), "context deadline exceeded");
/// # }
/// ```
pub fn with_deadline(parent: &Context, deadline: Instant) -> (Context, Cancel) {
    parent.with_deadline_by(deadline.into_std(), |node| {
        if deadline <= Instant::now() {
            return node.expire();
        }
        let (due, node_then) = (sleep_until(deadline), Arc::downgrade(node)); // here: where there is no time, it panics
        node.tie(AbortedWhenDropped(::tokio::spawn(async move {
            due.await;
            if let Some(node) = node_then.upgrade() {
                node.expire();
            }
        })));
    })
}

struct AbortedWhenDropped(JoinHandle<()>);

impl Drop for AbortedWhenDropped {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A waker that cancels a context.
struct CancelsNode(Weak<Node>);

impl Wake for CancelsNode {
    fn wake(self: Arc<Self>) {
        if let Some(node) = self.0.upgrade() {
            Cancel::of(node).cancel();
        }
    }
}

/// A waker that cancels a token.
struct CancelsToken(CancellationToken);

impl Wake for CancelsToken {
    fn wake(self: Arc<Self>) {
        self.0.cancel();
    }
}
