//! The bounded queue between two stages of a pipeline.
//!
//! Its bound counts *places*. A place is taken by an item that waits, and as well by a ticket for an item that is
//! still being made; so a queue in order and a queue as it comes are one thing, and a result with a ticket always
//! finds room.
//!
//! Invariants:
//!
//! 1. `taken` ≤ `bound`: filled slots, tickets that are out, and places kept by whoever waits for its item.
//! 2. The slot at index i is for the item with the number `head` + i. Items leave in the order of their numbers.
//! 3. `pending` counts the places that are taken and not filled: tickets that are out, and whoever waits for an item.
//! 4. The queue has ended when no writer is left and no place is taken. It has halted when it was stopped or no
//!    reader is left; then nothing goes in or out, and nobody waits.

use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Duration;

const YIELDS: u32 = 4;

pub(crate) struct Queue<T> {
    line: Mutex<Line<T>>,
    /// Where readers wait for the front to be filled.
    filled: Condvar,
    /// Where writers wait for a place.
    room: Condvar,
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

struct Line<T> {
    slots: VecDeque<Option<T>>,
    head: u64,
    taken: usize,
    pending: usize,
    bound: usize,
    writers: usize,
    readers: usize,
    stopped: bool,
    /// No place is given any more.
    sealed: bool,
    /// How many wait at `filled`, and at `room`: to wake nobody is a system call saved.
    hungry: usize,
    blocked: usize,
}

impl<T> Queue<T> {
    pub(crate) fn new(bound: usize, writers: usize) -> Self {
        let line = Line {
            slots: VecDeque::new(),
            head: 0,
            taken: 0,
            pending: 0,
            bound,
            writers,
            readers: 0,
            stopped: false,
            sealed: false,
            hungry: 0,
            blocked: 0,
        };
        Self { line: Mutex::new(line), filled: Condvar::new(), room: Condvar::new() }
    }

    /// Takes a place, waiting for one while there is no `interrupt`.
    pub(crate) fn reserve(&self, interrupt: impl Fn() -> bool) -> Result<(), Halt> {
        self.take_place(interrupt)?.pending += 1;
        Ok(())
    }

    /// Takes a place if there is one.
    pub(crate) fn try_reserve(&self) -> Result<bool, Halt> {
        let mut line = self.lock();
        let free = line.try_take()?;
        line.pending += usize::from(free);
        Ok(free)
    }

    /// Gives a place back that will not be filled.
    pub(crate) fn unreserve(&self) {
        let mut line = self.lock();
        line.taken -= 1;
        line.pending -= 1;
        self.after_settling(&line);
        self.after_leaving(&line);
    }

    /// Waits until no place is pending: no ticket is out, and nobody is after one.
    pub(crate) fn settled(&self, interrupt: impl Fn() -> bool) -> Result<(), Halt> {
        let mut line = self.lock();
        while line.pending > 0 {
            line = self.wait_for_room(line, &interrupt)?;
        }
        Ok(())
    }

    /// Has all who wait look whether they are interrupted.
    pub(crate) fn interrupt(&self) {
        drop(self.lock()); // whoever has looked before is asleep now, and wakes
        self.filled.notify_all();
        self.room.notify_all();
    }

    /// Fills a place that was taken before: the one with that `number`, or the next.
    pub(crate) fn fill(&self, number: Option<u64>, item: T) -> Result<(), Halt> {
        let mut line = self.lock();
        if let Some(halt) = line.halted() {
            return Err(halt);
        }
        let slot = number.map_or(line.slots.len(), |number| (number - line.head) as usize);
        if slot >= line.slots.len() {
            line.slots.resize_with(slot + 1, || None);
        }
        line.slots[slot] = Some(item);
        line.pending -= 1;
        self.after_settling(&line);
        self.after_filling(&line, slot);
        Ok(())
    }

    /// Adds an item at the end, waiting for a place.
    pub(crate) fn push(&self, item: T) -> Result<(), Halt> {
        let mut line = self.take_place(|| false)?;
        line.slots.push_back(Some(item));
        self.after_filling(&line, line.slots.len() - 1);
        Ok(())
    }

    /// The first item and its number, waiting for it while there is no `interrupt`.
    pub(crate) fn pop(&self, interrupt: impl Fn() -> bool) -> Result<(u64, T), Halt> {
        let mut line = self.lock();
        let mut patience = Patience::new();
        loop {
            if let Some(item) = line.try_pop()? {
                self.after_leaving(&line);
                return Ok(item);
            }
            if patience.is_left() {
                drop(line);
                patience.spend();
                line = self.lock();
                continue;
            }
            if interrupt() {
                return Err(Halt::Interrupted);
            }
            line.hungry += 1;
            line = self.filled.wait(line).unwrap_or_else(PoisonError::into_inner);
            line.hungry -= 1;
        }
    }

    /// Waits, for `timeout` at most, until a pop would not wait; says whether it would not.
    pub(crate) fn ready_within(&self, timeout: Duration) -> bool {
        let waits = |line: &mut Line<T>| !line.front_is_filled() && line.halted().is_none() && !line.has_ended();
        let mut line = self.lock();
        let mut patience = Patience::new();
        while waits(&mut line) && patience.is_left() {
            drop(line);
            patience.spend();
            line = self.lock();
        }
        line.hungry += 1;
        (line, _) = self.filled.wait_timeout_while(line, timeout, waits).unwrap_or_else(PoisonError::into_inner);
        line.hungry -= 1;
        !waits(&mut line)
    }

