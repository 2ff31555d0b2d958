//! `md5all audit`: its arguments, and what they become.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use md5all::manifest::{Format, LineEnd};
use md5all::{Options, Root};

use super::reading::Reading;
use super::selection::ByName;
use super::{format_parser, root};
use crate::showing::Showing;

/// What has become of a tree since it was listed
///
/// Every file that is in the tree or in MANIFEST is one of: ok, changed, corrupt (its contents differ, but not its size and
/// time), moved, copied, new, missing, unreadable, incomparable (MANIFEST does not say enough), outside (not below ROOT).
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[command(mut_arg("verbose", |arg| arg.help(VERBOSE)))]
pub(super) struct Arguments {
    /// The list of what the tree was; - is standard input
    #[arg(value_name = "MANIFEST", value_hint = ValueHint::FilePath)]
    manifest: OsString,

    /// Where the tree is now [default: what all names begin with]
    #[arg(value_name = "ROOT", value_hint = ValueHint::DirPath)]
    root: Option<PathBuf>,

    #[command(flatten)]
    telling: Telling,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    selecting: ByName,
}

/// How manifests are read, and what is found is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Telling {
    /// Tell in JSON: an object a line, and one for the summary
    #[arg(long)]
    pub(super) json: bool,

    /// Neither notes nor summary: what differs, and errors
    #[arg(short, long)]
    pub(super) quiet: bool,

    /// How the lines of a manifest look [default: what they tell]
    #[arg(long, value_name = "FORMAT", value_parser = format_parser(), help_heading = "Reading", hide_short_help = true)]
    pub(super) format: Option<Format>,

    /// The lines of a manifest end with NUL, not newline
    #[arg(short, long, help_heading = "Reading", hide_short_help = true)]
    zero: bool,
}

impl Telling {
    /// What ends the lines of a manifest.
    pub(super) fn end(&self) -> LineEnd {
        if self.zero { LineEnd::Nul } else { LineEnd::Newline }
    }
}

/// What to audit, and how to tell of it.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(crate) manifest: Root,
    /// How its lines look, if that is not for them to tell.
    pub(crate) format: Option<Format>,
    pub(crate) end: LineEnd,
    /// Where the tree is; if nobody says, the manifest has to.
    pub(crate) root: Option<PathBuf>,
    /// How to hash it. What to exclude is not known yet.
    pub(crate) options: Options,
    pub(crate) json: bool,
    /// What is shown meanwhile; if verbose, of what is well, too.
    pub(crate) showing: Showing,
}

/// What long help of audit ends with.
const EXAMPLES: &str = "\
Examples:
  md5all audit MD5SUMS                 the tree is where the names in MD5SUMS say
  md5all audit MD5SUMS /mnt/backup     it is elsewhere now
  md5all audit --json MD5SUMS | jq -r 'select(.verdict == \"missing\") | .path'

Exit status: 0 if nothing differs, 1 if something does, 2 if something could not be read or compared, 3 if the command \
line makes no sense, 130 if interrupted.";

/// What `-v` means here.
pub(super) const VERBOSE: &str = "Tell of files that are ok, too, and how each device is read";

impl Arguments {
    /// Why it is refused, though each argument by itself is well.
    pub(super) fn refusal(&self) -> Option<String> {
        self.selecting.selection().err()
    }

    pub(super) fn into_audit(self) -> Audit {
        let selection = self.selecting.selection().unwrap_or_default(); // or else it was refused
        Audit {
            manifest: root(self.manifest),
            format: self.telling.format,
            end: self.telling.end(),
            root: self.root,
            json: self.telling.json,
            showing: Showing { quiet: self.telling.quiet, ..self.reading.showing() },
            options: self.reading.into_options([]).selection(selection),
        }
    }
}
