//! Roots on several devices, none of which waits for another.
//!
//! Each device has a pipeline of its own, with a walk, workers and a window, and each pipeline a worker of one more
//! that passes its records on: as they are done, or, in the order of paths, when it is the turn of the root that they
//! lie below. So a device that is slow, or hangs, holds up what has to come after it, and no more.
//!
//! What a root lies on is told by its path and the table of mounts, and nobody is asked who might not answer. Where a
//! symbolic link leads to another device, its root shares the pipeline of the device that the link lies on. Nothing
//! here walks or hashes.

use std::path::{Component, Path, PathBuf};

use errgroup::{Cancel, Context, Input, Output, Pipeline};

use super::hash_roots;
use crate::error::Error;
use crate::options::Options;
use crate::record::Record;
use crate::shares::Shares;
use crate::source::Root;
use crate::source::mounts::{self, Mount};

/// Which roots share a pipeline, and whose turn it is when.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The roots of each pipeline, in the order of their paths.
    parts: Vec<Vec<Root>>,
    /// All of them, in that order.
    turns: Vec<Turn>,
}

/// Roots of one pipeline that come one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    part: usize,
    /// The number, among the roots of its pipeline, of the last of them.
    last: usize,
}

/// A pipeline and when to take from it.
struct Part {
    records: Pipeline<Record, Error>,
    /// None if records may come in any order.
    calls: Vec<Call>,
}

/// A turn, to be waited for.
struct Call {
    last: usize,
    /// Ends when the turn begins.
    begin: Context,
    /// Ends then, too, and when the pipeline has ended.
    stir: Context,
    /// Whom to call next.
    next: Option<[Cancel; 2]>,
}

impl Plan {
    /// By the devices that the roots lie on, which are in the order of their paths.
    pub(crate) fn by_device(roots: &[Root]) -> Plan {
        let paths = roots.iter().filter(|root| matches!(root, Root::Path(_))).count();
        let mounts = if paths > 1 { mounts::table() } else { Vec::new() };
        Plan::by(roots.to_vec(), |root| match root {
            Root::Path(path) if !mounts.is_empty() => device_of(&mounts, path),
            _ => None,
        })
    }

    /// Roots of which `device` says the same share a pipeline; the first one takes those of which it says nothing.
    fn by<D: PartialEq>(roots: Vec<Root>, device: impl Fn(&Root) -> Option<D>) -> Plan {
        let mut plan = Plan { parts: Vec::new(), turns: Vec::new() };
        let mut devices: Vec<D> = Vec::new();
        for root in roots {
            let part = device(&root).map_or(0, |device| {
                devices.iter().position(|known| *known == device).unwrap_or_else(|| {
                    devices.push(device);
                    devices.len() - 1
                })
            });
            plan.add(root, part);
        }
        plan
    }

    fn add(&mut self, root: Root, part: usize) {
        if self.parts.len() <= part {
            self.parts.resize_with(part + 1, Vec::new);
        }
        let last = self.parts[part].len();
        self.parts[part].push(root);
        match self.turns.last_mut() {
            Some(turn) if turn.part == part => turn.last = last,
            _ => self.turns.push(Turn { part, last }),
        }
    }

    /// Whether there is only one device.
    pub(crate) fn is_plain(&self) -> bool {
        self.parts.len() < 2
    }

    /// How many pipelines there are.
    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }
}

/// As [`hash_trees`](crate::hash_trees), with a pipeline for each part of the plan; each has so much to share out.
pub(crate) fn hash(ctx: &Context, options: Options, plan: Plan, shares: Shares) -> Pipeline<Record, Error> {
    /// Records on their way from any pipeline to whoever iterates.
    const QUEUE: usize = 256;
    let count = plan.len();
    let parts = Pipeline::source(ctx, QUEUE, move |parts| {
        begin(parts.context(), &options, plan, shares).into_iter().try_for_each(|part| Ok(parts.send(part)?))
    });
    parts.stage(count, pass_on)
}

/// Starts all pipelines.
fn begin(ctx: &Context, options: &Options, plan: Plan, shares: Shares) -> Vec<Part> {
    let Plan { parts, turns } = plan;
    let ends = !options.unordered;
    let start = |roots| Part { records: hash_roots(ctx, options.clone().roots(roots), shares, ends), calls: vec![] };
    let mut parts: Vec<Part> = parts.into_iter().map(start).collect();
    if options.unordered {
        return parts;
    }
    let mut next = None;
    for Turn { part, last } in turns.into_iter().rev() {
        let (begin, call) = ctx.with_cancel();
        let (stir, wake) = parts[part].records.context().with_cancel();
        parts[part].calls.push(Call { last, begin, stir, next: next.replace([call, wake]) });
    }
    parts.iter_mut().for_each(|part| part.calls.reverse());
    next.iter().flatten().for_each(Cancel::cancel);
    parts
}

