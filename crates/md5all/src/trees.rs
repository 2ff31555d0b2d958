//! The library's ways in: [`hash_trees`], which streams, and [`md5_all`],
//! which collects; and [`hash_files`], which walks nothing.
//!
//! All are the same pipeline: one walker, or whoever else knows of files, N workers that read and hash, and
//! whoever iterates. It is bounded everywhere, so memory does not grow with the
//! trees. What is printed, and where, is the caller's affair.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use errgroup::{Context, Order, Output, Pipeline};
use rustix::process::{Resource, getrlimit};

use crate::digest::balance::Balance;
use crate::digest::readers::Readers;
use crate::digest::{Digest, Terms, md5};
use crate::entry::{Entry, Outcome, Record};
use crate::error::Error;
use crate::names;
use crate::several::{self, Plan};
use crate::source::{Cache, Devices, FileId, Links, Quiet};
use crate::walk::{self, Automounts, MAX_OPEN, Root, Step, Walk};

/// What to hash, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to begin; taken in the order of their paths. Roots that overlap are
    /// walked one after the other, each whole.
    pub roots: Vec<Root>,
    /// What to do about symbolic links below the roots.
    pub links: Links,
    /// Whether to stay on the file system of each root: a directory on another than the one above it is skipped. A file
    /// that another one is mounted over is read, wherever that lies.
    pub one_file_system: bool,
    /// How many workers read and hash at the same time.
    pub jobs: NonZeroUsize,
    /// Whether records may come as they are done, not in the order of paths.
    pub unordered: bool,
    /// Whether the first failure ends everything, as an error; if not, failures
    /// are records, and the rest goes on.
    pub fail_fast: bool,
    /// Files that are not to be read, such as the one that is being written.
    /// They are told by what they are: another name of the same file is
    /// excluded as well.
    pub exclude: Vec<FileId>,
    /// How what the trees lie on is read. Keep a clone to ask which devices were met.
    pub devices: Devices,
    /// What reading does to the system's cache of files.
    pub cache: Cache,
}

/// Hashes trees: one [`Record`] for every file and every problem, as soon as it
/// is known.
///
/// Records come in the order of the bytes of whole paths, root by root, unless
/// [`Options::unordered`] is set. Work begins at once, in the background, and
/// goes on only as fast as records are taken. After an error there are no more.
///
/// The iterator blocks until the next record is there. Cancelling `ctx`, or
/// dropping the iterator, stops the workers before their next read; one that is
/// blocked in a read is waited for.
///
/// # Errors
///
/// The items are errors when `ctx` is cancelled ([`Error::Stopped`]), or at the
/// first failure if [`Options::fail_fast`] is set.
///
/// # Examples
///
/// ```
/// use errgroup::Context;
/// use md5all::{Options, Outcome, hash_trees};
///
/// # let dir = tempfile::tempdir()?;
/// # std::fs::write(dir.path().join("abc"), "abc")?;
/// # let dir = dir.path();
/// let mut lines = Vec::new();
/// for record in hash_trees(&Context::background(), Options::new([dir])) {
///     let record = record?;
///     let path = record.path();
///     match record.outcome() {
///         Outcome::Hashed(digest) => lines.push(format!("{digest}  {}", path.display())),
///         Outcome::Failed(reason) => eprintln!("{}: {reason}", path.display()),
///         _ => {}
///     }
/// }
/// assert_eq!(lines.len(), 1);
/// assert!(lines[0].starts_with("900150983cd24fb0d6963f7d28e17f72  "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hash_trees(ctx: &Context, options: Options) -> Pipeline<Record, Error> {
    let plan = Plan::by_device(&options.roots);
    let shares = Shares::now(options.jobs, plan.len());
    if plan.is_plain() { hash_roots(ctx, options, shares) } else { several::hash(ctx, options, plan, shares) }
}

/// The same for what shares a walk and workers.
pub(crate) fn hash_roots(ctx: &Context, mut options: Options, shares: Shares) -> Pipeline<Record, Error> {
    let roots = std::mem::take(&mut options.roots);
    let (links, one_file_system, ahead) = (options.links, options.one_file_system, shares.ahead);
    let devices = options.devices.clone();
    hash(ctx, options, shares, move |entries| {
        let (ctx, automounts) = (entries.context().clone(), Automounts::now());
        let terms = walk::Terms { ctx, links, devices, one_file_system, automounts, ahead };
        send_all(Walk::new(&roots, terms), entries)
    })
}

