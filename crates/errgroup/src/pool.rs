//! The worker threads that all groups share.
//!
//! What is queued here is not a task but a [`Work`]: a place where tasks are queued, such as a group. A worker that
//! takes one runs tasks from it until none is left. No task waits behind a blocked one, and a task that does nothing
//! costs no thread:
//!
//! 1. Whatever is queued stays where every worker can reach it. A worker holds no task but the one it runs.
//! 2. A work that has queued tasks and no worker on its way is on the `ready` list. Somebody is then bound to come:
//!    an idle worker that was woken for it, a worker that looks here when it is done, or the monitor.
//! 3. The monitor sleeps while nothing is ready. After a tick in which the first in line made no progress it wakes or
//!    starts workers: one, then two, then four …, for those there are must be blocked or busy for long; fewer again
//!    when more gets done than those have begun. Blocked tasks are known by that alone; nothing counts on them saying
//!    so. What stands still and has no tasks, for others have taken them, is taken off the list.
//! 4. A woken worker that leaves tasks behind wakes the next one, while there are fewer awake than cores.
//! 5. An idle worker ends after [`KEEP`]. The pool never waits for anything but that.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::block;

/// Queued tasks that workers may come for.
pub(crate) trait Work: Send + Sync {
    /// Runs queued tasks until none is left, or the worker had better look elsewhere ([`others_wait`]). `last` says
    /// that the offer is off the list: what is queued from now on needs a new one.
    fn run(self: Arc<Self>, last: bool);

    /// A number that changes when a task is taken.
    fn progress(&self) -> usize;

    /// How many tasks are queued.
    fn queued(&self) -> usize;

    /// Takes it off the list if nothing is queued: it is offered again when something is.
    fn withdraw(self: Arc<Self>);
}

/// How much a work that is offered wants a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It has one; another would do no harm.
    Help,
    /// It has none.
    Worker,
    /// Its task will stay for long, and must not hold up what is queued: a thread of its own, whatever is busy.
    Resident,
}

/// How long a worker without work stays.
const KEEP: Duration = Duration::from_secs(10);
/// The most workers there are. Linux gives a process 65,530 mappings by default and a thread takes four; the thread
/// for which there are none left takes the whole process down with it.
const MOST: usize = 15_000;
/// How long the first in line may stand still before the monitor adds workers.
const TICK: Duration = Duration::from_millis(1);
/// How many ticks with nothing ready the monitor stays awake, so that busy times do not wake it again and again.
const LINGER: u32 = 50;

struct Pool {
    /// How many threads this machine runs at once.
    cores: usize,
    /// How many works are ready: the length of the list, for a look without the lock.
    waiting: AtomicUsize,
    /// How many workers stay at a work that has nothing for them just now.
    lingering: AtomicUsize,
    desk: Mutex<Desk>,
    /// Where idle workers wait.
    call: Condvar,
    /// Where the monitor waits.
    alarm: Condvar,
}

