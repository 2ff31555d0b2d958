//! Random histories of one group against the obvious program: a struct with counters that says, of every operation,
//! what must come of it.
//!
//! The tasks block on channels until the driver tells them how to end, and every call that may block is made by a thread
//! that reports its return, so the driver decides the history and the model's predictions are exact. After each
//! operation the driver settles: it receives the reports that the model says are due, looks at what can be seen of
//! the group (how many are active, its context, the cause), and finds no report that is undue. Only a failure waits for
//! the clock.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use errgroup::{Cancel, Context, Failed, Group, Panicked};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};

/// How long a report that is due may take before the test says that it never comes.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many calls of `wait` the driver has under way at a time.
const WAITERS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Op {
    Go,
    TryGo,
    /// With the group's own context.
    GoUntil,
    /// With the parent's context.
    GoUntilParent,
    SetLimit(usize),
    /// Ends one of the active tasks: which, and how.
    Finish(usize, End),
    CancelParent,
    Wait,
}

/// What a task is told to do.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Well,
    Failing(u32),
    /// With a text as the payload, or a [`Boom`]: see [`is_text`].
    Panicking(u32),
}

/// An error that is neither `Error` nor `Clone`: a group asks for no more.
struct Flaw(u32);

/// A payload that is no text.
#[derive(Debug, PartialEq)]
struct Boom(u32);

/// What `wait` came to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Fine,
    Failed(u32),
    /// A panic, with its own payload that is no text.
    Payload(u32),
    /// A panic with a text.
    Text(String),
}

/// How a call that was made in a thread of its own has returned.
#[derive(Debug)]
enum Report {
    Admitted(usize),
    Refused(usize),
    Waited(Outcome),
}

/// The group, as a program without threads.
struct Model {
    limit: usize,
    active: usize,
    /// Calls that wait for a place, by the task they bring.
    blocked: BTreeMap<usize, Call>,
    /// Calls of `wait` that have not returned.
    waiters: usize,
    error: Option<u32>,
    panic: Option<u32>,
    /// Somebody has had the panic's own payload.
    resumed: bool,
    parent_is_over: bool,
    /// Why the group's context is over.
    cause: Option<Why>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Go,
    GoUntil,
    GoUntilParent,
}

#[derive(Clone, Debug, PartialEq)]
enum Why {
    Error(u32),
    Panic(String),
    Parent,
    Wait,
}

/// The reports that are due.
#[derive(Default)]
struct Due {
    /// How many of the blocked calls get a place: which ones is the group's affair.
    admitted: usize,
    refused: Vec<usize>,
    waited: Vec<Outcome>,
}

impl Model {
    fn new() -> Self {
        Self {
            limit: usize::MAX,
            active: 0,
            blocked: BTreeMap::new(),
            waiters: 0,
            error: None,
            panic: None,
            resumed: false,
            parent_is_over: false,
            cause: None,
        }
    }

    fn free(&self) -> usize {
        self.limit.saturating_sub(self.active)
    }

    fn try_go(&mut self) -> bool {
        let fits = self.free() > 0;
        self.active += usize::from(fits);
        fits
    }

    fn finish(&mut self, end: End) {
        self.active -= 1;
        match end {
            End::Well => {}
            End::Failing(n) => {
                if self.error.is_none() {
                    self.error = Some(n);
                    self.cause.get_or_insert(Why::Error(n));
                }
            }
            End::Panicking(n) => {
                if self.panic.is_none() {
                    self.panic = Some(n);
                    self.cause.get_or_insert(Why::Panic(panic_text(n)));
                }
            }
        }
    }

    fn cancel_parent(&mut self) {
        self.parent_is_over = true;
        self.cause.get_or_insert(Why::Parent);
    }

