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
//! 2. Nobody waits here: a task that finds no buffer, no descriptor, or nothing
//!    to do, ends, and is started again by whoever brings one of them.
//! 3. What was begun is read on before anything new is opened, so that few files
//!    are open and a spinning disk reads one to its end.
//! 4. So many files are here, or on their way back, at most as the terms say: a
//!    worker that finds that many takes no new ones until one has come back.
//! 5. All buffers together are as many at most as the terms say. A device that is
//!    met later takes its part as soon as the others give theirs back; until then
//!    it has one.
//! 6. What is on a shelf holds the readers, so that once nobody wants it any more, nothing is put there: it goes back at
//!    once, and is lost with the workers.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use errgroup::{Courier, Group, Ticket};

use crate::digest::{Opening, Terms};
use crate::directory::PathBuffer;
use crate::entry::{Entry, Found, Part};
use crate::error::{Error, Operation, Reason};
use crate::record::{Outcome, Record};
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
    shelves: Mutex<Shelves>,
    /// How many files are on a shelf, with a reader, or on their way back.
    away: AtomicUsize,
}

/// What is to be read.
#[derive(Default)]
struct Shelves {
    /// One a device.
    all: Vec<Shelf>,
    /// There was no descriptor: nothing is begun until one may be there.
    wants: bool,
    /// Nobody wants what is read any more.
    closed: bool,
}

/// What is to be read from one device.
struct Shelf {
    device: Arc<Device>,
    /// What was begun: it comes first.
    begun: Line<Wish>,
    /// What could not be opened for want of a descriptor.
    again: VecDeque<Wish>,
    /// What has not been opened.
    new: Line<Wish>,
    /// How many tasks serve it.
    tasks: usize,
    /// How many buffers are out.
    lent: usize,
    /// Buffers that came back.
    spare: Vec<Vec<u8>>,
}

/// What waits for its turn.
enum Line<T> {
    /// As it came.
    Queue(VecDeque<T>),
    /// By inode number, which is roughly where files lie: in rounds, from the lowest to the highest. What comes again for
    /// the inode that was taken last, a file that is read on, is the next.
    Rounds { waiting: BTreeMap<(u64, u64), T>, last: (u64, u64), count: u64 },
}

/// Something to be read, and how it comes back.
pub(crate) struct Wish {
    pub(crate) ticket: Ticket<Record>,
    pub(crate) entry: Entry,
    pub(crate) courier: Courier<Entry, Record>,
    /// That it is with the readers, if it is.
    pub(crate) away: Option<Away>,
}

