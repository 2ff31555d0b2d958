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
//! 2. A task that finds no buffer, no descriptor, or nothing to do waits for
//!    whoever brings one of them, and ends once there is nothing left to do. While
//!    something waits for its turn, and all who are awake may be stuck, one more
//!    comes.
//! 3. What was begun is read on before anything new is opened, so that few files
//!    are open and a spinning disk reads one to its end. But of a device that does
//!    many things at once, as many files are opened ahead as it is to read at a
//!    time: it begins to read them, and the first of them is there by the time it
//!    is asked for, so that nobody sleeps and is woken for each file.
//! 4. So many files are here, or on their way back, at most as the terms say: a
//!    worker that finds that many takes no new ones until one has come back.
//! 5. All buffers together are as many at most as the terms say. A device that is
//!    met later takes its part as soon as the others give theirs back; until then
//!    it has one.
//! 6. What is on a shelf holds the readers, so that once nobody wants it any more, nothing is put there: it goes back at
//!    once, and is lost with the workers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::Duration;

use errgroup::{Courier, Group, Ticket};

use crate::digest::{Opening, Terms};
use crate::directory::PathBuffer;
use crate::entry::{Entry, Found, Part};
use crate::error::{Error, Operation, Reason};
use crate::record::{Outcome, Record};
use crate::source::{Device, Handle, Mode, Wait};

/// Large enough that the calls to read a big file cost little beside hashing
/// it, small enough that the buffers of all lanes stay in the last-level cache.
pub(crate) const BUFFER: usize = 64 * 1024;

/// What keeps buffers that lie end to end from competing for the same lines of
/// the first-level cache.
const APART: usize = 64;

/// How many buffers a device may have beyond one for each of its reads: what was
/// read and waits for a lane.
const READ: usize = 64;

/// With fewer files than this for each task that is awake, no other is called where files are opened ahead: it has several
/// under way, and to wake one for each costs more than to read it.
const EACH: usize = 64;

/// How long a task waits for something to do before it looks whether others are stuck, and ends if there is nothing.
const STAY: Duration = Duration::from_millis(5);

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
struct Shelf<T = Wish> {
    device: Arc<Device>,
    /// What was begun: it comes first, but see `opens_ahead`.
    begun: Line<T>,
    /// How many files were opened since the last of those that were begun was taken.
    ahead: usize,
    /// What could not be opened for want of a descriptor.
    again: VecDeque<T>,
    /// What has not been opened.
    new: Line<T>,
    /// How many tasks serve it.
    tasks: usize,
    /// How many of them wait.
    waiting: usize,
    /// How many of those were called and have not come yet.
    called: usize,
    /// Whether a spare one was started and does not wait yet.
    spare_comes: bool,
    /// Where they wait.
    come: Arc<Condvar>,
    /// How many files were taken from it.
    taken: u64,
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

/// Who is to come to a shelf.
enum Call {
    Nobody,
    /// One of those who wait there.
    Waiting(Arc<Condvar>),
    /// A task that is to be started; a spare one, if it is to come only should the others be stuck.
    New {
        is_spare: bool,
    },
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

    /// That a file is to be read. It counts as away from then on.
    pub(crate) fn wish(
        self: &Arc<Self>,
        ticket: Ticket<Record>,
        entry: Entry,
        courier: Courier<Entry, Record>,
    ) -> Wish {
        self.away.fetch_add(1, Relaxed);
        Wish { ticket, entry, courier, away: Some(Away(Arc::clone(self))) }
    }

    /// Puts files on the shelves of their devices. They come back by the courier: as parts that were read, or as failures.
    pub(crate) fn fetch(self: &Arc<Self>, wishes: &mut Vec<Wish>) {
        if wishes.is_empty() {
            return;
        }
        let mut shelves = self.lock();
        if shelves.closed {
            drop(shelves);
            return wishes.drain(..).for_each(Wish::hand_back);
        }
        let mut met = BTreeSet::new();
        for wish in wishes.drain(..) {
            let device = wish.entry.device().cloned().unwrap_or_else(|| self.terms.devices.unknown());
            let index = shelves.of(device);
            shelves.all[index].put(wish);
            met.insert(index);
        }
        drop(shelves);
        // One each: it has the next come.
        met.into_iter().for_each(|index| self.serve_more(self.lock(), index));
    }