    /// What is due now.
    fn due(&mut self) -> Due {
        let mut due = Due { refused: self.refuse(), ..Due::default() };
        due.admitted = self.free().min(self.blocked.len());
        self.active += due.admitted;
        if self.active == 0 && self.waiters > 0 {
            self.cause.get_or_insert(Why::Wait);
            due.waited = (0..std::mem::take(&mut self.waiters)).map(|_| self.outcome()).collect();
            due.refused.extend(self.refuse());
        }
        due
    }

    /// Takes out the blocked calls whose context is over.
    fn refuse(&mut self) -> Vec<usize> {
        let (parent, group) = (self.parent_is_over, self.cause.is_some());
        let over = |call: &Call| (*call == Call::GoUntil && group) || (*call == Call::GoUntilParent && parent);
        self.blocked.extract_if(.., |_, call| over(call)).map(|(task, _)| task).collect()
    }

    /// What the next `wait` comes to.
    fn outcome(&mut self) -> Outcome {
        match (self.panic, self.error) {
            (Some(n), _) => {
                let first = !std::mem::replace(&mut self.resumed, true);
                if first && !is_text(n) { Outcome::Payload(n) } else { Outcome::Text(panic_text(n)) }
            }
            (None, Some(n)) => Outcome::Failed(n),
            (None, None) => Outcome::Fine,
        }
    }

    /// Whether the count would be zero for a moment only, with callers of `wait` looking: they may see it or not.
    fn would_flicker(&self) -> bool {
        self.active == 1 && self.limit > 0 && self.waiters > 0 && !self.blocked.is_empty()
    }
}

/// A group, the model of it, and all that the driver has under way.
struct Driver {
    model: Model,
    /// How to tell each active or blocked task to end; a task whose sender is dropped ends well.
    orders: BTreeMap<usize, Sender<End>>,
    /// The active ones.
    active: Vec<usize>,
    next: usize,
    sender: Sender<Report>,
    reports: Receiver<Report>,
    threads: Vec<JoinHandle<()>>,
    parent: (Context, Cancel),
    ctx: Context,
    group: Arc<Group<Flaw>>,
}

impl Driver {
    fn new() -> Self {
        let parent = Context::background().with_cancel();
        let (group, ctx) = Group::with_context(&parent.0);
        let (sender, reports) = mpsc::channel();
        Self {
            model: Model::new(),
            orders: BTreeMap::new(),
            active: Vec::new(),
            next: 0,
            sender,
            reports,
            threads: Vec::new(),
            parent,
            ctx,
            group: Arc::new(group),
        }
    }

    fn run(mut self, ops: Vec<Op>) -> Result<(), TestCaseError> {
        let result = ops.into_iter().try_for_each(|op| self.perform(op)).and_then(|()| self.end_all());
        if result.is_err() {
            std::mem::forget(self.group); // a group that has failed the model may never let itself be joined
            return result;
        }
        self.join()
    }

    fn perform(&mut self, op: Op) -> Result<(), TestCaseError> {
        match op {
            Op::Go => self.call(Call::Go),
            Op::GoUntil => self.call(Call::GoUntil),
            Op::GoUntilParent => self.call(Call::GoUntilParent),
            Op::TryGo => self.try_go()?,
            Op::SetLimit(limit) => {
                self.model.limit = limit;
                self.group.set_limit(limit);
            }
            Op::Finish(which, end) => self.finish(which, end)?,
            Op::CancelParent => {
                self.model.cancel_parent();
                self.parent.1.cancel_with("the parent is over");
            }
            Op::Wait => self.wait(),
        }
        self.settle()
    }

    /// A task that does as it is told.
    fn task(&mut self) -> (usize, impl FnOnce() -> Result<(), Flaw> + Send + use<>) {
        self.next += 1;
        let (sender, order) = mpsc::channel();
        self.orders.insert(self.next, sender);
        let task = move || match order.recv().unwrap_or(End::Well) {
            End::Well => Ok(()),
            End::Failing(n) => Err(Flaw(n)),
            // Without the hook, which would print.
            End::Panicking(n) if is_text(n) => resume_unwind(Box::new(panic_text(n))),
            End::Panicking(n) => resume_unwind(Box::new(Boom(n))),
        };
        (self.next, task)
    }

