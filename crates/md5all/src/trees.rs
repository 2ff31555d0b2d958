//! The library's ways in: [`hash_trees`], which streams, and [`md5_all`],
//! which collects; [`hash_files`], which walks nothing; and [`hash_named`], to which names may come by the million.
//!
//! All are the same pipeline: one walker, or whoever else knows of files, N workers that read and hash, and
//! whoever iterates. It is bounded everywhere, so memory does not grow with the
//! trees. What is printed, and where, is the caller's affair.

mod several;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use errgroup::{Context, Order, Output, Pipeline};

use crate::algorithm::Digest;
use crate::census::Count;
use crate::digest::aliases::Aliases;
use crate::digest::alone::Permits;
use crate::digest::balance::Balance;
use crate::digest::readers::Readers;
use crate::digest::{Sizes, Terms, md5};
use crate::entry::Entry;
use crate::error::Error;
use crate::named;
use crate::names;
use crate::options::Options;
use crate::record::{Outcome, Record};
use crate::shares::Shares;
use crate::source::local::{Directories, Measure};
use crate::source::{Descriptors, Handle, Quiet};
use crate::walk::{self, Automounts, Walk};
use several::Plan;

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
/// first failure if [`Options::fail_fast`] is set; and the first is, if there is
/// too little to work with ([`Error::Scarce`]).
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
///         Outcome::Hashed(hashed) => lines.extend(hashed.md5().map(|md5| format!("{md5}  {}", path.display()))),
///         Outcome::Failed(reason) => eprintln!("{}: {reason}", path.display()),
///         _ => {}
///     }
/// }
/// assert_eq!(lines.len(), 1);
/// assert!(lines[0].starts_with("900150983cd24fb0d6963f7d28e17f72  "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hash_trees(ctx: &Context, mut options: Options) -> Pipeline<Record, Error> {
    options.roots = walk::in_order(&options.roots);
    let plan = Plan::by_device(&options.roots);
    let (jobs, memory) = (options.jobs, options.memory);
    let shares = |pipelines| Shares::now(jobs, memory, pipelines);
    let watched = options.progress.clone().filter(|_| shares(1).is_ok_and(|shares| shares.have_room_for_census()));
    let watched = watched.map(|progress| (progress.before(), progress, Options { progress: None, ..options.clone() }));
    let records = match shares(plan.len()) {
        Ok(shares) if !plan.is_plain() => several::hash(ctx, options, plan, shares),
        Ok(shares) => hash_roots(ctx, options, shares, false),
        // Too little for a pipeline a device may be enough for one.
        Err(_) => match shares(1) {
            Ok(shares) => hash_roots(ctx, options, shares, false),
            Err(scarce) => Pipeline::source(ctx, 1, move |_| Err(scarce)),
        },
    };
    if let Some((before, progress, options)) = watched {
        progress.expect(before, records.context(), move |count, ctx| count_trees(&options, count, ctx));
    }
    records
}

/// Counts what a run with these options comes to, by a walk of its own.
fn count_trees(options: &Options, count: &mut Count, ctx: &Context) -> Option<()> {
    let (devices, descriptors) = (options.devices.clone(), Descriptors::new(0));
    let directories = Directories { devices, descriptors, ctx: ctx.clone() };
    let walk = Walk::new(&options.roots, walk_terms(options, 0, false)(directories));
    let sizes = options.selection.sizes();
    let is_of_size = |size: &u64| sizes.as_ref().is_none_or(|sizes| sizes.contains(size));
    let is_wanted = |handle: &Handle, Measure { id, size, .. }: &Measure| {
        !options.exclude.contains(id) && (!matches!(handle, Handle::Listed(_)) || is_of_size(size))
    };
    count.walk(walk, options.links, is_wanted, ctx)
}

/// The same for roots in order that share a walk and workers; with the ends of roots, if they are wanted.
pub(crate) fn hash_roots(ctx: &Context, mut options: Options, shares: Shares, ends: bool) -> Pipeline<Record, Error> {
    let roots = std::mem::take(&mut options.roots);
    let terms = walk_terms(&options, shares.ahead, ends);
    hash(ctx, options, shares, move |entries, directories| {
        let terms = terms(directories);
        Walk::new(&roots, terms).send_all(entries)
    })
}

/// What a walk keeps to.
fn walk_terms(options: &Options, ahead: usize, ends: bool) -> impl FnOnce(Directories) -> walk::Terms + use<> {
    let (links, one_file_system) = (options.links, options.one_file_system);
    let selection = (!options.selection.is_everything_by_name()).then(|| options.selection.clone());
    move |directories| walk::Terms {
        directories,
        links,
        one_file_system,
        automounts: Automounts::now(),
        selection,
        ahead,
        ends,
    }
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
    let names = std::mem::take(&mut options.roots);
    let watched = options.progress.clone().map(|progress| (progress.before(), progress, names.clone()));
    let records = hash_sent(ctx, options, move |entries, directories| names::send_all(names, directories, entries));
    if let Some((before, progress, names)) = watched {
        progress.expect(before, records.context(), move |count, ctx| count.names(&names, ctx));
    }
    records
}

