//! The one thread that keeps the deadlines of all contexts.
//!
//! It is started by the first deadline and sleeps until the next one is due. Alarms that are not needed any more are
//! taken out, so that a million short-lived contexts with long deadlines cost nothing once they are gone. It does
//! nothing but ring: what follows from that is the business of whoever set the alarm.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Instant;

/// What a deadline does when it comes. Called without any lock of the timer.
pub(crate) trait Alarm: Send + Sync {
    fn ring(&self);
}

/// An alarm that is set, until this is dropped.
#[derive(Debug)]
pub(crate) struct Set(Key);

/// An alarm in the timer: when, and a number that makes it the only one of that instant.
type Key = (Instant, u64);

struct Timer {
    alarms: Mutex<Alarms>,
    /// Notified when an alarm is set that is due before all others.
    sooner: Condvar,
}

#[derive(Default)]
struct Alarms {
    next: u64,
    by_time: BTreeMap<Key, Weak<dyn Alarm>>,
    running: bool,
}

static TIMER: OnceLock<Timer> = OnceLock::new();

/// Rings `alarm` at `deadline`, unless it is gone or what this gives is dropped by then.
pub(crate) fn set(deadline: Instant, alarm: Weak<dyn Alarm>) -> Set {
    let timer = TIMER.get_or_init(|| Timer { alarms: Mutex::default(), sooner: Condvar::new() });
    let mut alarms = timer.lock();
    alarms.next += 1;
    let key = (deadline, alarms.next);
    alarms.by_time.insert(key, alarm);
    if !alarms.running {
        start(timer);
        alarms.running = true;
    } else if alarms.by_time.first_key_value().is_some_and(|(first, _)| *first == key) {
        timer.sooner.notify_one();
    }
    Set(key)
}

impl Drop for Set {
    fn drop(&mut self) {
        if let Some(timer) = TIMER.get() {
            let alarm = timer.lock().by_time.remove(&self.0);
            drop(alarm);
        }
    }
}

/// Without its thread no deadline would ever be kept, which is worse than a panic where the first one is asked for.
fn start(timer: &'static Timer) {
    let thread = std::thread::Builder::new().name("errgroup-timer".to_owned());
    thread.spawn(|| timer.run()).expect("a thread to keep deadlines");
}

impl Timer {
    fn lock(&self) -> MutexGuard<'_, Alarms> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut alarms = self.lock();
        loop {
            let now = Instant::now();
            alarms = match alarms.by_time.first_entry() {
                None => self.sooner.wait(alarms).unwrap_or_else(PoisonError::into_inner),
                Some(first) if first.key().0 > now => {
                    let pause = first.key().0 - now;
                    self.sooner.wait_timeout(alarms, pause).unwrap_or_else(PoisonError::into_inner).0
                }
                Some(first) => {
                    let alarm = first.remove();
                    drop(alarms);
                    if let Some(alarm) = alarm.upgrade() {
                        alarm.ring();
                    }
                    self.lock()
                }
            };
        }
    }
}
