//! [`Pipeline`]: a source, stages of workers over bounded queues, and a consumer, run as one operation.
//!
//! All workers are tasks of one [`Group`], so that the first error stops every stage and the consumer gets that
//! error. A queue ends only when all its writers have *succeeded*: no stage ever takes what was cut off by a failure
//! for the whole. What is not here: threads (the group's), waiting and order (`queue`'s).
//!
//! How a worker's end is told, in this order:
//!
//! 1. Its error, if it has one, is recorded, which cancels the context, which stops every queue.
//! 2. Only after a success its output is one writer less.
//! 3. Its input is one reader less. When none is left, whoever still writes there is refused; that is nobody's error,
//!    for the readers went home with what they needed.
//! 4. A ticket that it lost is told last: an error of its own comes before that.

pub(crate) mod figures;
mod queue;

use std::collections::VecDeque;
use std::fmt::{self, Debug, Display};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::task::Waker;
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::context::{Context, Stopped};
use crate::group::{Group, Shared};
use crate::sync::Mutex;

use self::figures::{Attendance, Figures, Meter};
use self::queue::{Halt, Queue, Reader};

/// Work in stages: items of one come out as the next one's input, and out of the last as this iterator.
///
/// Each call that adds a stage starts its workers; bounded queues keep any stage from running ahead. The pipeline is
/// an iterator of `Result<T, E>`: the items, then, if anything went wrong, the first error of any stage, once. So
/// `?` in the loop, or `collect::<Result<Vec<_>, _>>()`, cannot mistake a part for the whole. Dropping it early
/// cancels all stages and joins them.
///
/// The error type is made from [`Stopped`], which is what workers are told on cancellation; `io::Error`,
/// `anyhow::Error`, `Box<dyn Error + Send + Sync>` and `String` all are. If the parent context is cancelled, the
/// iterator ends with `E::from(Stopped)`.
///
/// A panic in a worker stops the pipeline; once all workers are joined it is resumed where the iterator would end.
///
/// # Examples
///
/// ```
/// use errgroup::{Context, Order, Pipeline};
///
/// # fn main() -> Result<(), String> {
/// let squares = Pipeline::source(&Context::background(), 16, |out| {
///     for n in 1..=100u64 {
///         out.send(n)?;
///     }
///     Ok::<_, String>(())
/// })
/// .each(4, Order::Source { window: 32 }, |n| Ok(n * n));
///
/// let mut next = 1;
/// for square in squares {
///     assert_eq!(square?, next * next);
///     next += 1;
/// }
/// assert_eq!(next, 101);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a pipeline cancels it"]
pub struct Pipeline<T, E: Display + Send + Sync + 'static> {
    /// `None` once the end was reached.
    group: Option<Group<E>>,
    ctx: Context,
    /// The bound of every queue but those that have a window.
    bound: usize,
    output: Arc<Queue<T>>,
    reader: Reader,
    /// From the first item on that was asked for until the end.
    attendance: Option<Attendance>,
    figures: Figures,
}

/// In which order the results of a stage come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// As they are ready.
    Completion,
    /// As their items came in.
    Source {
        /// How many items, at least 1, may be in the stage or wait behind the one whose turn it is. A slow item holds
        /// up the workers only when so many others have passed it.
        window: usize,
    },
}

/// What a worker reads: an iterator of the items that come to its stage, shared among the stage's workers.
///
/// Ends when all that was to come has come, and also when the pipeline is cancelled; then the worker's own success
/// does not count as one.
#[derive(Debug)]
pub struct Input<T> {
    queue: Arc<Queue<T>>,
    reader: Reader,
}

/// Where a worker sends its items.
#[derive(Debug)]
pub struct Output<T> {
    queue: Arc<Queue<T>>,
    ctx: Context,
    /// A send was refused because nobody reads any more.
    abandoned: AtomicBool,
    meter: Arc<Meter>,
}

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

/// Why `try_next` gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TryNextError {
    /// No item is ready now, or the stage's output has no place for its result yet.
    Empty,
    /// No item will come any more.
    Ended,
}