/// Hashes what names lead to, one after the other, in their order: files, and directories with all that is in them. Names are
/// taken as there is room, so there may be any number of them.
///
/// In a directory, records come in the order of paths. A symbolic link that is named is followed. A special file is
/// skipped. [`Options::roots`] mean nothing here, and [`Options::selection`] is about what is in directories. In all else it
/// is as [`hash_trees`]; there are records [`Skip::Nameless`](crate::Skip::Nameless) as well, which make a long name count as several.
///
/// # Errors
///
/// As for [`hash_trees`], and the first error among the names, which ends everything.
///
/// # Examples
///
/// ```
/// use errgroup::Context;
/// use md5all::manifest::LineEnd;
/// use md5all::{NameList, Options, hash_named};
///
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path().to_str().ok_or("an odd name")?;
/// std::fs::write(format!("{dir}/b"), "b")?;
/// std::fs::write(format!("{dir}/a"), "a")?;
///
/// let list = std::io::Cursor::new(format!("{dir}/b\n{dir}/a\n"));
/// let names = NameList::new(list, "a list", LineEnd::Newline);
/// let mut found = Vec::new();
/// for record in hash_named(&Context::background(), names, Options::new([""; 0])) {
///     found.push(record?.path());
/// }
/// assert!(found[0].ends_with("b") && found[1].ends_with("a"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hash_named<I>(ctx: &Context, names: I, options: Options) -> Pipeline<Record, Error>
where
    I: IntoIterator<Item = Result<PathBuf, Error>>,
    I::IntoIter: Send + 'static,
{
    let names = names.into_iter();
    match Shares::now(options.jobs, options.memory, 1) {
        Ok(shares) => {
            let terms = walk_terms(&options, shares.ahead, false);
            hash(ctx, options, shares, move |entries, directories| named::send_all(names, terms(directories), entries))
        }
        Err(scarce) => Pipeline::source(ctx, 1, move |_| Err(scarce)),
    }
}

/// The pipeline from whatever sends entries to whoever iterates.
pub(crate) fn hash_sent<F>(ctx: &Context, options: Options, feed: F) -> Pipeline<Record, Error>
where
    F: FnOnce(&Output<Entry>, Directories) -> Result<(), Error> + Send + 'static,
{
    match Shares::now(options.jobs, options.memory, 1) {
        Ok(shares) => hash(ctx, options, shares, feed),
        Err(scarce) => Pipeline::source(ctx, 1, move |_| Err(scarce)),
    }
}

/// The same, with a share of what there is.
fn hash<F>(ctx: &Context, options: Options, shares: Shares, feed: F) -> Pipeline<Record, Error>
where
    F: FnOnce(&Output<Entry>, Directories) -> Result<(), Error> + Send + 'static,
{
    let Shares { open, jobs, lanes, queue, away, buffers, alone, aliases, window, .. } = shares;
    let order = if options.unordered { Order::Completion } else { Order::Source { window } };
    let Options {
        links,
        algorithms,
        fail_fast,
        exclude,
        selection,
        devices,
        cache,
        facts,
        known,
        journal,
        progress,
        ..
    } = options;
    let descriptors = Descriptors::new(open);
    let (walked, kept) = (devices.clone(), Arc::clone(&descriptors));
    let found = Pipeline::source(ctx, queue, move |entries| {
        let directories = Directories { devices: walked, descriptors: kept, ctx: entries.context().clone() };
        feed(entries, directories)
    });
    let terms = Arc::new(Terms {
        ctx: found.context().clone(),
        links,
        algorithms,
        fail_fast,
        lanes,
        exclude,
        sizes: selection.sizes().map(Sizes::new),
        quiet: Quiet::now(),
        devices,
        balance: Balance::new(jobs),
        away,
        buffers,
        alone: Permits::new(alone),
        descriptors,
        cache,
        facts,
        known,
        journal,
        progress: progress.clone(),
        aliases: Aliases::new(aliases),
    });
    let readers = Readers::new(Arc::clone(&terms));
    let records = found.ticketed(jobs, order, move |tickets| md5::work(tickets, &terms, &readers));
    progress.iter().for_each(|progress| progress.watch(records.figures()));
    records
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
    let options = Options::new([root.as_ref()]).unordered(true).fail_fast(true);
    let mut digests = BTreeMap::new();
    for record in hash_trees(ctx, options) {
        let record = record?;
        if let Outcome::Hashed(hashed) = record.outcome() {
            digests.extend(hashed.md5().map(|digest| (record.path(), digest)));
        }
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Devices, Mode};
    use std::fs;
    use std::num::NonZeroUsize;
    use std::thread;
    use std::time::{Duration, Instant};

    /// Blocks until nothing refers to the device any more, as all does that is open or to be opened.
    #[track_caller]
    fn check_gone(devices: Devices) {
        let device = Arc::downgrade(devices.met().last().expect("it was met"));
        drop(devices);
        let deadline = Instant::now() + Duration::from_secs(60);
        while device.upgrade().is_some() {
            assert!(Instant::now() < deadline, "something is kept");
            thread::yield_now();
        }
    }

    #[test]
    fn a_run_keeps_nothing_however_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        for file in 0..500 {
            let name = dir.path().join(format!("{}/{}/{file}", file % 5, file % 50));
            fs::create_dir_all(name.parent().unwrap()).unwrap();
            fs::write(name, "x").unwrap();
        }
        for mode in [Mode::Ssd, Mode::Net] {
            for taken in [1, 250, 500] {
                let devices = Devices::new(Some(mode), NonZeroUsize::new(1));
                let options = Options::new([dir.path()]).devices(devices.clone());
                let (ctx, cancel) = Context::background().with_cancel();
                let mut records = hash_trees(&ctx, options);
                assert_eq!(records.by_ref().take(taken).map(Result::unwrap).count(), taken);
                cancel.cancel();
                drop(records);
                check_gone(devices);
            }
        }
    }
}
