//! The bounded queue between two stages of a pipeline.
//!
//! It has two halves with a lock each. Writers add at the *back*, readers take from the *front*, and what has gathered
//! at the back is poured into an empty front in one go: so the two sides meet once for many items, while each item
//! can be seen as soon as it is sent, and stays in reach of every reader until one begins it.
//!
//! The bound counts *places*. In a plain queue a place is taken by an item that was sent and not taken. In a queue of
//! results ([`Queue::of_results`]) it is taken when the item that the result is made of leaves the queue before, so
//! that a result always finds room. How many places are taken is never stored: it is the difference of two counts that
//! only grow, each written by one side.
//!
//! Invariants:
//!
//! 1. `left` ≤ `come` ≤ `added` ≤ places given ≤ `left` + `bound`.
//! 2. The slot at index i of the back is for the item with the number `base` + i. Items leave in the order of their
//!    numbers. The first `ready` slots of the back, and all of the front, are filled.
//! 3. The queue has ended when no writer is left, no result is pending, and nothing is in it. It has halted when it
//!    was stopped or no reader is left; then nothing goes in or out, and nobody waits.
//! 4. Who goes to sleep for an item raises `hungry` under both locks, having found both halves empty; who goes to sleep
//!    for a place raises `blocked` under the lock of the front, having found no place. So whoever adds or takes
//!    an item afterwards sees it. Locks are taken front first.
//! 5. While items wait and readers sleep, one of these is true: a reader has been called and comes; a reader is awake
//!    and the watch (see [`Queue::sleep`]) is kept; no reader has a place for what it would make.

use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize};
use std::sync::{Arc, Condvar, LockResult, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::{Duration, Instant};

use super::figures::{Meter, Wait};

/// How often a thread that sees nothing move lets others run before it goes to sleep: to be woken costs both sides
/// more than that.
const YIELDS: u32 = 10;

/// A worker that needs less than this for an item is quick: it takes the next one before a sleeping one would be here.
const QUICK: Duration = Duration::from_micros(2);

/// So many items are worth coming for, however many more a queue holds: to wait for more saves next to nothing, and
/// leaves the other side without work.
const MUCH: u64 = 2048;

/// How often the watch looks.
const TICK: Duration = Duration::from_millis(1);

pub(crate) struct Queue<T> {
    back: Apart<Mutex<Back<T>>>,
    front: Apart<Mutex<VecDeque<Option<T>>>>,
    /// How much went in and out.
    level: Arc<Level>,
    /// In a queue of results: that of the queue before, out of which an item takes its result's place here.
    before: Option<Arc<Level>>,
    doors: Apart<Doors>,
}

/// How much went into a queue and out of it: what its bound is reckoned by, and what others may look at any time.
pub(crate) struct Level {
    added: Apart<Added>,
    left: Apart<AtomicU64>,
    bound: u64,
}

/// Written under the lock of the back.
struct Added {
    /// How many items were added.
    all: AtomicU64,
    /// How many of them have none missing before them.
    come: AtomicU64,
    /// How many were there at most.
    highest: AtomicU64,
}

/// Why a queue gives or takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// All that was to come has come.
    Ended,
    /// The pipeline is cancelled.
    Stopped,
    /// Nobody reads any more.
    Abandoned,
    /// There is something else to do: only from a wait that was given a reason to break off.
    Interrupted,
}

/// What is kept on a cache line of its own, for one side writes it all the time.
#[repr(align(128))]
struct Apart<T>(T);

struct Back<T> {
    slots: VecDeque<Option<T>>,
    base: u64,
    ready: usize,
    /// A `left` of some time ago: while that tells of a place, there is no need to look what readers write.
    left: u64,
    writers: usize,
    /// A reader was woken and has not come yet.
    called: bool,
}

/// Who waits, and whether there is a point in it.
struct Doors {
    halt: AtomicU8,
    readers: AtomicUsize,
    /// How many sleep at `filled`. Changed under the lock of the back.
    hungry: AtomicUsize,
    /// How many sleep at `room`. Changed under the lock of the front.
    blocked: AtomicUsize,
    /// How many sleep at `settled`. Changed under the lock of the back.
    helpers: AtomicUsize,
    /// A reader that sleeps looks in every now and then. Raised and lowered under both locks.
    watched: AtomicBool,
    /// With the lock of the back: for an item.
    filled: Condvar,
    /// With the lock of the front: for a place.
    room: Condvar,
    /// With the lock of the back: for the last ticket to come back.
    settled: Condvar,
}

