//! What travels from the walk to the hashers, and among them: an [`Entry`].
//!
//! Plain data, but for files that are begun, which take what has been hashed of them along. What comes out at the end
//! is a [`Record`](crate::record::Record).

use std::sync::Arc;

use rustix::io::Errno;

use crate::digest::Beginning;
use crate::digest::aliases::Claim;
use crate::digest::readers::{Away, Buffer};
use crate::digest::state::State;
use crate::directory::Place;
use crate::error::{Operation, Reason};
use crate::record::{Hashed, Outcome};
use crate::skip::Skip;
use crate::source::descriptors::Held;
use crate::source::local;
use crate::source::{Content, Device, Handle};

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
