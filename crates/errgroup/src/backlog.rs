//! The tasks of a group that nobody has begun.
//!
//! Two queues with a lock each: tasks are added to `coming` and taken from `going`, and the one is poured into the
//! other when that runs low. So those who add and those who take seldom meet at a lock, and still every task that
//! has not begun is in reach of every worker, however many its neighbours are busy with.
//!
//! Lock order: `going`, then `coming`.

use std::collections::VecDeque;

use crate::sync::Mutex;
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::Ordering::Relaxed;

pub(crate) struct Backlog<T> {
    coming: Mutex<VecDeque<T>>,
    /// Whether `coming` holds anything: for a look without the lock, written under it.
    come: AtomicBool,
    going: Mutex<Going<T>>,
}

struct Going<T> {
    tasks: VecDeque<T>,
    /// How many were ever taken.
    taken: usize,
}

impl<T> Backlog<T> {
    pub(crate) fn new() -> Self {
        Self {
            coming: Mutex::new(VecDeque::new()),
            come: AtomicBool::new(false),
            going: Mutex::new(Going { tasks: VecDeque::new(), taken: 0 }),
        }
    }

    pub(crate) fn push(&self, task: T) {
        let mut coming = self.coming.lock();
        coming.push_back(task);
        self.come.store(true, Relaxed);
    }

    /// Whether a task has come since the last look into the queue. A hint, for those who spin: not a promise.
    pub(crate) fn has_come(&self) -> bool {
        self.come.load(Relaxed)
    }

    /// The next task, and whether there are more.
    pub(crate) fn pop(&self) -> Option<(T, bool)> {
        let mut going = self.going.lock();
        // At one and not at none: otherwise what is coming would be left behind without a word.
        if going.tasks.len() <= 1 {
            let mut coming = self.coming.lock();
            self.come.store(false, Relaxed);
            if going.tasks.is_empty() {
                std::mem::swap(&mut going.tasks, &mut coming);
            } else {
                going.tasks.append(&mut coming);
            }
        }
        let task = going.tasks.pop_front()?;
        going.taken = going.taken.wrapping_add(1);
        Some((task, !going.tasks.is_empty()))
    }

    /// How many tasks wait.
    pub(crate) fn len(&self) -> usize {
        let going = self.going.lock();
        let coming = self.coming.lock();
        going.tasks.len() + coming.len()
    }

    /// A number that changes with every task taken.
    pub(crate) fn taken(&self) -> usize {
        self.going.lock().taken
    }
}
