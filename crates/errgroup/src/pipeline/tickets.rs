//! Stages with tickets: a worker has many items in hand at a time, and sends one result for each, in any order.
//!
//! A ticket is a place in the stage's output. An item may move with its ticket, from one worker to another or by a
//! courier from outside, before any new one is taken. What is not here: the places themselves, and their order (`queue`'s);
//! how a worker's end is told (`pipeline`'s).

use std::collections::VecDeque;
use std::fmt::{self, Debug, Display};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::thread::{self, ThreadId};

use super::figures::Meter;
use super::queue::{Halt, Queue, Reader};
use super::{Order, Output, Pipeline, Staff, TryNextError, finish, places};
use crate::context::Stopped;
use crate::group::Shared;
use crate::sync::Mutex;

/// What a worker reads in a stage with tickets: an iterator of items, each with the [`Ticket`] its result is sent
/// with.
pub struct Tickets<T, U> {
    desk: Arc<dyn Desk<T, U>>,
    reader: Reader,
}

/// Hands items over to a stage with tickets, from wherever it is: see [`Tickets::courier`].
pub struct Courier<T, U> {
    desk: Arc<dyn Desk<T, U>>,
}

/// The right, and the duty, to send one result: it has a place in the stage's output, in the stage's order.
///
/// May be sent from any thread. A ticket dropped without a result fails the pipeline: an item would be missing.
#[must_use = "a ticket dropped without a result fails the pipeline"]
pub struct Ticket<U> {
    home: Arc<dyn Home<U>>,
    number: u64,
    spent: bool,
}

impl<T, E> Pipeline<T, E>
where
    T: Send + 'static,
    E: Display + From<Stopped> + Send + Sync + 'static,
{
    /// Adds a stage of `workers` threads that each run `body` once: a loop of its own over items with tickets, which
    /// sends one result for each. Made for a worker that has many items in hand at a time and finishes them in any
    /// order; with [`Order::Source`] the results come out in order all the same. Does not block.
    ///
    /// # Panics
    ///
    /// If `workers` is 0, or the window of `order` is.
    ///
    /// # Examples
    ///
    /// ```
    /// # use errgroup::{Context, Order, Pipeline};
    /// # fn main() -> Result<(), String> {
    /// let numbers = Pipeline::source(&Context::background(), 8, |out| {
    ///     (1..=9u32).try_for_each(|n| Ok::<_, String>(out.send(n)?))
    /// });
    /// // Each worker takes what is there, up to four items, and finishes the last first.
    /// let doubled = numbers.ticketed(2, Order::Source { window: 16 }, |tickets| {
    ///     while let Some(first) = tickets.next() {
    ///         let mut in_hand = vec![first];
    ///         while in_hand.len() < 4 && let Ok(more) = tickets.try_next() {
    ///             in_hand.push(more);
    ///         }
    ///         while let Some((ticket, n)) = in_hand.pop() {
    ///             ticket.send(2 * n)?;
    ///         }
    ///     }
    ///     Ok(())
    /// });
    /// assert_eq!(doubled.collect::<Result<Vec<_>, _>>()?, [2, 4, 6, 8, 10, 12, 14, 16, 18]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn ticketed<U, F>(self, workers: usize, order: Order, body: F) -> Pipeline<U, E>
    where
        U: Send + 'static,
        F: Fn(&mut Tickets<T, U>) -> Result<(), E> + Send + Sync + 'static,
    {
        let (ordered, window) = match order {
            Order::Completion => (false, self.bound.max(workers)), // one each at least, or some could never begin
            Order::Source { window } => (true, window),
        };
        let output = Queue::of_results(places(window), workers, Arc::clone(self.output.level()));
        let (next, Staff { input, meters }) = self.followed_by(workers, output);
        let desk = Arc::new(Counter {
            input,
            output: next.sender(Arc::clone(&meters[0])), // results never wait: it meters nothing
            ordered,
            crew: Mutex::new(Crew { present: Vec::new(), losers: Vec::new(), refused: Vec::new() }),
            handed: Handed { items: Mutex::new(VecDeque::new()), count: AtomicUsize::new(0) },
            idle: AtomicUsize::new(0),
            workers,
            left: AtomicUsize::new(0),
            shared: Arc::clone(next.shared()),
        });
        let body = Arc::new(body);
        for meter in meters {
            let (desk, body) = (Arc::clone(&desk), Arc::clone(&body));
            next.shared().reside(Box::new(move || {
                let _attendance = meter.attend();
                desk.arrive();
                let mut tickets =
                    Tickets { desk: Arc::clone(&desk) as Arc<dyn Desk<T, U>>, reader: Reader::new(meter) };
                let result = body(&mut tickets);
                finish(&desk.shared, result, &desk.output, desk.was_refused());
                desk.input.reader_gone();
                desk.leave();
                Ok(())
            }));
        }
        next
    }
}

