//! What to hash, and how: plain data, with a method for each field.
//!
//! What a field means is said there; a method says nothing else. What becomes of them is `trees`' affair, and `shares`'.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use crate::algorithm::{Algorithm, Algorithms};
use crate::journal::Journal;
use crate::known::Known;
use crate::progress::Progress;
use crate::selection::Selection;
use crate::shares;
use crate::source::{Cache, Devices, FileId, Links, Root};

/// What to hash, and how: what is not said is as [`Options::new`] has it.
///
/// # Examples
///
/// ```
/// use md5all::{Algorithm, Links, Options};
///
/// let options = Options::new(["photos", "music"])
///     .algorithms([Algorithm::Md5, Algorithm::Sha256])
///     .links(Links::Follow)
///     .unordered(true);
/// assert_eq!(options.roots.len(), 2);
/// assert_eq!(options.algorithms.len(), 2);
/// assert!(!options.fail_fast);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Where to begin; taken in the order of their paths. Roots that overlap are
    /// walked one after the other, each whole.
    pub roots: Vec<Root>,
    /// What to do about symbolic links below the roots.
    pub links: Links,
    /// Whether to stay on the file system of each root: a directory on another than the one above it is skipped. A file
    /// that another one is mounted over is read, wherever that lies.
    pub one_file_system: bool,
    /// What each file is to have a checksum of. It is read once, whatever they are. Where lists are checked, each line says
    /// for itself.
    pub algorithms: Algorithms,
    /// Where lists are checked: the only algorithm whose lines are well formed, as GNU's `sha256sum` has it. With `None`,
    /// all are.
    pub only: Option<Algorithm>,
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
    /// Which files of the trees are hashed.
    pub selection: Selection,
    /// How what the trees lie on is read. Keep a clone to ask which devices were met.
    pub devices: Devices,
    /// What reading does to the system's cache of files.
    pub cache: Cache,
    /// A ceiling on the memory of the process, in bytes, however many files there are and however large they are; at
    /// least [`Options::LEAST_MEMORY`]. It is kept by having less at a time: fewer files in hand, fewer reads under
    /// way, fewer records that wait for a slow file. What the caller has is not known here, and comes on top.
    ///
    /// With `None`, all are as many as they are of use: 4 MiB a worker, 8 MiB a device that reads wait for, 2 MiB more
    /// a worker while large files are read ahead of, and as many records as 65,536 while one file holds up the others:
    /// about 100 bytes and the name each.
    ///
    /// What no ceiling holds is the names in one directory, 24 bytes and the name each, and in those above it: they are
    /// sorted, and so must all be there.
    pub memory: Option<usize>,
    /// Whether records say what the file system said of each regular file that was read ([`Hashed::facts`]). A file that
    /// was changed so shortly before the run that a further change might be stamped with the same time has no
    /// [`Facts::ctime_ns`], so that whoever compares facts reads it again; and one that is made up on reading, as in
    /// `/proc`, has none at all.
    ///
    /// [`Hashed::facts`]: crate::Hashed::facts
    /// [`Facts::ctime_ns`]: crate::Facts::ctime_ns
    pub facts: bool,
    /// What is known of files from before, asked one after the other. A file that was listed by a walk, and is what it was by all facts, is not opened:
    /// its record has the checksums and facts that are known.
    pub known: Vec<Arc<Known>>,
    /// Where to note what is done, but for what was known: only what [`Options::facts`] tells whole.
    pub journal: Option<Arc<Journal>>,
    /// Who is told how far it is. Keep a clone to ask, during the run or after it. With `None`, nothing is counted.
    pub progress: Option<Progress>,
}

impl Options {
    /// The least ceiling on memory that works, in bytes.
    pub const LEAST_MEMORY: usize = shares::LEAST_MEMORY;

    /// All files below `roots`, sorted, with a worker for each core, and going
    /// on after failures.
    pub fn new<R: Into<Root>>(roots: impl IntoIterator<Item = R>) -> Options {
        Options {
            roots: roots.into_iter().map(Into::into).collect(),
            links: Links::default(),
            one_file_system: false,
            algorithms: Algorithms::default(),
            only: None,
            jobs: available_parallelism().unwrap_or(NonZeroUsize::MIN),
            unordered: false,
            fail_fast: false,
            exclude: Vec::new(),
            selection: Selection::default(),
            devices: Devices::default(),
            cache: Cache::default(),
            memory: None,
            facts: false,
            known: Vec::new(),
            journal: None,
            progress: None,
        }
    }

    /// Sets [`Options::roots`].
    #[must_use]
    pub fn roots<R: Into<Root>>(mut self, roots: impl IntoIterator<Item = R>) -> Options {
        self.roots = roots.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`Options::links`].
    #[must_use]
    pub fn links(mut self, links: Links) -> Options {
        self.links = links;
        self
    }

    /// Sets [`Options::one_file_system`].
    #[must_use]
    pub fn one_file_system(mut self, one_file_system: bool) -> Options {
        self.one_file_system = one_file_system;
        self
    }

    /// Sets [`Options::algorithms`].
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl Into<Algorithms>) -> Options {
        self.algorithms = algorithms.into();
        self
    }

    /// Sets [`Options::only`].
    #[must_use]
    pub fn only(mut self, only: impl Into<Option<Algorithm>>) -> Options {
        self.only = only.into();
        self
    }

    /// Sets [`Options::jobs`].
    #[must_use]
    pub fn jobs(mut self, jobs: NonZeroUsize) -> Options {
        self.jobs = jobs;
        self
    }

    /// Sets [`Options::unordered`].
    #[must_use]
    pub fn unordered(mut self, unordered: bool) -> Options {
        self.unordered = unordered;
        self
    }

    /// Sets [`Options::fail_fast`].
    #[must_use]
    pub fn fail_fast(mut self, fail_fast: bool) -> Options {
        self.fail_fast = fail_fast;
        self
    }

    /// Sets [`Options::exclude`].
    #[must_use]
    pub fn exclude(mut self, exclude: impl IntoIterator<Item = FileId>) -> Options {
        self.exclude = exclude.into_iter().collect();
        self
    }

    /// Sets [`Options::selection`].
    #[must_use]
    pub fn selection(mut self, selection: Selection) -> Options {
        self.selection = selection;
        self
    }

    /// Sets [`Options::devices`].
    #[must_use]
    pub fn devices(mut self, devices: Devices) -> Options {
        self.devices = devices;
        self
    }

    /// Sets [`Options::cache`].
    #[must_use]
    pub fn cache(mut self, cache: Cache) -> Options {
        self.cache = cache;
        self
    }

    /// Sets [`Options::memory`].
    #[must_use]
    pub fn memory(mut self, memory: impl Into<Option<usize>>) -> Options {
        self.memory = memory.into();
        self
    }

    /// Sets [`Options::facts`].
    #[must_use]
    pub fn facts(mut self, facts: bool) -> Options {
        self.facts = facts;
        self
    }

    /// Sets [`Options::known`].
    #[must_use]
    pub fn known(mut self, known: impl IntoIterator<Item = Arc<Known>>) -> Options {
        self.known = known.into_iter().collect();
        self
    }

    /// Sets [`Options::journal`].
    #[must_use]
    pub fn journal(mut self, journal: impl Into<Option<Arc<Journal>>>) -> Options {
        self.journal = journal.into();
        self
    }

    /// Sets [`Options::progress`].
    #[must_use]
    pub fn progress(mut self, progress: impl Into<Option<Progress>>) -> Options {
        self.progress = progress.into();
        self
    }
}
