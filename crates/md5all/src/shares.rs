//! What a run may hold: descriptors and memory, divided once among all who need some.
//!
//! Nothing is opened or allocated here. What each number bounds, and what one of it costs at most:
//!
//! | share | bounds | descriptors each | memory each |
//! |---|---|---|---|
//! | `open` | directories that the walk keeps open above the one it stands in | 1 | |
//! | `jobs` | workers | 1, the directory of what is opened; and 2 from the second on: a file handed over, one too many away | |
//! | `lanes` | files in the hands of one worker | 1 | [`BUFFER`] |
//! | `queue` | entries between walk and workers | 1, a directory | |
//! | `ahead` | directories that are listed before the walk comes to them | 1 | [`LISTING`] |
//! | `away` | files with the readers, and on their way back | 2, itself and its directory | |
//! | `buffers` | parts of files that readers read, or have read | | [`BUFFER`] |
//! | `alone` | large files that are read ahead of | | [`alone::MEMORY`] |
//! | `aliases` | files of several names that are known | none | [`aliases::MEMORY`] |
//! | `window` | records that wait for a slow file | none | [`RECORD`] |
//!
//! The walk has two directories more: the one it stands in and the one that it opens. One descriptor is kept for want
//! (see `source::descriptors`), and some are left to others in the process.

use std::fs;
use std::num::NonZeroUsize;

use rustix::process::{Resource, getrlimit};

use crate::digest::readers::BUFFER;
use crate::digest::{aliases, alone};
use crate::error::{Error, Scarce};
use crate::walk::MOST_NAMES;

/// The shares of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Directories above the one the walk stands in that stay open.
    pub(crate) open: usize,
    /// Workers: as many as were asked for, if each can have a file and a buffer.
    pub(crate) jobs: usize,
    /// Files of one worker.
    pub(crate) lanes: usize,
    /// Entries in the queue.
    pub(crate) queue: usize,
    /// Directories that are listed ahead.
    pub(crate) ahead: usize,
    /// Files on their way to readers and back.
    pub(crate) away: usize,
    /// Buffers of all readers.
    pub(crate) buffers: usize,
    /// Files that are read ahead of at the same time.
    pub(crate) alone: usize,
    /// Files of several names that are known.
    pub(crate) aliases: usize,
    /// Records that wait for their turn.
    pub(crate) window: usize,
    /// Descriptors that are left to others in the process.
    pub(crate) others: usize,
}

/// What there is to share.
#[derive(Clone, Copy, Debug)]
struct Means {
    /// Descriptors that the process may have, and has not.
    descriptors: usize,
    /// Bytes; `None` if nobody has set a ceiling.
    memory: Option<usize>,
}

/// What the shares are where nothing is scarce.
const MOST: Shares = Shares {
    open: 31,
    jobs: usize::MAX,
    lanes: 64,
    queue: 256,
    ahead: 272,
    away: 1024,
    buffers: 1 << 16,
    alone: 1 << 10,
    aliases: 1 << 16,
    window: 1 << 16,
    others: OTHERS + MORE_OTHERS,
};

/// What they are at least.
const LEAST: Shares = Shares {
    open: 0,
    jobs: 1,
    lanes: 1,
    queue: 1,
    ahead: 0,
    away: 1,
    buffers: 1,
    alone: 0,
    aliases: 0,
    window: 64,
    others: OTHERS,
};

/// What a run takes for itself: the program, threads with what is on their stacks, the output's buffer, the listing's,
/// what is in the queue. Measured: 3.7 MiB over 200,000 small files with the least of everything; more with many readers.
const BASE: usize = 6 << 20;

/// A record that waits: its slot in a queue whose room doubles, its name, and its directory if it is the only one in it.
const RECORD: usize = 512;

/// A directory that is listed ahead: at most so many bytes of names, each with as much as it takes in the listing.
const LISTING: usize = MOST_NAMES;

/// The least memory: the base, and what lets it go on at a tolerable pace.
pub(crate) const LEAST_MEMORY: usize = BASE + (2 << 20);

/// Where the walk stands, what it opens, and what is kept for want.
const ALWAYS: usize = 3;

/// What a worker holds because there are others.
const COMPANY: usize = 2;

/// What others may open meanwhile, at least: a table of mounts, say.
const OTHERS: usize = 1;

/// And how many more they may open where there are enough.
const MORE_OTHERS: usize = 15;

/// What a census opens: as the walk, and a directory above.
const CENSUS: usize = ALWAYS + 1;

impl Shares {
    /// What each of so many pipelines has, with as many workers, what the process may still open, and so many bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Scarce`] if there is less than anything works with.
    pub(crate) fn now(jobs: NonZeroUsize, memory: Option<usize>, pipelines: usize) -> Result<Shares, Error> {
        let limit = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.unwrap_or(usize::MAX);
        let open = open_now();
        let pipelines = pipelines.max(1);
        let means = Means {
            descriptors: limit.saturating_sub(open) / pipelines,
            memory: memory.map(|memory| BASE.min(memory) + memory.saturating_sub(BASE) / pipelines),
        };
        Shares::of(means, jobs.get()).map_err(|scarce| match scarce {
            Scarce::Descriptors { least, .. } => Scarce::Descriptors { limit, least: least + open }.into(),
            scarce => scarce.into(),
        })
    }

    fn of(means: Means, jobs: usize) -> Result<Shares, Scarce> {
        let mut shares = Shares { jobs, ..MOST };
        if let Some(memory) = means.memory {
            shares.fit_memory(memory)?;
        }
        shares.fit_descriptors(means.descriptors)?;
        Ok(shares)
    }

    /// Whether so much is left to others that a census may be one of them.
    pub(crate) fn have_room_for_census(&self) -> bool {
        self.others >= 2 * CENSUS
    }

