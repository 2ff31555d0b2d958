//! The standard library: a thread for each task, and the barest way to wake many.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Condvar, Mutex};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::Job;
use crate::clock::{self, SLEEPERS};

pub(crate) fn scope(job: Job) -> f64 {
    clock::per_task(job, |marks| {
        thread::scope(|s| {
            for mark in marks {
                s.spawn(|| mark.set());
            }
        });
    })
}

/// A broadcast, from `notify_all` until the last of the threads has done its part. The threads go on to wait for the
/// next one, at a gate of its own so as not to hinder who still has to pass this: no thread's exit is in the time. The
/// first one is not counted.
pub(crate) fn broadcast(job: Job) -> f64 {
    let gates: Vec<Gate> = (0..=job.count).map(|_| Gate::new(thread::current())).collect();
    let times = thread::scope(|s| {
        for _ in 0..SLEEPERS {
            s.spawn(|| gates.iter().for_each(Gate::pass));
        }
        gates.iter().map(Gate::open).collect::<Vec<_>>()
    });
    clock::median(times.into_iter().skip(1).collect())
}

struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    arrived: AtomicUsize,
    passed: AtomicUsize,
    /// Unparked when all have passed.
    owner: Thread,
}

impl Gate {
    fn new(owner: Thread) -> Self {
        Self {
            open: Mutex::new(false),
            opened: Condvar::new(),
            arrived: AtomicUsize::new(0),
            passed: AtomicUsize::new(0),
            owner,
        }
    }

    fn pass(&self) {
        self.arrived.fetch_add(1, SeqCst);
        drop(self.opened.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
        if self.passed.fetch_add(1, SeqCst) + 1 == SLEEPERS {
            self.owner.unpark();
        }
    }

    fn open(&self) -> Duration {
        clock::all_asleep(&self.arrived);
        assert_eq!(self.passed.load(SeqCst), 0);
        let start = Instant::now();
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
        while self.passed.load(SeqCst) < SLEEPERS {
            thread::park();
        }
        start.elapsed()
    }
}
