//! What a group must remember, and nothing else: how many permits are held, how many may be, who waits for either to
//! change, and what went wrong.
//!
//! No thread, no closure, no lifetime: whoever waits hands in a [`Waker`], be it a parked thread's or a future's, so
//! that one set of rules serves every front and a model checker can run it whole.
//!
//! A task holds one permit, or as many as it weighs; the permits held are the count of what is active.
//!
//! Invariants:
//!
//! 1. `word` holds the number of permits held and three flags. The flags tell of the lists in `gate`, and only change
//!    under its lock.
//! 2. Whoever waits sets the flag and *then* looks at the count again, in one atomic step on one word; whoever
//!    releases learns the flags from the very step that lowered the count. One of the two sees the other, so no
//!    wake-up is lost, and a release that nobody waits for touches no lock.
//! 3. A waiter is taken off its list when it is woken. If it leaves without what it waited for, it wakes the next.
//! 4. A waiter for one permit is woken to try again, and may be overtaken. To one that is heavier its permits are
//!    handed, and while it is the first in line nobody passes it: else it could wait for ever.
//! 5. The first error stays the first: it is set once, under its own lock, and never replaced.
//! 6. Wakers are cloned and dropped outside of the locks: both are some executor's code.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Poll, Waker};

use crate::error::Failed;
use crate::sync::atomic::AtomicUsize;
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::{Mutex, MutexGuard};

/// No limit: a count can never reach it.
pub(crate) const UNLIMITED: usize = usize::MAX;

/// The most that a task can weigh: far below what can be counted, which is looked at nevertheless.
pub(crate) const HEAVIEST: usize = 1 << (usize::BITS * 5 / 8);

/// Somebody waits for a permit.
const WANTED: usize = 1;
/// Somebody waits for the count to reach zero.
const AWAITED: usize = 2;
/// The first who waits for permits needs several: nobody may pass.
const HELD: usize = 4;
/// All of the above.
const FLAGS: usize = ONE - 1;
/// One permit: the count lives above the flags.
const ONE: usize = 8;
/// What the word may be for one more to be counted. Were it to wrap, a `wait` and a scope would end before their tasks.
const MOST: usize = usize::MAX / 2;

/// The state of one group.
pub(crate) struct State<E> {
    /// Permits held times [`ONE`], plus the flags.
    word: AtomicUsize,
    /// How many permits there are; written under the lock of `gate`.
    limit: AtomicUsize,
    /// Who waits.
    gate: Mutex<Gate>,
    /// What went wrong.
    outcome: Mutex<Outcome<E>>,
}

#[derive(Default)]
struct Gate {
    /// Those who want permits, first come first served.
    permits: Line,
    /// Those who want the count to be zero.
    idle: Line,
    /// The permits that were taken for somebody who does not know it yet: whose, and how many.
    granted: Vec<(u64, usize)>,
    /// The number the next newcomer gets.
    next: u64,
}

/// Waiters in the order of their numbers. One that was woken in vain comes back to its old place.
#[derive(Default)]
struct Line(VecDeque<Waiter>);

struct Waiter {
    number: u64,
    weight: usize,
    waker: Waker,
}

struct Outcome<E> {
    /// The first error, and those after it if `all` are kept.
    errors: Vec<Failed<E>>,
    all: bool,
    panic: Option<Panic>,
}

/// The first panic of a group: its payload until somebody has resumed it, its message for ever.
struct Panic {
    payload: Option<Box<dyn Any + Send>>,
    message: String,
}

/// What became of a group so far.
pub(crate) enum Verdict<E> {
    /// No task has failed.
    Fine,
    /// The first error.
    Failed(Failed<E>),
    /// The first panic, whose payload is still to be resumed.
    Panicked(Box<dyn Any + Send>),
    /// The first panic, after its payload was handed out: its message.
    HadPanicked(String),
}

/// A place in one of the two lines, kept by whoever waits from one poll to the next.
#[derive(Debug, Default)]
pub(crate) struct Turn(Option<u64>);

impl Turn {
    /// Whether its wait has begun and not ended.
    #[cfg(feature = "tokio")]
    pub(crate) fn is_taken(&self) -> bool {
        self.0.is_some()
    }
}