impl<T, U> Iterator for Tickets<T, U> {
    type Item = (Ticket<U>, T);

    /// Blocks until an item comes and its result has a place, or the end comes.
    ///
    /// With [`Order::Source`], a worker that keeps the oldest ticket must use [`try_next`](Tickets::try_next): its own
    /// result may be what everyone waits for.
    fn next(&mut self) -> Option<Self::Item> {
        let (number, item) = self.desk.take(&mut self.reader).ok()?;
        Some((self.ticket(number), item))
    }
}

impl<T, U> Tickets<T, U> {
    /// The next item if there is one now, and a place for its result. Does not block.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn try_next(&mut self) -> Result<(Ticket<U>, T), TryNextError> {
        match self.desk.try_take(&mut self.reader) {
            Ok(Some((number, item))) => Ok((self.ticket(number), item)),
            Ok(None) => Err(TryNextError::Empty),
            Err(_) => Err(TryNextError::Ended),
        }
    }

    /// Gives an item and its ticket to the worker of this stage that asks next, before any new one. Does not block.
    ///
    /// So work that was begun can move to a worker that has none: see [`is_anyone_idle`](Self::is_anyone_idle).
    pub fn hand_over(&self, ticket: Ticket<U>, item: T) {
        self.desk.hand_over(ticket.into_number(), item);
    }

    /// A handle by which tasks that are no workers of this stage hand items over to it, with their tickets.
    ///
    /// So a worker can leave what would make it wait, such as a read from a disk, to a task of a group, and gets it
    /// back when that is done, or another worker does.
    pub fn courier(&self) -> Courier<T, U> {
        Courier { desk: Arc::clone(&self.desk) }
    }

    /// Whether a worker of this stage waits for an item, be it in `next` or in [`help`](Self::help), and nothing that
    /// was handed over lies there for it. One relaxed load or two.
    pub fn is_anyone_idle(&self) -> bool {
        self.desk.is_anyone_idle()
    }

    /// How many items were handed over and not yet taken. One relaxed load.
    pub fn handed_over(&self) -> usize {
        self.desk.handed_over()
    }

    /// After `next` has given `None`, or where no new item is wanted: blocks until something is handed over, or until
    /// nobody has a ticket left, which is `None`. A worker that keeps a ticket itself must not call it.
    pub fn help(&mut self) -> Option<(Ticket<U>, T)> {
        let (number, item) = self.desk.help(self.reader.meter()).ok()??;
        Some((self.ticket(number), item))
    }

    /// What was handed over, if there is any now, and never a new item. Does not block.
    pub fn try_help(&mut self) -> Option<(Ticket<U>, T)> {
        let (number, item) = self.desk.try_help()?;
        Some((self.ticket(number), item))
    }

    fn ticket(&self, number: u64) -> Ticket<U> {
        Ticket { home: Arc::clone(&self.desk).home(), number, spent: false }
    }
}

impl<T, U> Courier<T, U> {
    /// Gives an item and its ticket to the worker of the stage that asks next, as [`Tickets::hand_over`] does. Does not
    /// block. Workers that wait in [`next`](Tickets::next) or [`help`](Tickets::help) are woken; those that end while
    /// tickets are out have lost them, which is an error of the pipeline.
    pub fn hand_over(&self, ticket: Ticket<U>, item: T) {
        self.desk.hand_over(ticket.into_number(), item);
    }
}

impl<T, U> Clone for Courier<T, U> {
    fn clone(&self) -> Self {
        Self { desk: Arc::clone(&self.desk) }
    }
}

impl<U> Ticket<U> {
    /// Sends the result. Does not block: its place was taken with the ticket.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the pipeline is cancelled or nobody reads any more.
    pub fn send(mut self, result: U) -> Result<(), Stopped> {
        self.spent = true;
        self.home.settle(self.number, result)
    }

    /// Gives up the handle, but not the place.
    fn into_number(mut self) -> u64 {
        self.spent = true;
        self.number
    }
}

