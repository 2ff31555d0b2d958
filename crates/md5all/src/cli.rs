//! The command line. Everything clap ends here: what comes out is a [`Task`].

mod audit;
mod bag;
mod colour;
mod diff;
mod etag;
mod generate;
mod md5sum;
mod reading;
mod selection;
mod showing;
mod typos;
mod update;

use std::env::args_os;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};
use md5all::manifest::{Format, Layout, LineEnd, Refused};
use md5all::{Algorithm, Algorithms, Options, Root};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::name::name;
use crate::showing::Showing;
use crate::terminal;
pub(crate) use audit::Audit;
pub(crate) use bag::Bags;
pub(crate) use diff::Diff;
pub(crate) use etag::Tags;
pub(crate) use generate::Texts;
use md5sum::Flags;
use reading::{Reading, size};
pub(crate) use selection::Names;
use selection::{FilesFrom, Selecting};
pub(crate) use typos::{Meant, meant};
pub(crate) use update::Update;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Task {
    /// To hash trees.
    Hash(Config),
    /// To check lists.
    Check(Check),
    /// To hash files, as `md5sum` does.
    Sum(Sums),
    /// To hold a tree against a manifest.
    Audit(Audit),
    /// To say how two sides differ.
    Diff(Diff),
    /// To make or verify bags.
    Bag(Bags),
    /// To compute ETags, or to find what one is of.
    Tag(Tags),
    /// To bring a manifest up to date.
    Update(Update),
    /// To write texts that are about the program itself.
    Write(Texts),
}

/// What to check, and what to say of it.
#[derive(Debug)]
pub(crate) struct Check {
    /// The roots are the lists.
    pub(crate) options: Options,
    /// How their lines look, if that is not for them to tell.
    pub(crate) format: Option<Format>,
    pub(crate) voice: Voice,
    /// Whether a malformed line is a failure.
    pub(crate) strict: bool,
    /// Whether a file that is not there is none.
    pub(crate) ignore_missing: bool,
    /// Whether to tell in JSON.
    pub(crate) json: bool,
    /// What is shown meanwhile.
    pub(crate) showing: Showing,
}

/// How much is said of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// A line for each file, and at the end how many lines were malformed.
    Plain,
    /// None for files that are well.
    Quiet,
    /// None for any file, and no warning.
    Status,
    /// As plain, and a line for each malformed one.
    Warn,
}

/// What to hash as `md5sum` does.
#[derive(Debug)]
pub(crate) struct Sums {
    /// The roots are the files.
    pub(crate) options: Options,
    /// How lines look.
    pub(crate) layout: Layout,
}

/// What to hash in trees, and where to.
#[derive(Debug)]
pub(crate) struct Config {
    /// What to hash. What to exclude is not known yet.
    pub(crate) options: Options,
    /// What names the roots, if that is a list.
    pub(crate) names: Option<Names>,
    /// How lines look.
    pub(crate) layout: Layout,
    /// The file they go to; standard output if there is none.
    pub(crate) output: Option<PathBuf>,
    /// Whether to tell in JSON, not in lines of a manifest.
    pub(crate) json: bool,
    /// What is shown meanwhile.
    pub(crate) showing: Showing,
    /// Whether to write a sidecar, too.
    pub(crate) facts: bool,
    /// Whether to go on where an interrupted run has stopped.
    pub(crate) resume: bool,
}