/// A worker: passes on what one pipeline after the other gives. There are as many as pipelines.
fn pass_on(parts: &mut Input<Part>, out: &Output<Record>) -> Result<(), Error> {
    parts.try_for_each(
        |Part { records, calls }| {
            if calls.is_empty() { pass_all(records, out) } else { pass_in_turn(records, calls, out) }
        },
    )
}

fn pass_all(mut records: Pipeline<Record, Error>, out: &Output<Record>) -> Result<(), Error> {
    records.try_for_each(|record| Ok(out.send(record?)?))
}

/// Waits for each turn, and passes on the records of the roots whose turn it is; at the last one, all that is left. A turn
/// ends with the end of its last root: nobody waits until the next root here, which may hang, comes to something.
fn pass_in_turn(mut records: Pipeline<Record, Error>, calls: Vec<Call>, out: &Output<Record>) -> Result<(), Error> {
    let turns = calls.len();
    for (index, Call { last, begin, stir, next }) in calls.into_iter().enumerate() {
        stir.wait();
        // Before its turn a pipeline ends when it fails, which nobody has to wait for, or when there was no more in it.
        if records.context().is_cancelled()
            && let Some(error) = records.find_map(Result::err)
        {
            return Err(error);
        }
        begin.wait();
        let is_last = index + 1 == turns;
        while let Some(record) = records.next().transpose()? {
            if record.is_end_of_root() {
                if !is_last && record.root() == last {
                    break;
                }
                continue;
            }
            out.send(record)?;
        }
        next.iter().flatten().for_each(Cancel::cancel);
    }
    Ok(())
}

