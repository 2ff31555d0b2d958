//! [`Figures`]: what each stage of a pipeline has done and what it has waited for, so that the one that holds up the
//! others can be seen.
//!
//! Nothing here is on the way of an item. Items are counted by the queues, which must anyway; a clock is read only
//! where a worker has to wait.

use std::fmt::{self, Debug, Display};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::queue::Level;
use crate::sync::Mutex;

/// A handle on what a pipeline does, for any thread, while it runs and after its end: see
/// [`Pipeline::figures`](super::Pipeline::figures).
///
/// Cheap to clone. It keeps no item and no worker alive. Its `Display` is one line a stage.
#[derive(Clone)]
pub struct Figures {
    board: Arc<Board>,
}

/// What one stage of a pipeline has done so far, or its source, or its consumer: one of [`Figures::stages`].
///
/// The stage that holds up the others is the one that is busy, has a full queue before it, and waits for nothing.
///
/// A worker is busy while it does not wait for an item or a place. What it waits for otherwise, such as a disk, counts
/// as busy, and so does the time in which its thread waits for a core.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StageFigures {
    /// The name: `source`, `stage 1` and so on, `consumer`, with what [`Pipeline::named`](super::Pipeline::named) gave.
    pub name: String,
    /// How many workers it has.
    pub workers: usize,
    /// How many items it has taken. A source takes none.
    pub items_in: u64,
    /// How many it has sent. A consumer sends none.
    pub items_out: u64,
    /// How long its workers were busy, added up.
    pub busy: Duration,
    /// How long they waited for an item to come, added up.
    pub waited_for_input: Duration,
    /// How long they waited for a place for what they had to send, added up.
    pub waited_for_output: Duration,
    /// The queue it takes its items from. A source has none.
    pub queue: Option<QueueFigures>,
}

/// How full a queue is and was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueFigures {
    /// How many items are in it: sent and not taken. Where they come in order, also those whose turn it is not yet.
    pub depth: u64,
    /// How many were in it at most.
    pub highest: u64,
    /// How many there may be.
    pub bound: u64,
}

impl Figures {
    /// The source, the stages in their order, and the consumer. While the pipeline runs, the numbers are each of about
    /// the same moment, not all of the very same.
    pub fn stages(&self) -> Vec<StageFigures> {
        let now = self.board.now();
        let stages = self.board.stages.lock();
        let sender_of = |place: usize| place.checked_sub(1).and_then(|before| stages.get(before));
        let mut figures: Vec<_> = stages
            .iter()
            .enumerate()
            .map(|(place, stage)| {
                let queue = sender_of(place).map(|before| &before.output);
                StageFigures::new(stage.title(place), &stage.meters, queue, Some(&stage.output), now)
            })
            .collect();
        let queue = stages.last().map(|last| &last.output);
        figures.push(StageFigures::new(
            "consumer".to_owned(),
            std::slice::from_ref(&self.board.consumer),
            queue,
            None,
            now,
        ));
        figures
    }

    pub(super) fn new() -> Self {
        let start = Instant::now();
        let consumer = Meter::new(start);
        Self { board: Arc::new(Board { start, stages: Mutex::new(Vec::new()), consumer }) }
    }

    /// Adds a stage that sends to `output`, and gives its workers' meters.
    pub(super) fn add(&self, workers: usize, output: &Arc<Level>) -> Vec<Arc<Meter>> {
        let meters: Vec<_> = (0..workers).map(|_| Meter::new(self.board.start)).collect();
        let stage = Stage { name: None, meters: meters.clone(), output: Arc::clone(output) };
        self.board.stages.lock().push(stage);
        meters
    }

    /// Names the stage that was added last.
    pub(super) fn name(&self, name: String) {
        if let Some(last) = self.board.stages.lock().last_mut() {
            last.name = Some(name);
        }
    }

    pub(super) fn consumer(&self) -> &Arc<Meter> {
        &self.board.consumer
    }
}

impl StageFigures {
    fn new(
        name: String,
        meters: &[Arc<Meter>],
        input: Option<&Arc<Level>>,
        output: Option<&Arc<Level>>,
        now: u64,
    ) -> Self {
        let total = |time: fn(&Meter, u64) -> u64| Duration::from_nanos(meters.iter().map(|m| time(m, now)).sum());
        let waited_for_input = total(|meter, now| meter.waited(Wait::Item, now));
        let waited_for_output = total(|meter, now| meter.waited(Wait::Room, now));
        let present = total(Meter::present);
        Self {
            name,
            workers: meters.len(),
            items_in: input.map_or(0, |level| level.left()),
            items_out: output.map_or(0, |level| level.added()),
            busy: present.saturating_sub(waited_for_input + waited_for_output),
            waited_for_input,
            waited_for_output,
            queue: input.map(|level| QueueFigures::new(level)),
        }
    }
}

impl QueueFigures {
    fn new(level: &Level) -> Self {
        let left = level.left(); // first, so that the depth is not less than none
        let depth = level.added().saturating_sub(left).min(level.bound());
        Self { depth, highest: level.highest().max(depth), bound: level.bound() }
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, stage) in self.stages().iter().enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            Display::fmt(stage, f)?;
        }
        Ok(())
    }
}