// Why a queue has halted, as bits.
const STOPPED: u8 = 1;
const ABANDONED: u8 = 2;
/// No place is given any more, but what is there may be taken.
const SEALED: u8 = 4;

/// One who takes from a queue.
#[derive(Debug)]
pub(crate) struct Reader {
    meter: Arc<Meter>,
    /// How many items it has taken since it last waited, and when that ended.
    taken: u32,
    since: Instant,
}

impl Reader {
    pub(crate) fn new(meter: Arc<Meter>) -> Self {
        Self { meter, taken: 0, since: Instant::now() }
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Whether it passed items on quickly since it last waited.
    fn is_quick(&self) -> bool {
        self.taken > 0 && self.since.elapsed() < QUICK.saturating_mul(self.taken)
    }

    fn begin_again(&mut self) {
        self.taken = 0;
        self.since = Instant::now();
    }
}

impl<T> Queue<T> {
    pub(crate) fn new(bound: usize, writers: usize) -> Self {
        Self::made(bound, writers, None)
    }

    /// A queue in which each item that leaves the queue `before` takes a place.
    pub(crate) fn of_results(bound: usize, writers: usize, before: Arc<Level>) -> Self {
        Self::made(bound, writers, Some(before))
    }

    fn made(bound: usize, writers: usize, before: Option<Arc<Level>>) -> Self {
        let slots = VecDeque::new();
        let back = Back { slots, base: 0, ready: 0, left: 0, writers, called: false };
        Self {
            back: Apart(Mutex::new(back)),
            front: Apart(Mutex::default()),
            level: Arc::new(Level::new(bound)),
            before,
            doors: Apart(Doors::new()),
        }
    }

    pub(crate) fn level(&self) -> &Arc<Level> {
        &self.level
    }

    /// Whether the result of the item with this `number` has a place here.
    pub(crate) fn admits(&self, number: u64) -> Result<bool, Halt> {
        self.check(STOPPED | ABANDONED | SEALED)?;
        Ok(self.level.has_room(number))
    }

    /// Waits until more places can be given than those that were, while there is no `interrupt`.
    pub(crate) fn wait_for_room(
        &self,
        given: impl Fn() -> u64,
        interrupt: impl Fn() -> bool,
        meter: &Meter,
    ) -> Result<(), Halt> {
        let _waiting = meter.waits_for(Wait::Room);
        let room = || (self.level.left() + self.level.bound).saturating_sub(given());
        linger(room, self.level.much(), || self.is_halted() || interrupt());
        let mut front = self.front();
        while !self.level.has_room(given()) {
            self.check(STOPPED | ABANDONED | SEALED)?;
            if interrupt() {
                return Err(Halt::Interrupted);
            }
            front = asleep(&self.doors.0.blocked, front, |front| self.doors.0.room.wait(front));
        }
        Ok(())
    }

    /// A reader wakes one writer for many places: that one, when it has taken its own, wakes the next.
    pub(crate) fn pass_room_on(&self, given: u64) {
        if self.doors.0.blocked.load(Relaxed) > 0 && self.level.has_room(given) {
            self.doors.0.room.notify_one();
        }
    }

    /// Waits until no result is pending, while there is no `interrupt`.
    pub(crate) fn settled(&self, interrupt: impl Fn() -> bool, meter: &Meter) -> Result<(), Halt> {
        let _waiting = meter.waits_for(Wait::Item);
        let mut back = self.back();
        while self.is_pending() {
            self.check(STOPPED | ABANDONED | SEALED)?;
            if interrupt() {
                return Err(Halt::Interrupted);
            }
            back = asleep(&self.doors.0.helpers, back, |back| self.doors.0.settled.wait(back));
        }
        Ok(())
    }

    /// Has all who wait look whether they are interrupted.
    pub(crate) fn interrupt(&self) {
        // Whoever has looked before is asleep once both locks were ours, and wakes. In this order: a reader that has
        // looked holds the front until it has the back.
        let doors = &self.doors.0;
        let front = self.front();
        let are_blocked = doors.blocked.load(Relaxed) > 0;
        drop(front);
        let back = self.back();
        let (are_hungry, are_helpers) = (doors.hungry.load(Relaxed) > 0, doors.helpers.load(Relaxed) > 0);
        drop(back);
        // To call is a system call, whoever hears it.
        for (are_there, door) in
            [(are_hungry, &doors.filled), (are_helpers, &doors.settled), (are_blocked, &doors.room)]
        {
            if are_there {
                door.notify_all();
            }
        }
    }

