//! [`Pipeline`]: a source, stages of workers over bounded queues, and a consumer, run as one operation.
//!
//! All workers are tasks of one [`Group`], so that the first error stops every stage and the consumer gets that
//! error. A queue ends only when all its writers have *succeeded*: no stage ever takes what was cut off by a failure
//! for the whole. What is not here: threads (the group's), waiting and order (`queue`'s), stages with tickets (`tickets`).
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
pub(crate) mod tickets;

use std::fmt::{self, Debug, Display};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;
use std::time::Duration;

use crate::context::{Context, Stopped};
use crate::group::{Group, Shared};

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

/// What the workers of a stage read, and a meter for each.
struct Staff<T> {
    input: Arc<Queue<T>>,
    meters: Vec<Arc<Meter>>,
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
