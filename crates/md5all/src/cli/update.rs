//! `md5all update`: its arguments, and the task that they become.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use md5all::Options;
use md5all::manifest::{Format, LineEnd};

use super::reading::Reading;
use super::selection::ByName;
use super::{Task, format_parser};
use crate::showing::Showing;

/// Bring a manifest up to date: read only what may have changed
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The manifest; replaced at the end if anything has changed
    #[arg(value_hint = ValueHint::FilePath)]
    manifest: PathBuf,

    /// The tree that it lists [default: what all names begin with]
    #[arg(value_hint = ValueHint::DirPath)]
    root: Option<PathBuf>,

    /// How its lines look [default: as they do]
    #[arg(long, value_name = "FORMAT", value_parser = format_parser(), help_heading = "Reading", hide_short_help = true)]
    format: Option<Format>,

    /// Its lines end with NUL, not newline
    #[arg(short, long, help_heading = "Reading", hide_short_help = true)]
    zero: bool,

    /// Drop entries whose file is gone
    #[arg(long)]
    prune: bool,

    /// Read all files, whatever says that they are as they were
    #[arg(long)]
    verify: bool,

    /// Go on where an interrupted update has stopped
    #[arg(long)]
    resume: bool,

    /// Keep what is known of each file in its extended attribute, too
    ///
    /// Size, time and checksums, in user.md5all; that changes the change times of files.
    #[arg(long, hide_short_help = true)]
    xattr: bool,

    /// Tell in JSON: an object a line, and one for the summary
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Neither notes nor summary: what differs, and errors
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    selecting: ByName,
}

const EXAMPLES: &str = "\
Examples:
  md5all update photos/MD5SUMS photos           read what is new or may have changed
  md5all update --prune photos/MD5SUMS photos   and drop entries of files that are gone
  md5all update --verify photos/MD5SUMS photos  read everything

Exit status: 0 if the manifest says what there is; 1 if a file is corrupt (it has other contents, and nobody has \
written to it) or an entry was kept whose file is gone; 2 if something could not be read, or \
if nothing was found of what is listed (the manifest is as it was then), 3 if the command line makes no sense, 130 if interrupted.";

/// What to bring up to date.
#[derive(Debug)]
pub(crate) struct Update {
    pub(crate) manifest: PathBuf,
    pub(crate) root: Option<PathBuf>,
    /// How its lines look, if that is told.
    pub(crate) format: Option<Format>,
    pub(crate) end: LineEnd,
    pub(crate) prune: bool,
    pub(crate) verify: bool,
    pub(crate) resume: bool,
    /// Whether files have their facts with them.
    pub(crate) xattr: bool,
    pub(crate) json: bool,
    pub(crate) showing: Showing,
    /// With no root.
    pub(crate) options: Options,
}

impl Arguments {
    /// Why it is refused, though each argument by itself is well.
    pub(super) fn refusal(&self) -> Option<String> {
        self.selecting.selection().err()
    }

    pub(super) fn into_task(self) -> Task {
        let selection = self.selecting.selection().unwrap_or_default(); // or else it was refused
        Task::Update(Update {
            manifest: self.manifest,
            root: self.root,
            format: self.format,
            end: if self.zero { LineEnd::Nul } else { LineEnd::Newline },
            prune: self.prune,
            verify: self.verify,
            resume: self.resume,
            xattr: self.xattr,
            json: self.json,
            showing: Showing { quiet: self.quiet, ..self.reading.showing() },
            options: self.reading.into_options([]).selection(selection),
        })
    }
}