/// Such as `stage 2 (hash): 4 workers, 1,000 items, busy 96 %, waits for input 3 %, for output 1 %, queue 64/64`.
impl Display for StageFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.workers == 1 { "" } else { "s" };
        write!(f, "{}: {} worker{s}, ", self.name, self.workers)?;
        match (self.items_in, self.items_out) {
            (0, items) | (items, 0) => write!(f, "{} items", Grouped(items))?,
            (taken, sent) if taken == sent => write!(f, "{} items", Grouped(sent))?,
            (taken, sent) => write!(f, "{} items in, {} out", Grouped(taken), Grouped(sent))?,
        }
        let all = self.busy + self.waited_for_input + self.waited_for_output;
        let share = |time: Duration| (100.0 * time.as_secs_f64() / all.as_secs_f64().max(1e-9)).round();
        write!(
            f,
            ", busy {} %, waits for input {} %, for output {} %",
            share(self.busy),
            share(self.waited_for_input),
            share(self.waited_for_output)
        )?;
        match self.queue {
            Some(queue) => write!(f, ", queue {}/{} (at most {})", queue.depth, queue.bound, queue.highest),
            None => Ok(()),
        }
    }
}

/// A number with a comma after each thousand.
struct Grouped(u64);

impl Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1000 {
            return Display::fmt(&self.0, f);
        }
        write!(f, "{},{:03}", Grouped(self.0 / 1000), self.0 % 1000)
    }
}

impl Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.stages()).finish()
    }
}

/// What a pipeline and its handles share.
struct Board {
    start: Instant,
    stages: Mutex<Vec<Stage>>,
    consumer: Arc<Meter>,
}

struct Stage {
    name: Option<String>,
    meters: Vec<Arc<Meter>>,
    output: Arc<Level>,
}

impl Board {
    fn now(&self) -> u64 {
        nanos(self.start)
    }
}

impl Stage {
    fn title(&self, place: usize) -> String {
        let plain = if place == 0 { "source".to_owned() } else { format!("stage {place}") };
        match &self.name {
            Some(name) => format!("{plain} ({name})"),
            None => plain,
        }
    }
}

/// What a worker waits for.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    Item = 0,
    Room = 1,
}

/// When one worker was there, and how long it waited. Times are in nanoseconds since the pipeline was made, and all
/// are written by the worker alone: they order nothing.
pub(crate) struct Meter {
    start: Instant,
    came: AtomicU64,
    went: AtomicU64,
    /// By [`Wait`], without the wait that goes on.
    waited: [AtomicU64; 2],
    /// When the wait that goes on began, by [`Wait`].
    waits_since: [AtomicU64; 2],
}

/// There is no such time: not yet, or not now.
const NEVER: u64 = u64::MAX;

impl Meter {
    fn new(start: Instant) -> Arc<Self> {
        Arc::new(Self {
            start,
            came: AtomicU64::new(NEVER),
            went: AtomicU64::new(NEVER),
            waited: [const { AtomicU64::new(0) }; 2],
            waits_since: [const { AtomicU64::new(NEVER) }; 2],
        })
    }

    /// The worker is there until what this gives is dropped.
    pub(super) fn attend(self: &Arc<Self>) -> Attendance {
        self.came.store(nanos(self.start), Relaxed);
        Attendance(Arc::clone(self))
    }

    /// The worker waits until what this gives is dropped.
    pub(crate) fn waits_for(&self, what: Wait) -> impl Drop + use<'_> {
        let since = nanos(self.start);
        self.waits_since[what as usize].store(since, Relaxed);
        Waiting { meter: self, what, since }
    }

    fn waited(&self, what: Wait, now: u64) -> u64 {
        let since = self.waits_since[what as usize].load(Relaxed);
        let before = self.waited[what as usize].load(Relaxed);
        before + if since == NEVER { 0 } else { now.saturating_sub(since) }
    }

    fn present(&self, now: u64) -> u64 {
        let came = self.came.load(Relaxed).min(now);
        self.went.load(Relaxed).min(now).saturating_sub(came)
    }
}

/// That a worker is there.
pub(super) struct Attendance(Arc<Meter>);

impl Drop for Attendance {
    fn drop(&mut self) {
        self.0.went.store(nanos(self.0.start), Relaxed);
    }
}

struct Waiting<'meter> {
    meter: &'meter Meter,
    what: Wait,
    since: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let what = self.what as usize;
        self.meter.waits_since[what].store(NEVER, Relaxed);
        self.meter.waited[what].fetch_add(nanos(self.meter.start) - self.since, Relaxed);
    }
}

impl Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

fn nanos(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(NEVER - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_reads_as_a_sentence() {
        let second = Duration::from_secs(1);
        let hash = StageFigures {
            name: "stage 2 (hash)".to_owned(),
            workers: 4,
            items_in: 1_234_000,
            items_out: 1_234_000,
            busy: second * 96,
            waited_for_input: second * 3,
            waited_for_output: second,
            queue: Some(QueueFigures { depth: 7, highest: 64, bound: 64 }),
        };
        assert_eq!(
            hash.to_string(),
            "stage 2 (hash): 4 workers, 1,234,000 items, busy 96 %, waits for input 3 %, for output 1 %, \
             queue 7/64 (at most 64)"
        );
        let source = StageFigures { name: "source".to_owned(), workers: 1, items_in: 0, queue: None, ..hash.clone() };
        assert!(source.to_string().starts_with("source: 1 worker, 1,234,000 items, busy"));
        assert!(source.to_string().ends_with("for output 1 %"));
        let split = StageFigures { items_in: 999, items_out: 1_000, ..hash };
        assert!(split.to_string().contains("999 items in, 1,000 out"));
    }
}