/// Checksums of whole trees, sorted by path, in lines that md5sum -c checks
#[derive(Debug, Parser)]
#[command(name = "md5all", version, args_override_self = true, override_usage = USAGE)]
#[command(after_long_help = EXAMPLES, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[command(mut_arg("dereference", |arg| arg.conflicts_with("check")))]
#[command(next_help_heading = "Output")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// Files, and directories with everything below them; - is standard input [default: .; with --check: -]
    #[arg(value_name = "PATH", help_heading = None::<&str>, value_hint = ValueHint::AnyPath)]
    paths: Vec<OsString>,

    /// Write to FILE, replaced at the end, all at once
    ///
    /// FILE never lists itself. It stays as it was if nothing could be read, if the run was stopped, or if there was no file
    /// and it lists some.
    #[arg(short, long, value_name = "FILE", conflicts_with = "check", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,

    /// Such as md5,sha256,blake3, in one read [default: md5]
    ///
    /// What to compute: several with commas, or each by itself. There are md5, sha1, sha256, sha512, blake3, crc32c,
    /// crc64nvme and xxh3.
    #[arg(short, long, value_name = "LIST", value_delimiter = ',', value_parser = algorithm_parser())]
    #[arg(conflicts_with = "check", hide_possible_values = true)]
    algorithm: Vec<Algorithm>,

    /// Lines: gnu, bsd, csv, ndjson, ... [default: gnu]
    ///
    /// There are gnu, gnu-binary, bsd, go, hashdeep, bagit, csv and ndjson, and parquet if it was built in. With --check it is
    /// what the first of them tell, if nothing is said.
    #[arg(long, value_name = "FORMAT", value_parser = format_parser(), hide_possible_values = true)]
    #[arg(conflicts_with_all = ["tag", "binary", "text"])]
    format: Option<Format>,

    /// Tell in JSON, errors and summary, too
    ///
    /// docs/json.md says what is in them. For a manifest that can be checked later there is --format ndjson.
    #[arg(long, conflicts_with_all = ["output", "seal", "tag", "binary", "text", "zero"])]
    json: bool,

    /// End lines with NUL, not newline, and escape nothing
    #[arg(short, long, hide_short_help = true)]
    zero: bool,

    /// Close with a comment by which --check and audit see that the list is whole
    ///
    /// It proves accidents, not malice.
    #[arg(long, conflicts_with = "check", hide_short_help = true)]
    seal: bool,

    /// Print lines as files are done, not sorted
    #[arg(long, conflicts_with = "check", hide_short_help = true)]
    unordered: bool,

    /// Write FILE.facts as well: what the file system says of each file
    ///
    /// By that, md5all update need not read all again. csv and ndjson have columns for it, and need no such file.
    #[arg(long, requires = "output", hide_short_help = true)]
    facts: bool,

    /// Go on where an interrupted run with the same FILE has stopped
    #[arg(long, requires = "output", hide_short_help = true)]
    resume: bool,

    #[command(flatten)]
    files_from: FilesFrom,

    #[command(flatten)]
    selecting: Selecting,

    #[command(flatten)]
    reading: Reading,

    /// Stop at the first problem that is met; what was printed by then is an arbitrary part
    #[arg(long, conflicts_with = "check", hide_short_help = true, help_heading = "Reading")]
    fail_fast: bool,

    #[command(flatten)]
    flags: Flags,
}

/// What else the program does. One file each: what its arguments are, and the task that they become.
#[derive(Debug, Subcommand)]
enum Command {
    Audit(audit::Arguments),
    Diff(diff::Arguments),
    Bag(bag::Arguments),
    Etag(etag::Arguments),
    Update(update::Arguments),
    Completions(generate::Completions),
    Man(generate::Manual),
}

/// One line for all that the program does; a test holds it to what there is.
const USAGE: &str = "\
md5all [OPTIONS] [PATH]...
       md5all audit|diff|bag|etag|update|completions|man ...";

const EXAMPLES: &str = "\
Examples:
  md5all photos                           a line for every file below photos
  md5all photos -o photos/MD5SUMS         the same in a file, which md5sum -c checks
  md5all -c photos/MD5SUMS                check it, as md5sum does
  md5all audit photos/MD5SUMS photos      what has changed, moved, is new or missing since
  md5all -a sha256,blake3 --tag /srv      two checksums of each file, in one read
  md5all -o SUMS --resume /archive        go on where the same command was interrupted

Exit status: 0 if every file was hashed, 2 if something was not, 3 if the \
command line makes no sense, 130 if interrupted.
With --check, as md5sum: 0 if every file is what its list says, 1 if not.
Subcommands: 1 if something differs; else the same.";