impl<E> State<E> {
    /// `all`: keeps all errors, not only the first.
    pub(crate) fn new(all: bool) -> Self {
        Self {
            word: AtomicUsize::new(0),
            limit: AtomicUsize::new(UNLIMITED),
            gate: Mutex::default(),
            outcome: Mutex::new(Outcome { errors: Vec::new(), all, panic: None }),
        }
    }

    /// How many permits are held now: as many as tasks are active, if none weighs more than one.
    pub(crate) fn active(&self) -> usize {
        self.word.load(Acquire) / ONE
    }

    /// How many permits there are.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// Takes `weight` permits for a task, if they are free.
    pub(crate) fn try_acquire(&self, weight: usize) -> bool {
        if self.limit() == UNLIMITED {
            // Relaxed: it publishes nothing; the task itself travels through a queue's lock.
            self.add(weight);
            return true;
        }
        self.take(weight, 0, HELD)
    }

    /// The same as [`try_acquire`](Self::try_acquire), or a promise to wake `waker` when it is worth another try.
    pub(crate) fn poll_acquire(&self, turn: &mut Turn, weight: usize, waker: &Waker) -> Poll<()> {
        let mut spare = Some(waker.clone()); // dropped after the guard, whatever it is by then
        let mut guard = self.gate.lock();
        let gate = &mut *guard; // once through the guard, so that its fields can be borrowed apart
        if gate.redeem(turn).is_some() {
            return Poll::Ready(());
        }
        let number = gate.number(turn);
        let is_first = gate.permits.enter(number, weight, &mut spare);
        self.set_flags(gate);
        if !self.take(weight, 0, if is_first { 0 } else { HELD }) {
            return Poll::Pending;
        }
        let left = gate.permits.leave(turn);
        self.set_flags(gate);
        drop(guard);
        drop(left);
        Poll::Ready(())
    }

    /// Takes `weight` permits whether they are free or not: for a task whose parent gives way to it.
    #[cfg(feature = "tokio")]
    pub(crate) fn force(&self, weight: usize) {
        self.add(weight);
    }

    /// Counts permits without asking.
    #[inline]
    fn add(&self, weight: usize) {
        if self.word.fetch_add(weight * ONE, Relaxed) > MOST {
            self.release(weight);
            panic!("the tasks of a group weigh more than can be counted");
        }
    }

    /// Ends the wait of a `turn` that [`poll_acquire`](Self::poll_acquire) left pending.
    pub(crate) fn give_up(&self, turn: &mut Turn) {
        let mut gate = self.gate.lock();
        if let Some(weight) = gate.redeem(turn) {
            self.word.fetch_sub(weight * ONE, AcqRel);
        }
        let left = gate.permits.leave(turn);
        // It may have been woken for a permit that it now leaves to the next.
        self.wake(gate);
        drop(left);
    }

    /// A task has ended that held `weight` permits.
    pub(crate) fn release(&self, weight: usize) {
        // Release: whoever sees the lower count sees what the task did. Acquire, for the last one: it speaks for all.
        let before = self.word.fetch_sub(weight * ONE, AcqRel);
        let was_last = before / ONE == weight;
        if before & WANTED != 0 || (was_last && before & AWAITED != 0) {
            self.wake(self.gate.lock());
        }
    }

    /// Changes how many permits there are. Those which are held stay so.
    pub(crate) fn set_limit(&self, limit: usize) {
        let gate = self.gate.lock();
        self.limit.store(limit, Relaxed);
        self.wake(gate);
    }

    /// Whether no task is active, or a promise to wake `waker` when none is.
    pub(crate) fn poll_idle(&self, turn: &mut Turn, waker: &Waker) -> Poll<()> {
        let mut spare = Some(waker.clone());
        let mut guard = self.gate.lock();
        let gate = &mut *guard;
        let number = gate.number(turn);
        gate.idle.enter(number, 0, &mut spare);
        if self.word.fetch_or(AWAITED, AcqRel) / ONE != 0 {
            return Poll::Pending;
        }
        let left = gate.idle.leave(turn);
        self.set_flags(gate);
        drop(guard);
        drop(left);
        Poll::Ready(())
    }

