//! [`race`]: the first success wins.

use std::convert::Infallible;

use crate::context::Context;
use crate::scope::scope_with_context;
use crate::state::contain;
use crate::sync::Mutex;

/// What the losers' context says.
const LOST: &str = "another task of the race has won";

/// Runs `tasks` at once, on threads, and gives the first success; that cancels the rest. If none succeeds, gives the
/// errors, in the order of time.
///
/// Blocks until all that were begun have returned: a loser that does not look at its context is waited for. Tasks may
/// borrow. What is not begun when somebody wins is dropped.
///
/// # Errors
///
/// All errors, if no task succeeded; none if there was no task.
///
/// # Panics
///
/// If a task panicked, whoever won: with the first panic's payload, after all have returned.
///
/// ```
/// use errgroup::Context;
///
/// let mirrors = ["slow", "broken", "quick"];
/// let first = errgroup::race(mirrors.map(|mirror| {
///     move |ctx: &Context| match mirror {
///         "quick" => Ok(mirror),
///         "broken" => Err("no answer".to_owned()),
///         _ => {
///             ctx.wait(); // or any work that looks at it now and then
///             Err("too late".to_owned())
///         }
///     }
/// }));
/// assert_eq!(first, Ok("quick"));
/// ```
///
/// Closures that differ, and capture, are boxed to have one type:
///
/// ```
/// use errgroup::Context;
///
/// type Attempt<'a> = Box<dyn FnOnce(&Context) -> Result<usize, String> + Send + 'a>;
///
/// let (text, word) = ("so many words".to_owned(), "many".to_owned());
/// let attempts: [Attempt<'_>; 2] = [
///     Box::new(|_| text.find(&word).ok_or_else(|| format!("no {word}"))),
///     Box::new(|_| Err("not today".into())),
/// ];
/// assert_eq!(errgroup::race(attempts), Ok(3));
/// ```
#[doc(alias = "select_ok")]
#[doc(alias = "any")]
pub fn race<T, E, F>(tasks: impl IntoIterator<Item = F>) -> Result<T, Vec<E>>
where
    T: Send,
    E: Send,
    F: FnOnce(&Context) -> Result<T, E> + Send,
{
    race_with_context(&Context::background(), tasks)
}

/// [`race`] with a context made from `parent`: whoever cancels that is heard by the tasks, and no more are begun.
///
/// # Errors
///
/// As [`race`]; tasks that were not begun have none. If `parent` was cancelled before any, there are none at all: see
/// [`Context::cause`].
///
/// # Panics
///
/// As [`race`].
pub fn race_with_context<T, E, F>(parent: &Context, tasks: impl IntoIterator<Item = F>) -> Result<T, Vec<E>>
where
    T: Send,
    E: Send,
    F: FnOnce(&Context) -> Result<T, E> + Send,
{
    let finish = Finish::default();
    let (ctx, cancel) = parent.with_cancel();
    let Ok(()) = scope_with_context(&ctx, |s| {
        let (finish, ctx, cancel) = (&finish, &ctx, &cancel);
        for task in tasks {
            if ctx.is_cancelled() {
                break;
            }
            s.go(move || {
                // It may have been queued when somebody won.
                if !ctx.is_cancelled() && finish.arrive(task(s.context())) {
                    cancel.cancel_with(LOST);
                }
                Ok(())
            });
        }
        Ok::<_, Infallible>(())
    });
    finish.into_result()
}

/// Who has come in so far: the winner, or else those who failed.
pub(crate) struct Finish<T, E>(Mutex<Result<T, Vec<E>>>);

impl<T, E> Finish<T, E> {
    /// Notes a result; says whether it is the winner.
    pub(crate) fn arrive(&self, result: Result<T, E>) -> bool {
        let mut so_far = self.0.lock();
        let (has_won, dropped) = match (result, so_far.as_mut()) {
            (Err(error), Err(errors)) => {
                errors.push(error);
                return false;
            }
            (Ok(value), Err(_)) => (true, std::mem::replace(&mut *so_far, Ok(value))),
            (late, Ok(_)) => (false, late.map_err(|error| vec![error])),
        };
        drop(so_far);
        contain(|| drop(dropped)); // after the lock, and without unwinding: it is a user's code
        has_won
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn has_winner(&self) -> bool {
        self.0.lock().is_ok()
    }

    pub(crate) fn into_result(self) -> Result<T, Vec<E>> {
        self.0.into_inner()
    }
}

impl<T, E> Default for Finish<T, E> {
    fn default() -> Self {
        Self(Mutex::new(Err(Vec::new())))
    }
}
