//! The command line of the program under the name `md5sum`, or that of another of GNU's tools: their options, which are
//! the same, and what they refuse.
//!
//! The flags that md5all has in common with them are declared here, once.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches, Args, CommandFactory, FromArgMatches, Parser};
use md5all::manifest::{Format, Layout, LineEnd};
use md5all::{Algorithm, Algorithms, Options};

use super::{Check, Sums, Task, Voice, root};
use crate::exit::Exit;
use crate::failure::say;
use crate::name::name;
use crate::showing::{self, Showing};
use crate::terminal::{When, colour};

/// Its name, and what it says of itself, are those of the tool.
#[derive(Debug, Parser)]
#[command(
    version,
    args_override_self = true,
    disable_help_flag = true,
    disable_version_flag = true,
    after_help = "Exit status: 0 if every file was read and is what its list says, 1 if not."
)]
struct Arguments {
    /// Files, or with --check lists of them; - is standard input
    #[arg(value_name = "FILE")]
    files: Vec<OsString>,

    #[command(flatten)]
    flags: Flags,

    /// End lines with NUL, not newline, and escape nothing
    #[arg(short, long)]
    zero: bool,

    /// Show this help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,

    /// Show the version
    #[arg(long, action = clap::ArgAction::Version)]
    version: Option<bool>,
}

/// What md5all and GNU's tools have in common.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Checking")]
pub(super) struct Flags {
    /// Check what the lists in PATH, or in standard input, say of files
    #[arg(short, long)]
    pub(super) check: bool,

    /// No notes; with -c no line for what is well
    ///
    /// What was skipped, and the like, is not said. With --check, of this, --status and --warn the last one holds.
    #[arg(short, long, overrides_with_all = ["status", "warn"], help_heading = "Output")]
    pub(super) quiet: bool,

    /// BSD's lines, which name the algorithm
    #[arg(long, hide_short_help = true, help_heading = "Output")]
    pub(super) tag: bool,

    /// Lines with a * before the name, which means nothing here
    #[arg(short, long, overrides_with = "text", hide_short_help = true, help_heading = "Output")]
    pub(super) binary: bool,

    /// Lines without one
    #[arg(short, long, hide_short_help = true, help_heading = "Output")]
    pub(super) text: bool,

    /// Pass over files that are not there
    #[arg(long, hide_short_help = true)]
    ignore_missing: bool,

    /// No line for any file, only the exit status
    #[arg(long, overrides_with_all = ["quiet", "warn"], hide_short_help = true)]
    status: bool,

    /// A malformed line is a failure
    #[arg(long, hide_short_help = true)]
    strict: bool,

    /// Name each malformed line
    #[arg(short, long, overrides_with_all = ["quiet", "status"], hide_short_help = true)]
    warn: bool,

    /// Whether `--text` came after `--tag`, which would have meant `--binary` from then on.
    #[arg(skip)]
    text_holds: bool,
}

/// Reads the process's command line.
///
/// # Errors
///
/// What to exit with, when there is nothing to run: help and errors have been printed.
pub(super) fn parse(tool: Algorithm) -> Result<Task, Exit> {
    colour(When::Never);
    let matches = command(tool).try_get_matches().map_err(|error| refuse_as_getopt(&error))?;
    let arguments = Arguments::from_arg_matches(&matches).map_err(|error| refuse_as_getopt(&error))?;
    let flags = arguments.flags.in_order(&matches);
    if let Some(refusal) = flags.refusal(arguments.zero) {
        return Err(refuse(refusal));
    }
    let files = if arguments.files.is_empty() { vec!["-".into()] } else { arguments.files };
    let algorithms = Algorithms::from(tool);
    let options = Options::new(files.into_iter().map(root)).algorithms(algorithms).only(tool);
    if flags.check {
        return Ok(Task::Check(flags.into_check(options, Some(Format::Gnu))));
    }
    let end = if arguments.zero { LineEnd::Nul } else { LineEnd::Newline };
    Ok(Task::Sum(Sums { options, layout: Layout::from(flags.format()).end(end).algorithms(algorithms) }))
}

const QUIET: &str = "No line for a file that is well; of this, --status and --warn the last one holds";

fn command(tool: Algorithm) -> clap::Command {
    let name = format!("{}sum", tool.name());
    let about = format!("Print or check {} checksums, as GNU {name} does", tool.tag());
    // GNU's have no -q, and --quiet is theirs with --check only.
    let quiet = |arg: Arg| arg.short(Resettable::Reset).help(QUIET).long_help(QUIET).help_heading("Checking");
    Arguments::command().bin_name(&name).display_name(&name).about(about).mut_arg("quiet", quiet)
}