    /// Ends the wait of a `turn` that [`poll_idle`](Self::poll_idle) left pending.
    #[cfg(feature = "tokio")]
    pub(crate) fn stop_waiting(&self, turn: &mut Turn) {
        let mut gate = self.gate.lock();
        let left = gate.idle.leave(turn);
        self.set_flags(&gate);
        drop(gate);
        drop(left);
    }

    /// Takes `weight` permits if they are free beside those `promised` to others and no flag in `barred` is up.
    fn take(&self, weight: usize, promised: usize, barred: usize) -> bool {
        let limit = self.limit();
        let grow = |word: usize| {
            let free = word & barred == 0 && fits(word / ONE + promised, weight, limit);
            (free && word <= MOST).then(|| word + weight * ONE)
        };
        // Acquire: the caller may rely on what the task that freed the permits has done.
        self.word.fetch_update(Acquire, Relaxed, grow).is_ok()
    }

    /// Serves as many waiters as it can with what is free now, and tells them outside the lock.
    fn wake(&self, mut gate: MutexGuard<'_, Gate>) {
        let mut woken = Vec::new();
        let mut promised = 0;
        while let Some(first) = gate.permits.0.front() {
            let (number, weight) = (first.number, first.weight);
            if weight > 1 {
                if !self.take(weight, promised, 0) {
                    break;
                }
                gate.granted.push((number, weight));
            } else if fits(self.active() + promised, 1, self.limit()) {
                promised += 1;
            } else {
                break;
            }
            woken.extend(gate.permits.0.pop_front());
        }
        if self.active() == 0 {
            woken.extend(gate.idle.0.drain(..));
        }
        self.set_flags(&gate);
        drop(gate);
        woken.into_iter().for_each(|waiter| contain(|| waiter.waker.wake()));
    }

    /// Makes the flags say what is so, the ones of an empty line down, so that releases are cheap again.
    fn set_flags(&self, gate: &Gate) {
        let (now, right) = (self.word.load(Relaxed) & FLAGS, gate.flags()); // they change only under this lock
        if now & !right != 0 {
            self.word.fetch_and(!(now & !right), Release);
        }
        if right & !now != 0 {
            self.word.fetch_or(right & !now, AcqRel);
        }
    }

    /// Records an error. If it is the first, gives the handle to name it by.
    pub(crate) fn fail(&self, error: E) -> Option<Failed<E>> {
        let mut outcome = self.outcome.lock();
        let is_first = outcome.errors.is_empty();
        if !is_first && !outcome.all {
            drop(outcome);
            return None; // `error` is dropped here, outside the lock: its drop is a user's code
        }
        let failed = Failed::new(error);
        outcome.errors.push(failed.clone());
        is_first.then_some(failed)
    }

    /// Records an error that is worth telling only if nothing else has gone wrong; gives it back if something has.
    pub(crate) fn fail_unless_failed(&self, error: E) -> Option<E> {
        let mut outcome = self.outcome.lock();
        if outcome.panic.is_some() || !outcome.errors.is_empty() {
            return Some(error);
        }
        outcome.errors.push(Failed::new(error));
        None
    }

    /// Records a panic. If it is the first, gives its message.
    pub(crate) fn panicked(&self, payload: Box<dyn Any + Send>) -> Option<String> {
        let message = panic_message(&*payload);
        let mut outcome = self.outcome.lock();
        if outcome.panic.is_some() {
            drop(outcome);
            return None;
        }
        outcome.panic = Some(Panic { payload: Some(payload), message: message.clone() });
        Some(message)
    }

    /// What became of the group: a panic outranks an error.
    pub(crate) fn verdict(&self) -> Verdict<E> {
        let mut outcome = self.outcome.lock();
        if let Some(panic) = &mut outcome.panic {
            return match panic.payload.take() {
                Some(payload) => Verdict::Panicked(payload),
                None => Verdict::HadPanicked(panic.message.clone()),
            };
        }
        match outcome.errors.first() {
            Some(failed) => Verdict::Failed(failed.clone()),
            None => Verdict::Fine,
        }
    }

