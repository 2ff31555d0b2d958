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

/// Every interleaving of a few threads. `RUSTFLAGS="--cfg loom" cargo test -p errgroup --lib --release`
#[cfg(all(test, loom))]
mod models {
    use loom::sync::Arc;
    use loom::thread;
    use std::task::Wake;

    use super::*;

    /// A thread's waker, of loom's threads: a place that counts wake-ups and one that waits for them.
    struct Bell {
        rung: loom::sync::Mutex<bool>,
        changed: loom::sync::Condvar,
    }

    impl Wake for Bell {
        fn wake(self: std::sync::Arc<Self>) {
            *self.rung.lock().unwrap() = true;
            self.changed.notify_one();
        }
    }

    /// Polls until ready, and sleeps in between: a lost wake-up is a deadlock, which loom reports.
    fn until(mut poll: impl FnMut(&Waker) -> Poll<()>) {
        let bell =
            std::sync::Arc::new(Bell { rung: loom::sync::Mutex::new(false), changed: loom::sync::Condvar::new() });
        let waker = Waker::from(std::sync::Arc::clone(&bell));
        while poll(&waker).is_pending() {
            let mut rung = bell.rung.lock().unwrap();
            while !*rung {
                rung = bell.changed.wait(rung).unwrap();
            }
            *rung = false;
        }
    }

    fn acquire(state: &State<u32>) {
        let mut turn = Turn::default();
        until(|waker| state.poll_acquire(&mut turn, 1, waker));
    }

    fn wait(state: &State<u32>) {
        let mut turn = Turn::default();
        until(|waker| state.poll_idle(&mut turn, waker));
    }