/// A file that is away.
pub(crate) struct Away(Arc<Readers>);

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
        let wish = Wish { ticket, entry, courier, away: Some(Away(Arc::clone(self))) };
        let device = wish.entry.device().cloned().unwrap_or_else(|| self.terms.devices.unknown());
        let mut shelves = self.lock();
        if shelves.closed {
            drop(shelves);
            return wish.hand_back();
        }
        let index = shelves.of(device);
        shelves.all[index].put(wish);
        self.serve_more(shelves, index);
    }

    /// Gives up all that is still to be read, and all that comes yet, since nobody wants it any more.
    pub(crate) fn close(&self) {
        let mut shelves = self.lock();
        shelves.closed = true;
        let given_up: Vec<_> = shelves.all.iter_mut().map(Shelf::clear).collect();
        drop(shelves);
        drop(given_up); // not under the lock: files are closed
    }

    /// Starts another task for a shelf, if it has use for one.
    fn serve_more(self: &Arc<Self>, mut shelves: MutexGuard<'_, Shelves>, index: usize) {
        let most = self.buffers_each(&shelves);
        if (shelves.wants && shelves.all[index].begun.is_empty()) || !shelves.all[index].wants_a_task(most) {
            return;
        }
        shelves.all[index].tasks += 1;
        drop(shelves);
        let readers = Arc::clone(self);
        self.group.go(move || {
            readers.serve(index);
            Ok(())
        });
    }

    /// A task: reads until there is nothing to read, or nothing to read into, or nothing to open it with.
    fn serve(self: &Arc<Self>, index: usize) {
        let mut paths = PathBuffer::default();
        while let Some((wish, buffer)) = self.next(index) {
            if let Some((wish, buffer)) = self.read(wish, &mut paths, buffer) {
                self.put_back(index, wish);
                drop(buffer); // not before: it would start a task
                return;
            }
        }
    }

    /// What is to be read next, and what into; `None` is the end of a task.
    fn next(self: &Arc<Self>, index: usize) -> Option<(Wish, Buffer)> {
        let mut shelves = self.lock();
        let may_have = shelves.all[index].has_buffer(self.buffers_each(&shelves));
        let wants = shelves.wants;
        let shelf = &mut shelves.all[index];
        let wish = match may_have {
            false => None,
            true if wants => shelf.begun.take(), // it is open, and may be what is waited for
            true => shelf.take(),
        };
        let Some(wish) = wish else {
            shelf.tasks -= 1;
            return None;
        };
        shelf.lent += 1;
        let bytes = shelf.spare.pop().unwrap_or_else(new_bytes);
        Some((wish, Buffer { bytes, owner: Some((Arc::clone(self), index)) }))
    }

    /// Reads, and hands it back; or gives what must wait, since there is no descriptor, and one may be freed.
    fn read(self: &Arc<Self>, wish: Wish, paths: &mut PathBuffer, mut buffer: Buffer) -> Option<(Wish, Buffer)> {
        let Wish { ticket, entry: Entry { place, mut found }, courier, away } = wish;
        if let Found::Begun(begun) = &found {
            begun.content.announce();
        }
        let descriptors = &self.terms.descriptors;
        let (mut held, mut last) = (descriptors.hold(), None);
        let found = loop {
            let error = match self.terms.open(&place, paths, found, buffer.room(), Wait::Yes) {
                Opening::Read(beginning) => {
                    if let Some(content) = beginning.content.as_ref().filter(|_| !beginning.last) {
                        content.announce();
                    }
                    let part = Part { beginning, buffer, _away: away, _held: held };
                    courier.hand_over(ticket, Entry { place, found: Found::Read(Box::new(part)) });
                    return None;
                }
                Opening::Wanting(wanting, error) => {
                    found = wanting;
                    error
                }
                Opening::Shared(id, found) => {
                    drop(away);
                    let wish = Wish { ticket, entry: Entry { place, found }, courier, away: None };
                    self.terms.aliases.wait(id, wish);
                    return None;
                }
                Opening::Later(found) => break found,
                Opening::TakenOver(hashed) => break Found::TakenOver(hashed),
                Opening::Settled(outcome) => break Found::Settled(outcome),
            };
            if descriptors.give_up_directory() || (last.is_some() && descriptors.give_up_spare()) {
                continue;
            }
            held.in_vain();
            // Before it is asked for: whoever frees one afterwards says so here.
            self.lock().wants = true;
            if descriptors.want(Waker::from(Arc::clone(self))) {
                return Some((Wish { ticket, entry: Entry { place, found }, courier, away }, buffer));
            }
            self.lock().wants = false;
            if last.is_some() {
                break Found::Settled(Outcome::Failed(Reason::system(Operation::Open, error)));
            }
            // One at a time: another must not find nothing open because this one has yet to open what it gave up for.
            last = Some(descriptors.last_resort());
            held = descriptors.hold();
        };
        Wish { ticket, entry: Entry { place, found }, courier, away }.hand_back();
        None
    }

    /// Puts back what could not be opened, until a descriptor may be there.
    fn put_back(self: &Arc<Self>, index: usize, wish: Wish) {
        let mut shelves = self.lock();
        shelves.all[index].tasks -= 1;
        if shelves.closed {
            drop(shelves);
            return wish.hand_back();
        }
        shelves.all[index].again.push_front(wish);
        self.serve_more(shelves, index);
    }

    /// A buffer comes back.
    fn take_back(self: &Arc<Self>, bytes: Vec<u8>, index: usize) {
        let mut shelves = self.lock();
        let most = self.buffers_each(&shelves);
        let shelf = &mut shelves.all[index];
        shelf.lent -= 1;
        if shelf.lent + shelf.spare.len() < most {
            shelf.spare.push(bytes);
        }
        self.serve_more(shelves, index);
    }

    /// How many buffers each device may have.
    fn buffers_each(&self, shelves: &Shelves) -> usize {
        (self.terms.buffers / shelves.all.len().max(1)).max(1)
    }

    /// Nothing panics while it is held but for want of memory.
    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wish {
    /// Gives it to the next worker that asks.
    pub(crate) fn hand_back(self) {
        drop(self.away);
        self.courier.hand_over(self.ticket, self.entry);
    }
}

