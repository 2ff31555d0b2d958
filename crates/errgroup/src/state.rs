//! What a group must remember, and nothing else: how many tasks are active, how many may be, who waits for either
//! to change, and what went wrong first.
//!
//! No thread, no closure, no lifetime: whoever waits hands in a [`Waker`], be it a parked thread's or a future's, so
//! that one set of rules serves every front and a model checker can run it whole.
//!
//! Invariants:
//!
//! 1. `word` holds the number of active tasks and two flags. A flag is set exactly while the matching list in `gate`
//!    may hold somebody, and only changes under the lock of `gate`.
//! 2. Whoever waits sets the flag and *then* looks at the count again, in one atomic step on one word; whoever
//!    releases learns the flags from the very step that lowered the count. One of the two sees the other, so no
//!    wake-up is lost, and a release that nobody waits for touches no lock.
//! 3. A waiter is taken off its list when it is woken. If it leaves without what it waited for, it wakes the next.
//! 4. The first error stays the first: it is set once, under its own lock, and never replaced.

use std::any::Any;
use std::collections::VecDeque;
use std::task::{Poll, Waker};

use crate::error::Failed;
use crate::sync::atomic::AtomicUsize;
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::{Mutex, MutexGuard};

/// No limit: a count can never reach it.
pub(crate) const UNLIMITED: usize = usize::MAX;

/// Somebody waits for a permit.
const WANTED: usize = 1;
/// Somebody waits for the count to reach zero.
const AWAITED: usize = 2;
/// One active task: the count lives above the flags.
const ONE: usize = 4;

/// The state of one group.
pub(crate) struct State<E> {
    /// Active tasks times [`ONE`], plus the flags.
    word: AtomicUsize,
    /// How many tasks may be active; written under the lock of `gate`.
    limit: AtomicUsize,
    /// Who waits.
    gate: Mutex<Gate>,
    /// What went wrong.
    outcome: Mutex<Outcome<E>>,
}

struct Gate {
    /// Those who want a permit, first come first woken.
    permits: VecDeque<Waiter>,
    /// Those who want the count to be zero.
    idle: VecDeque<Waiter>,
    /// The number the next newcomer gets.
    next: u64,
}

struct Waiter {
    number: u64,
    waker: Waker,
}

struct Outcome<E> {
    error: Option<Failed<E>>,
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

/// A place in one of the two lists, kept by whoever waits from one poll to the next.
#[derive(Default)]
pub(crate) struct Turn(Option<u64>);

impl<E> State<E> {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicUsize::new(0),
            limit: AtomicUsize::new(UNLIMITED),
            gate: Mutex::new(Gate { permits: VecDeque::new(), idle: VecDeque::new(), next: 0 }),
            outcome: Mutex::new(Outcome { error: None, panic: None }),
        }
    }

    /// How many tasks are active now.
    pub(crate) fn active(&self) -> usize {
        self.word.load(Acquire) / ONE
    }

    /// Makes one more task active, unless the limit is reached.
    pub(crate) fn try_acquire(&self) -> bool {
        let limit = self.limit.load(Relaxed);
        if limit == UNLIMITED {
            // Relaxed: it publishes nothing; the task itself travels through a queue's lock.
            self.word.fetch_add(ONE, Relaxed);
            return true;
        }
        let grow = |word: usize| (word / ONE < limit).then_some(word + ONE);
        // Acquire: the caller may rely on what the task that freed the permit has done.
        self.word.fetch_update(Acquire, Relaxed, grow).is_ok()
    }

    /// The same as [`try_acquire`](Self::try_acquire), or a promise to wake `waker` when it is worth another try.
    pub(crate) fn poll_acquire(&self, turn: &mut Turn, waker: &Waker) -> Poll<()> {
        let gate = &mut *self.gate.lock(); // once through the guard, so that its fields can be borrowed apart
        Gate::enter(&mut gate.next, &mut gate.permits, turn, waker);
        self.word.fetch_or(WANTED, AcqRel);
        if !self.try_acquire() {
            return Poll::Pending;
        }
        Gate::leave(&mut gate.permits, turn);
        self.lower_flags(gate);
        Poll::Ready(())
    }

    /// Ends the wait of a `turn` that [`poll_acquire`](Self::poll_acquire) left pending.
    pub(crate) fn give_up(&self, turn: &mut Turn) {
        let mut gate = self.gate.lock();
        Gate::leave(&mut gate.permits, turn);
        // It may have been woken for a permit that it now leaves to the next.
        self.wake(gate);
    }

    /// One task has ended.
    pub(crate) fn release(&self) {
        // Release: whoever sees the lower count sees what the task did. Acquire, for the last one: it speaks for all.
        let before = self.word.fetch_sub(ONE, AcqRel);
        let was_last = before / ONE == 1;
        if before & WANTED != 0 || (was_last && before & AWAITED != 0) {
            self.wake(self.gate.lock());
        }
    }

    /// Changes how many tasks may be active. Those which are stay so.
    pub(crate) fn set_limit(&self, limit: usize) {
        let gate = self.gate.lock();
        self.limit.store(limit, Relaxed);
        self.wake(gate);
    }

    /// Whether no task is active, or a promise to wake `waker` when none is.
    pub(crate) fn poll_idle(&self, turn: &mut Turn, waker: &Waker) -> Poll<()> {
        let gate = &mut *self.gate.lock(); // once through the guard, so that its fields can be borrowed apart
        Gate::enter(&mut gate.next, &mut gate.idle, turn, waker);
        if self.word.fetch_or(AWAITED, AcqRel) / ONE != 0 {
            return Poll::Pending;
        }
        Gate::leave(&mut gate.idle, turn);
        self.lower_flags(gate);
        Poll::Ready(())
    }

    /// Wakes as many waiters as what is free now serves, outside the lock.
    fn wake(&self, mut gate: MutexGuard<'_, Gate>) {
        let active = self.active();
        let free = self.limit.load(Relaxed).saturating_sub(active).min(gate.permits.len());
        let mut woken: Vec<Waiter> = gate.permits.drain(..free).collect();
        if active == 0 {
            woken.extend(gate.idle.drain(..));
        }
        self.lower_flags(&gate);
        drop(gate);
        woken.into_iter().for_each(|waiter| waiter.waker.wake());
    }

    /// Takes the flag of an empty list down, so that releases are cheap again.
    fn lower_flags(&self, gate: &Gate) {
        let mut keep = !0;
        if gate.permits.is_empty() {
            keep &= !WANTED;
        }
        if gate.idle.is_empty() {
            keep &= !AWAITED;
        }
        if keep != !0 {
            self.word.fetch_and(keep, Release);
        }
    }

    /// Records an error. If it is the first, gives the handle to name it by.
    pub(crate) fn fail(&self, error: E) -> Option<Failed<E>> {
        let mut outcome = self.outcome.lock();
        if outcome.error.is_some() {
            drop(outcome);
            return None; // `error` is dropped here, outside the lock: its drop is a user's code
        }
        Some(outcome.error.insert(Failed::new(error)).clone())
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
        match &outcome.error {
            Some(failed) => Verdict::Failed(failed.clone()),
            None => Verdict::Fine,
        }
    }
}