    /// Gives up all that is still to be read, and all that comes yet, since nobody wants it any more.
    pub(crate) fn close(&self) {
        let mut shelves = self.lock();
        shelves.closed = true;
        let given_up: Vec<_> = shelves.all.iter_mut().map(Shelf::clear).collect();
        shelves.all.iter().for_each(|shelf| shelf.come.notify_all()); // they see that there is nothing, and end
        drop(shelves);
        drop(given_up); // not under the lock: files are closed
    }

    /// Has another task come to a shelf that has use for one.
    fn serve_more(self: &Arc<Self>, mut shelves: MutexGuard<'_, Shelves>, index: usize) {
        let most = self.buffers_each(&shelves);
        let wants = shelves.wants;
        match shelves.all[index].call(most, wants) {
            Call::Nobody => {}
            Call::Waiting(come) => {
                drop(shelves);
                come.notify_one();
            }
            Call::New { is_spare } => {
                drop(shelves);
                let readers = Arc::clone(self);
                self.group.go(move || {
                    readers.serve(index, is_spare);
                    Ok(())
                });
            }
        }
    }

    /// A task: reads for as long as there is something to read. A spare one waits first.
    fn serve(self: &Arc<Self>, index: usize, is_spare: bool) {
        let mut paths = PathBuffer::default();
        let mut next = self.next(index, !is_spare);
        while let Some((wish, buffer)) = next {
            if let Some((wish, buffer)) = self.read(wish, &mut paths, buffer) {
                self.put_back(index, wish, buffer);
            }
            next = self.next(index, true);
        }
    }

    /// What is to be read next, and what into; `None` is the end of a task.
    fn next(self: &Arc<Self>, index: usize, mut is_wanted: bool) -> Option<(Wish, Buffer)> {
        let mut shelves = self.lock();
        if !is_wanted {
            shelves.all[index].spare_comes = false;
        }
        loop {
            let most = self.buffers_each(&shelves);
            let wants = shelves.wants;
            let shelf = &mut shelves.all[index];
            if is_wanted && let Some((wish, bytes)) = shelf.take(most, wants) {
                self.serve_more(shelves, index);
                return Some((wish, Buffer { bytes, owner: Some((Arc::clone(self), index)) }));
            }
            let was_late;
            (shelves, is_wanted, was_late) = Self::wait(shelves, index);
            let shelf = &mut shelves.all[index];
            // One that waits is enough for what cannot be taken yet.
            if was_late && (shelf.backlog() == 0 || shelf.waiting > 0) {
                shelf.tasks -= 1;
                return None;
            }
        }
    }

    /// Waits until it is called, for [`STAY`] at most; says whether it is wanted, and whether it was that long. It is wanted
    /// if it was called, or if nothing was taken meanwhile, so that all who were awake may be stuck.
    fn wait(mut shelves: MutexGuard<'_, Shelves>, index: usize) -> (MutexGuard<'_, Shelves>, bool, bool) {
        let shelf = &mut shelves.all[index];
        let (come, taken) = (Arc::clone(&shelf.come), shelf.taken);
        shelf.waiting += 1;
        let (mut shelves, result) = come.wait_timeout(shelves, STAY).unwrap_or_else(PoisonError::into_inner);
        let shelf = &mut shelves.all[index];
        shelf.waiting -= 1;
        shelf.called = shelf.called.saturating_sub(1);
        let stands_still = shelf.taken == taken && shelf.backlog() > 0;
        (shelves, !result.timed_out() || stands_still, result.timed_out())
    }