    /// Adds a result, whose place was given before: the one with that `number`, or the next.
    pub(crate) fn fill(&self, number: Option<u64>, item: T) -> Result<(), Halt> {
        let mut back = self.back();
        self.check(STOPPED | ABANDONED)?;
        let slot = number.map_or(back.slots.len(), |number| (number - back.base) as usize);
        if slot >= back.slots.len() {
            back.slots.resize_with(slot + 1, || None);
        }
        back.slots[slot] = Some(item);
        self.added(&mut back, slot);
        if !self.is_pending() {
            self.after_settling(&back);
        }
        self.after_adding(back);
        Ok(())
    }

    /// Adds an item at the end, waiting for a place.
    pub(crate) fn push(&self, item: T, meter: &Meter) -> Result<(), Halt> {
        let mut back = self.back();
        self.check(STOPPED | ABANDONED | SEALED)?;
        if self.level.added.0.all.load(Relaxed) >= back.left + self.level.bound {
            back = self.with_room(back, meter)?;
        }
        back.slots.push_back(Some(item));
        let slot = back.slots.len() - 1;
        self.added(&mut back, slot);
        self.after_adding(back);
        Ok(())
    }

    /// Waits until there is a place for one item more.
    #[cold]
    fn with_room<'queue>(
        &'queue self,
        mut back: MutexGuard<'queue, Back<T>>,
        meter: &Meter,
    ) -> Result<MutexGuard<'queue, Back<T>>, Halt> {
        loop {
            let given = self.level.added.0.all.load(Relaxed);
            back.left = self.level.left.0.load(Acquire);
            if given < back.left + self.level.bound {
                self.pass_room_on(given + 1);
                return Ok(back);
            }
            drop(back);
            self.wait_for_room(|| given, || false, meter)?;
            back = self.back();
            self.check(STOPPED | ABANDONED | SEALED)?;
        }
    }

    /// The first item and its number, waiting for it while there is no `interrupt`.
    #[inline]
    pub(crate) fn pop(&self, interrupt: impl Fn() -> bool, reader: &mut Reader) -> Result<(u64, T), Halt> {
        let item = self.pop_if(|_| Ok(true), interrupt, reader)?;
        Ok(item.expect("every number is admitted"))
    }

    /// The same if its number is admitted, which is asked first; `None` if it is not.
    #[inline]
    pub(crate) fn pop_if(
        &self,
        admits: impl Fn(u64) -> Result<bool, Halt>,
        interrupt: impl Fn() -> bool,
        reader: &mut Reader,
    ) -> Result<Option<(u64, T)>, Halt> {
        let mut front = self.front();
        self.check(STOPPED | ABANDONED)?;
        if !admits(self.level.left.0.load(Relaxed))? {
            return Ok(None);
        }
        if let Some(Some(item)) = front.pop_front() {
            reader.taken = reader.taken.saturating_add(1);
            return Ok(Some((self.after_taking(front), item)));
        }
        drop(front);
        self.pop_from_back(admits, interrupt, reader)
    }

    /// The same where the front was empty: once for many items.
    #[cold]
    fn pop_from_back(
        &self,
        admits: impl Fn(u64) -> Result<bool, Halt>,
        interrupt: impl Fn() -> bool,
        reader: &mut Reader,
    ) -> Result<Option<(u64, T)>, Halt> {
        if let Look::Taken(taken) = self.look(&admits)? {
            reader.taken = reader.taken.saturating_add(u32::from(taken.is_some()));
            return Ok(taken);
        }
        let mut quick = reader.is_quick();
        let meter = Arc::clone(&reader.meter);
        let _waiting = meter.waits_for(Wait::Item);
        linger(|| self.level.waiting(), self.level.much(), || self.is_halted() || interrupt());
        loop {
            match self.look(&admits)? {
                Look::Taken(taken) => {
                    reader.begin_again();
                    return Ok(taken);
                }
                Look::Empty(..) if interrupt() => return Err(Halt::Interrupted),
                Look::Empty(front, back) => self.sleep(front, back, quick),
            }
            quick = false;
        }
    }

    /// The first item and its number, if it is there and admitted.
    pub(crate) fn try_pop(
        &self,
        admits: impl Fn(u64) -> Result<bool, Halt>,
        reader: &mut Reader,
    ) -> Result<Option<(u64, T)>, Halt> {
        match self.look(&admits)? {
            Look::Taken(Some(taken)) => {
                reader.taken = reader.taken.saturating_add(1);
                Ok(Some(taken))
            }
            Look::Taken(None) | Look::Empty(..) => Ok(None),
        }
    }

    /// Waits, for `timeout` at most, until a pop would not wait; says whether it would not.
    pub(crate) fn ready_within(&self, timeout: Duration, meter: &Meter) -> bool {
        if !self.front().is_empty() {
            return true; // as mostly: no clock is read for what is there
        }
        let until = Instant::now().checked_add(timeout);
        let _waiting = meter.waits_for(Wait::Item);
        linger(|| self.level.waiting(), self.level.much(), || self.is_halted());
        loop {
            let mut front = self.front();
            let Some(back) = self.poured(&mut front) else { return true };
            if self.is_halted() || self.is_complete(&back) {
                return true;
            }
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            self.doze(front, back, left);
        }
    }

    /// One writer has done all it had to.
    pub(crate) fn writer_done(&self) {
        let mut back = self.back();
        back.writers -= 1;
        if self.is_complete(&back) {
            self.doors.0.filled.notify_all();
        }
    }

    /// So many will read.
    pub(crate) fn add_readers(&self, readers: usize) {
        self.doors.0.readers.fetch_add(readers, AcqRel);
    }

    /// One reader will not read any more.
    pub(crate) fn reader_gone(&self) {
        if self.doors.0.readers.fetch_sub(1, AcqRel) == 1 {
            self.abandon();
            return;
        }
        // If all the others sleep, the one that went may have been the one they left the items to.
        let back = self.back();
        self.call_reader(back);
    }

    /// Nobody will read any more, whoever is still at it.
    pub(crate) fn abandon(&self) {
        self.halt(ABANDONED);
    }

    /// No more places are given: one that is taken will never be filled. False if nobody reads what would be missing.
    pub(crate) fn seal(&self) -> bool {
        self.halt(SEALED);
        !self.is_halted()
    }

    /// Nothing goes in or out any more.
    pub(crate) fn stop(&self) {
        self.halt(STOPPED);
    }

    fn halt(&self, how: u8) {
        self.doors.0.halt.fetch_or(how, SeqCst);
        self.interrupt();
    }

    fn is_halted(&self) -> bool {
        self.check(STOPPED | ABANDONED).is_err()
    }

    fn check(&self, reasons: u8) -> Result<(), Halt> {
        match self.doors.0.halt.load(Relaxed) & reasons {
            0 => Ok(()),
            halt if halt & STOPPED != 0 => Err(Halt::Stopped),
            _ => Err(Halt::Abandoned),
        }
    }

    /// Takes the first item if there is one and its number is admitted.
    fn look(&self, admits: impl Fn(u64) -> Result<bool, Halt>) -> Result<Look<'_, T>, Halt> {
        let mut front = self.front();
        self.check(STOPPED | ABANDONED)?;
        if !admits(self.level.left.0.load(Relaxed))? {
            return Ok(Look::Taken(None));
        }
        if let Some(back) = self.poured(&mut front) {
            return if self.is_complete(&back) { Err(Halt::Ended) } else { Ok(Look::Empty(front, back)) };
        }
        let item = front.pop_front().flatten();
        Ok(Look::Taken(item.map(|item| (self.after_taking(front), item))))
    }

    /// Sees to it that the front is not empty. Where it cannot, gives the back, which has nothing for it.
    fn poured(&self, front: &mut VecDeque<Option<T>>) -> Option<MutexGuard<'_, Back<T>>> {
        if !front.is_empty() {
            return None;
        }
        let mut back = self.back();
        back.pour(front);
        front.is_empty().then_some(back)
    }

    /// Counts an item that was put into the `slot`.
    #[inline]
    fn added(&self, back: &mut Back<T>, slot: usize) {
        let added = &self.level.added.0;
        let all = added.all.load(Relaxed) + 1;
        added.all.store(all, Relaxed);
        if slot == back.ready {
            while matches!(back.slots.get(back.ready), Some(Some(_))) {
                back.ready += 1;
            }
            added.come.store(back.base + back.ready as u64, Relaxed);
        }
        if all - back.left > added.highest.load(Relaxed) {
            back.left = self.level.left.0.load(Acquire);
            added.highest.store(added.highest.load(Relaxed).max(all - back.left), Relaxed);
        }
    }

    fn after_adding(&self, back: MutexGuard<'_, Back<T>>) {
        if self.doors.0.hungry.load(Relaxed) > 0 && back.ready > 0 {
            self.call_reader(back);
        }
    }

    fn after_settling(&self, back: &Back<T>) {
        if self.doors.0.helpers.load(Relaxed) > 0 {
            self.doors.0.settled.notify_all();
        }
        if back.writers == 0 {
            self.doors.0.filled.notify_all();
        }
    }

    /// Counts an item that was taken, and gives its number.
    #[inline]
    fn after_taking(&self, front: Front<'_, T>) -> u64 {
        let number = self.level.left.0.load(Relaxed);
        self.level.left.0.store(number + 1, Release);
        let more = !front.is_empty();
        drop(front);
        if self.doors.0.blocked.load(Relaxed) > 0 && (!more || self.is_half_empty(number + 1)) {
            self.doors.0.room.notify_one();
        }
        if more && self.doors.0.hungry.load(Relaxed) > 0 && !self.doors.0.watched.load(Relaxed) {
            self.call_reader(self.back());
        }
        number
    }

    /// A writer is worth waking for half a queue of places, or very many; also when the readers may run dry.
    fn is_half_empty(&self, left: u64) -> bool {
        self.given() + self.level.much() <= left + self.level.bound
    }

    /// Wakes a reader, unless one is on its way, or those who are awake pass items on quickly and are watched.
    #[cold]
    fn call_reader(&self, mut back: MutexGuard<'_, Back<T>>) {
        let doors = &self.doors.0;
        let hungry = doors.hungry.load(Relaxed);
        let left_to_others = doors.watched.load(Relaxed) && hungry < doors.readers.load(Relaxed);
        if hungry > 0 && !back.called && !left_to_others {
            back.called = true;
            drop(back);
            doors.filled.notify_one();
        }
    }

    /// Sleeps until there may be an item.
    ///
    /// A reader that was quick keeps the *watch*, if no other does: while it is kept, readers that are awake are left
    /// to take the items alone, since waking another for each costs more than the items do. It looks every [`TICK`]
    /// whether they still pass on quickly; once they do not, it comes back to work, and readers are called as needed.
    /// So no item waits for longer than two ticks behind a slow one while a reader sleeps.
    fn sleep(&self, front: Front<'_, T>, back: MutexGuard<'_, Back<T>>, quick: bool) {
        let doors = &self.doors.0;
        if !quick || doors.watched.load(Relaxed) || doors.readers.load(Relaxed) == 1 {
            self.doze(front, back, Duration::MAX);
            return;
        }
        let mut seen = self.level.left.0.load(Relaxed);
        doors.watched.store(true, Relaxed);
        let (mut front, mut back) = (front, back);
        loop {
            let called = self.doze(front, back, TICK);
            (front, back) = (self.front(), self.back());
            let left = self.level.left.0.load(Relaxed);
            if called || left - seen < QUICKLY {
                break;
            }
            seen = left;
        }
        doors.watched.store(false, Relaxed);
    }

    /// Sleeps until it is called, for `timeout` at most; says whether it was called.
    fn doze(&self, front: Front<'_, T>, back: MutexGuard<'_, Back<T>>, timeout: Duration) -> bool {
        let mut timed_out = false;
        let mut back = asleep(&self.doors.0.hungry, back, |back| {
            drop(front); // only now: see the invariants
            let (back, result) =
                self.doors.0.filled.wait_timeout(back, timeout).unwrap_or_else(PoisonError::into_inner);
            timed_out = result.timed_out();
            Ok(back)
        });
        back.called = false;
        !timed_out
    }

    /// How many places were given.
    fn given(&self) -> u64 {
        self.before.as_ref().map_or_else(|| self.level.added.0.all.load(Relaxed), |before| before.left())
    }

    /// Whether a place is given to something that has not come. Asked under the lock of the back.
    fn is_pending(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.left() > self.level.added.0.all.load(Relaxed))
    }

    /// Whether nothing will be added any more.
    fn is_complete(&self, back: &Back<T>) -> bool {
        back.writers == 0 && !self.is_pending()
    }

    fn back(&self) -> MutexGuard<'_, Back<T>> {
        // No code of a user runs under these locks.
        self.back.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn front(&self) -> Front<'_, T> {
        self.front.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Front<'queue, T> = MutexGuard<'queue, VecDeque<Option<T>>>;

