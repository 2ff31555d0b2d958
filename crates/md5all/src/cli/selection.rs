//! Which files are taken: the options that everything has which walks trees, and a list in place of a walk.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use md5all::Selection;
use md5all::manifest::LineEnd;

use super::reading::size;

/// What is left out of trees by name. What is named as a PATH never is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct ByName {
    /// Only files that match GLOB, or another one that is given
    ///
    /// By their name, or, if there is a / in it, by their path below PATH.
    #[arg(long, value_name = "GLOB", value_parser = included, hide_short_help = true)]
    include: Vec<String>,

    /// Leave out what matches GLOB, and all below it
    ///
    /// By its name, or, if there is a / in it, by its path below PATH. A directory that matches is not entered; GLOB/ is
    /// directories only.
    #[arg(long, value_name = "GLOB", value_parser = excluded)]
    exclude: Vec<String>,

    /// Leave out what has a name that begins with a dot
    #[arg(long, hide_short_help = true)]
    no_hidden: bool,

    /// Enter no directory so far below PATH; 1 is only the files in PATH itself
    #[arg(long, value_name = "N", value_parser = depth, hide_short_help = true)]
    max_depth: Option<NonZeroU32>,
}

/// The same, and by what no manifest tells of files: of those that are gone nobody could say whether they are meant.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct Selecting {
    #[command(flatten)]
    by_name: ByName,

    /// Leave out what .gitignore files say, and .git
    #[arg(long, hide_short_help = true)]
    gitignore: bool,

    /// Leave out files that are smaller, such as 1K or 10M
    #[arg(long, value_name = "SIZE", value_parser = bytes, hide_short_help = true)]
    min_size: Option<u64>,

    /// Leave out files that are larger
    #[arg(long, value_name = "SIZE", value_parser = bytes, hide_short_help = true)]
    max_size: Option<u64>,
}

/// A list of what to hash, in place of PATH.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct FilesFrom {
    /// Hash what FILE names, one a line, in its order
    ///
    /// Files, and directories with everything below them; - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "check"], hide_short_help = true)]
    #[arg(value_hint = ValueHint::FilePath)]
    files_from: Option<PathBuf>,

    /// Names in the list end with NUL, not newline, as find -print0 writes them
    #[arg(short = '0', long = "null", hide_short_help = true)]
    null: bool,
}

/// What the list of names is, and how they end.
#[derive(Debug)]
pub(crate) struct Names {
    /// `None`: what comes on standard input.
    pub(crate) path: Option<PathBuf>,
    pub(crate) end: LineEnd,
}

impl FilesFrom {
    /// Why it is refused, if it is: a requirement is no matter to clap where a PATH stands in its way.
    pub(super) fn refusal(&self) -> Option<String> {
        (self.null && self.files_from.is_none()).then(|| "--null is for the names of --files-from".to_owned())
    }

    pub(super) fn names(&self) -> Option<Names> {
        let path = self.files_from.clone()?;
        let end = if self.null { LineEnd::Nul } else { LineEnd::Newline };
        Some(Names { path: Some(path).filter(|path| path != Path::new("-")), end })
    }
}

impl ByName {
    /// What is selected; or why that cannot be.
    ///
    /// # Errors
    ///
    /// All globs together are too much.
    pub(super) fn selection(&self) -> Result<Selection, String> {
        let selection =
            Selection::default().include(&self.include).and_then(|selection| selection.exclude(&self.exclude));
        let selection = selection.map_err(|error| error.to_string())?;
        Ok(selection.no_hidden(self.no_hidden).max_depth(self.max_depth))
    }
}

impl Selecting {
    /// The same; no file may have a size that is wanted, too.
    pub(super) fn selection(&self) -> Result<Selection, String> {
        if let (Some(min), Some(max)) = (self.min_size, self.max_size)
            && min > max
        {
            return Err(format!("--min-size is {min} bytes and --max-size {max}: no file has such a size"));
        }
        let selection = self.by_name.selection()?;
        Ok(selection.gitignore(self.gitignore).min_size(self.min_size).max_size(self.max_size))
    }
}

fn included(text: &str) -> Result<String, String> {
    Selection::default().include([text]).map(|_| text.to_owned()).map_err(|error| error.cause().to_owned())
}

fn excluded(text: &str) -> Result<String, String> {
    Selection::default().exclude([text]).map(|_| text.to_owned()).map_err(|error| error.cause().to_owned())
}

/// A directory is walked to see what is in it; of one that is not entered there would be nothing to say.
fn depth(text: &str) -> Result<NonZeroU32, &'static str> {
    let depth = text.parse::<u32>().map_err(|_| "not a number of directories")?;
    NonZeroU32::new(depth).ok_or("the least is 1: the files in PATH itself")
}

fn bytes(text: &str) -> Result<u64, &'static str> {
    size(text).map(|size| size as u64).ok_or("not a size, such as 10M, 10MiB, 1G or a number of bytes")
}