/// A descriptor may be there.
impl Wake for Readers {
    fn wake(self: Arc<Self>) {
        let mut shelves = self.lock();
        shelves.wants = false;
        let count = shelves.all.len();
        drop(shelves);
        for index in 0..count {
            self.serve_more(self.lock(), index);
        }
    }
}

impl Shelves {
    /// The number of the shelf of a device.
    fn of(&mut self, device: Arc<Device>) -> usize {
        self.all.iter().position(|shelf| Arc::ptr_eq(&shelf.device, &device)).unwrap_or_else(|| {
            self.all.push(Shelf::new(device));
            self.all.len() - 1
        })
    }
}

impl Shelf {
    fn new(device: Arc<Device>) -> Shelf {
        let [begun, new] = [(); 2].map(|()| Line::for_mode(device.mode()));
        Shelf { device, begun, again: VecDeque::new(), new, tasks: 0, lent: 0, spare: Vec::new() }
    }

    fn put(&mut self, wish: Wish) {
        let line = if matches!(wish.entry.found, Found::Begun(_)) { &mut self.begun } else { &mut self.new };
        line.put(wish.entry.place.inode(), wish);
    }

    fn take(&mut self) -> Option<Wish> {
        self.begun.take().or_else(|| self.again.pop_front()).or_else(|| self.new.take())
    }

    fn has_buffer(&self, most: usize) -> bool {
        self.lent < self.device.depth().saturating_add(READ).min(most)
    }

    /// Whether it may have one more, of as many as it may have buffers: each needs one, and is a thread, which is memory.
    fn may_have_task(&self, most: usize) -> bool {
        self.tasks < self.device.depth().min(most)
    }

    fn wants_a_task(&self, most: usize) -> bool {
        self.may_have_task(most)
            && self.has_buffer(most)
            && !(self.begun.is_empty() && self.again.is_empty() && self.new.is_empty())
    }

    /// All that is on it.
    fn clear(&mut self) -> ([Line<Wish>; 2], VecDeque<Wish>) {
        let nothing = || Line::Queue(VecDeque::new());
        ([&mut self.begun, &mut self.new].map(|line| mem::replace(line, nothing())), mem::take(&mut self.again))
    }
}

impl<T> Line<T> {
    /// As is good for devices that are read in this mode.
    fn for_mode(mode: Mode) -> Line<T> {
        match mode {
            Mode::Hdd => Line::Rounds { waiting: BTreeMap::new(), last: (0, 0), count: 0 },
            _ => Line::Queue(VecDeque::new()),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Line::Queue(waiting) => waiting.is_empty(),
            Line::Rounds { waiting, .. } => waiting.is_empty(),
        }
    }

    fn put(&mut self, inode: u64, item: T) {
        match self {
            Line::Queue(waiting) => waiting.push_back(item),
            Line::Rounds { waiting, count, .. } => {
                *count += 1;
                waiting.insert((inode, *count), item);
            }
        }
    }

