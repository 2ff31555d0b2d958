//! Every interleaving of a few threads. `RUSTFLAGS="--cfg loom" cargo test -p errgroup --lib --release`

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
    let bell = std::sync::Arc::new(Bell { rung: loom::sync::Mutex::new(false), changed: loom::sync::Condvar::new() });
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
