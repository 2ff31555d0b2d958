//! Which files of a tree are hashed: [`Selection`].
//!
//! Plain data, and what it means for a path. It decides by names, by depth, by what `.gitignore` files say and by size, and
//! never about what was named as a root. A directory that is left out is not opened. The walk asks as it lists a
//! directory, so that what is listed ahead of it is left out as well; a size is asked for by the workers, before they open
//! a file, and only if there is a limit.

mod globs;
mod scope;

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::error::Unfit;
use crate::record::Record;
use crate::skip::Skip;
pub use globs::BadGlob;
use globs::Globs;
pub(crate) use scope::Scope;

/// Which of the files below the roots are hashed: as it [is made](Selection::default), all.
///
/// Roots themselves are never left out, for somebody named them. What is left out is a record,
/// [`Outcome::Skipped`](crate::Outcome::Skipped), one for a directory with all that is in it. The first of these decides:
/// [`hidden`](Self::no_hidden), [`exclude`](Self::exclude), [`gitignore`](Self::gitignore), [`depth`](Self::max_depth),
/// [`include`](Self::include), size.
///
/// A glob is matched against the path below the root: one without a `/` against the name, at any depth; one with a `/`
/// against the whole path; one that ends in `/` matches directories only. `*`, `?` and `[a-z]` match no `/`, `**` does,
/// `{a,b}` is either, `\` takes the next character as it stands. Names are bytes, and `?` matches one of them.
///
/// # Examples
///
/// ```
/// use errgroup::Context;
/// use md5all::{Options, Outcome, Selection, Skip, hash_trees};
///
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path();
/// # std::fs::create_dir(dir.join("target"))?;
/// std::fs::write(dir.join("main.rs"), "fn main() {}")?;
/// std::fs::write(dir.join("target/main"), "\x7fELF")?;
///
/// let selection = Selection::default().exclude(["target/"])?;
/// let options = Options::new([dir]).selection(selection.clone());
/// for record in hash_trees(&Context::background(), options) {
///     let record = record?;
///     match record.outcome() {
///         Outcome::Skipped(Skip::Glob) => {
///             assert_eq!(record.path(), dir.join("target"));
///             assert_eq!(selection.rule(&record).map(|rule| rule.to_string()).as_deref(), Some("target/"));
///         }
///         _ => assert_eq!(record.path(), dir.join("main.rs")),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Selection {
    include: Globs,
    exclude: Globs,
    gitignore: bool,
    no_hidden: bool,
    max_depth: Option<NonZeroU32>,
    min_size: Option<u64>,
    max_size: Option<u64>,
}

/// What has left out a file, where that is not told by [`Skip`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// This glob, as it was written.
    Glob(String),
    /// A line of a `.gitignore` file.
    Line {
        /// The file.
        file: PathBuf,
        /// The number of the line, from 1.
        number: usize,
        /// What it says.
        text: String,
    },
    /// That it is where git keeps its own things.
    Git,
}

impl Selection {
    /// Only files that match one of these globs, or one of those given before. Directories are entered all the same.
    ///
    /// # Errors
    ///
    /// One of them is none, or could match directories only. `src/**` is all below `src`.
    pub fn include<T: AsRef<str>>(self, globs: impl IntoIterator<Item = T>) -> Result<Selection, BadGlob> {
        let include = self.include.and(globs)?;
        match include.of_directories() {
            Some(glob) => Err(BadGlob::new(glob, format!("it would match no file: {glob}** is all below it"))),
            None => Ok(Selection { include, ..self }),
        }
    }

    /// Nothing that matches one of these globs, or one of those given before, whatever is included.
    ///
    /// # Errors
    ///
    /// One of them is none.
    pub fn exclude<T: AsRef<str>>(self, globs: impl IntoIterator<Item = T>) -> Result<Selection, BadGlob> {
        Ok(Selection { exclude: self.exclude.and(globs)?, ..self })
    }