/// The number of the device on which a path lies, by its name.
fn device_of(mounts: &[Mount], path: &Path) -> Option<(u32, u32)> {
    let path = plain(&std::path::absolute(path).ok()?);
    // The last one at a place lies over the others.
    let mount = mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.as_os_str().len())?;
    Some(mount.number)
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;
    use crate::trees::hash_trees;
    use crate::walk;
    use std::fs;
    use std::num::NonZeroUsize;
    use std::time::Duration;

    fn mount(point: &str, minor: u32) -> Mount {
        Mount::made_up(point, (0, minor))
    }

    #[test]
    fn a_path_lies_on_the_deepest_mount_that_is_over_the_others() {
        let mounts = [mount("/", 1), mount("/a", 2), mount("/a/b", 3), mount("/a/b", 4), mount("/ab", 5)];
        let rows = [
            ("/x", 1),
            ("/a", 2),
            ("/a/", 2),
            ("/a/bc", 2),
            ("/a/b", 4),
            ("/a/b/c", 4),
            ("/a/b/../c", 2),
            ("/a/../../ab/.", 5),
            ("/abc", 1),
        ];
        for (path, minor) in rows {
            assert_eq!(device_of(&mounts, Path::new(path)), Some((0, minor)), "{path}");
        }
        assert_eq!(device_of(&mounts[1..], Path::new("/x")), None);
    }

    /// Roots whose names end in the number of their device; in one that is none, nobody can tell.
    fn plan(names: &[&str]) -> Plan {
        let digit = |root: &Root| match root {
            Root::Path(path) => path.to_str()?.chars().last()?.to_digit(10),
            Root::StandardInput => None,
        };
        Plan::by(names.iter().map(Root::from).collect(), digit)
    }

    #[test]
    fn roots_of_one_device_share_a_pipeline_and_neighbours_a_turn() {
        let turn = |part, last| Turn { part, last };
        let rows: [(&[&str], &[usize], &[Turn]); 4] = [
            (&[], &[], &[]),
            (&["a1", "b1", "c"], &[3], &[turn(0, 2)]),
            (&["a1", "b1", "c2", "d1", "e2"], &[3, 2], &[turn(0, 1), turn(1, 0), turn(0, 2), turn(1, 1)]),
            (&["a1", "b2", "c", "d2"], &[2, 2], &[turn(0, 0), turn(1, 0), turn(0, 1), turn(1, 1)]),
        ];
        for (names, sizes, turns) in rows {
            let plan = plan(names);
            assert_eq!(plan.parts.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{names:?}");
            assert_eq!(plan.turns, turns, "{names:?}");
        }
    }

    /// Seven roots with some files each, one that is gone, and one that is named twice.
    fn forest() -> (tempfile::TempDir, Options) {
        let dir = tempfile::tempdir().unwrap();
        let mut roots = Vec::new();
        for root in ["a", "a.b", "b", "c", "d", "e", "f"] {
            fs::create_dir(dir.path().join(root)).unwrap();
            for file in 0..50 {
                fs::write(dir.path().join(root).join(file.to_string()), root).unwrap();
            }
            roots.push(dir.path().join(root));
        }
        roots.extend([dir.path().join("gone"), dir.path().join("c")]);
        (dir, Options::new(roots))
    }

    /// The end of a pipeline, which has nothing in its last turns, is neither a failure nor a reason to go before others.
    #[test]
    fn a_pipeline_may_have_nothing_left_when_its_turn_comes() {
        let (dir, options) = forest();
        for empty in ["a/0", "b/0", "d/0", "e/0", "f/0"] {
            fs::remove_dir_all(dir.path().join(empty).parent().unwrap()).unwrap();
            fs::create_dir(dir.path().join(empty).parent().unwrap()).unwrap();
        }
        let background = Context::background();
        let whole = lines(hash_trees(&background, options.clone()));
        for count in [2, 3, 4] {
            assert_eq!(
                lines(hash(&background, options.clone(), dealt(&options, count), shares(count))),
                whole,
                "{count}"
            );
        }
    }

    /// As many pipelines as this, each with the roots whose turn it would be if they were dealt out.
    fn dealt(options: &Options, count: usize) -> Plan {
        let roots = walk::in_order(&options.roots);
        let number = |root: &Root| Some(roots.iter().position(|other| other == root)? % count);
        Plan::by(roots.clone(), number)
    }

    fn lines(records: Pipeline<Record, Error>) -> Vec<String> {
        let line = |record: Result<Record, Error>| {
            let record = record.unwrap();
            match record.outcome() {
                Outcome::Hashed(hashed) => format!("{} {:?}", hashed.md5().unwrap(), record.path()),
                other => format!("{other:?} {:?}", record.path()),
            }
        };
        records.map(line).collect()
    }

    fn shares(parts: usize) -> Shares {
        Shares::now(NonZeroUsize::new(2).unwrap(), None, parts).unwrap()
    }

    #[test]
    fn several_pipelines_give_what_one_gives_in_the_same_order() {
        let (_dir, options) = forest();
        let background = Context::background();
        let expected = lines(hash_trees(&background, options.clone()));
        assert_eq!(expected.len(), 8 * 50 + 1);
        for count in 2..5 {
            let plan = dealt(&options, count);
            assert_eq!(plan.len(), count);
            assert_eq!(lines(hash(&background, options.clone(), plan, shares(count))), expected, "{count}");

            let options = options.clone().unordered(true);
            let mut unordered = lines(hash(&background, options.clone(), dealt(&options, count), shares(count)));
            let mut expected = expected.clone();
            unordered.sort();
            expected.sort();
            assert_eq!(unordered, expected, "{count}");
        }
    }

    /// The first root is a FIFO that nobody writes to, and the failure lies behind it.
    #[test]
    fn the_first_failure_of_any_pipeline_is_the_end_and_the_error() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        // Open for writing, so that what reads it waits, and sees the end of it when that is dropped.
        let writer = fs::File::options().read(true).write(true).open(&fifo).unwrap();
        let gone = dir.path().join("gone");
        for unordered in [false, true] {
            let options = Options::new([&fifo, &gone]).unordered(unordered).fail_fast(true);
            let (ctx, _cancel) = Context::background().with_cancel();
            let records = hash(&ctx, options.clone(), dealt(&options, 2), shares(2));
            let inner = records.context().clone();
            inner.wait();
            let cause = inner.cause().expect("it has failed").to_string();
            assert!(cause.contains("gone: cannot stat"), "{cause}");
            rustix::io::write(&writer, b"x").unwrap();
            drop(records);
        }
    }

    /// On one device two roots, the second of which is a FIFO; on another a root that comes between them.
    #[test]
    fn what_hangs_later_holds_up_nothing_that_comes_before_it() {
        let (dir, forest) = forest();
        let fifo = dir.path().join("h");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        // Open for writing, so that what reads it waits until something comes.
        let writer = fs::File::options().read(true).write(true).open(&fifo).unwrap();
        for roots in [["a", "b", "h"], ["a", "gone", "h"]] {
            let options = forest.clone().roots(roots.map(|root| dir.path().join(root)));
            let (ctx, cancel) = Context::background().with_cancel();
            let mut records = hash(&ctx, options.clone(), dealt(&options, 2), shares(2));
            let before: usize = roots[..2].iter().map(|root| if *root == "gone" { 1 } else { 50 }).sum();
            let mut come = 0;
            while come < before && records.ready_within(Duration::from_secs(60)) {
                assert_ne!(records.next().unwrap().unwrap().path(), fifo);
                come += 1;
            }
            // Before it comes, or whoever reads it may be waiting for more by then.
            cancel.cancel();
            rustix::io::write(&writer, b"x").unwrap();
            drop(records);
            assert_eq!(come, before, "{roots:?}: the others wait for the FIFO");
        }
    }

    #[test]
    fn cancelling_ends_all_pipelines() {
        let (_dir, options) = forest();
        let (ctx, cancel) = Context::background().with_cancel();
        let mut records = hash(&ctx, options.clone(), dealt(&options, 3), shares(3));
        records.next().unwrap().unwrap();
        cancel.cancel();
        assert!(matches!(records.find_map(Result::err), Some(Error::Stopped(_))));
        assert!(records.next().is_none());
    }
}