    fn take(&mut self) -> Option<T> {
        match self {
            Line::Queue(waiting) => waiting.pop_front(),
            Line::Rounds { waiting, last, .. } => {
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

impl Drop for Away {
    fn drop(&mut self) {
        self.0.away.fetch_sub(1, Relaxed);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some((readers, index)) = self.owner.take() {
            readers.take_back(mem::take(&mut self.bytes), index);
        }
    }
}

impl fmt::Debug for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Away")
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("away", &self.away).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::md5;
    use crate::source::{Devices, Links, Root};
    use crate::walk::{self, Walk};
    use errgroup::{Context, Order, Pipeline};
    use std::fs;
    use std::num::NonZeroUsize;

    /// Open or not: where names are in memory and contents are not, all that is put here is open.
    #[test]
    fn a_disk_that_spins_is_read_by_inode_and_a_file_to_its_end() {
        let mut line = Line::for_mode(Mode::Hdd);
        [30, 10, 20].into_iter().for_each(|inode| line.put(inode, inode));
        assert_eq!((line.take(), line.take()), (Some(10), Some(20)));
        [20, 5].into_iter().for_each(|inode| line.put(inode, inode));
        let rest: Vec<_> = std::iter::from_fn(|| line.take()).collect();
        assert_eq!(rest, [20, 30, 5], "on with the last one, then up, then round again");
        assert!(line.is_empty());

        let device = Devices::new(Some(Mode::Hdd), None).unknown();
        let shelf = Shelf::new(device);
        assert!(matches!((shelf.begun, shelf.new), (Line::Rounds { .. }, Line::Rounds { .. })));
        assert!(matches!(Line::<u64>::for_mode(Mode::Ssd), Line::Queue(_)));
    }

    /// They begin before they take one, so it is not the buffers alone that hold them back.
    #[test]
    fn there_are_no_more_tasks_than_there_may_be_buffers() {
        let device = |depth| Devices::new(Some(Mode::Net), NonZeroUsize::new(depth)).unknown();
        for (depth, buffers, most) in [(1024, 2, 2), (3, 100, 3), (usize::MAX, 1, 1)] {
            let mut shelf = Shelf::new(device(depth));
            while shelf.has_buffer(buffers) && shelf.may_have_task(buffers) {
                shelf.tasks += 1;
            }
            assert_eq!(shelf.tasks, most, "{depth} at once, {buffers} buffers");
        }
    }

    /// With a descriptor wanted, nothing is taken from the shelf.
    #[test]
    fn what_comes_when_nobody_wants_it_any_more_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        ["a", "b"].into_iter().for_each(|name| fs::write(dir.path().join(name), name).unwrap());
        let root = Root::from(dir.path());
        let found = Pipeline::<Entry, Error>::source(&Context::background(), 8, move |entries| {
            Walk::new(&[root], walk::Terms::plain(Links::Skip)).send_all(entries)
        });
        let readers = Readers::new(Arc::new(md5::tests::terms(1)));
        let kept = Arc::downgrade(&readers);
        let mut records = found.ticketed(1, Order::Completion, move |tickets| {
            readers.lock().wants = true;
            let (on_the_shelf, entry) = tickets.next().expect("the first");
            readers.fetch(on_the_shelf, entry, tickets.courier());
            assert!(tickets.try_help().is_none());
            let (late, entry) = tickets.next().expect("the second");
            readers.close();
            readers.fetch(late, entry, tickets.courier());
            let (ticket, _) = tickets.try_help().expect("it comes back at once");
            drop(ticket);
            Ok(())
        });
        assert!(matches!(records.next(), Some(Err(Error::Stopped(_)))), "two tickets were lost");
        drop(records);
        assert!(kept.upgrade().is_none(), "the readers are gone with all that they had");
    }
}
