//! What travels between the stages: an [`Entry`] from the walk to the hashers,
//! a [`Record`] from there to whoever asked.
//!
//! Plain data. Every problem is a record as well, and so takes its turn in the
//! same order as the digests.

use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use crate::algorithm::Checksums;
use crate::digest::aliases::Claim;
use crate::digest::readers::{Away, Buffer};
use crate::digest::state::State;
use crate::digest::{Beginning, Digest};
use crate::directory::{PathBuffer, Place};
use crate::error::{Error, Operation, Reason};
use crate::facts::Facts;
use crate::names::Said;
use crate::source::descriptors::Held;
use crate::source::local::{self, Folder};
use crate::source::{Content, Device, Devices, Wait};

/// What the walk found at one place.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) found: Found,
}

/// What is at a place.
#[derive(Debug)]
pub(crate) enum Found {
    /// Something to read.
    File(Handle),
    /// Something that was opened, and perhaps begun, and is to be read on.
    Begun(Box<Begun>),
    /// Something of which a part was read and is to be hashed.
    Read(Box<Part>),
    /// Something that is what it was when an earlier run read it.
    TakenOver(Hashed),
    /// Something that is not to be read, or not any more: what becomes of it is known.
    Settled(Outcome),
}

/// A file on its way from one worker to another, or to a reader: what is left to
/// read, and what has been hashed.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) content: Box<Content>,
    pub(crate) state: State,
    /// That other names of it may wait for it.
    pub(crate) claim: Option<Box<Claim>>,
    /// Last, for it says that the descriptor is free.
    pub(crate) held: Held,
}

/// A file on its way from a reader to a worker.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) beginning: Beginning,
    pub(crate) buffer: Buffer,
    /// Until it has come, it is away.
    pub(crate) _away: Option<Away>,
    /// Last, for it says that the descriptor is free.
    pub(crate) _held: Held,
}

/// How to get at what is to be read.
#[derive(Debug)]
pub(crate) enum Handle {
    /// It was listed in this open directory: never block on it.
    Listed(Arc<Folder>),
    /// It was asked for by name: read whatever it is.
    Named,
    /// It was asked for by name, and its directory is open: as above.
    Beside(Arc<Folder>),
    /// It is open already: the process's standard input.
    StandardInput,
    /// It is the process's standard input, of which all was read.
    Spent,
}

impl Handle {
    /// Whether a worker that does not wait does not even look at it: what lies far away, or may.
    pub(crate) fn is_left_by(&self, wait: Wait, devices: &Devices) -> bool {
        let may_be_far = match self {
            Handle::Listed(folder) | Handle::Beside(folder) => folder.device.is_far(),
            // Which of several devices it lies on would be one more question for each.
            Handle::Named => devices.some_are_far(),
            Handle::StandardInput | Handle::Spent => false,
        };
        wait == Wait::No && may_be_far
    }
}

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

/// Why a file was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skip {
    /// It is a FIFO, a socket or a device.
    Special,
    /// It has become a symbolic link since it was listed.
    Symlink,
    /// It is one of the files the caller excluded.
    Excluded,
    /// It is a directory on another file system than the one above it.
    OtherFileSystem,
    /// It is a directory that would be mounted if it were opened.
    Automount,
    /// There is none: a line of a list that names no file to be read, one that is malformed, or the end of the list.
    ///
    /// Nobody outside sees what else it stands for: the end of a root of a walk, and what makes a long name count as
    /// several.
    Nameless,
}

impl Entry {
    /// Something to read.
    pub(crate) fn file(place: Place, handle: Handle) -> Entry {
        Entry { place, found: Found::File(handle) }
    }

    /// Something to pass over.
    pub(crate) fn passed(place: Place, skip: Skip) -> Entry {
        Entry { place, found: Found::Settled(Outcome::Skipped(skip)) }
    }

    /// The system refused `operation` here.
    pub(crate) fn failed(place: Place, operation: Operation, error: Errno) -> Entry {
        Entry::because(place, Reason::system(operation, error))
    }

    /// Whether to open it may take as long as it likes: a FIFO does, that was asked for by name and nobody writes to.
    pub(crate) fn may_block(&self) -> bool {
        matches!(self.found, Found::File(Handle::Named)) && local::is_special(self.place.name())
    }

    /// What has to be waited for to get at it, if it can be told.
    pub(crate) fn device(&self) -> Option<&Arc<Device>> {
        match &self.found {
            Found::File(Handle::Listed(folder) | Handle::Beside(folder)) => Some(&folder.device),
            Found::Begun(begun) => begun.content.device(),
            _ => None,
        }
    }

    /// Something that could not be dealt with.
    pub(crate) fn because(place: Place, reason: Reason) -> Entry {
        Entry { place, found: Found::Settled(Outcome::Failed(reason)) }
    }
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