/// Reads the process's command line.
///
/// # Errors
///
/// What to exit with, when there is nothing to run: help and errors have been
/// printed.
pub(crate) fn parse() -> Result<Task, Exit> {
    if let Some(tool) = name().tool {
        return md5sum::parse(tool);
    }
    colour::obey(args_os());
    let matches = in_short(command()).try_get_matches().map_err(|error| print_for_check(&error))?;
    let mut arguments = Arguments::from_arg_matches(&matches).map_err(|error| print(&error))?;
    arguments.flags = arguments.flags.in_order(&matches);
    if let Some(refusal) = arguments.refusal() {
        let is_check = arguments.flags.check;
        let refuse = || md5sum::refuse(refusal);
        return Err(if is_check { as_gnu(refuse) } else { refuse() });
    }
    arguments.into_task()
}

/// All that there is to say on the command line.
fn command() -> clap::Command {
    Arguments::command().arg(colour::argument())
}

/// The same; in short help, subcommands are in the usage only, or it would fit no screen.
fn in_short(command: clap::Command) -> clap::Command {
    if args_os().any(|argument| argument == "--help") {
        return command;
    }
    command.mut_subcommands(|subcommand| subcommand.hide(true)).mut_arg("paths", |paths| paths.hide_short_help(true))
}

/// Prints an error, and says what to exit with: under `--check` that is as GNU has it, if nothing else is.
fn print_for_check(error: &clap::Error) -> Exit {
    let partly = command().ignore_errors(true).try_get_matches();
    let is_check = partly.is_ok_and(|matches| matches.try_get_one("check").is_ok_and(|check| check == Some(&true)));
    if is_check { as_gnu(|| print(error)) } else { print(error) }
}

/// Has refused a command line as GNU has it: without colours, as all else that is said of a check.
fn as_gnu(refuse: impl FnOnce() -> Exit) -> Exit {
    terminal::colour(terminal::When::Never);
    refuse().as_gnu()
}

fn print(error: &clap::Error) -> Exit {
    match (error.use_stderr(), error.print()) {
        (true, _) => Exit::Usage,
        (false, Ok(())) => Exit::Success,
        (false, Err(error)) => Failure::stdout(error).report(),
    }
}

/// Formats name themselves, so that a further one needs no change here.
fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name))
        .try_map(|name| Format::by_name(&name).ok_or("no such format"))
}

/// Algorithms name themselves, too.
fn algorithm_parser() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(Algorithm::ALL.map(Algorithm::name))
        .try_map(|name| Algorithm::by_name(&name).ok_or("no such algorithm"))
}

impl From<Arguments> for Config {
    fn from(arguments: Arguments) -> Config {
        Config {
            names: arguments.files_from.names(),
            layout: arguments.layout(),
            output: arguments.output.clone(),
            json: arguments.json,
            showing: Showing { quiet: arguments.flags.quiet, ..arguments.reading.showing() },
            facts: arguments.facts,
            resume: arguments.resume,
            options: arguments.into_options(),
        }
    }
}

impl Command {
    /// Why it is refused, though each argument by itself is well.
    fn refusal(&self) -> Option<String> {
        match self {
            Command::Audit(arguments) => arguments.refusal(),
            Command::Diff(arguments) => arguments.refusal(),
            Command::Update(arguments) => arguments.refusal(),
            Command::Bag(_) | Command::Etag(_) | Command::Completions(_) | Command::Man(_) => None,
        }
    }

    fn into_task(self) -> Result<Task, Exit> {
        Ok(match self {
            Command::Audit(arguments) => Task::Audit(arguments.into_audit()),
            Command::Diff(arguments) => Task::Diff(arguments.into_diff()),
            Command::Bag(arguments) => arguments.into_task(),
            Command::Etag(arguments) => arguments.into_task(),
            Command::Update(arguments) => arguments.into_task(),
            Command::Completions(arguments) => arguments.into_task(),
            Command::Man(arguments) => return arguments.into_task(),
        })
    }
}

