//! [`try_map`]: many futures at once, their results in the items' order.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use super::Group;
use crate::context::{Context, Stopped};
use crate::map::Results;
use crate::rules::CancelsWhenDropped;

/// Makes a future of each of `items`, runs at most `limit` of them at a time, as tasks, and gives their results in the
/// order of the items.
///
/// The items are taken where this is awaited, each once the future of the one before it was started. After the first
/// error no more are taken, and the futures that still run are aborted. Dropped, it aborts them too.
///
/// # Errors
///
/// The first error by time.
///
/// # Panics
///
/// If `limit` is 0, or a future panicked; outside a runtime.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), String> {
/// let squares = errgroup::tokio::try_map(1..=100u64, 8, |n| async move {
///     tokio::task::yield_now().await;
///     Ok::<_, String>(n * n)
/// }).await?;
/// assert_eq!(squares[9], 100);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "buffered")]
pub async fn try_map<I, T, E, F, Fut>(items: I, limit: usize, mut function: F) -> Result<Vec<T>, E>
where
    I: IntoIterator,
    T: Send + 'static,
    E: Display + Send + Sync + 'static,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    // Nothing but an error ends this context, and that is recorded.
    map(&Context::background(), items, limit, |_, item| function(item), |_| Ok(())).await
}

/// [`try_map`] with a context made from `parent`, which `function` gets: it is cancelled at the first error and with
/// `parent`.
///
/// # Errors
///
/// As [`try_map`]; made from [`Stopped`] where `parent` ended the taking of items and nothing else went wrong.
///
/// # Panics
///
/// As [`try_map`].
pub async fn try_map_with_context<I, T, E, F, Fut>(
    parent: &Context,
    items: I,
    limit: usize,
    function: F,
) -> Result<Vec<T>, E>
where
    I: IntoIterator,
    T: Send + 'static,
    E: Display + From<Stopped> + Send + Sync + 'static,
    F: FnMut(&Context, I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    map(parent, items, limit, function, |ctx| Err(Stopped::of(ctx).into())).await
}

async fn map<I, T, E, F, Fut>(
    parent: &Context,
    items: I,
    limit: usize,
    mut function: F,
    stopped: impl FnOnce(&Context) -> Result<(), E>,
) -> Result<Vec<T>, E>
where
    I: IntoIterator,
    T: Send + 'static,
    E: Display + Send + Sync + 'static,
    F: FnMut(&Context, I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    assert!(limit > 0, "with a limit of 0 no item would ever be taken");
    let (group, ctx) = Group::with_context(parent);
    group.set_limit(limit);
    // Told apart from the end of `parent`, which aborts nothing.
    let (failed, on_failure) = Context::background().with_cancel();
    let results = Arc::new(Results::default());
    let mut cut = Ok(());
    for (index, item) in items.into_iter().enumerate() {
        let (future, results) = (function(&ctx, item), Arc::clone(&results));
        let on_failure = on_failure.clone();
        let task = async move {
            let on_failure = CancelsWhenDropped::new(on_failure); // from here on: one not begun has not failed
            results.put(index, future.await?);
            on_failure.disarm();
            Ok(())
        };
        if group.go_until(&ctx, task).await.is_err() {
            cut = stopped(&ctx);
            break;
        }
    }
    group.join_or_abort(&failed).await?;
    cut?; // only now: what went wrong first comes first
    Ok(Arc::into_inner(results).expect("the tasks are gone").into_whole())
}