    fn model(limit: usize, run: impl Fn(Arc<State<u32>>) + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let state = Arc::new(State::new(false));
            state.set_limit(limit);
            run(state);
        });
    }

    fn spawn(state: &Arc<State<u32>>, run: impl FnOnce(&State<u32>) + 'static) -> thread::JoinHandle<()> {
        let state = Arc::clone(state);
        thread::spawn(move || run(&state))
    }

    #[test]
    fn a_release_wakes_who_wants_the_permit() {
        model(1, |state| {
            assert!(state.try_acquire(1));
            let other = spawn(&state, |state| {
                acquire(state);
                assert_eq!(state.active(), 1);
                state.release(1);
            });
            state.release(1);
            other.join().unwrap();
            assert_eq!(state.active(), 0);
        });
    }

    #[test]
    fn two_who_want_one_permit_both_get_it_in_turn() {
        model(1, |state| {
            assert!(state.try_acquire(1));
            let others = [0, 1].map(|_| {
                spawn(&state, |state| {
                    acquire(state);
                    state.release(1);
                })
            });
            state.release(1);
            others.into_iter().for_each(|other| other.join().unwrap());
        });
    }

    #[test]
    fn the_last_release_wakes_all_who_wait() {
        model(UNLIMITED, |state| {
            assert!(state.try_acquire(1) && state.try_acquire(1));
            let waiter = spawn(&state, wait);
            let task = spawn(&state, |state| state.release(1));
            state.release(1);
            wait(&state);
            waiter.join().unwrap();
            task.join().unwrap();
        });
    }

    #[test]
    fn a_resize_wakes_who_now_fits() {
        model(0, |state| {
            let other = spawn(&state, |state| {
                acquire(state);
                state.release(1);
            });
            state.set_limit(1);
            other.join().unwrap();
            wait(&state);
        });
    }

    #[test]
    fn who_gives_up_leaves_the_permit_to_the_next() {
        model(1, |state| {
            assert!(state.try_acquire(1));
            let impatient = spawn(&state, |state| {
                let mut turn = Turn::default();
                let waker = Waker::noop();
                match state.poll_acquire(&mut turn, 1, waker) {
                    Poll::Ready(()) => state.release(1),
                    Poll::Pending => state.give_up(&mut turn),
                }
            });
            let patient = spawn(&state, |state| {
                acquire(state);
                state.release(1);
            });
            state.release(1);
            impatient.join().unwrap();
            patient.join().unwrap();
        });
    }

    #[test]
    fn one_error_is_the_first() {
        model(UNLIMITED, |state| {
            assert!(state.try_acquire(1) && state.try_acquire(1));
            let fail = |state: &State<u32>, error| {
                let first = state.fail(error).is_some();
                state.release(1);
                first
            };
            let won = Arc::new(loom::sync::atomic::AtomicBool::new(false));
            let theirs = Arc::clone(&won);
            let other = spawn(&state, move |state| theirs.store(fail(state, 1), Relaxed));
            let ours = fail(&state, 2);
            wait(&state);
            let Verdict::Failed(failed) = state.verdict() else { panic!("both failed") };
            other.join().unwrap();
            assert_ne!(ours, won.load(Relaxed));
            assert_eq!(failed.with(|error| *error), Some(if ours { 2 } else { 1 }));
        });
    }

    /// A count of the permits that are used, to be held against the limit, apart from the state's own.
    #[derive(Clone, Default)]
    struct Used(Arc<AtomicUsize>);

    impl Used {
        /// Uses `weight` permits that were got, and gives them back.
        fn pass(&self, state: &State<u32>, weight: usize, limit: usize) {
            self.enter(weight, limit);
            self.leave(state, weight);
        }

        fn enter(&self, weight: usize, limit: usize) {
            let now = self.0.fetch_add(weight, AcqRel) + weight;
            assert!(now <= limit || now == weight, "{now} are used of {limit}");
        }

        fn leave(&self, state: &State<u32>, weight: usize) {
            self.0.fetch_sub(weight, AcqRel);
            state.release(weight);
        }
    }

    fn acquire_heavy(state: &State<u32>, weight: usize) {
        let mut turn = Turn::default();
        until(|waker| state.poll_acquire(&mut turn, weight, waker));
    }

    /// What is left of a state that nobody uses any more: no permit held, no flag up, nobody in a line.
    fn check_nothing_is_left(state: &State<u32>) {
        assert_eq!(state.word.load(Acquire), 0);
        let gate = state.gate.lock();
        assert!(gate.permits.0.is_empty() && gate.idle.0.is_empty() && gate.granted.is_empty());
    }

    #[test]
    fn a_heavy_one_and_light_ones_are_all_served() {
        model(2, |state| {
            let used = Used::default();
            assert!(state.try_acquire(1));
            used.enter(1, 2);
            let theirs = used.clone();
            let heavy = spawn(&state, move |state| {
                acquire_heavy(state, 2);
                theirs.pass(state, 2, 2);
            });
            let theirs = used.clone();
            let light = spawn(&state, move |state| {
                acquire(state);
                theirs.pass(state, 1, 2);
            });
            used.leave(&state, 1);
            heavy.join().unwrap();
            light.join().unwrap();
            check_nothing_is_left(&state);
        });
    }

    #[test]
    fn nobody_passes_a_heavy_one_that_is_the_first() {
        model(2, |state| {
            assert!(state.try_acquire(1));
            let mut turn = Turn::default();
            assert!(state.poll_acquire(&mut turn, 2, Waker::noop()).is_pending());
            // One permit is free, and whoever asks for it is told to wait, in whatever way he asks.
            let passer = spawn(&state, |state| assert!(!state.try_acquire(1)));
            let patient = spawn(&state, |state| {
                acquire(state);
                state.release(1);
            });
            passer.join().unwrap();
            state.release(1);
            assert!(state.poll_acquire(&mut turn, 2, Waker::noop()).is_ready(), "it was handed its permits");
            assert_eq!(state.active(), 2);
            state.release(2);
            patient.join().unwrap();
            check_nothing_is_left(&state);
        });
    }

    #[test]
    fn a_heavy_one_does_not_take_what_was_promised_to_one_before_it() {
        model(2, |state| {
            assert!(state.try_acquire(2));
            let (mut light, mut heavy) = (Turn::default(), Turn::default());
            assert!(state.poll_acquire(&mut light, 1, Waker::noop()).is_pending());
            assert!(state.poll_acquire(&mut heavy, 2, Waker::noop()).is_pending());
            let holder = spawn(&state, |state| state.release(2));
            holder.join().unwrap();
            assert!(state.poll_acquire(&mut light, 1, Waker::noop()).is_ready());
            assert!(state.poll_acquire(&mut heavy, 2, Waker::noop()).is_pending());
            state.release(1);
            assert!(state.poll_acquire(&mut heavy, 2, Waker::noop()).is_ready());
            state.release(2);
            check_nothing_is_left(&state);
        });
    }

    #[test]
    fn a_heavy_one_that_gives_up_gives_back_what_it_was_granted() {
        model(2, |state| {
            let used = Used::default();
            assert!(state.try_acquire(1));
            used.enter(1, 2);
            let mut turn = Turn::default();
            assert!(state.poll_acquire(&mut turn, 2, Waker::noop()).is_pending());
            let theirs = used.clone();
            let behind = spawn(&state, move |state| {
                acquire(state);
                theirs.pass(state, 1, 2);
            });
            let theirs = used.clone();
            let holder = spawn(&state, move |state| theirs.leave(state, 1));
            state.give_up(&mut turn); // before it is granted or after, before somebody is behind it or after
            behind.join().unwrap();
            holder.join().unwrap();
            wait(&state);
            check_nothing_is_left(&state);
        });
    }

    #[test]
    fn who_gives_up_last_wakes_who_waits_for_the_end() {
        model(2, |state| {
            assert!(state.try_acquire(1));
            let mut turn = Turn::default();
            assert!(state.poll_acquire(&mut turn, 2, Waker::noop()).is_pending());
            let waiter = spawn(&state, wait);
            state.release(1); // which grants two
            assert_eq!(state.active(), 2);
            state.give_up(&mut turn);
            waiter.join().unwrap();
            check_nothing_is_left(&state);
        });
    }

    #[test]
    fn a_resize_down_and_up_loses_nobody() {
        model(2, |state| {
            let used = Used::default();
            assert!(state.try_acquire(1));
            used.enter(1, 2);
            let theirs = used.clone();
            let waiter = spawn(&state, move |state| {
                acquire_heavy(state, 2);
                theirs.pass(state, 2, 2);
            });
            let resizer = spawn(&state, |state| {
                state.set_limit(0);
                state.set_limit(2);
            });
            used.leave(&state, 1);
            waiter.join().unwrap();
            resizer.join().unwrap();
            check_nothing_is_left(&state);
        });
    }

    #[test]
    fn a_resize_lets_one_in_that_is_heavier_than_the_limit() {
        model(0, |state| {
            let heavy = spawn(&state, |state| {
                acquire_heavy(state, 3);
                assert_eq!(state.active(), 3, "it runs alone");
                state.release(3);
            });
            let light = spawn(&state, |state| {
                acquire(state);
                assert_eq!(state.active(), 1, "it runs alone too");
                state.release(1);
            });
            state.set_limit(1);
            heavy.join().unwrap();
            light.join().unwrap();
            check_nothing_is_left(&state);
        });
    }

    #[test]
    fn all_who_wait_see_the_error_of_the_last_task() {
        model(UNLIMITED, |state| {
            assert!(state.try_acquire(1));
            let look = |state: &State<u32>| {
                wait(state);
                assert!(matches!(state.verdict(), Verdict::Failed(_)), "the error came before the release");
            };
            let others = [0, 1].map(|_| spawn(&state, look));
            let task = spawn(&state, end_with_error);
            others.into_iter().for_each(|other| other.join().unwrap());
            task.join().unwrap();
            check_nothing_is_left(&state);
        });
    }

    /// The order in which a task ends that fails: see `rules`.
    fn end_with_error(state: &State<u32>) {
        assert!(state.fail(7).is_some());
        state.release(1);
    }

    #[test]
    fn go_and_try_go_share_one_permit() {
        model(1, |state| {
            let used = Used::default();
            let going = [0, 1].map(|_| {
                let used = used.clone();
                spawn(&state, move |state| {
                    acquire(state);
                    used.pass(state, 1, 1);
                })
            });
            if state.try_acquire(1) {
                used.pass(&state, 1, 1);
            }
            going.into_iter().for_each(|going| going.join().unwrap());
            assert!(state.try_acquire(1), "it is free again");
            state.release(1);
            check_nothing_is_left(&state);
        });
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn who_stops_waiting_takes_nobody_along() {
        model(UNLIMITED, |state| {
            assert!(state.try_acquire(1));
            let patient = spawn(&state, wait);
            let impatient = spawn(&state, |state| {
                let mut turn = Turn::default();
                if state.poll_idle(&mut turn, Waker::noop()).is_pending() {
                    state.stop_waiting(&mut turn);
                }
                assert!(!turn.is_taken());
            });
            state.release(1);
            patient.join().unwrap();
            impatient.join().unwrap();
            check_nothing_is_left(&state);
        });
    }
}
