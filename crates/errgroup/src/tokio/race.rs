//! [`race`]: the first future to succeed wins.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use super::Group;
use crate::context::Context;
use crate::race::Finish;
use crate::rules::CancelsWhenDropped;

/// Runs `futures` at once, as tasks, and gives the first success; the rest are aborted. If none succeeds, gives the
/// errors, in the order of time.
///
/// Dropped, it aborts them all. A loser is gone when this is done.
///
/// # Errors
///
/// All errors, if no future succeeded; none if there was no future.
///
/// # Panics
///
/// If none succeeded and one panicked; outside a runtime.
///
/// ```
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let mirrors = [("slow", 900), ("quick", 10)];
/// let first = errgroup::tokio::race(mirrors.map(|(mirror, millis)| async move {
///     tokio::time::sleep(Duration::from_millis(millis)).await;
///     Ok::<_, String>(mirror)
/// })).await;
/// assert_eq!(first, Ok("quick"));
/// # }
/// ```
#[doc(alias = "select_ok")]
#[doc(alias = "any")]
pub async fn race<T, E, Fut>(futures: impl IntoIterator<Item = Fut>) -> Result<T, Vec<E>>
where
    T: Send + 'static,
    E: Send + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    let group = Group::<Infallible>::new();
    let finish = Arc::new(Finish::default());
    let (over, cancel) = Context::background().with_cancel();
    let everyone = Arc::new(CancelsWhenDropped::new(cancel.clone())); // the last to come in drops it last
    for future in futures {
        let (finish, everyone, cancel) = (Arc::clone(&finish), Arc::clone(&everyone), cancel.clone());
        group
            .go(async move {
                if finish.arrive(future.await) {
                    cancel.cancel();
                }
                drop(everyone);
                Ok(())
            })
            .await;
    }
    drop(everyone);
    over.cancelled().await;
    if finish.has_winner() {
        group.shutdown().await;
    } else {
        let Ok(()) = group.join().await;
    }
    Arc::into_inner(finish).expect("the tasks are gone").into_result()
}