    /// A sixth of what is left to each: window, lanes, readers' buffers, large files, those of several names, directories
    /// ahead.
    fn fit_memory(&mut self, memory: usize) -> Result<(), Scarce> {
        if memory < LEAST_MEMORY {
            return Err(Scarce::Memory { least: LEAST_MEMORY });
        }
        let sixth = (memory - BASE) / 6;
        self.window = (sixth / RECORD).clamp(LEAST.window, MOST.window);
        self.jobs = self.jobs.min(sixth / BUFFER);
        self.lanes = (sixth / BUFFER / self.jobs).clamp(LEAST.lanes, MOST.lanes);
        self.buffers = (sixth / BUFFER).min(MOST.buffers);
        self.aliases = (sixth / aliases::MEMORY).min(MOST.aliases);
        self.ahead = (sixth / LISTING).min(MOST.ahead);
        self.alone = (sixth / alone::MEMORY).min(MOST.alone);
        Ok(())
    }

    /// Everything begins with the least, and each in turn gets a part of what is left.
    fn fit_descriptors(&mut self, free: usize) -> Result<(), Scarce> {
        let jobs = self.jobs;
        let needed = LEAST.descriptors() + OTHERS;
        let mut left = free.checked_sub(needed).ok_or(Scarce::Descriptors { limit: free, least: needed })?;
        let others = (left / 8).min(MORE_OTHERS);
        left -= others;
        let mut share = |part: usize, cost: usize, more: usize| {
            let more = (left / part / cost).min(more);
            left -= more * cost;
            more
        };
        let open = LEAST.open + share(4, 1, MOST.open);
        // With each worker comes a file of its own.
        let jobs = LEAST.jobs + share(2, 2 + COMPANY, jobs - LEAST.jobs);
        let lanes = LEAST.lanes + share(2, jobs, self.lanes - LEAST.lanes);
        let queue = LEAST.queue + share(2, 1, MOST.queue - LEAST.queue);
        let ahead = LEAST.ahead + share(3, 1, self.ahead - LEAST.ahead);
        let away = LEAST.away + share(1, 2, MOST.away - LEAST.away);
        *self = Shares { open, jobs, lanes, queue, ahead, away, others: OTHERS + others, ..*self };
        Ok(())
    }

    /// How many may be open at the same time.
    fn descriptors(&self) -> usize {
        ALWAYS
            + self.open
            + self.jobs * (self.lanes + 1)
            + (self.jobs - 1) * COMPANY
            + self.queue
            + self.ahead
            + 2 * self.away
    }
}

/// How many descriptors the process has; a guess where it cannot be told.
fn open_now() -> usize {
    const GUESS: usize = 16;
    // One of them is that of the listing.
    fs::read_dir("/proc/self/fd").map_or(GUESS, |entries| entries.count().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(descriptors: usize, memory: Option<usize>, jobs: usize) -> Result<Shares, Scarce> {
        Shares::of(Means { descriptors, memory }, jobs)
    }

    /// What may be held of memory, the base included.
    fn bytes(shares: &Shares) -> usize {
        let buffers = (shares.jobs * shares.lanes + shares.buffers) * BUFFER;
        BASE + buffers
            + shares.alone * alone::MEMORY
            + shares.ahead * LISTING
            + shares.aliases * aliases::MEMORY
            + shares.window * RECORD
    }

    #[test]
    fn where_nothing_is_scarce_all_have_what_they_want() {
        assert_eq!(of(20_000, None, 2).unwrap(), Shares { jobs: 2, ..MOST });
        assert_eq!(of(usize::MAX, None, 1024).unwrap(), Shares { jobs: 1024, ..MOST });
        assert_eq!(of(20_000, Some(usize::MAX), 2).unwrap(), Shares { jobs: 2, ..MOST });
    }

    #[test]
    fn descriptors_are_shared_out_and_never_more_than_there_are() {
        let mut met_least = false;
        for jobs in (1..20).chain([1024, usize::MAX / 8]) {
            for free in 0..2_000 {
                match of(free, None, jobs) {
                    Ok(shares) => assert!(shares.descriptors() < free, "{jobs} jobs, {free} free: {shares:?}"),
                    Err(Scarce::Descriptors { least, .. }) => {
                        assert!(free < least);
                        assert!(of(least, None, jobs).is_ok());
                        met_least = true;
                    }
                    Err(scarce) => panic!("{scarce:?}"),
                }
            }
        }
        assert!(met_least);
    }

    #[test]
    fn more_descriptors_are_less_of_nothing_but_by_a_little() {
        let (few, many) = (of(64, None, 2).unwrap(), of(1024, None, 2).unwrap());
        assert!(few.lanes < many.lanes && few.queue < many.queue && few.away < many.away && few.open < many.open);
        assert_eq!(few.window, many.window);
    }

    #[test]
    fn memory_is_shared_out_and_never_more_than_there_is() {
        for jobs in [1, 2, 3, 64, 1024] {
            for memory in (LEAST_MEMORY..80 << 20).step_by(300_007).chain([1 << 30, 1 << 40]) {
                let shares = of(usize::MAX, Some(memory), jobs).unwrap();
                assert!(bytes(&shares) <= memory, "{jobs} jobs, {memory} bytes: {shares:?}");
            }
        }
        assert!(matches!(of(usize::MAX, Some(LEAST_MEMORY - 1), 2), Err(Scarce::Memory { least: LEAST_MEMORY })));
    }

    #[test]
    fn what_is_open_now_is_counted() {
        let before = open_now();
        let more: Vec<_> = (0..200).map(|_| fs::File::open("/").unwrap()).collect();
        // Other tests open and close files meanwhile.
        assert!(open_now() + 100 > before + more.len());
    }
}