impl Flags {
    /// The flags, with what only their order says.
    pub(super) fn in_order(self, matches: &ArgMatches) -> Flags {
        let last = |name| matches.indices_of(name).and_then(Iterator::last).filter(|_| matches.get_flag(name));
        Flags { text_holds: last("text") > last("tag"), ..self }
    }

    /// The flags, if `--quiet` may mean something without `--check` as well.
    pub(super) fn without_quiet(self) -> Flags {
        Flags { quiet: self.quiet && self.check, ..self }
    }

    /// Why GNU refuses the flags, if it does.
    pub(super) fn refusal(&self, zero: bool) -> Option<String> {
        if self.tag && self.text_holds {
            return Some("--tag does not support --text mode".to_owned());
        }
        if self.check {
            let meaningless = "meaningless when verifying checksums";
            return match self {
                _ if zero => Some("the --zero option is not supported when verifying checksums".to_owned()),
                Flags { tag: true, .. } => Some(format!("the --tag option is {meaningless}")),
                Flags { binary: true, .. } | Flags { text: true, .. } => {
                    Some(format!("the --binary and --text options are {meaningless}"))
                }
                _ => None,
            };
        }
        let flags = [
            (self.ignore_missing, "ignore-missing"),
            (self.status, "status"),
            (self.warn, "warn"),
            (self.quiet, "quiet"),
            (self.strict, "strict"),
        ];
        let (_, flag) = flags.into_iter().find(|(is_set, _)| *is_set)?;
        Some(format!("the --{flag} option is meaningful only when verifying checksums"))
    }

    /// How lines look.
    pub(super) fn format(&self) -> Format {
        match self {
            Flags { tag: true, .. } => Format::Bsd,
            Flags { binary: true, .. } => Format::GnuBinary,
            _ => Format::Gnu,
        }
    }

    pub(super) fn into_check(self, options: Options, format: Option<Format>) -> Check {
        let voice = match self {
            Flags { quiet: true, .. } => Voice::Quiet,
            Flags { status: true, .. } => Voice::Status,
            Flags { warn: true, .. } => Voice::Warn,
            _ => Voice::Plain,
        };
        let Flags { strict, ignore_missing, .. } = self;
        let showing = Showing { when: showing::When::Never, ..Showing::default() };
        Check { options, format, voice, strict, ignore_missing, json: false, showing }
    }
}

/// Says why a command line is refused, and where to read more.
pub(super) fn refuse(why: String) -> Exit {
    let name = &name().text;
    say([why.as_bytes(), b"\nTry '", name, b" --help' for more information."].concat());
    Exit::Usage
}

/// What is no option, in getopt's words; the rest in clap's.
fn refuse_as_getopt(error: &clap::Error) -> Exit {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return super::print(error) };
    match error.kind() {
        ErrorKind::UnknownArgument if option.starts_with("--") => refuse(format!("unrecognized option '{option}'")),
        ErrorKind::UnknownArgument => refuse(format!("invalid option -- '{}'", option.trim_start_matches('-'))),
        _ => super::print(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        for tool in Algorithm::ALL {
            command(tool).debug_assert();
        }
    }

    fn flags(line: &str) -> Flags {
        let words = ["md5sum"].into_iter().chain(line.split_whitespace());
        let matches = Arguments::command().try_get_matches_from(words).unwrap();
        Arguments::from_arg_matches(&matches).unwrap().flags.in_order(&matches)
    }

    #[test]
    fn the_last_of_flags_that_exclude_each_other_holds() {
        let voice = |line| flags(line).into_check(Options::new(["."]), None).voice;
        for (line, expected) in [
            ("-c", Voice::Plain),
            ("-c --quiet --status", Voice::Status),
            ("-c --status --warn", Voice::Warn),
            ("-c -w --status --quiet", Voice::Quiet),
            ("-c -w -w", Voice::Warn),
        ] {
            assert_eq!(voice(line), expected, "{line}");
        }
        for (line, format) in [
            ("", Format::Gnu),
            ("-b", Format::GnuBinary),
            ("-b -t", Format::Gnu),
            ("-t -b", Format::GnuBinary),
            ("-t --tag", Format::Bsd),
            ("-b --tag -b", Format::Bsd),
        ] {
            assert_eq!(flags(line).format(), format, "{line}");
        }
        for (line, is_refused) in
            [("-t --tag", false), ("--tag -t", true), ("--tag -t -b", false), ("--tag -b -t", true)]
        {
            assert_eq!(flags(line).refusal(false).is_some(), is_refused, "{line}");
        }
    }
}
