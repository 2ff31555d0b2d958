//! Reads that have to wait, by tasks that do nothing else.
//!
//! A worker that waited for a device would leave its lanes empty, and there are
//! as many workers as cores: far too few to keep a device busy. So what would
//! have to be waited for is put on the shelf of its device, and tasks of a group
//! take it from there, as many at a time as is good for that device. What they
//! have read goes back to the workers the way that files move between them.
//!
//! 1. Devices do not wait for each other: each has its own shelf, tasks and
//!    buffers.
//! 2. Nobody waits here: a task that finds no buffer, or nothing to do, ends,
//!    and is started again by whoever brings one of them.
//! 3. What was begun is read on before anything new is opened, so that few files
//!    are open and a spinning disk reads one to its end.
//! 4. So many files are here at most as the terms say: a worker that finds that
//!    many takes no new ones until one has come back.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use errgroup::{Courier, Group, Ticket};

use crate::digest::{Opening, Terms};
use crate::entry::{Entry, Found, Outcome, Part, Record};
use crate::error::Error;
use crate::source::{Device, Mode, Wait};

/// Large enough that the calls to read a big file cost little beside hashing
/// it, small enough that the buffers of all lanes stay in the last-level cache.
pub(crate) const BUFFER: usize = 64 * 1024;

/// What keeps buffers that lie end to end from competing for the same lines of
/// the first-level cache.
const APART: usize = 64;

/// How many buffers a device may have beyond one for each of its reads: what was
/// read and waits for a lane.
const READ: usize = 64;

/// See the [module](self).
pub(crate) struct Readers {
    terms: Arc<Terms>,
    group: Group<Error>,
    shelves: Mutex<Vec<Shelf>>,
    /// How many files are on a shelf or with a reader.
    away: AtomicUsize,
}

/// What is to be read from one device.
struct Shelf {
    device: Arc<Device>,
    /// What was begun: it comes first.
    begun: VecDeque<Wish>,
    /// What has not been opened.
    new: New,
    /// How many tasks serve it.
    tasks: usize,
    /// How many buffers are out.
    lent: usize,
    /// Buffers that came back.
    spare: Vec<Vec<u8>>,
}

/// Files that have not been opened.
enum New {
    /// As they came.
    Queue(VecDeque<Wish>),
    /// By inode number, which is roughly where they lie: read in rounds, from the lowest to the highest.
    Rounds { waiting: BTreeMap<(u64, u64), Wish>, last: (u64, u64), count: u64 },
}

/// Something to be read, and how it comes back.
pub(crate) struct Wish {
    pub(crate) ticket: Ticket<Record>,
    pub(crate) entry: Entry,
    pub(crate) courier: Courier<Entry, Record>,
}

/// Memory for a part of a file.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// The readers it belongs to, and of which shelf; `None` if it is the worker's own.
    owner: Option<(Arc<Readers>, usize)>,
}

impl Readers {
    /// Readers that keep to these terms.
    pub(crate) fn new(terms: Arc<Terms>) -> Arc<Readers> {
        Arc::new(Readers { terms, group: Group::new(), shelves: Mutex::default(), away: AtomicUsize::new(0) })
    }

    /// Whether so many files are away that no new one is to be taken.
    pub(crate) fn are_full(&self) -> bool {
        self.away.load(Relaxed) + self.terms.aliases.waiting() >= self.terms.away
    }

    /// Puts a file on the shelf of its device. Comes back by the courier: as a part that was read, or as a failure.
    pub(crate) fn fetch(self: &Arc<Self>, ticket: Ticket<Record>, entry: Entry, courier: Courier<Entry, Record>) {
        self.away.fetch_add(1, Relaxed);
        let device = entry.device().cloned().unwrap_or_else(|| self.terms.devices.unknown());
        let mut shelves = self.lock();
        let index = shelves.iter().position(|shelf| Arc::ptr_eq(&shelf.device, &device)).unwrap_or_else(|| {
            shelves.push(Shelf::new(device));
            shelves.len() - 1
        });
        shelves[index].put(Wish { ticket, entry, courier });
        self.serve_more(shelves, index);
    }

    /// Gives up all that is still to be read, since nobody wants it any more.
    pub(crate) fn clear(&self) {
        let given_up: Vec<_> = self.lock().iter_mut().map(Shelf::clear).collect();
        drop(given_up); // not under the lock: files are closed
    }

    /// Starts another task for a shelf, if it has use for one.
    fn serve_more(self: &Arc<Self>, mut shelves: MutexGuard<'_, Vec<Shelf>>, index: usize) {
        if !shelves[index].wants_a_task() {
            return;
        }
        shelves[index].tasks += 1;
        drop(shelves);
        let readers = Arc::clone(self);
        self.group.go(move || {
            readers.serve(index);
            Ok(())
        });
    }

    /// A task: reads until there is nothing to read, or nothing to read into.
    fn serve(self: &Arc<Self>, index: usize) {
        while let Some((wish, buffer)) = self.next(index) {
            self.read(wish, buffer);
            self.away.fetch_sub(1, Relaxed);
        }
    }

