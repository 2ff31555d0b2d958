//! Files with several names, read once.
//!
//! That a file has other names is seen when it was opened. From then on it is in a table, by device and inode number:
//! first as one that is being read, and what else is found by that number waits for it, ticket and all; then with its
//! digest and what would show a change. A further name costs one `stat` then, and only if that shows the same file and no
//! change has it that digest. Else, and where the listing gives another number than the file has, it is read like any
//! file. The rules:
//!
//! 1. Where no file has a second name, this costs one relaxed load a file.
//! 2. What waits is handed back to the workers when the file is done with, however it ends, even by being dropped: with
//!    the failure, if reading it failed, since it is the same file.
//! 3. What waits is bounded like what is with the readers, since it holds directories open: see [`Aliases::waiting`].
//! 4. A file leaves when so many names were met as it has. No more than [`MOST`] are in the table: of others, each name
//!    is read. The first are kept, not the last, since trees that share files (daily copies, say) are walked one after the
//!    other, in the same order.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::digest::Digest;
use crate::digest::readers::Wish;
use crate::directory::Place;
use crate::entry::{Found, Handle, Outcome};
use crate::error::Reason;
use crate::source::content::Stamp;
use crate::source::{Content, FileId};

/// How many files the table holds: some 10 MB.
const MOST: usize = 1 << 16;

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Aliases {
    table: Mutex<HashMap<FileId, Shared>>,
    /// How many files are in the table: for a look without the lock, written under it.
    count: AtomicUsize,
    /// How many entries wait.
    waiting: AtomicUsize,
}

/// A file with several names.
struct Shared {
    /// How many of them are still to be met.
    left: u64,
    state: State,
}

enum State {
    /// Being read, and waited for.
    Reading(Vec<Wish>),
    /// Read.
    Hashed(Stamp, Digest),
}

/// What is known of a file that has yet to be opened, or was just opened.
#[derive(Debug)]
pub(crate) enum Known {
    /// Nothing.
    Nothing,
    /// It is being read, under another name.
    BeingRead(FileId),
    /// It had this digest when it was like this.
    Hashed(FileId, Stamp, Digest),
    /// To be read on, for others that may wait for it.
    Claimed(Box<Claim>),
}

/// The duty to say what came of reading a file. Dropped, it says that nothing did.
#[derive(Debug)]
pub(crate) struct Claim {
    aliases: Arc<Aliases>,
    id: FileId,
    stamp: Stamp,
    is_settled: bool,
}

impl Aliases {
    /// How many entries wait for a file that is being read.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// What is known of what was listed at `place`.
    pub(crate) fn look_up(&self, place: &Place, handle: &Handle) -> Known {
        if self.count.load(Relaxed) == 0 {
            return Known::Nothing;
        }
        match handle {
            Handle::Listed(folder) => self.meet(FileId::new(folder.device.id(), place.inode())),
            Handle::Named | Handle::StandardInput => Known::Nothing,
        }
    }

    /// Enters a file that was just opened, unless it is there already, or there is no room.
    pub(crate) fn claim(self: &Arc<Self>, content: &Content) -> Known {
        let Some((stamp, names)) = content.shared() else { return Known::Nothing };
        let id = content.id();
        match self.meet(id) {
            Known::Hashed(_, then, _) if then != stamp => {}
            Known::Nothing => {}
            known => return known,
        }
        let mut table = self.lock();
        match table.get(&id) {
            Some(Shared { state: State::Reading(_), .. }) => return Known::BeingRead(id),
            None if table.len() >= MOST => return Known::Nothing,
            _ => table.insert(id, Shared { left: names - 1, state: State::Reading(Vec::new()) }),
        };
        self.count.store(table.len(), Relaxed);
        Known::Claimed(Box::new(Claim { aliases: Arc::clone(self), id, stamp, is_settled: false }))
    }

    /// Keeps an entry until the file that it leads to was read; if that is so by now, hands it back at once.
    pub(crate) fn wait(&self, id: FileId, wish: Wish) {
        let mut table = self.lock();
        match table.get_mut(&id) {
            Some(Shared { state: State::Reading(waiting), .. }) => {
                waiting.push(wish);
                self.waiting.fetch_add(1, Relaxed);
            }
            _ => {
                drop(table);
                wish.hand_back();
            }
        }
    }

    /// Gives up all that waits, since nobody wants it any more.
    pub(crate) fn clear(&self) {
        let mut table = self.lock();
        let given_up = mem::take(&mut *table);
        self.count.store(0, Relaxed);
        self.waiting.store(0, Relaxed);
        drop(table);
        drop(given_up); // not under the lock: directories are closed
    }

    /// A further name of this file was met, if it is known.
    fn meet(&self, id: FileId) -> Known {
        let mut table = self.lock();
        let Some(shared) = table.get_mut(&id) else { return Known::Nothing };
        let State::Hashed(stamp, digest) = shared.state else { return Known::BeingRead(id) };
        shared.left = shared.left.saturating_sub(1);
        if shared.left == 0 {
            table.remove(&id);
            self.count.store(table.len(), Relaxed);
        }
        Known::Hashed(id, stamp, digest)
    }

    /// The file was read, or is not to be; gives what has waited for it.
    fn settle(&self, id: FileId, read: Option<(Stamp, Digest)>) -> Vec<Wish> {
        let mut table = self.lock();
        let Some(shared) = table.get_mut(&id) else { return Vec::new() };
        let state = match read {
            Some((stamp, digest)) => mem::replace(&mut shared.state, State::Hashed(stamp, digest)),
            None => mem::replace(&mut shared.state, State::Reading(Vec::new())),
        };
        if read.is_none() {
            table.remove(&id);
            self.count.store(table.len(), Relaxed);
        }
        let State::Reading(waiting) = state else { return Vec::new() };
        self.waiting.fetch_sub(waiting.len(), Relaxed);
        waiting
    }

    /// Nothing panics while it is held but for want of memory.
    fn lock(&self) -> MutexGuard<'_, HashMap<FileId, Shared>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Says what came of it.
    pub(crate) fn settle(self, outcome: &Outcome) {
        match outcome {
            Outcome::Hashed(digest) => self.succeed(*digest),
            Outcome::Failed(reason) => self.fail(reason),
            Outcome::Skipped(_) => {}
        }
    }

    /// It was read, and nothing has changed meanwhile.
    fn succeed(mut self, digest: Digest) {
        self.is_settled = true;
        self.aliases.settle(self.id, Some((self.stamp, digest))).into_iter().for_each(Wish::hand_back);
    }

    /// It could not be read; nor can it be under another name.
    pub(crate) fn fail(mut self, reason: &Reason) {
        self.is_settled = true;
        for mut wish in self.aliases.settle(self.id, None) {
            wish.entry.found = Found::Failed(reason.again());
            wish.hand_back();
        }
    }
}

/// What has waited is read for itself.
impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_settled {
            self.aliases.settle(self.id, None).into_iter().for_each(Wish::hand_back);
        }
    }
}

impl fmt::Debug for Aliases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aliases").field("count", &self.count).field("waiting", &self.waiting).finish_non_exhaustive()
    }
}