impl<U> Drop for Ticket<U> {
    fn drop(&mut self) {
        if !self.spent {
            self.home.lose();
        }
    }
}

/// Where a stage's workers take items and tickets, whatever its error type is.
trait Desk<T, U>: Send + Sync {
    fn take(&self, reader: &mut Reader) -> Result<(u64, T), Halt>;
    fn try_take(&self, reader: &mut Reader) -> Result<Option<(u64, T)>, Halt>;
    fn hand_over(&self, number: u64, item: T);
    fn is_anyone_idle(&self) -> bool;
    fn handed_over(&self) -> usize;
    fn help(&self, meter: &Meter) -> Result<Option<(u64, T)>, Halt>;
    fn try_help(&self) -> Option<(u64, T)>;
    fn home(self: Arc<Self>) -> Arc<dyn Home<U>>;
}

/// Where a ticket comes back to, whatever its item was.
trait Home<U>: Send + Sync {
    fn settle(&self, number: u64, result: U) -> Result<(), Stopped>;
    fn lose(&self);
}

/// What the workers of a stage with tickets share.
struct Counter<T, U, E> {
    input: Arc<Queue<T>>,
    output: Output<U>,
    ordered: bool,
    crew: Mutex<Crew>,
    /// What workers have left to others.
    handed: Handed<T>,
    /// Those that wait for an item.
    idle: AtomicUsize,
    /// How many there are in all.
    workers: usize,
    /// How many have left.
    left: AtomicUsize,
    shared: Arc<Shared<E>>,
}

/// The workers of a stage, as far as tickets are concerned. A thread is one worker of a stage at a time.
struct Crew {
    /// Those that are at it.
    present: Vec<ThreadId>,
    /// Those that have dropped a ticket without a result.
    losers: Vec<ThreadId>,
    /// Those that were told that nobody reads what they send.
    refused: Vec<ThreadId>,
}

/// Items whose tickets are out, on their way from one worker to another.
struct Handed<T> {
    items: Mutex<VecDeque<(u64, T)>>,
    /// How many there are: for a look without the lock, written under it.
    count: AtomicUsize,
}

impl<T> Handed<T> {
    /// Adds an item; whether it is the first.
    fn push(&self, number: u64, item: T) -> bool {
        let mut items = self.items.lock();
        items.push_back((number, item));
        self.count.store(items.len(), SeqCst);
        items.len() == 1
    }

    fn pop(&self) -> Option<(u64, T)> {
        if self.is_empty() {
            return None;
        }
        let mut items = self.items.lock();
        let item = items.pop_front();
        self.count.store(items.len(), SeqCst);
        item
    }

    fn take_all(&self) -> VecDeque<(u64, T)> {
        let mut items = self.items.lock();
        self.count.store(0, SeqCst);
        mem::take(&mut *items)
    }

    fn is_empty(&self) -> bool {
        self.count.load(SeqCst) == 0
    }
}

impl<T, U, E> Counter<T, U, E>
where
    E: Display + From<Stopped> + Send + Sync + 'static,
{
    /// A worker begins.
    fn arrive(&self) {
        self.crew.lock().present.push(thread::current().id());
    }

    /// Whether this worker was told that nobody reads what it sends.
    fn was_refused(&self) -> bool {
        self.crew.lock().refused.contains(&thread::current().id())
    }

    /// A worker has ended, and its error, if it had one, is recorded.
    ///
    /// Only now its loss is told: it may have dropped the ticket on the way out with an error, and that error is what
    /// the user must see, not this.
    fn leave(&self) {
        let me = thread::current().id();
        let mut crew = self.crew.lock();
        crew.present.retain(|worker| *worker != me);
        self.left.fetch_add(1, SeqCst);
        let is_loser = crew.losers.contains(&me);
        drop(crew);
        if is_loser {
            self.report_loss();
        }
        self.clear_if_deserted();
    }

    /// Once all workers have gone, what was handed over is lost, and is not kept either: whoever has a courier still
    /// would keep all of it, and it may be of that courier's.
    fn clear_if_deserted(&self) {
        if self.left.load(SeqCst) < self.workers {
            return;
        }
        let lost = self.handed.take_all();
        if !lost.is_empty() {
            self.report_loss();
        }
    }

    /// The next item and its number, with a place for its result.
    fn take_new(&self, reader: &mut Reader) -> Result<(u64, T), Halt> {
        let interrupt = || !self.handed.is_empty();
        let results = &self.output.queue;
        loop {
            let taken = self.input.pop_if(|number| results.admits(number), interrupt, reader);
            if !matches!(taken, Ok(None)) {
                // Also where this worker was called for a place and then found that it needs none.
                results.pass_room_on(self.input.level().left());
            }
            if let Some(taken) = taken? {
                return Ok(taken);
            }
            results.wait_for_room(|| self.input.level().left(), interrupt, reader.meter())?;
        }
    }

    fn report_loss(&self) {
        self.shared.fail(Stopped::new("a ticket was dropped without a result").into());
    }
}