/// Hashes files: one [`Record`] for each of [`Options::roots`], in their order, however often one is named.
///
/// Nothing is walked: a directory is a failure. A symbolic link is followed, and a special file is read. In all else it
/// is as [`hash_trees`].
///
/// # Errors
///
/// As for [`hash_trees`].
///
/// # Examples
///
/// ```
/// use errgroup::Context;
/// use md5all::{Options, Outcome, hash_files};
///
/// # let dir = tempfile::tempdir()?;
/// # let file = dir.path().join("abc");
/// # std::fs::write(&file, "abc")?;
/// let records = hash_files(&Context::background(), Options::new([&file, &file]));
/// for record in records {
///     let record = record?;
///     assert!(matches!(record.outcome(), Outcome::Hashed(_)));
///     assert_eq!(record.path(), file);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hash_files(ctx: &Context, mut options: Options) -> Pipeline<Record, Error> {
    let (names, devices) = (std::mem::take(&mut options.roots), options.devices.clone());
    hash_sent(ctx, options, move |entries| names::send_all(names, &devices, entries))
}

/// The pipeline from whatever sends entries to whoever iterates.
pub(crate) fn hash_sent<F>(ctx: &Context, options: Options, feed: F) -> Pipeline<Record, Error>
where
    F: FnOnce(&Output<Entry>) -> Result<(), Error> + Send + 'static,
{
    let shares = Shares::now(options.jobs, 1);
    hash(ctx, options, shares, feed)
}

/// The same, with a share of what there is.
fn hash<F>(ctx: &Context, options: Options, shares: Shares, feed: F) -> Pipeline<Record, Error>
where
    F: FnOnce(&Output<Entry>) -> Result<(), Error> + Send + 'static,
{
    let Shares { jobs, lanes, queue, away, .. } = shares;
    let order = options.order();
    let Options { links, fail_fast, exclude, devices, cache, .. } = options;
    let found = Pipeline::source(ctx, queue, feed);
    let ctx = found.context().clone();
    let (quiet, balance, aliases) = (Quiet::now(), Balance::new(jobs), Arc::default());
    let terms =
        Arc::new(Terms { ctx, links, fail_fast, lanes, exclude, quiet, devices, balance, away, cache, aliases });
    let readers = Readers::new(Arc::clone(&terms));
    found.ticketed(jobs, order, move |tickets| md5::work(tickets, &terms, &readers))
}

/// The MD5 of every file below `root`, or the first thing that went wrong.
///
/// A special file or a symbolic link below `root` is passed over; `root` itself
/// may be a link, or a single file. Paths begin with `root` as it was given.
///
/// Blocks until all is hashed. Cancelling `ctx` ends it early.
///
/// # Errors
///
/// The first failure, with its path, of the walk or of any read: it stops
/// everything else. [`Error::Stopped`] if `ctx` was cancelled.
///
/// # Examples
///
/// ```
/// use errgroup::Context;
///
/// # let dir = tempfile::tempdir()?;
/// # std::fs::write(dir.path().join("abc"), "abc")?;
/// # let dir = dir.path();
/// let digests = md5all::md5_all(&Context::background(), dir)?;
/// assert_eq!(
///     digests[&dir.join("abc")].to_string(),
///     "900150983cd24fb0d6963f7d28e17f72"
/// );
///
/// let error = md5all::md5_all(&Context::background(), dir.join("gone")).unwrap_err();
/// assert_eq!(error.path(), Some(dir.join("gone").as_path()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn md5_all(ctx: &Context, root: impl AsRef<Path>) -> Result<BTreeMap<PathBuf, Digest>, Error> {
    let options = Options { unordered: true, fail_fast: true, ..Options::new([root.as_ref()]) };
    let mut digests = BTreeMap::new();
    for record in hash_trees(ctx, options) {
        let record = record?;
        if let Outcome::Hashed(digest) = record.outcome() {
            digests.insert(record.path(), *digest);
        }
    }
    Ok(digests)
}