impl<T, E> Pipeline<T, E>
where
    T: Send + 'static,
    E: Display + From<Stopped> + Send + Sync + 'static,
{
    /// Starts a pipeline, cancelled when `ctx` is, with the task that feeds it. `bound`, at least 1, is how many items
    /// each queue holds: never more have been sent and not taken. What a worker has in hand is taken, and does not
    /// count, but for a stage with [`Order::Source`], whose window counts it too.
    ///
    /// An item can be taken as soon as it is sent, and by any worker of the next stage as long as none has begun it.
    /// Where the workers pass items on in less than 2 µs each, those that sleep are left asleep; should a slow item
    /// come then, the others are back at work within two milliseconds.
    ///
    /// Does not block. The task may: sending waits while the queue is full.
    ///
    /// # Panics
    ///
    /// If `bound` is 0.
    #[track_caller]
    pub fn source<F>(ctx: &Context, bound: usize, feed: F) -> Self
    where
        F: FnOnce(&Output<T>) -> Result<(), E> + Send + 'static,
    {
        let (group, ctx) = Group::with_context(ctx);
        let output = joined(&ctx, Queue::new(places(bound), 1));
        let figures = Figures::new();
        let mut meters = figures.add(1, output.level());
        let pipeline = Self::made(group, ctx, bound, output, figures);
        let output = pipeline.sender(meters.remove(0));
        let shared = Arc::clone(pipeline.shared());
        pipeline.shared().reside(Box::new(move || {
            let _attendance = output.meter.attend();
            finish(&shared, feed(&output), &output, output.was_abandoned());
            Ok(())
        }));
        pipeline
    }

    /// Adds a stage: `workers` threads that each turn an item into one result by `function`, an error of which stops
    /// the pipeline. Does not block.
    ///
    /// # Panics
    ///
    /// If `workers` is 0, or the window of `order` is.
    #[track_caller]
    pub fn each<U, F>(self, workers: usize, order: Order, function: F) -> Pipeline<U, E>
    where
        U: Send + 'static,
        F: Fn(T) -> Result<U, E> + Send + Sync + 'static,
    {
        self.ticketed(workers, order, move |tickets| {
            for (ticket, item) in tickets {
                ticket.send(function(item)?)?;
            }
            Ok(())
        })
    }

    /// Adds a stage of `workers` threads that each run `body` once: a loop of its own over the items, which may send
    /// any number of results, in any order. Does not block.
    ///
    /// A stage whose workers all return `Ok` before the items have ended needs no more of them: whoever sends to it is
    /// refused from then on, and that is no error. (A source that waits for something else, and does not send, is
    /// waited for.)
    ///
    /// # Panics
    ///
    /// If `workers` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// # use errgroup::{Context, Pipeline};
    /// # fn main() -> Result<(), String> {
    /// let text = Pipeline::source(&Context::background(), 8, |out| Ok(out.send("so many words")?));
    /// let words = text.stage(2, |lines, out| {
    ///     for line in lines {
    ///         for word in line.split(' ') {
    ///             out.send(word.len())?;
    ///         }
    ///     }
    ///     Ok::<_, String>(())
    /// });
    /// assert_eq!(words.sum::<Result<usize, _>>()?, 11);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn stage<U, F>(self, workers: usize, body: F) -> Pipeline<U, E>
    where
        U: Send + 'static,
        F: Fn(&mut Input<T>, &Output<U>) -> Result<(), E> + Send + Sync + 'static,
    {
        let output = Queue::new(self.bound, workers);
        let (next, Staff { input, meters }) = self.followed_by(workers, output);
        let body = Arc::new(body);
        for meter in meters {
            let (shared, body) = (Arc::clone(next.shared()), Arc::clone(&body));
            let (queue, output) = (Arc::clone(&input), next.sender(Arc::clone(&meter)));
            next.shared().reside(Box::new(move || {
                let _attendance = meter.attend();
                let mut input = Input { queue, reader: Reader::new(meter) };
                let result = body(&mut input, &output);
                finish(&shared, result, &output, output.was_abandoned());
                input.queue.reader_gone();
                Ok(())
            }));
        }
        next
    }

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

    /// Waits, for `timeout` at most, until [`next`](Iterator::next) would not block for an item; says whether it would
    /// not. For a consumer that has something to do before it waits for long, such as to flush.
    pub fn ready_within(&self, timeout: Duration) -> bool {
        self.output.ready_within(timeout, self.figures.consumer())
    }

    /// Names the stage that was added last, or the source, in the [`figures`](Self::figures).
    pub fn named(self, name: impl Into<String>) -> Self {
        self.figures.name(name.into());
        self
    }

    /// A handle on what each stage has done and what it has waited for, to be asked from any thread, while the pipeline
    /// runs and after its end. Does not block. Items are counted by the queues in any case, and a clock is read only
    /// where a worker has to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use errgroup::{Context, Order, Pipeline};
    ///
    /// # fn main() -> Result<(), String> {
    /// let squares = Pipeline::source(&Context::background(), 64, |out| {
    ///     for n in 1..=1000u64 {
    ///         out.send(n)?;
    ///     }
    ///     Ok::<_, String>(())
    /// })
    /// .each(4, Order::Completion, |n| Ok(n * n))
    /// .named("square");
    /// let figures = squares.figures();
    /// let sum = squares.sum::<Result<u64, _>>()?;
    /// assert_eq!(sum, 333_833_500);
    ///
    /// // Such as: stage 1 (square): 4 workers, 1,000 items, busy 96 %, waits for input 3 %, …
    /// println!("{figures}");
    /// let stages = figures.stages();
    /// assert_eq!(stages[1].name, "stage 1 (square)");
    /// assert_eq!((stages[1].items_in, stages[1].items_out), (1000, 1000));
    /// # Ok(())
    /// # }
    /// ```
    pub fn figures(&self) -> Figures {
        self.figures.clone()
    }

    /// The pipeline's own context: a child of the one it was made with, cancelled at the first error, and when the
    /// pipeline ends or is dropped.
    pub fn context(&self) -> &Context {
        &self.ctx
    }

    /// The pipeline with one stage more that sends to `output`, and what its workers need.
    #[track_caller]
    fn followed_by<U: Send + 'static>(mut self, workers: usize, output: Queue<U>) -> (Pipeline<U, E>, Staff<T>) {
        assert!(workers > 0, "a stage without workers would never end");
        // The workers take over as readers before the pipeline, as the consumer so far, goes.
        self.output.add_readers(workers);
        let output = joined(&self.ctx, output);
        let meters = self.figures.add(workers, output.level());
        let group = self.group.take().expect("a pipeline that is being built has not ended");
        let next = Pipeline::made(group, self.ctx.clone(), self.bound, output, self.figures.clone());
        self.output.reader_gone();
        (next, Staff { input: Arc::clone(&self.output), meters })
    }

    fn made(group: Group<E>, ctx: Context, bound: usize, output: Arc<Queue<T>>, figures: Figures) -> Self {
        let reader = Reader::new(Arc::clone(figures.consumer()));
        Self { group: Some(group), ctx, bound, output, reader, attendance: None, figures }
    }

    fn sender(&self, meter: Arc<Meter>) -> Output<T> {
        let queue = Arc::clone(&self.output);
        Output { queue, ctx: self.ctx.clone(), abandoned: AtomicBool::new(false), meter }
    }

    fn shared(&self) -> &Arc<Shared<E>> {
        self.group.as_ref().expect("a pipeline that is being built has not ended").shared()
    }
}

