//! One large file, and a core that has none: it reads ahead while this one hashes.
//!
//! The bytes of one MD5 can only be hashed one after the other, so a second core
//! is of no use but to have the next ones there in time, and for what else is to
//! be computed of them. For each piece there is a task in a scope, or two: a
//! piece is large enough that this costs nothing beside it.
//! How many files at most are read so is bounded, for the memory that it takes.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::digest::state::State;
use crate::error::Reason;
use crate::source::Content;

/// Milliseconds of hashing.
const PIECE: usize = 1 << 20;

/// What one file takes: the piece that is hashed, and the one that is read.
pub(crate) const MEMORY: usize = 2 * PIECE;

/// How many files more may be read ahead of at the same time.
#[derive(Debug)]
pub(crate) struct Permits(AtomicUsize);

/// The permission to read ahead of one.
#[derive(Debug)]
pub(crate) struct Permit<'permits>(&'permits AtomicUsize);

impl Permits {
    /// So many at a time.
    pub(crate) fn new(most: usize) -> Permits {
        Permits(AtomicUsize::new(most))
    }

    /// One of them, if there is any left. Relaxed: it guards a number and nothing behind it.
    pub(crate) fn permit(&self) -> Option<Permit<'_>> {
        let taken = self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        taken.is_ok().then_some(Permit(&self.0))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Whether so much is left of a file that it is worth it, and reading it is a matter of this machine only.
pub(crate) fn is_worth_it(content: &Content) -> bool {
    content.left() > 4 * PIECE as u64 && !content.device().is_some_and(|device| device.is_far())
}

/// Reads on and hashes, up to the end of the file or as long as `is_alone` says so; tells `hashed` of each piece.
///
/// # Errors
///
/// What kept the file from being read.
pub(crate) fn hash(
    content: &mut Content,
    state: &mut State,
    is_alone: impl Fn() -> bool,
    hashed: impl Fn(usize),
) -> Result<(), Reason> {
    let (mut piece, mut next) = (vec![0; PIECE], vec![0; PIECE]);
    let mut filled = content.read(&mut piece)?;
    while filled > 0 && is_alone() {
        let mut ahead = 0;
        errgroup::scope(|scope| {
            scope.go(|| {
                ahead = content.read(&mut next)?;
                Ok(())
            });
            let bytes = &piece[..filled];
            if !state.has_md5() {
                state.update(bytes);
                return Ok(());
            }
            let State { md5, others } = &mut *state;
            if let Some(others) = others {
                scope.go(|| {
                    others.update(bytes);
                    Ok(())
                });
            }
            md5.update(bytes);
            Ok(())
        })?;
        hashed(filled);
        (piece, next, filled) = (next, piece, ahead);
    }
    state.update(&piece[..filled]);
    hashed(filled);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::{Algorithm, Algorithms};
    use std::cell::Cell;
    use std::fs::{self, File};

    /// A file with an odd end, hashed in company after so many pieces.
    fn check(pieces: usize, algorithms: Algorithms) {
        let bytes: Vec<u8> = (0..5 * PIECE + 77).map(|index| (index / 3) as u8).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &bytes).unwrap();
        let mut content = Content::new(File::open(file.path()).unwrap().into()).unwrap();
        assert!(is_worth_it(&content));

        let mut state = State::new(algorithms);
        let left = Cell::new(pieces);
        let is_alone = || left.replace(left.get().saturating_sub(1)) > 0;
        let hashed = Cell::new(0);
        hash(&mut content, &mut state, is_alone, |bytes| hashed.set(hashed.get() + bytes)).unwrap();
        let done = (pieces + 1).min(6) * PIECE;
        assert_eq!(content.left(), bytes.len().saturating_sub(done) as u64);
        assert_eq!(hashed.get(), done.min(bytes.len()));
        let mut expected = State::new(algorithms);
        expected.update(&bytes[..done.min(bytes.len())]);
        assert_eq!(state.finish(), expected.finish(), "{algorithms:?}");
        content.verify().map_or_else(|_| assert!(done < bytes.len()), |()| assert!(done >= bytes.len()));
    }

    #[test]
    fn all_that_was_read_is_hashed_whenever_it_ends() {
        for pieces in [0, 1, 2, 5, 6, 100] {
            let sha256 = Algorithms::from(Algorithm::Sha256);
            for algorithms in [Algorithms::default(), sha256, Algorithms::ALL] {
                check(pieces, algorithms);
            }
        }
    }

    #[test]
    fn permits_are_as_many_as_there_may_be_and_come_back() {
        let permits = Permits::new(2);
        let both = (permits.permit().unwrap(), permits.permit().unwrap());
        assert!(permits.permit().is_none());
        drop(both);
        assert!(permits.permit().is_some());
        assert!(Permits::new(0).permit().is_none());
    }

    #[test]
    fn a_read_that_fails_is_the_error() {
        let mut content = Content::new(File::open("/").unwrap().into()).unwrap();
        let reason = hash(&mut content, &mut State::new(Algorithms::default()), || true, |_| ()).unwrap_err();
        assert_eq!(reason.to_string(), "cannot read: Is a directory");
    }
}