/// What the pool's one lock guards.
#[derive(Default)]
struct Desk {
    ready: VecDeque<Arc<dyn Work>>,
    /// All workers, also those that were just asked for.
    workers: usize,
    /// Those that wait for a call, and have not been called.
    idle: usize,
    /// Calls that no worker has answered yet.
    calls: usize,
    /// How many workers there ever were: the number in the next one's name.
    hired: usize,
    /// How often a worker has taken something from the list.
    served: usize,
    /// Workers that were started and have not arrived.
    starting: usize,
    monitor: Monitor,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Monitor {
    #[default]
    Missing,
    Awake,
    Asleep,
}

static POOL: LazyLock<Pool> = LazyLock::new(|| Pool {
    cores: thread::available_parallelism().map_or(1, usize::from),
    waiting: AtomicUsize::new(0),
    lingering: AtomicUsize::new(0),
    desk: Mutex::default(),
    call: Condvar::new(),
    alarm: Condvar::new(),
});

/// Asks for a worker for `work`.
pub(crate) fn offer(work: Arc<dyn Work>, need: Need) {
    POOL.offer(work, need);
}

/// Takes `work` off the list; says whether it was on it.
pub(crate) fn withdraw(work: &Arc<dyn Work>) -> bool {
    POOL.withdraw(work)
}

/// Runs one function on a worker. A panic in it ends it alone.
pub(crate) fn run(function: Box<dyn FnOnce() + Send>) {
    POOL.offer(Arc::new(Once(Mutex::new(Some(function)))), Need::Worker);
}

/// Whether some work waits for a worker: whoever has run many tasks of one should then look at the rest.
pub(crate) fn others_wait() -> bool {
    POOL.waiting.load(Relaxed) > 0
}

/// Stays at a work for a moment after its last task, looking whether more has `come`: to be called back costs more. No
/// more threads do so than there are cores, or a thousand tasks that end at once would hold each other up.
pub(crate) fn linger(come: impl FnMut() -> bool) -> bool {
    let is_too_many = POOL.lingering.fetch_add(1, Relaxed) >= POOL.cores;
    let came = !is_too_many && block::linger(come);
    POOL.lingering.fetch_sub(1, Relaxed);
    came
}

/// A single function as a work.
struct Once(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Once {
    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn FnOnce() + Send>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work for Once {
    fn run(self: Arc<Self>, _last: bool) {
        let function = self.lock().take();
        if let Some(function) = function {
            function();
        }
    }

    fn progress(&self) -> usize {
        0
    }

    fn queued(&self) -> usize {
        self.lock().iter().len()
    }

    /// It is on the list once, and goes from there with its task.
    fn withdraw(self: Arc<Self>) {}
}

/// What the monitor remembers from one tick to the next.
struct Growth {
    /// The first in line, how far it was, and how often the list had been served.
    last: Option<(*const (), usize, usize)>,
    /// How many workers the next standstill asks for.
    step: usize,
    /// How many were asked for at the last one.
    sent: usize,
    /// For how many ticks nothing was ready.
    quiet: u32,
    /// Whether something is ready and has not moved in the last tick.
    still: bool,
}

impl Growth {
    fn new() -> Self {
        Self { last: None, step: 1, sent: 0, quiet: 0, still: false }
    }

    /// How many workers to add.
    fn after_tick(&mut self, desk: &Desk) -> usize {
        let first = desk.ready.front().map(|work| (Arc::as_ptr(work).cast(), work.progress(), desk.served));
        let last = std::mem::replace(&mut self.last, first);
        self.still = first.is_some() && first == last;
        match (first, last) {
            (None, _) => {
                self.quiet += 1;
                return 0;
            }
            (Some(now), Some(before)) if now == before => {
                let queued = desk.ready.iter().map(|work| work.queued()).sum::<usize>();
                let on_their_way = desk.starting + desk.calls;
                self.sent = self.step.min(queued.saturating_sub(on_their_way));
                self.step = self.step.saturating_mul(2);
                self.quiet = 0;
                return self.sent;
            }
            // More was done than those who were sent have begun: it goes on without more of them.
            (Some((work, taken, _)), Some((same, before, _)))
                if work != same || taken.wrapping_sub(before) > self.sent =>
            {
                self.step = (self.step / 2).max(1);
            }
            _ => {}
        }
        self.quiet = 0;
        0
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offer(&'static self, work: Arc<dyn Work>, need: Need) {
        let mut desk = self.lock();
        match need {
            Need::Help => desk.ready.push_back(work),
            Need::Worker | Need::Resident => desk.ready.push_front(work),
        }
        self.waiting.store(desk.ready.len(), Relaxed);
        self.send_for(&mut desk, need);
    }

    fn withdraw(&self, work: &Arc<dyn Work>) -> bool {
        let mut desk = self.lock();
        let before = desk.ready.len();
        // What goes is a handle more on what the caller holds: nothing is dropped under the lock but that.
        desk.ready.retain(|ready| !Arc::ptr_eq(ready, work));
        self.waiting.store(desk.ready.len(), Relaxed);
        desk.ready.len() < before
    }

    /// Sees to it that somebody comes for what is on the list.
    fn send_for(&'static self, desk: &mut Desk, need: Need) {
        let awake = desk.workers - desk.idle;
        // Of the cores one belongs to whoever offers.
        let spare = awake < (self.cores - 1).max(1);
        let wanted = need != Need::Help || spare;
        if wanted && desk.idle > 0 {
            self.summon(desk);
        } else if need == Need::Resident || (wanted && desk.workers < self.cores) {
            self.hire(desk);
        } else {
            self.watch(desk);
        }
    }

    /// Calls an idle worker.
    fn summon(&self, desk: &mut Desk) {
        desk.idle -= 1;
        desk.calls += 1;
        self.call.notify_one();
    }

    /// Starts a worker. Where the system refuses, what is ready stays so, and the monitor tries again.
    fn hire(&'static self, desk: &mut Desk) {
        if desk.workers >= MOST {
            return self.watch(desk);
        }
        desk.hired += 1;
        // At most 15 bytes, or the kernel cuts off the number, by which a snapshot and a debugger mean the same one.
        let thread = thread::Builder::new().name(format!("errgroup-{}", desk.hired));
        match thread.spawn(|| self.work()) {
            Ok(_) => {
                desk.workers += 1;
                desk.starting += 1;
            }
            Err(_) => self.watch(desk),
        }
    }

    /// Sees to it that the monitor is awake.
    fn watch(&'static self, desk: &mut Desk) {
        match desk.monitor {
            Monitor::Awake => {}
            Monitor::Asleep => {
                desk.monitor = Monitor::Awake;
                self.alarm.notify_one();
            }
            Monitor::Missing => {
                let thread = thread::Builder::new().name("errgroup-monitor".to_owned());
                // Refused: the next offer tries again, and a group's `wait` runs its own tasks meanwhile.
                if thread.spawn(|| self.monitor()).is_ok() {
                    desk.monitor = Monitor::Awake;
                }
            }
        }
    }

    /// The life of a worker.
    fn work(&'static self) {
        let mut desk = self.lock();
        desk.starting -= 1;
        loop {
            if let Some((work, last)) = self.next(&mut desk) {
                drop(desk);
                // Groups catch what their tasks throw. What comes here is from a function that nobody waits for, or
                // from a drop: the hook has printed it, and the worker goes on.
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work.run(last))) {
                    std::mem::forget(payload); // its drop may panic, and take the worker with it uncounted
                }
                desk = self.lock();
            } else {
                let called;
                (desk, called) = self.idle(desk);
                if !called {
                    desk.workers -= 1;
                    return;
                }
            }
        }
    }

    /// The first in line. It goes to the end of the line while it has tasks for others too, so that a worker that was
    /// started for it finds it, and off the list with its last.
    fn next(&'static self, desk: &mut Desk) -> Option<(Arc<dyn Work>, bool)> {
        let work = desk.ready.pop_front()?;
        desk.served = desk.served.wrapping_add(1);
        let last = work.queued() <= 1;
        if !last {
            desk.ready.push_back(Arc::clone(&work));
            self.send_for(desk, Need::Help);
        }
        self.waiting.store(desk.ready.len(), Relaxed);
        Some((work, last))
    }

    /// Waits to be called; says whether it was.
    fn idle<'desk>(&self, mut desk: MutexGuard<'desk, Desk>) -> (MutexGuard<'desk, Desk>, bool) {
        desk.idle += 1;
        let uncalled = |desk: &mut Desk| desk.calls == 0;
        (desk, _) = self.call.wait_timeout_while(desk, KEEP, uncalled).unwrap_or_else(PoisonError::into_inner);
        if desk.calls > 0 {
            desk.calls -= 1; // whoever called has taken us off the idle
            return (desk, true);
        }
        desk.idle -= 1;
        (desk, false)
    }

    /// The life of the monitor.
    fn monitor(&'static self) {
        let mut desk = self.lock();
        let mut growth = Growth::new();
        loop {
            let more = growth.after_tick(&desk);
            self.grow(&mut desk, more);
            if growth.still {
                desk = self.clear(desk);
            }
            desk = if growth.quiet > LINGER {
                growth = Growth::new();
                self.sleep(desk)
            } else {
                self.tick(desk)
            };
        }
    }

    /// Takes off the list what has no tasks: nobody may have time to come for it, for as long as all are blocked.
    fn clear<'desk>(&'desk self, desk: MutexGuard<'desk, Desk>) -> MutexGuard<'desk, Desk> {
        let empty: Vec<_> = desk.ready.iter().filter(|work| work.queued() == 0).cloned().collect();
        if empty.is_empty() {
            return desk;
        }
        drop(desk); // each takes it
        for work in empty {
            // As in `work`: it may be the last handle, and what is dropped with it a user's.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work.withdraw())) {
                std::mem::forget(payload);
            }
        }
        self.lock()
    }

    fn grow(&'static self, desk: &mut Desk, by: usize) {
        for _ in 0..by {
            if desk.idle > 0 {
                self.summon(desk);
            } else {
                self.hire(desk);
            }
        }
    }

    fn tick<'desk>(&self, desk: MutexGuard<'desk, Desk>) -> MutexGuard<'desk, Desk> {
        self.alarm.wait_timeout(desk, TICK).unwrap_or_else(PoisonError::into_inner).0
    }

    fn sleep<'desk>(&self, mut desk: MutexGuard<'desk, Desk>) -> MutexGuard<'desk, Desk> {
        desk.monitor = Monitor::Asleep;
        let asleep = |desk: &mut Desk| desk.monitor == Monitor::Asleep;
        self.alarm.wait_while(desk, asleep).unwrap_or_else(PoisonError::into_inner)
    }
}
