//! [`Progress`]: how far a run has come, for whoever looks on.
//!
//! A handle is given to a run ([`Options::progress`](crate::Options::progress)) and asked by others. Nothing is drawn or
//! printed here, and without a handle nothing is counted.
//!
//! 1. Each worker counts in a line of the cache of its own, which nobody else writes to.
//! 2. A file is known by name while it is *in flight*: once it goes on beyond what was read of it first, or while it is
//!    opened or read by somebody who may have to wait. A small file of a tree that is in memory never is: that would cost
//!    more than it tells.
//! 3. How much there is in all is counted by a [`census`](crate::census), if anybody asks.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use errgroup::{Context, Figures, Group};

use crate::bottleneck::{self, Bottleneck, Watched};
use crate::census::{Census, Count, Whole};
use crate::directory::Place;
use crate::flight::{Flight, Flights, InFlight};
use crate::record::Outcome;
use crate::skip::Skip;

/// How far a run has come: a handle, to be asked from any thread, while the run goes on and after its end.
///
/// Cheap to clone; a clone tells of the same. A handle that is given to several runs, one after the other, adds up. It
/// keeps no run alive, and is of no use without one.
///
/// # Examples
///
/// ```
/// use errgroup::Context;
/// use md5all::{Options, Progress, hash_trees};
///
/// # let dir = tempfile::tempdir()?;
/// # std::fs::write(dir.path().join("abc"), "abc")?;
/// # let dir = dir.path();
/// let progress = Progress::new();
/// let options = Options::new([dir]).progress(progress.clone());
/// let records = hash_trees(&Context::background(), options);
///
/// assert_eq!(records.count(), 1);
/// let so_far = progress.snapshot();
/// assert_eq!((so_far.files, so_far.bytes), (1, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Progress {
    board: Arc<Board>,
}

/// How far a run had come at one moment: plain data. The numbers are each of about the same moment, not all of the very
/// same.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// How long ago the handle was made.
    pub elapsed: Duration,
    /// Files that have their checksums, those included that were not read again.
    pub files: u64,
    /// Bytes that were read and hashed.
    pub bytes: u64,
    /// Bytes that need not be read: of files that are known from an earlier run.
    pub spared: u64,
    /// Files and directories that could not be read.
    pub failed: u64,
    /// What was passed over on purpose, but for what was to be left out: [`Options::exclude`](crate::Options::exclude),
    /// [`Options::selection`](crate::Options::selection).
    pub skipped: u64,
    /// What there is in all, as soon as that is known: see [`Progress::count_all`].
    pub whole: Option<Whole>,
    /// What is being opened or read: the one that was begun first comes first. In trees, what is small and in memory is not
    /// told.
    pub in_flight: Vec<InFlight>,
}

/// Somebody who is called from time to time, until this is dropped: see [`Progress::every`].
#[derive(Debug)]
#[must_use = "dropping it is the end of the calls"]
pub struct Ticker {
    /// Dropping it cancels and joins the task that calls.
    _group: Group<Infallible>,
}

/// What runs and those who look on share.
struct Board {
    begun: Instant,
    /// Processor time of the process at the beginning.
    computed: Duration,
    /// One a worker, those included that have ended.
    tallies: Mutex<Vec<Arc<Tally>>>,
    flights: Arc<Flights>,
    figures: Mutex<Vec<Watched>>,
    counting: Mutex<Counting>,
}

/// What is known of how much there is in all.
#[derive(Default)]
struct Counting {
    is_asked_for: bool,
    /// Of the run that began last.
    census: Option<Census>,
}

/// What one worker has done. Only that worker writes, so that no write is more than a load and a store; relaxed, for
/// nothing is behind the numbers. Wide enough for the pairs of cache lines that processors fetch together.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Tally {
    files: AtomicU64,
    bytes: AtomicU64,
    spared: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
}

impl Progress {
    /// A handle for a run that has yet to begin.
    #[must_use]
    pub fn new() -> Progress {
        let board = Board {
            begun: Instant::now(),
            computed: bottleneck::computed(),
            tallies: Mutex::default(),
            flights: Arc::default(),
            figures: Mutex::default(),
            counting: Mutex::default(),
        };
        Progress { board: Arc::new(board) }
    }