    fn call(&mut self, call: Call) {
        let (id, task) = self.task();
        self.model.blocked.insert(id, call);
        let (group, sender) = (Arc::clone(&self.group), self.sender.clone());
        let ctx = if call == Call::GoUntil { self.ctx.clone() } else { self.parent.0.clone() };
        self.threads.push(thread::spawn(move || {
            let admitted = match call {
                Call::Go => {
                    group.go(task);
                    true
                }
                Call::GoUntil | Call::GoUntilParent => group.go_until(&ctx, task).is_ok(),
            };
            let report = if admitted { Report::Admitted(id) } else { Report::Refused(id) };
            let _ = sender.send(report); // the driver is gone only after a failure
        }));
    }

    fn try_go(&mut self) -> Result<(), TestCaseError> {
        let (id, task) = self.task();
        let fits = self.model.try_go();
        prop_assert_eq!(self.group.try_go(task).is_ok(), fits, "try_go");
        if fits {
            self.active.push(id);
        } else {
            self.orders.remove(&id);
        }
        Ok(())
    }

    fn finish(&mut self, which: usize, end: End) -> Result<(), TestCaseError> {
        if self.active.is_empty() || self.model.would_flicker() {
            return Ok(());
        }
        let id = self.active.swap_remove(which % self.active.len());
        self.model.finish(end);
        let order = self.orders.remove(&id).expect("an active task has not been told to end");
        prop_assert!(order.send(end).is_ok(), "task {} is active and does not listen", id);
        Ok(())
    }

    fn wait(&mut self) {
        if self.model.waiters == WAITERS {
            return;
        }
        self.model.waiters += 1;
        let (group, sender) = (Arc::clone(&self.group), self.sender.clone());
        self.threads.push(thread::spawn(move || {
            let _ = sender.send(Report::Waited(outcome(&group)));
        }));
    }

    fn settle(&mut self) -> Result<(), TestCaseError> {
        let due = self.model.due();
        self.receive(due)?;
        self.look()
    }

    /// Receives what is due, in any order, and nothing else.
    fn receive(&mut self, mut due: Due) -> Result<(), TestCaseError> {
        let mut waited = Vec::new();
        for _ in 0..due.admitted + due.refused.len() + due.waited.len() {
            match self.reports.recv_timeout(PATIENCE) {
                Ok(Report::Admitted(id)) => {
                    prop_assert!(self.model.blocked.remove(&id).is_some(), "{} was admitted, not refused", id);
                    prop_assert!(due.admitted > 0, "{} was admitted too many", id);
                    due.admitted -= 1;
                    self.active.push(id);
                }
                Ok(Report::Refused(id)) => {
                    let place = due.refused.iter().position(|&task| task == id);
                    prop_assert!(place.is_some(), "{} was refused, not admitted", id);
                    due.refused.swap_remove(place.unwrap());
                    self.orders.remove(&id);
                }
                Ok(Report::Waited(outcome)) => waited.push(outcome),
                Err(_) => prop_assert!(
                    false,
                    "never came: {} of the blocked calls admitted, {:?} refused, {:?} waited for",
                    due.admitted,
                    due.refused,
                    due.waited
                ),
            }
        }
        // Which of those who wait at the same time gets the payload is open; that one does is not.
        waited.sort_unstable();
        due.waited.sort_unstable();
        prop_assert_eq!(waited, due.waited);
        Ok(())
    }

    /// Compares what can be seen of the group with the model.
    fn look(&self) -> Result<(), TestCaseError> {
        let want = format!("active: {},", self.model.active);
        let since = Instant::now();
        let mut seen = format!("{:?}", self.group);
        while !seen.contains(&want) && since.elapsed() < PATIENCE {
            thread::yield_now(); // a task that was told to end is on its way
            seen = format!("{:?}", self.group);
        }
        prop_assert!(seen.contains(&want), "{} has not come to {}", seen, want);
        prop_assert_eq!(why(&self.ctx), self.model.cause.clone(), "the context's cause");
        prop_assert_eq!(self.ctx.is_cancelled(), self.model.cause.is_some());
        let undue = self.reports.try_recv();
        prop_assert!(undue.is_err(), "undue: {:?}", undue);
        Ok(())
    }