    /// The first item and its number, if it is there.
    pub(crate) fn try_pop(&self) -> Result<Option<(u64, T)>, Halt> {
        let mut line = self.lock();
        let item = line.try_pop()?;
        if item.is_some() {
            self.after_leaving(&line);
        }
        Ok(item)
    }

    /// One writer has done all it had to.
    pub(crate) fn writer_done(&self) {
        let mut line = self.lock();
        line.writers -= 1;
        if line.has_ended() {
            self.filled.notify_all();
        }
    }

    /// So many will read.
    pub(crate) fn add_readers(&self, readers: usize) {
        self.lock().readers += readers;
    }

    /// One reader will not read any more.
    pub(crate) fn reader_gone(&self) {
        let mut line = self.lock();
        line.readers = line.readers.saturating_sub(1); // after `abandon` there are none to take away
        if line.readers == 0 {
            self.room.notify_all();
        }
    }

    /// Nobody will read any more, whoever is still at it.
    pub(crate) fn abandon(&self) {
        self.lock().readers = 0;
        self.filled.notify_all();
        self.room.notify_all();
    }

    /// No more places are given: one that is taken will never be filled. False if nobody reads what would be missing.
    pub(crate) fn seal(&self) -> bool {
        let mut line = self.lock();
        line.sealed = true;
        self.room.notify_all();
        line.halted().is_none()
    }

    /// Nothing goes in or out any more.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.filled.notify_all();
        self.room.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Line<T>> {
        // No code of a user runs under this lock.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_place(&self, interrupt: impl Fn() -> bool) -> Result<MutexGuard<'_, Line<T>>, Halt> {
        let mut line = self.lock();
        let mut patience = Patience::new();
        while !line.try_take()? {
            if patience.is_left() {
                drop(line);
                patience.spend();
                line = self.lock();
                continue;
            }
            line = self.wait_for_room(line, &interrupt)?;
        }
        // A reader wakes one writer for many places: that one wakes the next.
        if line.blocked > 0 && line.taken < line.bound {
            self.room.notify_one();
        }
        Ok(line)
    }

    fn wait_for_room<'line>(
        &self,
        mut line: MutexGuard<'line, Line<T>>,
        interrupt: impl Fn() -> bool,
    ) -> Result<MutexGuard<'line, Line<T>>, Halt> {
        if let Some(halt) = line.closed() {
            return Err(halt);
        }
        if interrupt() {
            return Err(Halt::Interrupted);
        }
        line.blocked += 1;
        line = self.room.wait(line).unwrap_or_else(PoisonError::into_inner);
        line.blocked -= 1;
        Ok(line)
    }

    fn after_settling(&self, line: &Line<T>) {
        if line.pending == 0 && line.blocked > 0 {
            self.room.notify_all(); // those in `settled` are among those who wait for room
        }
    }

    fn after_filling(&self, line: &Line<T>, slot: usize) {
        // Behind an empty front an item waits for its turn; behind a filled one each wakes a reader of its own.
        if line.hungry > 0 && (slot == 0 || line.front_is_filled()) {
            self.filled.notify_one();
        }
    }

    fn after_leaving(&self, line: &Line<T>) {
        // A writer is worth waking for half a queue of places, or when the readers would else run dry.
        if line.blocked > 0 && (line.taken <= line.bound / 2 || !line.front_is_filled()) {
            self.room.notify_one();
        }
        if line.hungry > 0 {
            if line.has_ended() {
                self.filled.notify_all();
            } else if line.front_is_filled() {
                self.filled.notify_one();
            }
        }
    }
}

/// How often a thread lets others run before it goes to sleep: to be woken costs both sides more than that.
struct Patience(u32);

impl Patience {
    fn new() -> Self {
        Self(YIELDS)
    }

    fn is_left(&self) -> bool {
        self.0 > 0
    }

    fn spend(&mut self) {
        self.0 -= 1;
        std::thread::yield_now();
    }
}

impl<T> Line<T> {
    fn halted(&self) -> Option<Halt> {
        if self.stopped {
            Some(Halt::Stopped)
        } else if self.readers == 0 {
            Some(Halt::Abandoned)
        } else {
            None
        }
    }

    /// Why no place is given.
    fn closed(&self) -> Option<Halt> {
        self.halted().or(self.sealed.then_some(Halt::Abandoned))
    }

    fn has_ended(&self) -> bool {
        self.writers == 0 && self.taken == 0
    }

    fn front_is_filled(&self) -> bool {
        matches!(self.slots.front(), Some(Some(_)))
    }

    fn try_take(&mut self) -> Result<bool, Halt> {
        if let Some(halt) = self.closed() {
            return Err(halt);
        }
        let free = self.taken < self.bound;
        self.taken += usize::from(free);
        Ok(free)
    }

    fn try_pop(&mut self) -> Result<Option<(u64, T)>, Halt> {
        if let Some(halt) = self.halted() {
            return Err(halt);
        }
        if !self.front_is_filled() {
            return if self.has_ended() { Err(Halt::Ended) } else { Ok(None) };
        }
        let item = self.slots.pop_front().flatten();
        let number = self.head;
        self.head += 1;
        self.taken -= 1;
        Ok(item.map(|item| (number, item)))
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