impl Options {
    /// How far one big file may be overtaken in sorted order: as many records
    /// wait for it. They hold no descriptor, and their paths are shared.
    const WINDOW: usize = 65536;

    /// All files below `roots`, sorted, with a worker for each core, and going
    /// on after failures.
    pub fn new<R: Into<Root>>(roots: impl IntoIterator<Item = R>) -> Options {
        Options {
            roots: roots.into_iter().map(Into::into).collect(),
            links: Links::default(),
            one_file_system: false,
            jobs: available_parallelism().unwrap_or(NonZeroUsize::MIN),
            unordered: false,
            fail_fast: false,
            exclude: Vec::new(),
            devices: Devices::default(),
            cache: Cache::default(),
        }
    }

    fn order(&self) -> Order {
        if self.unordered { Order::Completion } else { Order::Source { window: Self::WINDOW } }
    }
}

/// The source: everything the walk comes across.
///
/// A walk through nothing but empty directories sends nothing, and so has to
/// look at the context itself.
fn send_all(walk: Walk, entries: &Output<Entry>) -> Result<(), Error> {
    for step in walk {
        match step {
            Step::Found(entry) => entries.send(entry)?,
            Step::Nothing => entries.context().check()?,
        }
    }
    Ok(())
}

/// What may be open at the same time.
///
/// Each file in a lane holds a descriptor, and each entry that waits for a
/// worker may hold another open directory. So the walk, the workers and the
/// queue share what the process may have, less a few for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Workers: as many as were asked for, if that many can have a file each.
    jobs: usize,
    /// Files of one worker.
    lanes: usize,
    /// Entries in the queue.
    queue: usize,
    /// Directories that are open ahead of the walk.
    ahead: usize,
    /// Files on their way to readers and back.
    away: usize,
}

impl Shares {
    fn of(limit: usize, jobs: usize) -> Shares {
        const MOST_LANES: usize = 64;
        const LONGEST_QUEUE: usize = 256;
        const MOST_AHEAD: usize = 272;
        const MOST_AWAY: usize = 1024;
        const CALLER: usize = 16;
        let left = limit.saturating_sub(CALLER + MAX_OPEN);
        // A worker needs a file, the directory of the next one, and a place in the queue.
        let jobs = jobs.min(left / 3).max(1);
        let left = left.saturating_sub(jobs);
        let lanes = (left / 3 / jobs).clamp(1, MOST_LANES);
        let left = left.saturating_sub(lanes * jobs);
        let queue = (left / 2).clamp(1, LONGEST_QUEUE);
        let left = left.saturating_sub(queue);
        let ahead = (left.saturating_sub(2) / 2).min(MOST_AHEAD);
        // One that is away may hold itself and a directory.
        let away = (left.saturating_sub(ahead) / 2).clamp(1, MOST_AWAY);
        Shares { jobs, lanes, queue, ahead, away }
    }

    /// What each of so many pipelines may have.
    pub(crate) fn now(jobs: NonZeroUsize, pipelines: usize) -> Shares {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Shares::of(usize::try_from(limit).unwrap_or(usize::MAX) / pipelines.max(1), jobs.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_shared_out_and_never_more_than_there_are() {
        assert_eq!(Shares::of(20_000, 2), Shares { jobs: 2, lanes: 64, queue: 256, ahead: 272, away: 1024 });
        assert_eq!(Shares::of(usize::MAX, 1024), Shares { jobs: 1024, lanes: 64, queue: 256, ahead: 272, away: 1024 });
        assert_eq!(Shares::of(0, usize::MAX), Shares { jobs: 1, lanes: 1, queue: 1, ahead: 0, away: 1 });
        for jobs in (1..20).chain([1024, usize::MAX]) {
            for limit in 60..2_000 {
                let Shares { jobs, lanes, queue, ahead, away } = Shares::of(limit, jobs);
                let most = lanes * jobs + queue + ahead + 2 * away + jobs + MAX_OPEN + 16;
                assert!(most <= limit, "{jobs} jobs, limit {limit}");
            }
        }
    }
}