    /// The errors that were kept, the first one first.
    pub(crate) fn errors(&self) -> Vec<Failed<E>> {
        self.outcome.lock().errors.clone()
    }

    /// The text of what went wrong first, a panic before an error.
    pub(crate) fn failure(&self) -> Option<String>
    where
        E: std::fmt::Display,
    {
        let outcome = self.outcome.lock();
        if let Some(panic) = &outcome.panic {
            return Some(panic.message.clone());
        }
        let failed = outcome.errors.first().cloned();
        drop(outcome); // an error's text is a user's code
        failed.map(|failed| failed.to_string())
    }

    /// Whether anything has gone wrong.
    pub(crate) fn has_failed(&self) -> bool {
        let outcome = self.outcome.lock();
        outcome.panic.is_some() || !outcome.errors.is_empty()
    }
}

/// Runs what is somebody else's code and no task: the drop of an error that comes second, a waker. A panic there has been
/// printed by the hook, and must keep nobody from being told or joined.
pub(crate) fn contain(run: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        std::mem::forget(payload); // its drop may panic as well
    }
}

/// Whether a task of `weight` may begin beside what is active. One that is heavier than the limit may when it is alone:
/// else it never could.
fn fits(active: usize, weight: usize, limit: usize) -> bool {
    weight <= limit.saturating_sub(active) || (active == 0 && limit > 0)
}

impl Gate {
    fn number(&mut self, turn: &mut Turn) -> u64 {
        *turn.0.get_or_insert_with(|| {
            self.next += 1;
            self.next
        })
    }

    /// The permits that were taken for `turn`, whose wait is over then.
    fn redeem(&mut self, turn: &mut Turn) -> Option<usize> {
        let place = self.granted.iter().position(|(number, _)| Some(*number) == turn.0)?;
        turn.0 = None;
        Some(self.granted.swap_remove(place).1)
    }

    fn flags(&self) -> usize {
        let mut flags = 0;
        if let Some(first) = self.permits.0.front() {
            flags |= if first.weight > 1 { WANTED | HELD } else { WANTED };
        }
        if !self.idle.0.is_empty() {
            flags |= AWAITED;
        }
        flags
    }
}

impl Line {
    /// Puts a waiter in its place, or gives it its newest waker if it is there already. Says whether it is the first.
    fn enter(&mut self, number: u64, weight: usize, waker: &mut Option<Waker>) -> bool {
        let place = self.place(number);
        match (self.0.get_mut(place), waker.take()) {
            (Some(waiter), Some(new)) if waiter.number == number => {
                *waker = Some(std::mem::replace(&mut waiter.waker, new));
            }
            (_, Some(waker)) => self.0.insert(place, Waiter { number, weight, waker }),
            (_, None) => unreachable!("whoever enters brings a waker"),
        }
        place == 0
    }

    /// Takes a waiter out, for good; its waker is the caller's to drop.
    fn leave(&mut self, turn: &mut Turn) -> Option<Waker> {
        let number = turn.0.take()?;
        let place = self.place(number);
        let is_here = self.0.get(place).is_some_and(|waiter| waiter.number == number);
        if is_here { self.0.remove(place).map(|waiter| waiter.waker) } else { None }
    }

    fn place(&self, number: u64) -> usize {
        self.0.partition_point(|waiter| waiter.number < number)
    }
}

/// The text of a panic, as the standard library's own hook would find it.
fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a payload that is not text".to_owned()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The count once wrapped: to whoever waited, and to a scope, all was over while tasks ran.
    #[test]
    fn permits_that_cannot_be_counted_are_refused() {
        let state = State::<String>::new(false);
        let all = catch_unwind(AssertUnwindSafe(|| {
            while state.try_acquire(HEAVIEST) {
                assert!(state.active() >= HEAVIEST);
            }
        }));
        assert!(all.is_err());
        let held = state.active();
        state.set_limit(UNLIMITED - 1);
        assert!(!state.try_acquire(HEAVIEST), "nor under a limit that could not be counted");
        assert_eq!(state.active(), held);
    }
}

#[cfg(all(test, loom))]
mod models;