/// How many items leave in a tick where they pass quickly.
const QUICKLY: u64 = (TICK.as_nanos() / QUICK.as_nanos()) as u64;

/// What a reader finds.
enum Look<'queue, T> {
    /// An item with its number, or that none may be taken now.
    Taken(Option<(u64, T)>),
    /// Nothing, and more may come. It stays so while these are held.
    Empty(Front<'queue, T>, MutexGuard<'queue, Back<T>>),
}

impl<T> Back<T> {
    /// Moves what is in turn to an empty front.
    fn pour(&mut self, front: &mut VecDeque<Option<T>>) {
        self.base += self.ready as u64;
        if self.ready == self.slots.len() {
            std::mem::swap(&mut self.slots, front);
        } else {
            front.extend(self.slots.drain(..self.ready));
        }
        self.ready = 0;
    }
}

impl Level {
    fn new(bound: usize) -> Self {
        let added = Added { all: AtomicU64::new(0), come: AtomicU64::new(0), highest: AtomicU64::new(0) };
        Self { added: Apart(added), left: Apart(AtomicU64::new(0)), bound: (bound as u64).min(u64::MAX / 2) }
    }

    pub(crate) fn bound(&self) -> u64 {
        self.bound
    }

    /// How many items were ever added.
    pub(crate) fn added(&self) -> u64 {
        self.added.0.all.load(Relaxed)
    }

