//! What becomes of files: a [`Record`] for each, from the hashers to whoever asked.
//!
//! Plain data. Every problem is a record as well, and so takes its turn in the
//! same order as the digests.

use std::path::PathBuf;

use crate::algorithm::{Checksums, Digest};
use crate::directory::{PathBuffer, Place, Said};
use crate::error::{Error, Reason};
use crate::facts::Facts;
use crate::skip::Skip;

/// What became of one file or directory.
#[derive(Debug)]
pub struct Record {
    place: Place,
    outcome: Outcome,
}

/// What a [`Record`] says.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The file was read to its end, and this is what it has.
    Hashed(Hashed),
    /// The file was passed over on purpose.
    Skipped(Skip),
    /// No digest: the file could not be read, or the directory not walked.
    Failed(Reason),
}

/// What is known of a file that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed {
    checksums: Checksums,
    /// Beside the record, since few ask for them.
    facts: Option<Box<Facts>>,
}

impl Hashed {
    /// Something that has these checksums.
    pub fn new(checksums: impl Into<Checksums>) -> Hashed {
        Hashed { checksums: checksums.into(), facts: None }
    }

    /// The same, with these facts.
    #[must_use]
    pub fn with_facts(self, facts: Facts) -> Hashed {
        self.with(Some(Box::new(facts)))
    }

    /// The same, with these facts and no others.
    pub(crate) fn with(self, facts: Option<Box<Facts>>) -> Hashed {
        Hashed { facts, ..self }
    }

    /// Its checksums, of all algorithms that were asked for.
    #[must_use]
    pub fn checksums(&self) -> &Checksums {
        &self.checksums
    }

    /// Its MD5, if that was asked for.
    #[must_use]
    pub fn md5(&self) -> Option<Digest> {
        self.checksums.md5()
    }

    /// What the file system said of it; nothing, if nobody asked for that or it is no regular file.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.facts.as_deref().copied().unwrap_or(Facts::NONE)
    }
}

impl Record {
    pub(crate) fn new(place: Place, outcome: Outcome) -> Record {
        Record { place, outcome }
    }

    /// The number, in the order of their paths, of the root below which it was found.
    pub(crate) fn root(&self) -> usize {
        self.place.root()
    }

    /// Whether it says no more than that all below its root has come.
    pub(crate) fn is_end_of_root(&self) -> bool {
        matches!(self.outcome, Outcome::Skipped(Skip::Nameless)) && self.place.is_root()
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// What became of the file.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// What the list that names it says, if it is in one.
    pub(crate) fn said(&self) -> Option<&Said> {
        self.place.said()
    }

    /// The name: all of the path, for one that was asked for.
    pub(crate) fn name(&self) -> &[u8] {
        self.place.name()
    }

    /// The whole path, as `find` would print it: the root as it was given, and
    /// what lies below it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.place.path()
    }

    /// The bytes of the whole path, put together in `buffer`; cheaper than
    /// [`path`](Self::path) for one record after the other.
    pub fn path_bytes<'a>(&self, buffer: &'a mut PathBuffer) -> &'a [u8] {
        buffer.path(&self.place)
    }

    /// The record, unless it says that something failed.
    ///
    /// # Errors
    ///
    /// [`Error::Entry`] with the path and the reason.
    pub fn into_result(self) -> Result<Record, Error> {
        match self.outcome {
            Outcome::Failed(reason) => Err(Error::Entry { path: self.place.path(), reason }),
            _ => Ok(self),
        }
    }
}
