//! [`try_map`]: a function applied to many items at once, the results in the items' order.

use std::fmt::Display;

use crate::context::{Context, Stopped};
use crate::scope::scope_with_context;
use crate::sync::Mutex;

/// Applies `function` to each of `items`, at most `limit` at a time, on threads, and gives the results in the order of
/// the items.
///
/// The items are taken on the calling thread, each once the one before it was handed to the threads: at most one more
/// than `limit` is in hand, and the iterator may be slow, endless but for an error, or not `Send`. After the first error
/// no more items are taken; those that are begun are waited for, and their results dropped. `function` may borrow.
///
/// Blocks until all that was begun has returned. To see that it should stop, `function` needs a context:
/// [`try_map_with_context`] gives it one.
///
/// # Errors
///
/// The first error that `function` returned.
///
/// # Panics
///
/// If `limit` is 0, or `function` panicked: with the first panic's payload, after all have returned.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let names = ["Cargo.toml", "src/lib.rs"];
/// let sizes = errgroup::try_map(names, 8, |name| Ok::<_, std::io::Error>(std::fs::metadata(name)?.len()))?;
/// assert_eq!(sizes[0], std::fs::metadata("Cargo.toml")?.len());
/// # Ok(())
/// # }
/// ```
#[doc(alias = "buffered")]
#[track_caller]
pub fn try_map<I, T, E, F>(items: I, limit: usize, function: F) -> Result<Vec<T>, E>
where
    I: IntoIterator<Item: Send>,
    T: Send,
    E: Display + Send + Sync + 'static,
    F: Fn(I::Item) -> Result<T, E> + Sync,
{
    // Nothing but an error ends this context, and that is recorded.
    map(&Context::background(), items, limit, |_, item| function(item), |_| Ok(()))
}

/// [`try_map`] with a context made from `parent`, which `function` gets to look at: it is cancelled at the first error
/// and with `parent`.
///
/// Where `parent` ends the taking of items, and nothing else went wrong, there is no whole list to give: the error is
/// made from [`Stopped`].
///
/// # Errors
///
/// As [`try_map`].
///
/// # Panics
///
/// As [`try_map`].
///
/// ```
/// use errgroup::{Context, try_map_with_context};
///
/// let (parent, cancel) = Context::background().with_cancel();
/// let stopped = try_map_with_context(&parent, 0.., 4, |ctx, n| {
///     if n == 100 {
///         cancel.cancel_with("that will do");
///     }
///     ctx.check().map_err(String::from).map(|()| n)
/// });
/// assert_eq!(stopped, Err("that will do".to_owned()));
/// ```
#[track_caller]
pub fn try_map_with_context<I, T, E, F>(parent: &Context, items: I, limit: usize, function: F) -> Result<Vec<T>, E>
where
    I: IntoIterator<Item: Send>,
    T: Send,
    E: Display + From<Stopped> + Send + Sync + 'static,
    F: Fn(&Context, I::Item) -> Result<T, E> + Sync,
{
    map(parent, items, limit, function, |ctx| Err(Stopped::of(ctx).into()))
}

/// `stopped` says what it means that items are not taken any more.
#[track_caller]
fn map<I, T, E, F>(
    parent: &Context,
    items: I,
    limit: usize,
    function: F,
    stopped: impl FnOnce(&Context) -> Result<(), E>,
) -> Result<Vec<T>, E>
where
    I: IntoIterator<Item: Send>,
    T: Send,
    E: Display + Send + Sync + 'static,
    F: Fn(&Context, I::Item) -> Result<T, E> + Sync,
{
    assert!(limit > 0, "with a limit of 0 no item would ever be taken");
    let results = Results::default();
    scope_with_context(parent, |s| {
        s.set_limit(limit);
        let (results, function) = (&results, &function);
        for (index, item) in items.into_iter().enumerate() {
            let task = move || function(s.context(), item).map(|result| results.put(index, result));
            if s.go_until(s.context(), task).is_err() {
                return stopped(s.context());
            }
        }
        Ok(())
    })?;
    Ok(results.into_whole())
}

/// Results as they come, each in its item's place.
pub(crate) struct Results<T>(Mutex<Vec<Option<T>>>);

impl<T> Results<T> {
    pub(crate) fn put(&self, index: usize, result: T) {
        let mut results = self.0.lock();
        if index >= results.len() {
            results.resize_with(index + 1, || None);
        }
        results[index] = Some(result);
    }

    /// All of them. Called when every task has succeeded.
    pub(crate) fn into_whole(self) -> Vec<T> {
        let results = self.0.into_inner().into_iter();
        results.map(|result| result.expect("a task that succeeded has put its result")).collect()
    }
}

impl<T> Default for Results<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}
