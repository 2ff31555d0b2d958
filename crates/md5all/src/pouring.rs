//! What comes, one after the other, to whoever takes it: the loop that is at the heart of everything the program does.

use std::time::Duration;

use md5all::{Audit, ETags, Error, Verdicts};

use crate::failure::Failure;

/// When nothing has come for so long, what is done already is written.
const PAUSE: Duration = Duration::from_millis(20);

/// What can be asked whether the next is there.
pub(crate) trait Source: Iterator {
    /// Waits, for `timeout` at most, until it is; says whether it is.
    fn ready_within(&self, timeout: Duration) -> bool;
}

/// Who takes what comes.
pub(crate) trait Taker<T> {
    /// Takes the next.
    ///
    /// # Errors
    ///
    /// Why there is no going on.
    fn take(&mut self, item: &T) -> Result<(), Failure>;

    /// Writes what was taken, where somebody can see it: the next may take long to come.
    ///
    /// # Errors
    ///
    /// Why it could not be written.
    fn flush(&mut self) -> Result<(), Failure>;
}

/// Hands on all that comes. Where the next takes its time, and at the end, `idle` says what else there is to say.
///
/// # Errors
///
/// The first of any.
pub(crate) fn pour<T>(
    source: &mut impl Source<Item = Result<T, impl Into<Failure>>>,
    taker: &mut impl Taker<T>,
    mut idle: impl FnMut(),
) -> Result<(), Failure> {
    loop {
        if !source.ready_within(PAUSE) {
            taker.flush()?;
            idle();
        }
        let Some(item) = source.next() else { break };
        taker.take(&item.map_err(Into::into)?)?;
    }
    idle();
    Ok(())
}

impl<T: Send + 'static> Source for errgroup::Pipeline<T, Error> {
    fn ready_within(&self, timeout: Duration) -> bool {
        errgroup::Pipeline::ready_within(self, timeout)
    }
}

impl Source for Verdicts {
    fn ready_within(&self, timeout: Duration) -> bool {
        Verdicts::ready_within(self, timeout)
    }
}

impl Source for Audit {
    fn ready_within(&self, timeout: Duration) -> bool {
        Audit::ready_within(self, timeout)
    }
}

impl Source for ETags {
    fn ready_within(&self, timeout: Duration) -> bool {
        ETags::ready_within(self, timeout)
    }
}