    /// What is to be read next, and what into; `None` is the end of a task.
    fn next(self: &Arc<Self>, index: usize) -> Option<(Wish, Buffer)> {
        let mut shelves = self.lock();
        let shelf = &mut shelves[index];
        let wish = if shelf.has_buffer() { shelf.take() } else { None };
        let Some(wish) = wish else {
            shelf.tasks -= 1;
            return None;
        };
        shelf.lent += 1;
        let bytes = shelf.spare.pop().unwrap_or_else(new_bytes);
        Some((wish, Buffer { bytes, owner: Some((Arc::clone(self), index)) }))
    }

    /// Reads, and hands it back.
    fn read(&self, wish: Wish, mut buffer: Buffer) {
        let Wish { ticket, entry: Entry { place, found }, courier } = wish;
        if let Found::Begun(begun) = &found {
            begun.content.announce();
        }
        let found = match self.terms.open(&place, found, buffer.room(), Wait::Yes) {
            Opening::Read(beginning) => {
                if let Some(content) = beginning.content.as_ref().filter(|_| !beginning.last) {
                    content.announce();
                }
                Found::Read(Box::new(Part { beginning, buffer }))
            }
            Opening::Later(found) => found,
            Opening::Shared(id, found) => {
                let wish = Wish { ticket, entry: Entry { place, found }, courier };
                return self.terms.aliases.wait(id, wish);
            }
            Opening::Settled(Outcome::Hashed(digest)) => Found::Known(digest),
            Opening::Settled(Outcome::Skipped(skip)) => Found::Passed(skip),
            Opening::Settled(Outcome::Failed(reason)) => Found::Failed(reason),
        };
        Wish { ticket, entry: Entry { place, found }, courier }.hand_back();
    }

    /// A buffer comes back.
    fn take_back(self: &Arc<Self>, bytes: Vec<u8>, index: usize) {
        let mut shelves = self.lock();
        shelves[index].lent -= 1;
        shelves[index].spare.push(bytes);
        self.serve_more(shelves, index);
    }

    /// Nothing panics while it is held but for want of memory.
    fn lock(&self) -> MutexGuard<'_, Vec<Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wish {
    /// Gives it to the next worker that asks.
    pub(crate) fn hand_back(self) {
        self.courier.hand_over(self.ticket, self.entry);
    }
}

impl Shelf {
    fn new(device: Arc<Device>) -> Shelf {
        let new = match device.mode() {
            Mode::Hdd => New::Rounds { waiting: BTreeMap::new(), last: (0, 0), count: 0 },
            _ => New::Queue(VecDeque::new()),
        };
        Shelf { device, begun: VecDeque::new(), new, tasks: 0, lent: 0, spare: Vec::new() }
    }

    fn put(&mut self, wish: Wish) {
        match (&wish.entry.found, &mut self.new) {
            (Found::Begun(_), _) => self.begun.push_back(wish),
            (_, New::Queue(waiting)) => waiting.push_back(wish),
            (_, New::Rounds { waiting, count, .. }) => {
                *count += 1;
                waiting.insert((wish.entry.place.inode(), *count), wish);
            }
        }
    }

    fn take(&mut self) -> Option<Wish> {
        self.begun.pop_front().or_else(|| self.new.take())
    }

    fn has_buffer(&self) -> bool {
        self.lent < self.device.depth() + READ
    }

    fn wants_a_task(&self) -> bool {
        self.tasks < self.device.depth() && self.has_buffer() && !(self.begun.is_empty() && self.new.is_empty())
    }

    fn clear(&mut self) -> (VecDeque<Wish>, New) {
        (std::mem::take(&mut self.begun), std::mem::replace(&mut self.new, New::Queue(VecDeque::new())))
    }
}

impl New {
    fn is_empty(&self) -> bool {
        match self {
            New::Queue(waiting) => waiting.is_empty(),
            New::Rounds { waiting, .. } => waiting.is_empty(),
        }
    }

    fn take(&mut self) -> Option<Wish> {
        match self {
            New::Queue(waiting) => waiting.pop_front(),
            New::Rounds { waiting, last, .. } => {
                let next = waiting.range(*last..).next().or_else(|| waiting.iter().next())?;
                *last = *next.0;
                waiting.remove(last)
            }
        }
    }
}

impl Buffer {
    /// A worker's own.
    pub(crate) fn new() -> Buffer {
        Buffer { bytes: new_bytes(), owner: None }
    }

    /// Where a part of a file is read to.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[..BUFFER]
    }

    /// The first so many bytes.
    pub(crate) fn filled(&self, count: usize) -> &[u8] {
        &self.bytes[..count]
    }

    /// Whether it is a worker's own, to be kept.
    pub(crate) fn is_own(&self) -> bool {
        self.owner.is_none()
    }
}

fn new_bytes() -> Vec<u8> {
    vec![0; BUFFER + APART]
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some((readers, index)) = self.owner.take() {
            readers.take_back(std::mem::take(&mut self.bytes), index);
        }
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("away", &self.away).finish_non_exhaustive()
    }
}
