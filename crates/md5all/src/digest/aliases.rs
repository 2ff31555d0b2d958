//! Files with several names, read once.
//!
//! That a file has other names is seen when it was opened. From then on it is in a table, by device and inode number:
//! first as one that is being read, and what else is found by that number waits for it, ticket and all; then with its
//! digest, or with what kept it from being read, and what would show a change. A further name costs one `stat` then, and
//! only if that shows the same file and no change does it come out like the first. Else, and where the listing gives
//! another number than the file has, it is read like any file; and always where what is said of a file may be of some
//! time ago, as on a network. A number alone says too little: another file may be mounted over a name, and two
//! files of an overlay may have one number. The rules:
//!
//! 1. Where no file has a second name, this costs one relaxed load a file.
//! 2. What waits is handed back to the workers when the file is done with, however it ends, even by being dropped, and
//!    looked up again.
//! 3. What waits is bounded like what is with the readers, since it holds directories open: see [`Aliases::waiting`].
//! 4. What is known counts only where it has all algorithms that are wanted: lists may say different ones of each name.
//! 5. A file leaves when so many names were met as it has. No more than the run's share are in the table: of others, each name
//!    is read. The first are kept, not the last, since trees that share files (daily copies, say) are walked one after the
//!    other, in the same order.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::algorithm::Algorithms;
use crate::digest::readers::Wish;
use crate::directory::Place;
use crate::error::Reason;
use crate::record::{Hashed, Outcome};
use crate::source::content::Stamp;
use crate::source::{Content, FileId, Handle};

/// What a file in the table takes, in bytes: its room doubles.
pub(crate) const MEMORY: usize = 160;

/// See the [module](self).
pub(crate) struct Aliases {
    /// How many files the table holds at most.
    most: usize,
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
    /// Read, or it cannot be.
    Read(Stamp, Result<Hashed, Reason>),
}

