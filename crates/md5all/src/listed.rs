//! A whole manifest in memory, for whoever compares: [`Listed`].
//!
//! What a manifest says of one file on several lines is brought together here, under the one spelling of its name; and what
//! is wrong with the manifest is counted. What to make of either is for others to say.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use errgroup::Context;

use crate::algorithm::Algorithms;
use crate::catalog::{Catalog, Entered};
use crate::error::{Error, Operation, Reason};
use crate::ledger;
use crate::manifest::{Flaw, Format, Layout, LineEnd, Reader, Seal};
use crate::naming::{Naming, Survey, is_of_file, plain};
use crate::options::Options;
use crate::source::Root;

/// All that a manifest says.
#[derive(Debug, Default)]
pub struct Listed {
    /// By plain names.
    pub(crate) files: Catalog,
    /// The numbers of files that it says two things of.
    pub(crate) contradicted: BTreeSet<usize>,
    malformed: u64,
    first_malformed: Option<u64>,
    flaw: Option<Flaw>,
    /// Whether its lines have all facts, so that nothing beside it has a say.
    keeps_facts: bool,
}

/// A thousand lines or so with each call to the system.
const BUFFER: usize = 64 * 1024;

/// So many lines are read before somebody asks again whether anybody wants them.
const LINES: u64 = 1024;

impl Listed {
    /// Reads a manifest, whose lines end so, to its end, in the format that its first lines tell if none is given. Blocks as
    /// its file does.
    ///
    /// # Errors
    ///
    /// [`Error::Entry`] if it cannot be opened or read, or has more entries than can be counted; [`Error::Stopped`] when
    /// `ctx` is cancelled.
    pub fn read(
        ctx: &Context,
        manifest: &Root,
        format: impl Into<Option<Format>>,
        end: LineEnd,
    ) -> Result<Listed, Error> {
        let failed = |operation| {
            move |error| {
                let path = PathBuf::from(std::ffi::OsStr::from_bytes(manifest.as_bytes()));
                Error::Entry { path, reason: Reason::system(operation, error) }
            }
        };
        let file = open(manifest).map_err(failed(Operation::Open))?;
        #[cfg(feature = "parquet")]
        let same = file.try_clone().map_err(failed(Operation::Open))?;
        let reader = Reader::of(BufReader::with_capacity(BUFFER, file), format.into(), end).refusing_nul();
        #[cfg(feature = "parquet")]
        let reader = reader.or_rows_of(&same).map_err(failed(Operation::Read))?;
        let mut listed = Listed::default();
        listed.take_all(ctx, reader, &failed(Operation::Read))?;
        Ok(listed)
    }

    fn take_all<R: BufRead>(
        &mut self,
        ctx: &Context,
        mut reader: Reader<R>,
        failed: &dyn Fn(io::Error) -> Error,
    ) -> Result<(), Error> {
        let mut lines = 0_u64;
        while let Some(line) = reader.read().map_err(failed)? {
            match line.entry.filter(|entry| is_of_file(entry.name)) {
                Some(entry) => match self.files.enter(&plain(entry.name), &entry.checksums, &entry.facts) {
                    Entered::Contradicted(number) => drop(self.contradicted.insert(number)),
                    Entered::Full => return Err(failed(io::Error::other("more entries than can be counted"))),
                    Entered::New(_) | Entered::Completed(_) | Entered::Known(_) => {}
                },
                None => {
                    self.malformed += 1;
                    self.first_malformed.get_or_insert(line.number);
                }
            }
            lines += 1;
            if lines.is_multiple_of(LINES) {
                ctx.check()?;
            }
        }
        self.flaw = match reader.seal() {
            Seal::Broken(flaw) => Some(flaw),
            Seal::None | Seal::Whole => None,
        };
        self.keeps_facts = reader.format().is_some_and(|format| Layout::from(format).keeps_facts());
        Ok(())
    }

    /// Adds what a sidecar says of files that have exactly the checksums that it repeats; nothing, if the manifest has
    /// columns for all facts. Blocks as the input does.
    ///
    /// # Errors
    ///
    /// What the input gives. What was read by then holds.
    pub fn add_facts(&mut self, sidecar: impl BufRead) -> io::Result<()> {
        if self.keeps_facts { Ok(()) } else { ledger::add_facts(sidecar, &mut self.files).map(drop) }
    }

    /// How its seal shows that it is not what was sealed, if there is one and it does.
    #[must_use]
    pub fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    /// How many files it lists.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether it lists none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many lines are malformed, and say nothing of any file.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// The number of the first of them.
    #[must_use]
    pub fn first_malformed(&self) -> Option<u64> {
        self.first_malformed
    }

    /// How its names and the paths below `root` become each other.
    pub(crate) fn naming(&self, root: Option<&Path>) -> Naming {
        let mut survey = Survey::new(root);
        (0..self.len()).for_each(|number| survey.see(self.files.name(number)));
        survey.end()
    }

    /// The longest directory that all names share: the root of the tree that was listed, if nobody knows better.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.naming(None).root().to_owned()
    }

    /// Whether some of the names would lie below `root` as they stand, but not all, and so all are taken as relative to it.
    #[must_use]
    pub fn is_mixed(&self, root: &Path) -> bool {
        self.naming(Some(root)).is_mixed()
    }

    /// Options for hashing what is to be held against it: by its algorithms, if it has any.
    pub(crate) fn as_listed(&self, options: Options) -> Options {
        let algorithms = self.algorithms();
        if algorithms.is_empty() { options } else { options.algorithms(algorithms) }
    }

    /// All algorithms that it has checksums of.
    #[must_use]
    pub fn algorithms(&self) -> Algorithms {
        self.files.sets().iter().flat_map(|set| set.iter()).collect()
    }
}

fn open(manifest: &Root) -> io::Result<File> {
    match manifest {
        Root::Path(path) => File::open(path),
        Root::StandardInput => rustix::stdio::stdin().try_clone_to_owned().map(File::from),
    }
}