impl Arguments {
    fn into_task(self) -> Result<Task, Exit> {
        if let Some(command) = self.command {
            return command.into_task();
        }
        if !self.flags.check {
            return Ok(Task::Hash(Config::from(self)));
        }
        let (flags, format, showing, json) = (self.flags, self.format, self.reading.showing(), self.json);
        let check = flags.into_check(self.into_options(), format);
        let quiet = matches!(check.voice, Voice::Quiet | Voice::Status);
        Ok(Task::Check(Check { json, showing: Showing { quiet, as_gnu: true, ..showing }, ..check }))
    }

    /// Why the command line is refused, though each argument by itself is well.
    fn refusal(&self) -> Option<String> {
        if let Some(command) = &self.command {
            return command.refusal();
        }
        let flags = self.flags.without_quiet().refusal(self.zero);
        flags.or_else(|| self.refusal_to_select()).or_else(|| self.refusal_of_lines())
    }

    /// Why no lines can be written as they are asked for.
    fn refusal_of_lines(&self) -> Option<String> {
        if self.json && !self.flags.check {
            let is_told = self.format.is_some();
            return is_told.then(|| "--json has a format of its own; --format ndjson makes manifests".to_owned());
        }
        match self.layout().check().err()? {
            refused @ Refused::Algorithms(..) => Some(format!("{refused}; those of --format bsd do")),
            refused => Some(refused.to_string()),
        }
    }

    fn refusal_to_select(&self) -> Option<String> {
        if let Some(refusal) = self.files_from.refusal() {
            return Some(refusal);
        }
        match self.selecting.selection() {
            Ok(selection) if self.flags.check && !selection.is_everything() => {
                Some("the options that select files are meaningless when verifying checksums".to_owned())
            }
            selection => selection.err(),
        }
    }

    /// What is asked for, or else MD5.
    fn algorithms(&self) -> Algorithms {
        if self.algorithm.is_empty() { Algorithms::default() } else { self.algorithm.iter().copied().collect() }
    }

    fn layout(&self) -> Layout {
        let end = if self.zero { LineEnd::Nul } else { LineEnd::Newline };
        Layout::from(self.format()).end(end).algorithms(self.algorithms()).seal(self.seal)
    }

    /// The format that is asked for by its name, or else by a flag.
    fn format(&self) -> Format {
        self.format.unwrap_or_else(|| self.flags.format())
    }

    fn into_options(self) -> Options {
        let algorithms = self.algorithms();
        let default = if self.flags.check { "-" } else { "." };
        let paths = if self.paths.is_empty() { vec![default.into()] } else { self.paths };
        let options = self.reading.into_options(paths.into_iter().map(root));
        let selection = self.selecting.selection().unwrap_or_default(); // or else it was refused
        options.selection(selection).algorithms(algorithms).unordered(self.unordered).fail_fast(self.fail_fast)
    }
}