impl<T, E> Iterator for Pipeline<T, E>
where
    T: Send + 'static,
    E: Display + From<Stopped> + Send + Sync + 'static,
{
    type Item = Result<T, E>;

    /// Blocks until an item, the end or the error comes.
    fn next(&mut self) -> Option<Result<T, E>> {
        self.group.as_ref()?;
        if self.attendance.is_none() {
            self.attendance = Some(self.figures.consumer().attend());
        }
        let halt = match self.output.pop(|| false, &mut self.reader) {
            Ok((_, item)) => return Some(Ok(item)),
            Err(halt) => halt,
        };
        self.attendance = None;
        // Before the join: that one cancels the context, also after a success.
        let cut = (halt != Halt::Ended).then(|| Stopped::of(&self.ctx));
        match self.group.take()?.join() {
            Err(error) => Some(Err(error)),
            Ok(()) => cut.map(|stopped| Err(stopped.into())),
        }
    }
}

impl<T, E> std::iter::FusedIterator for Pipeline<T, E>
where
    T: Send + 'static,
    E: Display + From<Stopped> + Send + Sync + 'static,
{
}

impl<T> Iterator for Input<T> {
    type Item = T;

    /// Blocks until an item or the end comes.
    fn next(&mut self) -> Option<T> {
        self.queue.pop(|| false, &mut self.reader).ok().map(|(_, item)| item)
    }
}