impl Gate {
    /// Puts `turn` on the list, or gives it its newest waker if it is there already. One that was woken in vain
    /// keeps its number, and so its place before all who came later.
    fn enter(next: &mut u64, list: &mut VecDeque<Waiter>, turn: &mut Turn, waker: &Waker) {
        let number = *turn.0.get_or_insert_with(|| {
            *next += 1;
            *next
        });
        let place = list.partition_point(|waiter| waiter.number < number);
        match list.get_mut(place) {
            Some(waiter) if waiter.number == number => waiter.waker.clone_from(waker),
            _ => list.insert(place, Waiter { number, waker: waker.clone() }),
        }
    }

    fn leave(list: &mut VecDeque<Waiter>, turn: &mut Turn) {
        let Some(number) = turn.0.take() else { return };
        let place = list.partition_point(|waiter| waiter.number < number);
        if list.get(place).is_some_and(|waiter| waiter.number == number) {
            list.remove(place);
        }
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
        until(|waker| state.poll_acquire(&mut turn, waker));
    }

    fn wait(state: &State<u32>) {
        let mut turn = Turn::default();
        until(|waker| state.poll_idle(&mut turn, waker));
    }

    fn model(limit: usize, run: impl Fn(Arc<State<u32>>) + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let state = Arc::new(State::new());
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
            assert!(state.try_acquire());
            let other = spawn(&state, |state| {
                acquire(state);
                assert_eq!(state.active(), 1);
                state.release();
            });
            state.release();
            other.join().unwrap();
            assert_eq!(state.active(), 0);
        });
    }

    #[test]
    fn two_who_want_one_permit_both_get_it_in_turn() {
        model(1, |state| {
            assert!(state.try_acquire());
            let others = [0, 1].map(|_| {
                spawn(&state, |state| {
                    acquire(state);
                    state.release();
                })
            });
            state.release();
            others.into_iter().for_each(|other| other.join().unwrap());
        });
    }

    #[test]
    fn the_last_release_wakes_all_who_wait() {
        model(UNLIMITED, |state| {
            assert!(state.try_acquire() && state.try_acquire());
            let waiter = spawn(&state, wait);
            let task = spawn(&state, State::release);
            state.release();
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
                state.release();
            });
            state.set_limit(1);
            other.join().unwrap();
            wait(&state);
        });
    }

    #[test]
    fn who_gives_up_leaves_the_permit_to_the_next() {
        model(1, |state| {
            assert!(state.try_acquire());
            let impatient = spawn(&state, |state| {
                let mut turn = Turn::default();
                let waker = Waker::noop();
                match state.poll_acquire(&mut turn, waker) {
                    Poll::Ready(()) => state.release(),
                    Poll::Pending => state.give_up(&mut turn),
                }
            });
            let patient = spawn(&state, |state| {
                acquire(state);
                state.release();
            });
            state.release();
            impatient.join().unwrap();
            patient.join().unwrap();
        });
    }

    #[test]
    fn one_error_is_the_first() {
        model(UNLIMITED, |state| {
            assert!(state.try_acquire() && state.try_acquire());
            let fail = |state: &State<u32>, error| {
                let first = state.fail(error).is_some();
                state.release();
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
}
