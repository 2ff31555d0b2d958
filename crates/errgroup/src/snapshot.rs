//! [`Snapshot`]: which tasks of a group wait, are queued or run, and since when, so that a hang can be read.
//!
//! Only groups that were asked to watch their tasks keep a [`Roster`]. A task is on it from the moment it is handed to
//! the group until it has returned, or was dropped without being run: its [`Listing`] travels inside it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::panic::Location;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::sync::Mutex;
use crate::task::Spec;

/// What a group looked like at one moment: see [`Group::snapshot`](crate::Group::snapshot).
///
/// Its `Display` is made to be read by whoever looks for a hang: a line for the group and a line for each task, those
/// that run first, the longest first.
///
/// ```
/// use errgroup::{Context, Group, Policy};
/// use std::sync::mpsc;
///
/// let policy = Policy::<String>::new().watch_tasks();
/// let (group, _ctx) = Group::with_policy(policy, &Context::background());
/// let (arrived, arrival) = mpsc::channel();
/// let (release, gate) = mpsc::channel::<()>();
/// group.build_task().name("a slow disk").go(move || {
///     arrived.send(()).unwrap();
///     let _ = gate.recv();
///     Ok(())
/// });
/// arrival.recv().unwrap();
/// println!("{}", group.snapshot());
/// // 1 permit held, no limit; tasks: 1 running, 0 queued, 0 waiting for a permit
/// //   running       0.000 s  a slow disk (src/main.rs:8:7), on errgroup-1
/// assert_eq!(group.snapshot().tasks[0].name.as_deref(), Some("a slow disk"));
/// drop(release);
/// group.join().unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// How many permits are held, by the weight of the tasks.
    pub held: usize,
    /// How many permits there are, if there is a limit.
    pub limit: Option<usize>,
    /// How many tasks were dropped without being run: see
    /// [`Policy::skip_when_cancelled`](crate::Policy::skip_when_cancelled).
    pub skipped: usize,
    /// The text of the first error or panic so far.
    pub failure: Option<String>,
    /// Whether the group watches its tasks: see [`Policy::watch_tasks`](crate::Policy::watch_tasks). If not, `tasks`
    /// is empty.
    pub watched: bool,
    /// The tasks: first those that run, then those that are queued, then those that wait; in each, the longest first.
    pub tasks: Vec<TaskSnapshot>,
}

/// One task in a [`Snapshot`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskSnapshot {
    /// What it was named by [`TaskBuilder::name`](crate::TaskBuilder::name).
    pub name: Option<Cow<'static, str>>,
    /// Where in the source it was handed to the group.
    pub location: &'static Location<'static>,
    /// How many permits it holds or needs.
    pub weight: usize,
    /// How far it is.
    pub stage: TaskStage,
    /// Since when it is in that stage: see [`elapsed`](Self::elapsed).
    pub since: Instant,
    /// The thread it runs on, if it has a name; for a future, the one that polled it first.
    pub thread: Option<String>,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TaskStage {
    /// It has begun and not returned.
    Running,
    /// It has its permits, and nobody has come for it yet.
    Queued,
    /// Whoever hands it over waits for its permits.
    Waiting,
}

/// The tasks of one group.
#[derive(Debug, Default)]
pub(crate) struct Roster(Mutex<Listed>);

#[derive(Debug, Default)]
struct Listed {
    next: u64,
    tasks: BTreeMap<u64, TaskSnapshot>,
}

/// A task's place on the roster, until it is dropped.
#[derive(Debug)]
pub(crate) struct Listing {
    roster: Arc<Roster>,
    key: u64,
}

impl Roster {
    /// Lists a task that waits.
    pub(crate) fn list(self: &Arc<Self>, spec: &Spec) -> Listing {
        let task = TaskSnapshot {
            name: spec.name.clone(),
            location: spec.location,
            weight: spec.weight,
            stage: TaskStage::Waiting,
            since: Instant::now(),
            thread: None,
        };
        let mut listed = self.0.lock();
        listed.next += 1;
        let key = listed.next;
        listed.tasks.insert(key, task);
        Listing { roster: Arc::clone(self), key }
    }

    pub(crate) fn tasks(&self) -> Vec<TaskSnapshot> {
        let mut tasks: Vec<_> = self.0.lock().tasks.values().cloned().collect();
        tasks.sort_by_key(|task| (task.stage, task.since));
        tasks
    }
}

impl Listing {
    /// The task has its permits.
    pub(crate) fn queued(&self) {
        self.reach(TaskStage::Queued, None);
    }

    /// The task begins, on this thread.
    pub(crate) fn runs(&self) {
        self.reach(TaskStage::Running, thread::current().name().map(str::to_owned));
    }

    fn reach(&self, stage: TaskStage, thread: Option<String>) {
        let now = Instant::now();
        if let Some(task) = self.roster.0.lock().tasks.get_mut(&self.key) {
            (task.stage, task.since, task.thread) = (stage, now, thread);
        }
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        let task = self.roster.0.lock().tasks.remove(&self.key);
        drop(task);
    }
}

impl Snapshot {
    /// How many of the tasks are that far.
    pub fn count(&self, stage: TaskStage) -> usize {
        self.tasks.iter().filter(|task| task.stage == stage).count()
    }
}

impl TaskSnapshot {
    /// How long it has been in its stage.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} permit{} held, ", self.held, if self.held == 1 { "" } else { "s" })?;
        match self.limit {
            Some(limit) => write!(f, "limit {limit}")?,
            None => write!(f, "no limit")?,
        }
        if self.watched {
            let [run, queued, wait] =
                [TaskStage::Running, TaskStage::Queued, TaskStage::Waiting].map(|stage| self.count(stage));
            write!(f, "; tasks: {run} running, {queued} queued, {wait} waiting for a permit")?;
        } else {
            write!(f, "; tasks are not watched")?;
        }
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        if let Some(failure) = &self.failure {
            write!(f, "; failed: {failure}")?;
        }
        self.tasks.iter().try_for_each(|task| write!(f, "\n  {task}"))
    }
}

impl Display for TaskSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} {:>10.3} s  ", self.stage, self.elapsed().as_secs_f64())?;
        match &self.name {
            Some(name) => write!(f, "{name} ({})", self.location)?,
            None => write!(f, "{}", self.location)?,
        }
        if self.weight != 1 {
            write!(f, ", weight {}", self.weight)?;
        }
        match &self.thread {
            Some(thread) => write!(f, ", on {thread}"),
            None => Ok(()),
        }
    }
}

impl Display for TaskStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Queued => "queued",
            Self::Waiting => "waiting",
        })
    }
}