/// What is known of a file that has yet to be opened, or was just opened.
#[derive(Debug)]
pub(crate) enum Standing {
    /// Nothing.
    Nothing,
    /// It is being read, under another name.
    BeingRead(FileId),
    /// It was read when it was like this, or could not be.
    Read(FileId, Stamp, Result<Hashed, Reason>),
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
    /// A table of so many files at most.
    pub(crate) fn new(most: usize) -> Arc<Aliases> {
        let (count, waiting) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Aliases { most, table: Mutex::default(), count, waiting })
    }

    /// How many entries wait for a file that is being read.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// What is known of what was listed at `place`, and is to have a checksum by each of these.
    pub(crate) fn look_up(&self, place: &Place, handle: &Handle, wanted: Algorithms) -> Standing {
        if self.count.load(Relaxed) == 0 {
            return Standing::Nothing;
        }
        match handle {
            Handle::Listed(folder) => match self.meet(FileId::new(folder.device.id(), place.inode())) {
                Standing::Read(_, _, Ok(hashed)) if !hashed.checksums().have_all(wanted) => Standing::Nothing,
                standing => standing,
            },
            Handle::Named | Handle::Beside(_) | Handle::StandardInput | Handle::Spent => Standing::Nothing,
        }
    }

    /// Enters a file that was just opened, unless it is there already, or there is no room.
    ///
    /// One that is known, but not by all the algorithms that are wanted of it here, is read for itself.
    pub(crate) fn claim(self: &Arc<Self>, content: &Content, wanted: Algorithms) -> Standing {
        let Some((stamp, names)) = content.shared() else { return Standing::Nothing };
        let id = content.id();
        match self.meet(id) {
            // It is open by now, so what has failed may be tried.
            Standing::Read(_, then, result) if then != stamp || result.is_err() => {}
            Standing::Read(_, _, Ok(hashed)) if !hashed.checksums().have_all(wanted) => return Standing::Nothing,
            Standing::Nothing => {}
            standing => return standing,
        }
        let mut table = self.lock();
        match table.get(&id) {
            Some(Shared { state: State::Reading(_), .. }) => return Standing::BeingRead(id),
            None if table.len() >= self.most => return Standing::Nothing,
            _ => table.insert(id, Shared { left: names - 1, state: State::Reading(Vec::new()) }),
        };
        self.count.store(table.len(), Relaxed);
        Standing::Claimed(Box::new(Claim { aliases: Arc::clone(self), id, stamp, is_settled: false }))
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
    fn meet(&self, id: FileId) -> Standing {
        let mut table = self.lock();
        let Some(shared) = table.get_mut(&id) else { return Standing::Nothing };
        let State::Read(stamp, result) = &shared.state else { return Standing::BeingRead(id) };
        let standing = Standing::Read(id, *stamp, result.as_ref().map_err(Reason::again).cloned());
        shared.left = shared.left.saturating_sub(1);
        if shared.left == 0 {
            table.remove(&id);
            self.count.store(table.len(), Relaxed);
        }
        standing
    }

    /// The file was read, or is not to be; gives what has waited for it.
    fn settle(&self, id: FileId, read: Option<(Stamp, Result<Hashed, Reason>)>) -> Vec<Wish> {
        let mut table = self.lock();
        let Some(shared) = table.get_mut(&id) else { return Vec::new() };
        let is_read = read.is_some();
        let next = read.map_or(State::Reading(Vec::new()), |(stamp, result)| State::Read(stamp, result));
        let state = mem::replace(&mut shared.state, next);
        if !is_read {
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
            Outcome::Hashed(hashed) => self.end(Ok(hashed.clone())),
            Outcome::Failed(reason) => self.fail(reason),
            Outcome::Skipped(_) => {}
        }
    }

    /// It could not be read; nor can it be under another name, if what has failed was about the file and not about its
    /// name. But that it changed may be for a name that it lost or was given: then each is read for itself.
    pub(crate) fn fail(self, reason: &Reason) {
        if reason.is_of_contents() {
            self.end(Err(reason.again()));
        }
    }

    /// What came of it, with nothing changed meanwhile.
    fn end(mut self, result: Result<Hashed, Reason>) {
        self.is_settled = true;
        self.aliases.settle(self.id, Some((self.stamp, result))).into_iter().for_each(Wish::hand_back);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Digest;
    use crate::digest::readers::Buffer;
    use crate::digest::{Opening, md5};
    use crate::directory::PathBuffer;
    use crate::entry::{Entry, Found};
    use crate::error::{Error, Operation};
    use crate::record::Record;
    use crate::source::{Devices, Links, Root, Wait};
    use crate::walk::{self, Step, Walk};
    use errgroup::{Context, Order, Pipeline, Ticket};
    use rustix::io::Errno;
    use std::fs::{self, File};
    use std::path::Path;

    /// A directory in which one file has so many names.
    fn names(count: usize) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("0"), "contents").unwrap();
        for name in 1..count {
            fs::hard_link(dir.path().join("0"), dir.path().join(name.to_string())).unwrap();
        }
        dir
    }

    fn content(path: &Path) -> Content {
        Content::new(File::open(path).unwrap().into()).unwrap()
    }

    fn claimed(standing: Standing) -> Box<Claim> {
        match standing {
            Standing::Claimed(claim) => claim,
            standing => panic!("{standing:?}"),
        }
    }

    /// What becomes of two names that wait, when this becomes of the first.
    fn what_waits(end: impl Fn(Box<Claim>) + Send + Sync + 'static) -> Vec<Found> {
        let dir = names(3);
        let root = Root::from(dir.path());
        let found = Pipeline::<Entry, Error>::source(&Context::background(), 8, move |entries| {
            Walk::new(&[root], walk::Terms::plain(Links::Skip)).send_all(entries)
        });
        let path = dir.path().join("0");
        let (came, come) = std::sync::mpsc::channel();
        let records = found.ticketed(1, Order::Completion, move |tickets| {
            let skip = |ticket: Ticket<Record>, entry: Entry| {
                ticket.send(Record::new(entry.place, Outcome::Skipped(crate::skip::Skip::Excluded)))
            };
            let aliases = Aliases::new(100);
            let claim = claimed(aliases.claim(&content(&path), Algorithms::default()));
            let (ticket, entry) = tickets.next().expect("the first");
            skip(ticket, entry)?;
            for waiting in 1..3 {
                let (ticket, entry) = tickets.next().expect("the others");
                let Found::File(handle) = &entry.found else { panic!("{entry:?}") };
                let Standing::BeingRead(id) = aliases.look_up(&entry.place, handle, Algorithms::default()) else {
                    panic!("nobody reads it")
                };
                aliases.wait(id, Wish { ticket, entry, courier: tickets.courier(), away: None });
                assert_eq!(aliases.waiting(), waiting);
            }
            assert!(tickets.try_help().is_none());
            end(claim);
            assert_eq!(aliases.waiting(), 0);
            for _ in 1..3 {
                let (ticket, Entry { place, found }) = tickets.help().expect("it comes back");
                came.send(found).unwrap();
                skip(ticket, Entry::passed(place, crate::skip::Skip::Excluded))?;
            }
            Ok(())
        });
        assert_eq!(records.map(Result::unwrap).count(), 3);
        come.iter().collect()
    }

    #[test]
    fn what_waits_is_looked_up_again_once_the_file_is_read() {
        let found = what_waits(|claim| claim.settle(&Outcome::Hashed(Hashed::new(Digest::from([1; 16])))));
        assert!(matches!(found[..], [Found::File(_), Found::File(_)]), "{found:?}");
    }

    #[test]
    fn what_waits_is_looked_up_again_when_the_file_fails_is_given_up_or_has_changed() {
        let fails = |reason: Reason| what_waits(move |claim| claim.settle(&Outcome::Failed(reason.again())));
        let io = Reason::system(Operation::Read, Errno::IO);
        for found in [what_waits(drop), fails(Reason::Changed), fails(io)] {
            assert!(matches!(found[..], [Found::File(_), Found::File(_)]), "{found:?}");
        }
    }

    /// What becomes of the names 1 and 2 of a file of three names, when name 0 has failed so and `meddle` is called.
    fn after_failure(reason: &Reason, meddle: impl Fn(&Path)) -> [String; 2] {
        let dir = names(3);
        let terms = md5::tests::terms(1);
        let walk = Walk::new(&[Root::from(dir.path())], walk::Terms::plain(Links::Skip));
        let mut entries: Vec<_> = walk
            .filter_map(|step| match step {
                Step::Found(entry) => Some(entry),
                Step::Nothing => None,
            })
            .collect();
        claimed(terms.aliases.claim(&content(&dir.path().join("0")), Algorithms::default())).fail(reason);
        meddle(dir.path());
        let others = [entries.remove(1), entries.remove(1)];
        others.map(|Entry { place, found }| {
            let mut buffer = Buffer::new();
            match terms.open(&place, &mut PathBuffer::default(), found, buffer.room(), Wait::Yes) {
                Opening::Read(beginning) => format!("{} bytes", beginning.filled),
                Opening::Settled(Outcome::Failed(reason)) => reason.to_string(),
                opening => panic!("{opening:?}"),
            }
        })
    }

    #[test]
    fn another_name_fails_with_the_file_only_if_it_still_is_that_file() {
        let io = Reason::system(Operation::Read, Errno::IO);
        let said = io.to_string();
        let is_told = Devices::default();
        let temporary = tempfile::tempfile().unwrap();
        if !is_told.of(&temporary.into(), 0).is_punctual() {
            return eprintln!("SKIPPED: on a file system such as that of temporary files each name is read");
        }
        let nothing = |_: &Path| {};
        assert_eq!(after_failure(&io, nothing), [said.clone(), said.clone()]);
        let replace = |dir: &Path| {
            fs::write(dir.join("new"), "another").unwrap();
            fs::rename(dir.join("new"), dir.join("1")).unwrap();
        };
        // With the name that it lost, the change time of the file has changed.
        assert_eq!(after_failure(&io, replace), ["7 bytes", "8 bytes"]);
        let rename = |dir: &Path| fs::rename(dir.join("1"), dir.join("elsewhere")).unwrap();
        assert_eq!(after_failure(&io, rename), ["cannot open: No such file or directory", "8 bytes"]);
        let open = Reason::system(Operation::Open, Errno::IO);
        assert_eq!(after_failure(&open, nothing), ["8 bytes", "8 bytes"]);
    }

    #[test]
    fn a_file_leaves_when_all_its_names_were_met() {
        let dir = names(3);
        let aliases = Aliases::new(100);
        let open = || content(&dir.path().join("1"));
        let digest = Digest::from([7; 16]);
        claimed(aliases.claim(&open(), Algorithms::default())).settle(&Outcome::Hashed(Hashed::new(digest)));
        for left in [1, 0] {
            assert!(
                matches!(aliases.claim(&open(), Algorithms::default()), Standing::Read(_, _, Ok(known)) if known.md5() == Some(digest))
            );
            assert_eq!(aliases.lock().len(), left);
        }
        drop(claimed(aliases.claim(&open(), Algorithms::default())));
        assert_eq!((aliases.lock().len(), aliases.count.load(Relaxed)), (0, 0));
    }

    #[test]
    fn a_file_that_has_changed_is_claimed_anew() {
        let dir = names(4);
        let path = dir.path().join("2");
        let aliases = Aliases::new(100);
        claimed(aliases.claim(&content(&path), Algorithms::default()))
            .settle(&Outcome::Hashed(Hashed::new(Digest::from([7; 16]))));
        fs::write(&path, "something else").unwrap();
        let claim = claimed(aliases.claim(&content(&path), Algorithms::default()));
        assert!(matches!(aliases.claim(&content(&path), Algorithms::default()), Standing::BeingRead(_)));
        drop(claim);
    }

    #[test]
    fn there_is_a_bound_and_files_with_one_name_or_nothing_in_them_do_not_count() {
        let dir = names(2);
        let aliases = Aliases::new(100);
        for (name, contents) in [("one", "x"), ("empty", "")] {
            fs::write(dir.path().join(name), contents).unwrap();
        }
        fs::hard_link(dir.path().join("empty"), dir.path().join("empty too")).unwrap();
        for name in ["one", "empty"] {
            assert!(matches!(
                aliases.claim(&content(&dir.path().join(name)), Algorithms::default()),
                Standing::Nothing
            ));
        }
        for inode in 0..100 {
            let shared = Shared { left: 1, state: State::Reading(Vec::new()) };
            aliases.lock().insert(FileId::new(0, inode), shared);
        }
        assert!(matches!(aliases.claim(&content(&dir.path().join("0")), Algorithms::default()), Standing::Nothing));
    }
}