    /// Puts back what a task has taken: it is open now, or there was no descriptor. Calls nobody: it comes itself.
    fn put_back(&self, index: usize, wish: Wish, buffer: Buffer) {
        let mut shelves = self.lock();
        let is_closed = shelves.closed;
        let most = self.buffers_each(&shelves);
        let shelf = &mut shelves.all[index];
        shelf.give_back(buffer.into_bytes(), most);
        if is_closed {
            drop(shelves);
            wish.hand_back();
        } else {
            shelf.put_back(wish);
        }
    }

    /// Reads, and hands it over; or gives back what is open now and on its way, or for which there is no descriptor.
    fn read(self: &Arc<Self>, wish: Wish, paths: &mut PathBuffer, mut buffer: Buffer) -> Option<(Wish, Buffer)> {
        let Wish { ticket, entry: Entry { place, mut found }, courier, away } = wish;
        let wait = match &found {
            Found::File(Handle::Listed(folder)) if folder.device.opens_ahead() => Wait::ToOpen,
            _ => Wait::Yes,
        };
        // What is short is read at once.
        if let Found::Begun(begun) = &found
            && begun.content.left() > BUFFER as u64
        {
            begun.content.announce();
        }
        let descriptors = &self.terms.descriptors;
        let (mut held, mut last) = (descriptors.hold(), None);
        let found = loop {
            let error = match self.terms.open(&place, paths, found, buffer.room(), wait) {
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
                Opening::Later(found) => {
                    return Some((Wish { ticket, entry: Entry { place, found }, courier, away }, buffer));
                }
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

    /// A buffer comes back.
    fn take_back(self: &Arc<Self>, bytes: Vec<u8>, index: usize) {
        let mut shelves = self.lock();
        let most = self.buffers_each(&shelves);
        shelves.all[index].give_back(bytes, most);
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
    /// Whether what is to be read lies on the device of this entry.
    pub(crate) fn is_on_device_of(&self, entry: &Entry) -> bool {
        match (self.entry.device(), entry.device()) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

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
    fn put(&mut self, wish: Wish) {
        let line = if matches!(wish.entry.found, Found::Begun(_)) { &mut self.begun } else { &mut self.new };
        line.put(wish.entry.place.inode(), wish);
    }

    /// Puts back what a task has taken: it is open now, or there was no descriptor.
    fn put_back(&mut self, wish: Wish) {
        if matches!(wish.entry.found, Found::Begun(_)) { self.put(wish) } else { self.again.push_front(wish) }
    }
}

impl<T> Shelf<T> {
    fn new(device: Arc<Device>) -> Shelf<T> {
        let [begun, new] = [(); 2].map(|()| Line::for_mode(device.mode()));
        Shelf {
            device,
            begun,
            ahead: 0,
            again: VecDeque::new(),
            new,
            tasks: 0,
            waiting: 0,
            called: 0,
            spare_comes: false,
            come: Arc::default(),
            taken: 0,
            lent: 0,
            spare: Vec::new(),
        }
    }

    /// What is next, and what to read it into, if there may be so many buffers.
    fn take(&mut self, most: usize, wants: bool) -> Option<(T, Vec<u8>)> {
        let wish = match self.has_buffer(most) {
            false => None,
            true if wants => self.begun.take(), // it is open, and may be what is waited for
            true => self.take_next(),
        }?;
        self.lent += 1;
        self.taken += 1;
        Some((wish, self.spare.pop().unwrap_or_else(new_bytes)))
    }

    /// A buffer that was given out is there again, and kept if there may be so many.
    fn give_back(&mut self, bytes: Vec<u8>, most: usize) {
        self.lent -= 1;
        if self.lent + self.spare.len() < most {
            self.spare.push(bytes);
        }
    }

    fn take_next(&mut self) -> Option<T> {
        if self.device.opens_ahead() && self.begun.len().max(self.ahead) < self.device.depth() {
            self.ahead += 1;
            if let Some(wish) = self.take_new() {
                return Some(wish);
            }
        }
        self.ahead = 0;
        self.begun.take().or_else(|| self.take_new())
    }

    fn take_new(&mut self) -> Option<T> {
        self.again.pop_front().or_else(|| self.new.take())
    }

    /// How many files are on it.
    fn backlog(&self) -> usize {
        self.begun.len() + self.again.len() + self.new.len()
    }

    fn has_buffer(&self, most: usize) -> bool {
        self.buffers_left(most) > 0
    }

    /// How many buffers may be given out.
    fn buffers_left(&self, most: usize) -> usize {
        self.buffers(most).saturating_sub(self.lent)
    }

    fn buffers(&self, most: usize) -> usize {
        self.device.depth().saturating_add(READ).min(most)
    }

    /// Whether so many buffers are there that it is worth calling somebody for them: where workers are slower than readers,
    /// one would be called for each.
    fn has_enough_buffers(&self, most: usize) -> bool {
        self.buffers_left(most) >= (self.buffers(most) / 4).max(1)
    }

    /// Whether it may have one more, of as many as it may have buffers: each needs one, and is a thread, which is memory.
    fn may_have_task(&self, most: usize) -> bool {
        self.tasks < self.device.depth().min(most)
    }

    /// Who is to come for what is on it, if it can be taken. Whoever is called is counted.
    fn call(&mut self, most: usize, wants: bool) -> Call {
        let backlog = if wants { self.begun.len() } else { self.backlog() };
        if backlog == 0 || !self.has_buffer(most) {
            return Call::Nobody;
        }
        let uncalled = self.waiting - self.called;
        let awake = self.tasks - uncalled - usize::from(self.spare_comes);
        let each = if self.device.opens_ahead() { EACH } else { 1 };
        let are_too_few = awake * each < backlog && self.has_enough_buffers(most);
        if uncalled > 0 && are_too_few {
            self.called += 1;
            Call::Waiting(Arc::clone(&self.come))
        } else if uncalled == 0 && (are_too_few || !self.spare_comes) && self.may_have_task(most) {
            self.tasks += 1;
            self.spare_comes |= !are_too_few;
            Call::New { is_spare: !are_too_few }
        } else {
            Call::Nobody
        }
    }

    /// All that is on it.
    fn clear(&mut self) -> ([Line<T>; 2], VecDeque<T>) {
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

    fn len(&self) -> usize {
        match self {
            Line::Queue(waiting) => waiting.len(),
            Line::Rounds { waiting, .. } => waiting.len(),
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

    /// Its memory, of which the owner is told by who takes it.
    fn into_bytes(mut self) -> Vec<u8> {
        self.owner = None;
        mem::take(&mut self.bytes)
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
        assert_eq!(line.len(), 0);

        let device = Devices::new(Some(Mode::Hdd), None).unknown();
        let shelf = Shelf::<u32>::new(device);
        assert!(matches!((shelf.begun, shelf.new), (Line::Rounds { .. }, Line::Rounds { .. })));
        assert!(matches!(Line::<u64>::for_mode(Mode::Ssd), Line::Queue(_)));
    }

    fn shelf(mode: Mode, depth: usize) -> Shelf<u32> {
        Shelf::new(Devices::new(Some(mode), NonZeroUsize::new(depth)).unknown())
    }

    #[test]
    fn files_are_opened_ahead_as_many_as_are_read_at_a_time_and_those_that_are_open_have_their_turn() {
        let mut shelf = shelf(Mode::Ssd, 2);
        (1..=6).for_each(|number| shelf.new.put(0, number));
        for number in [1, 2] {
            assert_eq!(shelf.take_next(), Some(number));
            shelf.begun.put(0, 10 + number);
        }
        assert_eq!([(); 3].map(|()| shelf.take_next().unwrap()), [11, 3, 4], "one is open after the first");
        assert_eq!(shelf.take_next(), Some(12), "though fewer are open than there may be");
        assert_eq!(std::iter::from_fn(|| shelf.take_next()).collect::<Vec<_>>(), [5, 6]);

        // One that does one thing at a time, and one that nobody can ask without waiting, is read on first.
        for mode in [Mode::Hdd, Mode::Net, Mode::Memory] {
            let mut shelf = self::shelf(mode, 2);
            shelf.new.put(0, 1);
            shelf.begun.put(0, 2);
            assert_eq!([(); 2].map(|()| shelf.take_next().unwrap()), [2, 1]);
        }
    }

    #[test]
    fn as_many_are_called_as_there_is_work_for_and_one_is_to_spare() {
        let told = |call| match call {
            Call::Nobody => "nobody",
            Call::Waiting(_) => "one who waits",
            Call::New { is_spare: false } => "a new one",
            Call::New { is_spare: true } => "a spare one",
        };
        let mut shelf = shelf(Mode::Ssd, 64);
        assert_eq!(told(shelf.call(1000, false)), "nobody");
        (0..=EACH as u32).for_each(|number| shelf.new.put(0, number));
        assert_eq!(told(shelf.call(1000, true)), "nobody", "for want of a descriptor");
        shelf.lent = 64 + READ - 1;
        assert_eq!(
            told(shelf.call(1000, false)),
            "a spare one",
            "one buffer is too little to call for, but not nothing"
        );
        (shelf.lent, shelf.tasks, shelf.spare_comes) = (0, 0, false);
        assert_eq!(told(shelf.call(1000, false)), "a new one");
        assert_eq!(told(shelf.call(1000, false)), "a new one", "for what is more than one is to have");
        assert_eq!(told(shelf.call(1000, false)), "a spare one");
        assert_eq!(told(shelf.call(1000, false)), "nobody", "it is on its way");
        (shelf.waiting, shelf.spare_comes) = (1, false);
        assert_eq!(told(shelf.call(1000, false)), "nobody", "two are awake, and one waits should they be stuck");
        (0..=EACH as u32).for_each(|number| shelf.new.put(0, number));
        shelf.lent = 64 + READ - 1;
        assert_eq!(told(shelf.call(1000, false)), "nobody", "they would wait for buffers");
        shelf.lent = 0;
        assert_eq!(told(shelf.call(1000, false)), "one who waits");
        (0..=EACH as u32).for_each(|number| shelf.new.put(0, number));
        assert_eq!(told(shelf.call(1000, false)), "a new one", "the other is on its way");
        assert_eq!(told(shelf.call(1000, false)), "a spare one");
        shelf.lent = 64 + READ;
        assert_eq!(told(shelf.call(1000, false)), "nobody", "for want of buffers");
        shelf.lent = 0;
        (shelf.tasks, shelf.waiting, shelf.called) = (64, 0, 0);
        assert_eq!(told(shelf.call(1000, false)), "nobody", "there are as many as there may be");

        let mut far = self::shelf(Mode::Net, 64);
        (0..3).for_each(|number| far.new.put(0, number));
        assert_eq!(
            [(); 4].map(|()| told(far.call(1000, false))),
            ["a new one", "a new one", "a new one", "a spare one"]
        );
    }

    /// They begin before they take one, so it is not the buffers alone that hold them back.
    #[test]
    fn there_are_no_more_tasks_than_there_may_be_buffers() {
        let device = |depth| Devices::new(Some(Mode::Net), NonZeroUsize::new(depth)).unknown();
        for (depth, buffers, most) in [(1024, 2, 2), (3, 100, 3), (usize::MAX, 1, 1)] {
            let mut shelf = Shelf::<u32>::new(device(depth));
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
            readers.fetch(&mut vec![readers.wish(on_the_shelf, entry, tickets.courier())]);
            assert!(tickets.try_help().is_none());
            let (late, entry) = tickets.next().expect("the second");
            readers.close();
            readers.fetch(&mut vec![readers.wish(late, entry, tickets.courier())]);
            let (ticket, _) = tickets.try_help().expect("it comes back at once");
            drop(ticket);
            Ok(())
        });
        assert!(matches!(records.next(), Some(Err(Error::Stopped(_)))), "two tickets were lost");
        drop(records);
        assert!(kept.upgrade().is_none(), "the readers are gone with all that they had");
    }
}
