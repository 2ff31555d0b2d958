//! What can be said of a failure: the first error of a group as a handle that is cheap to pass on ([`Failed`]), a
//! task that panicked ([`Panicked`]), and a task that was not run ([`Refused`]). That it is time to stop is said by a
//! context: [`Stopped`](crate::Stopped).

use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// The first error of a group, as [`Group::wait`](crate::Group::wait) gives it and as a
/// [`Context`](crate::Context) names it as its cause.
///
/// A handle: cloning it copies a pointer, and all clones speak of the one error. It is a [`std::error::Error`]
/// whatever `E` is, so that `?` turns it into `Box<dyn Error>` or `anyhow::Error`. The error itself stays inside until
/// [`Group::join`](crate::Group::join) hands it over; the text is there always.
///
/// ```
/// use errgroup::Group;
/// use std::io;
///
/// let group = Group::new();
/// group.go(|| Err(io::Error::from(io::ErrorKind::NotFound)));
/// let failed = group.wait().unwrap_err();
/// assert_eq!(failed.with(|error| error.kind()), Some(io::ErrorKind::NotFound));
/// assert_eq!(failed.to_string(), "entity not found");
/// ```
pub struct Failed<E>(Arc<RwLock<Held<E>>>);

enum Held<E> {
    Here(E),
    /// A join took it; this is what it said.
    Taken(String),
}

impl<E> Failed<E> {
    pub(crate) fn new(error: E) -> Self {
        Self(Arc::new(RwLock::new(Held::Here(error))))
    }

    /// Looks at the error, or gives `None` if a `join` has taken it.
    ///
    /// Blocks only while a `join` takes it, and a `join` waits for `look` to return: do not join the same group
    /// inside `look`.
    pub fn with<R>(&self, look: impl FnOnce(&E) -> R) -> Option<R> {
        match &*self.read() {
            Held::Here(error) => Some(look(error)),
            Held::Taken(_) => None,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Held<E>> {
        // A panic in `look` leaves the error as it was: a read guard cannot change it.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Display> Failed<E> {
    /// Takes the error out, leaving its text to the other handles. `None` if it was taken before.
    pub(crate) fn take(&self) -> Option<E> {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Held::Here(error) = &*held else {
            return None;
        };
        let text = error.to_string();
        match std::mem::replace(&mut *held, Held::Taken(text)) {
            Held::Here(error) => Some(error),
            Held::Taken(_) => None,
        }
    }
}

impl<E> Clone for Failed<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E: Display> Display for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.read() {
            Held::Here(error) => Display::fmt(error, f),
            Held::Taken(text) => Display::fmt(text, f),
        }
    }
}

impl<E: Display> Debug for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failed").field(&format_args!("{self}")).finish()
    }
}

impl<E: Display> Error for Failed<E> {}

/// The cause of a context whose group had a task that panicked: the text of the first panic.
#[derive(Clone, Debug)]
pub struct Panicked(String);

impl Panicked {
    pub(crate) fn new(message: String) -> Self {
        Self(message)
    }

    /// What the panic said.
    pub fn message(&self) -> &str {
        &self.0
    }
}

impl Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a task panicked: {}", self.0)
    }
}

impl Error for Panicked {}

/// A closure or a future that a group did not run, given back: the group is at its limit, or a context is over.
///
/// ```
/// use errgroup::Group;
///
/// let group = Group::<String>::new();
/// group.set_limit(0);
/// let refused = group.try_go(|| Ok(())).unwrap_err();
/// let task = refused.into_inner(); // run it elsewhere, or drop it knowingly
/// assert_eq!(task(), Ok(()));
/// ```
#[must_use = "the task inside was not run"]
pub struct Refused<F>(F);

impl<F> Refused<F> {
    pub(crate) fn new(task: F) -> Self {
        Self(task)
    }

    /// The closure, or the future.
    pub fn into_inner(self) -> F {
        self.0
    }
}

impl<F> Debug for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").finish_non_exhaustive()
    }
}

impl<F> Display for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the group did not take the task")
    }
}

impl<F> Error for Refused<F> {}