    /// Lets everything end.
    fn end_all(&mut self) -> Result<(), TestCaseError> {
        self.perform(Op::SetLimit(usize::MAX))?;
        while !self.active.is_empty() {
            self.perform(Op::Finish(0, End::Well))?;
        }
        self.perform(Op::Wait)?;
        prop_assert!(self.model.waiters == 0 && self.model.blocked.is_empty() && self.orders.is_empty());
        Ok(())
    }

    /// Takes the group apart, by the last call that there can be.
    fn join(mut self) -> Result<(), TestCaseError> {
        for thread in self.threads {
            prop_assert!(thread.join().is_ok());
        }
        let group = Arc::into_inner(self.group).expect("no call is under way");
        let joined = match catch_unwind(AssertUnwindSafe(|| group.join())) {
            Ok(Ok(())) => Outcome::Fine,
            Ok(Err(Flaw(n))) => Outcome::Failed(n),
            Err(payload) => panicked(payload),
        };
        prop_assert_eq!(joined, self.model.outcome(), "join");
        Ok(())
    }
}

fn outcome(group: &Group<Flaw>) -> Outcome {
    match catch_unwind(AssertUnwindSafe(|| group.wait())) {
        Ok(Ok(())) => Outcome::Fine,
        Ok(Err(failed)) => Outcome::Failed(failed.with(|flaw| flaw.0).expect("nobody has joined")),
        Err(payload) => panicked(payload),
    }
}

fn panicked(payload: Box<dyn Any + Send>) -> Outcome {
    match payload.downcast::<Boom>() {
        Ok(boom) => Outcome::Payload(boom.0),
        Err(payload) => Outcome::Text(*payload.downcast::<String>().expect("a text")),
    }
}

/// Whether panic number `n` has a text as its payload.
fn is_text(n: u32) -> bool {
    n.is_multiple_of(2)
}

/// What a group says of panic number `n`.
fn panic_text(n: u32) -> String {
    if is_text(n) { format!("boom {n}") } else { "a payload that is not text".to_owned() }
}

/// The cause of a context, read back from its type and its text.
fn why(ctx: &Context) -> Option<Why> {
    let cause = ctx.cause()?;
    Some(if let Some(failed) = cause.downcast_ref::<Failed<Flaw>>() {
        Why::Error(failed.with(|flaw| flaw.0).expect("nobody has joined"))
    } else if let Some(panicked) = cause.downcast_ref::<Panicked>() {
        Why::Panic(panicked.message().to_owned())
    } else if cause.to_string() == "the parent is over" {
        Why::Parent
    } else {
        assert_eq!(cause.to_string(), "context canceled");
        Why::Wait
    })
}

impl Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flaw {}", self.0)
    }
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Well),
        2 => any::<u32>().prop_map(End::Failing),
        1 => any::<u32>().prop_map(End::Panicking),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let limit = prop_oneof![4 => 1..5usize, 1 => Just(0), 1 => Just(usize::MAX)];
    prop_oneof![
        5 => Just(Op::Go),
        3 => Just(Op::TryGo),
        2 => Just(Op::GoUntil),
        1 => Just(Op::GoUntilParent),
        2 => limit.prop_map(Op::SetLimit),
        7 => (any::<usize>(), end()).prop_map(|(which, end)| Op::Finish(which, end)),
        1 => Just(Op::CancelParent),
        2 => Just(Op::Wait),
    ]
}

proptest! {
    #![proptest_config(Config { cases: 200, max_shrink_iters: 200, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_group_does_what_the_model_says(ops in vec(op(), 0..40)) {
        Driver::new().run(ops)?;
    }
}