    /// How many have ever left. Whoever sees the number sees the place as free.
    pub(crate) fn left(&self) -> u64 {
        self.left.0.load(Acquire)
    }

    pub(crate) fn highest(&self) -> u64 {
        self.added.0.highest.load(Relaxed)
    }

    fn has_room(&self, given: u64) -> bool {
        given < self.left() + self.bound
    }

    /// How many items a reader could take. For a look without a lock.
    fn waiting(&self) -> u64 {
        self.added.0.come.load(Relaxed).saturating_sub(self.left.0.load(Relaxed))
    }

    /// So many places or items are worth coming for.
    fn much(&self) -> u64 {
        self.bound.div_ceil(2).min(MUCH)
    }
}

impl Doors {
    fn new() -> Self {
        Self {
            halt: AtomicU8::new(0),
            readers: AtomicUsize::new(0),
            hungry: AtomicUsize::new(0),
            blocked: AtomicUsize::new(0),
            helpers: AtomicUsize::new(0),
            watched: AtomicBool::new(false),
            filled: Condvar::new(),
            room: Condvar::new(),
            settled: Condvar::new(),
        }
    }
}

/// Counts a sleeper while it sleeps. The count is changed only under the lock that `sleep` gives up and takes again.
fn asleep<'lock, G>(
    count: &AtomicUsize,
    guard: MutexGuard<'lock, G>,
    sleep: impl FnOnce(MutexGuard<'lock, G>) -> LockResult<MutexGuard<'lock, G>>,
) -> MutexGuard<'lock, G> {
    count.store(count.load(Relaxed) + 1, Relaxed);
    let guard = sleep(guard).unwrap_or_else(PoisonError::into_inner);
    count.store(count.load(Relaxed) - 1, Relaxed);
    guard
}

/// Waits while what is `there` grows, until it is `enough`, so that it can be taken in one go; a while longer if
/// there is nothing at all.
///
/// At first on this core, for the other side may be at it on another; then others may run here, for a little while each.
fn linger(there: impl Fn() -> u64, enough: u64, broken_off: impl Fn() -> bool) {
    let mut last = there();
    let mut yields = 0;
    while last < enough && !broken_off() {
        std::hint::spin_loop();
        let mut now = there();
        if now == last {
            if now > 0 || yields == YIELDS {
                return;
            }
            yields += 1;
            std::thread::yield_now();
            now = there();
        }
        last = now;
    }
}

impl<T> Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

/// A queue that is woken by a context's end stops.
impl<T: Send + 'static> Wake for Queue<T> {
    fn wake(self: Arc<Self>) {
        self.stop();
    }
}