    /// How far it is. Does not block.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let done = self.done();
        Snapshot {
            whole: lock(&self.board.counting).census.as_ref().and_then(Census::whole),
            in_flight: self.board.flights.told(),
            ..done
        }
    }

    /// Asks for what there is in all: from now on it is counted, once, by a task that walks where the run does, or will,
    /// and asks for sizes. Until it is through, [`Snapshot::whole`] is `None`. Does not block, and may be called again.
    ///
    /// The task ends with the run, which never waits for it. It opens a few directories more, if the process may have
    /// that many, and holds the names in one more than [`Options::memory`](crate::Options::memory) tells of.
    pub fn count_all(&self) {
        let mut counting = lock(&self.board.counting);
        counting.is_asked_for = true;
        counting.census.iter_mut().for_each(Census::begin);
    }

    /// Calls `function` with how far it is, every `interval`, on a thread of the pool of all groups, until the ticker is
    /// dropped. Does not block.
    ///
    /// Dropping the ticker waits for a call that is under way, and there is none after it. Where no drop comes, the
    /// process ends all the same. After a panic in `function` it is not called again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let progress = md5all::Progress::new();
    /// let ticker = progress.every(Duration::from_secs(1), |so_far| {
    ///     eprintln!("{} files, {} bytes", so_far.files, so_far.bytes);
    /// });
    /// // … hash_trees, with this progress in its options …
    /// drop(ticker);
    /// ```
    pub fn every(&self, interval: Duration, mut function: impl FnMut(&Snapshot) + Send + 'static) -> Ticker {
        let (group, ctx) = Group::with_context(&Context::background());
        let progress = self.clone();
        group.go(move || {
            while !ctx.wait_timeout(interval) {
                function(&progress.snapshot());
            }
            Ok(())
        });
        Ticker { _group: group }
    }

    /// What the run waits for most, so far; `None` before there is anything to tell by. Does not block.
    #[must_use]
    pub fn bottleneck(&self) -> Option<Bottleneck> {
        let computed = bottleneck::computed().saturating_sub(self.board.computed);
        bottleneck::find(&lock(&self.board.figures), computed)
    }

    /// A run begins, or a part of one, whose stages tell so: the first of them finds files.
    pub(crate) fn watch(&self, figures: Figures) {
        lock(&self.board.figures).push(Watched { figures, source: Bottleneck::Listing });
    }

    /// The same where the first stage opens files that were named.
    pub(crate) fn watch_opening(&self, figures: Figures) {
        lock(&self.board.figures).push(Watched { figures, source: Bottleneck::Reading });
    }

    /// What is done: to be asked before a run begins, which may have done something as soon as it has.
    pub(crate) fn before(&self) -> Whole {
        let Snapshot { files, bytes, spared, failed, .. } = self.done();
        Whole { files: files + failed, bytes: bytes + spared }
    }

    /// A run has begun that ends with this context, after so much was done, and what there is in all can be found out by
    /// `count`, if at all.
    pub(crate) fn expect<F>(&self, before: Whole, ctx: &Context, count: F)
    where
        F: FnOnce(&mut Count, &Context) -> Option<()> + Send + 'static,
    {
        let mut counting = lock(&self.board.counting);
        let is_asked_for = counting.is_asked_for;
        let census = counting.census.insert(Census::new(ctx, before, count));
        if is_asked_for {
            census.begin();
        }
    }

    /// Where one worker counts.
    pub(crate) fn tally(&self) -> Arc<Tally> {
        let tally = Arc::new(Tally::default());
        lock(&self.board.tallies).push(Arc::clone(&tally));
        tally
    }

    /// A file is in flight from now on.
    pub(crate) fn flight(&self, place: &Place) -> Box<Flight> {
        Box::new(self.board.flights.begin(place))
    }

    /// The numbers, without names.
    fn done(&self) -> Snapshot {
        let tallies = lock(&self.board.tallies);
        let sum = |count: fn(&Tally) -> &AtomicU64| tallies.iter().map(|tally| count(tally).load(Relaxed)).sum();
        Snapshot {
            elapsed: self.board.begun.elapsed(),
            files: sum(|tally| &tally.files),
            bytes: sum(|tally| &tally.bytes),
            spared: sum(|tally| &tally.spared),
            failed: sum(|tally| &tally.failed),
            skipped: sum(|tally| &tally.skipped),
            whole: None,
            in_flight: Vec::new(),
        }
    }
}

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

impl Tally {
    /// So many bytes more were read, and are hashed.
    pub(crate) fn hash(&self, bytes: u64) {
        add(&self.bytes, bytes);
    }

    /// So many bytes need not be read.
    pub(crate) fn spare(&self, bytes: u64) {
        add(&self.spared, bytes);
    }

    /// A file is done, with a checksum or without.
    pub(crate) fn end_file(&self, is_hashed: bool) {
        add(if is_hashed { &self.files } else { &self.failed }, 1);
    }

    /// Something is done.
    pub(crate) fn count(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Hashed(_) => self.end_file(true),
            Outcome::Failed(_) => self.end_file(false),
            Outcome::Skipped(Skip::Nameless | Skip::Excluded) => {}
            Outcome::Skipped(skip) if skip.is_by_selection() => {}
            Outcome::Skipped(_) => add(&self.skipped, 1),
        }
    }
}

fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Relaxed) + more, Relaxed);
}

/// All that is guarded is whole whoever panicked while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("done", &self.done()).finish_non_exhaustive()
    }
}