impl<T> Input<T> {
    /// The next item if there is one now. Does not block.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn try_next(&mut self) -> Result<T, TryNextError> {
        match self.queue.try_pop(|_| Ok(true), &mut self.reader) {
            Ok(Some((_, item))) => Ok(item),
            Ok(None) => Err(TryNextError::Empty),
            Err(_) => Err(TryNextError::Ended),
        }
    }
}

impl<T> Output<T> {
    /// Sends an item on. Blocks while the queue is full; cancelling the pipeline ends the wait.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the pipeline is cancelled or nobody reads any more. Return it, by `?`, as the worker's error: after
    /// a refusal because nobody reads, whatever error the worker returns is taken for that one.
    pub fn send(&self, item: T) -> Result<(), Stopped> {
        // Even where the news has not reached the queue: a worker whose input was cut off has learnt it from there, and
        // must not send on what it made of a part.
        self.ctx.check()?;
        self.queue.push(item, &self.meter).map_err(|halt| self.refused(halt))
    }

    /// The pipeline's context, for a worker that goes long without sending: when it is cancelled, nothing that the
    /// worker still does is wanted.
    pub fn context(&self) -> &Context {
        &self.ctx
    }

    fn was_abandoned(&self) -> bool {
        self.abandoned.load(Relaxed)
    }

    fn refused(&self, halt: Halt) -> Stopped {
        if halt == Halt::Abandoned {
            self.abandoned.store(true, Relaxed);
            return Stopped::new("nobody is left to read what the pipeline makes");
        }
        Stopped::of(&self.ctx)
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

/// What the workers of a stage read, and a meter for each.
struct Staff<T> {
    input: Arc<Queue<T>>,
    meters: Vec<Arc<Meter>>,
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

/// Tells how a worker ended: see the module's text.
///
/// `unwanted`: it was told that nobody reads what it sends.
fn finish<T, E>(shared: &Shared<E>, result: Result<(), E>, output: &Output<T>, unwanted: bool)
where
    E: Display + From<Stopped> + Send + Sync + 'static,
{
    match result {
        Err(error) if !unwanted => shared.fail(error),
        // Its input may have been cut off, and it may have taken that for the end, or seen it for itself.
        Ok(()) if output.ctx.is_cancelled() => shared.fail(Stopped::of(&output.ctx).into()),
        _ => output.queue.writer_done(),
    }
}

#[track_caller]
fn places(bound: usize) -> usize {
    assert!(bound > 0, "a queue that holds nothing would never pass anything on");
    bound
}

/// The queue as a part of the pipeline with this context.
fn joined<T: Send + 'static>(ctx: &Context, queue: Queue<T>) -> Arc<Queue<T>> {
    let queue = Arc::new(queue);
    queue.add_readers(1); // the consumer, until a stage takes its place
    ctx.wake_when_cancelled(Waker::from(Arc::clone(&queue)));
    queue
}

impl Display for TryNextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no item is ready",
            Self::Ended => "no item will come any more",
        })
    }
}

impl std::error::Error for TryNextError {}

impl<T, E: Display + Send + Sync + 'static> Debug for Pipeline<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("context", &self.ctx).finish_non_exhaustive()
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