    /// Nothing that the `.gitignore` files of the tree say is to be ignored, and nothing called `.git`. Those above a root
    /// count as well, up to the top of its repository; outside of one, those from the root on. Other files that git can be
    /// told of are not read, and what git tracks all the same is not known.
    ///
    /// A `.gitignore` of more than 1 MiB, or one that cannot be read, is a failure of its directory, which is not walked
    /// then. One that is no regular file is none.
    pub fn gitignore(self, gitignore: bool) -> Selection {
        Selection { gitignore, ..self }
    }

    /// Nothing whose name begins with a dot.
    pub fn no_hidden(self, no_hidden: bool) -> Selection {
        Selection { no_hidden, ..self }
    }

    /// No directory so far below a root: with 1, only the files in the root itself.
    pub fn max_depth(self, depth: Option<NonZeroU32>) -> Selection {
        Selection { max_depth: depth, ..self }
    }

    /// No file of fewer bytes, as the file system says: what is made up on reading, as in `/proc`, has none.
    pub fn min_size(self, bytes: Option<u64>) -> Selection {
        Selection { min_size: bytes, ..self }
    }

    /// No file of more bytes, likewise.
    pub fn max_size(self, bytes: Option<u64>) -> Selection {
        Selection { max_size: bytes, ..self }
    }

    /// Whether nothing is left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.is_everything_by_name() && self.sizes().is_none()
    }

    /// What has left out this file of a walk with this selection; `None` if it was not left out, or by what needs no more
    /// words.
    #[must_use]
    pub fn rule(&self, record: &Record) -> Option<Rule> {
        scope::rule(self, record)
    }

    /// Whether names have no say.
    pub(crate) fn is_everything_by_name(&self) -> bool {
        self.include.is_empty()
            && self.exclude.is_empty()
            && !self.gitignore
            && !self.no_hidden
            && self.max_depth.is_none()
    }

    /// What size files have, if that has a say.
    pub(crate) fn sizes(&self) -> Option<RangeInclusive<u64>> {
        let is_limited = self.min_size.is_some() || self.max_size.is_some();
        is_limited.then(|| self.min_size.unwrap_or(0)..=self.max_size.unwrap_or(u64::MAX))
    }

    pub(crate) fn reads_gitignore(&self) -> bool {
        self.gitignore
    }

    /// Whether it can be told by names alone what is left out: of files that are not there as well.
    ///
    /// # Errors
    ///
    /// What else has a say.
    pub(crate) fn is_by_name(&self) -> Result<(), Unfit> {
        match self {
            selection if selection.gitignore => Err(Unfit::Gitignore),
            selection if selection.sizes().is_some() => Err(Unfit::Size),
            _ => Ok(()),
        }
    }

    /// Why a file of this path below a root is left out, if it is: by itself, or with a directory above it.
    pub(crate) fn leaves_out_file(&self, path: &[u8]) -> Option<Skip> {
        if self.is_everything_by_name() {
            return None;
        }
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let ends = slashes.map(|at| (at, true)).chain([(path.len(), false)]);
        (1..)
            .zip(ends)
            .find_map(|(depth, (end, is_directory))| self.leaves_out(&path[..end], depth, is_directory, || false))
    }

    /// Why an entry is left out, if it is, when nothing above it is.
    fn leaves_out(
        &self,
        path: &[u8],
        depth: u32,
        is_directory: bool,
        is_ignored: impl FnOnce() -> bool,
    ) -> Option<Skip> {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        if self.no_hidden && name.starts_with(b".") {
            return Some(Skip::Hidden);
        }
        if self.exclude.matches(path, is_directory) {
            return Some(Skip::Glob);
        }
        if self.gitignore && is_ignored() {
            return Some(Skip::Ignored);
        }
        match is_directory {
            true => self.max_depth.is_some_and(|most| depth >= most.get()).then_some(Skip::Depth),
            false => (!self.include.is_empty() && !self.include.matches(path, false)).then_some(Skip::NotIncluded),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Glob(glob) => f.write_str(glob),
            Rule::Line { file, number, text } => write!(f, "{}:{number}: {text}", file.display()),
            Rule::Git => f.write_str("it is git's own"),
        }
    }
}
