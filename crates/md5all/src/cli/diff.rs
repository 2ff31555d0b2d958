//! `md5all diff`: its arguments, and what they become.

use std::ffi::OsString;

use clap::{Args, ValueHint};
use md5all::manifest::{Format, LineEnd};
use md5all::{Options, Root};

use super::audit::{Telling, VERBOSE};
use super::reading::Reading;
use super::root;
use super::selection::ByName;
use crate::showing::Showing;

/// How two manifests or trees differ
///
/// What is told is what has become of A in B, in the words of audit. Of two manifests nothing is read but them.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[command(mut_arg("verbose", |arg| arg.help(VERBOSE)))]
pub(super) struct Arguments {
    /// What was: a manifest, or a directory; - is a manifest on standard input
    #[arg(value_name = "A", value_hint = ValueHint::AnyPath)]
    before: OsString,

    /// What is, likewise
    #[arg(value_name = "B", value_hint = ValueHint::AnyPath)]
    after: OsString,

    #[command(flatten)]
    telling: Telling,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    selecting: ByName,
}

const EXAMPLES: &str = "\
Examples:
  md5all diff MD5SUMS.old MD5SUMS      what changed between two lists; no file is read
  md5all diff photos /mnt/backup       two trees
  md5all diff MD5SUMS /mnt/backup      a list and a tree

Exit status: 0 if nothing differs, 1 if something does, 2 if something could not be read or compared, 3 if the command \
line makes no sense, 130 if interrupted.";

/// What to compare, and how to tell of it.
#[derive(Debug)]
pub(crate) struct Diff {
    pub(crate) before: Root,
    pub(crate) after: Root,
    /// How the lines of those look that are manifests.
    pub(crate) format: Option<Format>,
    pub(crate) end: LineEnd,
    /// How to hash those that are trees.
    pub(crate) options: Options,
    pub(crate) json: bool,
    /// What is shown meanwhile; if verbose, of what is well, too.
    pub(crate) showing: Showing,
}

impl Arguments {
    /// Why it is refused, though each argument by itself is well.
    pub(super) fn refusal(&self) -> Option<String> {
        self.selecting.selection().err()
    }

    pub(super) fn into_diff(self) -> Diff {
        let selection = self.selecting.selection().unwrap_or_default(); // or else it was refused
        Diff {
            before: root(self.before),
            after: root(self.after),
            format: self.telling.format,
            end: self.telling.end(),
            json: self.telling.json,
            showing: Showing { quiet: self.telling.quiet, ..self.reading.showing() },
            options: self.reading.into_options([]).selection(selection),
        }
    }
}