fn root(path: OsString) -> Root {
    if path == "-" { Root::StandardInput } else { Root::Path(path.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use md5all::{Cache, Links};

    fn config(arguments: &[&str]) -> Result<Config, clap::error::ErrorKind> {
        let line = ["md5all"].iter().chain(arguments);
        Arguments::try_parse_from(line).map(Config::from).map_err(|error| error.kind())
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn nothing_means_the_working_directory_sorted_in_gnu_lines() {
        let config = config(&[]).unwrap();
        assert_eq!(config.options.roots, [Root::from(".")]);
        assert_eq!(config.layout.format, Format::Gnu);
        assert_eq!(config.layout.end, LineEnd::Newline);
        assert_eq!(config.options.links, Links::Skip);
        assert!(!config.options.unordered && !config.options.fail_fast);
        assert_eq!(config.options.cache, Cache::Use);
        assert!(config.output.is_none());
    }

    #[test]
    fn every_flag_arrives() {
        let line = "-z --tag -j 7 -L -x --unordered --fail-fast --no-cache -o out a - b";
        let config = config(&line.split(' ').collect::<Vec<_>>()).unwrap();
        let roots = [Root::from("a"), Root::StandardInput, Root::from("b")];
        assert_eq!(config.options.roots, roots);
        assert_eq!(config.layout.format, Format::Bsd);
        assert_eq!(config.layout.end, LineEnd::Nul);
        assert_eq!(config.options.links, Links::Follow);
        assert_eq!(config.options.jobs.get(), 7);
        assert_eq!(config.options.cache, Cache::Leave);
        assert!(config.options.unordered && config.options.fail_fast && config.options.one_file_system);
        assert_eq!(config.output, Some(PathBuf::from("out")));
    }

    #[test]
    fn algorithms_are_asked_for_in_one_word_or_in_several() {
        use Algorithm::{Blake3, Crc64Nvme, Md5, Sha256};
        let rows: [(&[&str], &[Algorithm]); 5] = [
            (&[], &[Md5]),
            (&["-a", "sha256"], &[Sha256]),
            (&["-a", "sha256,md5,sha256"], &[Md5, Sha256]),
            (&["-amd5", "--algorithm", "sha256"], &[Md5, Sha256]),
            (&["-a", "blake3,crc64nvme", "--tag", "-a=md5"], &[Md5, Blake3, Crc64Nvme]),
        ];
        for (arguments, algorithms) in rows {
            let config = config(arguments).unwrap();
            assert_eq!(config.options.algorithms, algorithms.iter().copied().collect(), "{arguments:?}");
            assert_eq!(config.layout.algorithms, config.options.algorithms);
        }
    }

    #[test]
    fn lines_that_would_not_tell_the_algorithm_are_refused() {
        let rows = [
            ("gnu", "md5,sha1,sha256,sha512", None),
            ("gnu-binary", "sha512", None),
            ("gnu", "blake3", Some("blake3")),
            ("gnu", "md5,crc32c", Some("crc32c")),
            ("gnu-binary", "crc64nvme", Some("crc64nvme")),
            ("gnu", "xxh3", Some("xxh3")),
            ("go", "md5", None),
            ("go", "sha256", Some("sha256")),
            ("go", "md5,sha256", Some("sha256")),
            ("bsd", "md5,sha1,sha256,sha512,blake3,crc32c,crc64nvme,xxh3", None),
        ];
        for (format, list, untold) in rows {
            let line = ["md5all", "--format", format, "-a", list];
            let refusal = Arguments::try_parse_from(line).unwrap().refusal();
            assert_eq!(refusal.is_some(), untold.is_some(), "{line:?}");
            if let (Some(refusal), Some(untold)) = (refusal, untold) {
                let is_told = refusal.contains(&format!("is of {untold};")) && refusal.contains("--format bsd");
                assert!(is_told, "{refusal}");
            }
        }
    }

    #[test]
    fn every_format_can_be_asked_for() {
        for format in Format::ALL {
            let config = config(&["--format", format.name()]).unwrap();
            assert_eq!(config.layout.format, format);
        }
    }

    #[test]
    fn a_ceiling_on_memory_arrives() {
        assert_eq!(config(&["--memory", "16M"]).unwrap().options.memory, Some(16 << 20));
        assert_eq!(config(&[]).unwrap().options.memory, None);
    }

    #[test]
    fn nonsense_is_refused() {
        use clap::error::ErrorKind;
        let rows: [(&[&str], ErrorKind); 11] = [
            (&["--memory", "lots"], ErrorKind::ValueValidation),
            (&["--memory", "1M"], ErrorKind::ValueValidation),
            (&["--nonsense"], ErrorKind::UnknownArgument),
            (&["-j", "0"], ErrorKind::ValueValidation),
            (&["-j", "many"], ErrorKind::ValueValidation),
            (&["--format", "md4"], ErrorKind::InvalidValue),
            (&["--format", "gnu", "--tag"], ErrorKind::ArgumentConflict),
            (&["--check", "--output", "x"], ErrorKind::ArgumentConflict),
            (&["-a", "md4"], ErrorKind::InvalidValue),
            (&["-a", ""], ErrorKind::InvalidValue),
            (&["--check", "-a", "md5"], ErrorKind::ArgumentConflict),
        ];
        for (arguments, kind) in rows {
            assert_eq!(config(arguments).unwrap_err(), kind, "{arguments:?}");
        }
    }
}