impl<T, U, E> Desk<T, U> for Counter<T, U, E>
where
    T: Send + 'static,
    U: Send + 'static,
    E: Display + From<Stopped> + Send + Sync + 'static,
{
    fn take(&self, reader: &mut Reader) -> Result<(u64, T), Halt> {
        let _idle = Idle::new(&self.idle);
        loop {
            if let Some(handed) = self.handed.pop() {
                return Ok(handed);
            }
            match self.take_new(reader) {
                Err(Halt::Interrupted) => {}
                taken => return taken,
            }
        }
    }

    fn try_take(&self, reader: &mut Reader) -> Result<Option<(u64, T)>, Halt> {
        if let Some(handed) = self.handed.pop() {
            return Ok(Some(handed));
        }
        let taken = self.input.try_pop(|number| self.output.queue.admits(number), reader)?;
        if taken.is_some() {
            self.output.queue.pass_room_on(self.input.level().left());
        }
        Ok(taken)
    }

    fn hand_over(&self, number: u64, item: T) {
        let is_first = self.handed.push(number, item);
        // Whoever went to sleep has seen nothing here, so it did so before the first came, and was called for that one.
        // `idle` pairs with `Idle::new`: who counts itself there looks here afterwards.
        if is_first && self.idle.load(SeqCst) > 0 {
            // They wait for a place, for an item, or for the last ticket to come back.
            self.output.queue.interrupt();
            self.input.interrupt();
        }
        // A courier may come when all have gone. Whoever goes looks for what was handed over, and here it is the other
        // way round: one of the two sees the other.
        self.clear_if_deserted();
    }

    fn is_anyone_idle(&self) -> bool {
        self.idle.load(Relaxed) > self.handed.count.load(Relaxed)
    }

    fn handed_over(&self) -> usize {
        self.handed.count.load(Relaxed)
    }

    fn help(&self, meter: &Meter) -> Result<Option<(u64, T)>, Halt> {
        let _idle = Idle::new(&self.idle);
        loop {
            if let Some(handed) = self.handed.pop() {
                return Ok(Some(handed));
            }
            match self.output.queue.settled(|| !self.handed.is_empty(), meter) {
                Err(Halt::Interrupted) => {}
                settled => return settled.map(|()| None),
            }
        }
    }

    fn try_help(&self) -> Option<(u64, T)> {
        self.handed.pop()
    }

    fn home(self: Arc<Self>) -> Arc<dyn Home<U>> {
        self
    }
}

impl<T, U, E> Home<U> for Counter<T, U, E>
where
    T: Send + 'static,
    U: Send + 'static,
    E: Display + From<Stopped> + Send + Sync + 'static,
{
    fn settle(&self, number: u64, result: U) -> Result<(), Stopped> {
        self.output.ctx.check()?; // as in `Output::send`
        let number = self.ordered.then_some(number);
        self.output.queue.fill(number, result).map_err(|halt| {
            self.crew.lock().refused.push(thread::current().id());
            self.output.refused(halt)
        })
    }

    fn lose(&self) {
        // No worker of the stage shall wait for more: the missing result would hold up all others for ever.
        if !self.output.queue.seal() {
            return; // nobody will miss it
        }
        self.input.abandon();
        let me = thread::current().id();
        let mut crew = self.crew.lock();
        if crew.present.contains(&me) {
            return crew.losers.push(me); // told when it leaves
        }
        drop(crew);
        self.report_loss();
    }
}

/// A worker that waits.
struct Idle<'count>(&'count AtomicUsize);

impl<'count> Idle<'count> {
    fn new(count: &'count AtomicUsize) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count)
    }
}

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl<T, U> Debug for Courier<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").finish_non_exhaustive()
    }
}

impl<T, U> Debug for Tickets<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").finish_non_exhaustive()
    }
}

impl<U> Debug for Ticket<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("number", &self.number).finish_non_exhaustive()
    }
}
