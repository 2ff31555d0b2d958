//! What went wrong, as facts: the operation, the path and the cause.
//!
//! A [`Reason`] says what kept one file or directory from being hashed and does
//! not know which one it was; an [`Error`] adds the path. How a path is made
//! fit for a terminal, and what the process exits with, is the program's affair.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use errgroup::Stopped;

/// Why hashing trees ended early.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be hashed, and the caller wanted to stop at that.
    Entry {
        /// The path as it would have been listed.
        path: PathBuf,
        /// What happened.
        reason: Reason,
    },
    /// The context was cancelled before everything was hashed; with its cause.
    Stopped(Stopped),
    /// There is too little to work with: nothing was begun.
    Scarce(Scarce),
    /// The selection is not one that trees can be compared by: nothing was begun.
    Unfit(Unfit),
}

/// What makes a [`Selection`](crate::Selection) unfit for comparing: whether a file that is gone, or has changed, would have
/// been left out, nobody can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// It goes by `.gitignore` files.
    Gitignore,
    /// It goes by size.
    Size,
}

/// What there is too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scarce {
    /// File descriptors.
    Descriptors {
        /// How many the process may have.
        limit: usize,
        /// The least limit that works, with what is open now.
        least: usize,
    },
    /// Memory, by the ceiling that was set.
    Memory {
        /// The least that works, in bytes.
        least: usize,
    },
}

/// What kept one file or directory from being hashed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The operating system refused an operation.
    System {
        /// What was being done.
        operation: Operation,
        /// What the system said.
        source: io::Error,
    },
    /// Size, modification time or change time moved between opening the file
    /// and reading its end.
    Changed,
    /// The file ended before or after the length it claims, with nothing to
    /// show that it was changed meanwhile.
    Length {
        /// Bytes that were read.
        read: u64,
        /// Bytes that its size promises.
        size: u64,
    },
    /// The directory is one of its own ancestors.
    Loop {
        /// The path under which it was entered first.
        ancestor: PathBuf,
    },
    /// Another directory has taken this one's place since it was listed.
    Moved,
    /// How long it is, which would have to be known, shows only when all of it was read.
    Unsized,
    /// It is a manifest, and its seal is broken.
    Seal(Flaw),
}

/// What was being done when the operating system refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Finding out what a path is.
    Stat,
    /// Opening a file.
    Open,
    /// Opening a directory.
    OpenDirectory,
    /// Reading the names in a directory.
    List,
    /// Reading a file.
    Read,
    /// Making a manifest.
    Create,
    /// Writing a manifest.
    Write,
    /// Moving a file to another place.
    Move,
    /// Reading the `.gitignore` of a directory, or one above a root.
    ReadRules,
}

/// How a manifest shows that it is not one to go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// The seal at its end is not there.
    CutShort,
    /// The first line does not say that there is a seal, and there is one.
    Headless,
    /// What is before the seal is not what was sealed.
    Changed,
    /// Something follows the seal.
    Continued,
    /// Sealed or not: its first lines are of one format, and others of another, so that it may have been read as what it is
    /// not. Only of a manifest whose format was not asked for.
    Ambiguous,
}

impl Error {
    /// The path the error is about; `None` when it is about no one path.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Error::Entry { path, .. } => Some(path),
            Error::Stopped(_) | Error::Scarce(_) | Error::Unfit(_) => None,
        }
    }

    /// The kind of the system's error behind this one.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Error::Entry { reason, .. } => reason.kind(),
            Error::Stopped(stopped) => io::Error::from(stopped.clone()).kind(),
            Error::Scarce(_) => io::ErrorKind::OutOfMemory,
            Error::Unfit(_) => io::ErrorKind::InvalidInput,
        }
    }
}

impl Reason {
    /// The system refused `operation`.
    pub(crate) fn system(operation: Operation, source: impl Into<io::Error>) -> Reason {
        Reason::System { operation, source: source.into() }
    }

    /// The same, for another name of the same file.
    pub(crate) fn again(&self) -> Reason {
        match self {
            Reason::System { operation, source } => {
                let source = source.raw_os_error().map_or_else(|| source.kind().into(), io::Error::from_raw_os_error);
                Reason::System { operation: *operation, source }
            }
            Reason::Changed => Reason::Changed,
            Reason::Length { read, size } => Reason::Length { read: *read, size: *size },
            Reason::Loop { ancestor } => Reason::Loop { ancestor: ancestor.clone() },
            Reason::Moved => Reason::Moved,
            Reason::Unsized => Reason::Unsized,
            Reason::Seal(flaw) => Reason::Seal(*flaw),
        }
    }

    /// Whether it is about what is in a file, and so about all its names: not about how it was got at, and not about when.
    pub(crate) fn is_of_contents(&self) -> bool {
        match self {
            Reason::System { operation, .. } => matches!(operation, Operation::Stat | Operation::Read),
            Reason::Length { .. } => true,
            Reason::Changed | Reason::Loop { .. } | Reason::Moved | Reason::Unsized | Reason::Seal(_) => false,
        }
    }

    /// What happened, without what was being done.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Reason::System { source, .. } => system_text(source),
            other => other.to_string(),
        }
    }

    /// The kind of the system's error behind this reason.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Reason::System { source, .. } => source.kind(),
            Reason::Changed | Reason::Length { .. } | Reason::Seal(_) => io::ErrorKind::InvalidData,
            Reason::Loop { .. } | Reason::Moved | Reason::Unsized => io::ErrorKind::Other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Entry { path, reason } => write!(f, "{}: {reason}", path.display()),
            Error::Stopped(stopped) => write!(f, "stopped before everything was hashed: {stopped}"),
            Error::Scarce(scarce) => scarce.fmt(f),
            Error::Unfit(unfit) => unfit.fmt(f),
        }
    }
}

impl fmt::Display for Scarce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scarce::Descriptors { limit, least } => {
                write!(
                    f,
                    "too few files may be open: the limit is {limit} (ulimit -n), and the least that works is {least}"
                )
            }
            Scarce::Memory { least } => {
                write!(f, "too little memory: the least that works is {} KiB", least.div_ceil(1024))
            }
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Unfit::Gitignore => "what .gitignore files say",
            Unfit::Size => "size",
        };
        write!(
            f,
            "nothing can be compared that is selected by {what}: it does not tell which of the files are meant that are gone"
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::System { operation, source } => {
                write!(f, "cannot {operation}: {}", system_text(source))
            }
            Reason::Changed => f.write_str("file changed while it was read"),
            Reason::Length { read, size } => {
                write!(f, "{read} bytes were read, but its size is {size}")
            }
            Reason::Loop { ancestor } => {
                write!(f, "directory loop: same directory as {ancestor:?}")
            }
            Reason::Moved => f.write_str("no longer the directory that was listed"),
            Reason::Unsized => f.write_str("its size is not known before it is read"),
            Reason::Seal(flaw) => flaw.fmt(f),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Stat => "stat",
            Operation::Open => "open",
            Operation::OpenDirectory => "open directory",
            Operation::List => "list directory",
            Operation::Read => "read",
            Operation::Create => "create",
            Operation::Write => "write",
            Operation::Move => "move",
            Operation::ReadRules => "read .gitignore",
        })
    }
}

// Neither has a source: the text names the cause already, and a report of the whole chain would say it again.
impl std::error::Error for Error {}

impl std::error::Error for Reason {}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::new(error.kind(), error)
    }
}

impl From<Scarce> for Error {
    fn from(scarce: Scarce) -> Error {
        Error::Scarce(scarce)
    }
}

impl From<Unfit> for Error {
    fn from(unfit: Unfit) -> Error {
        Error::Unfit(unfit)
    }
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Error {
        Error::Stopped(stopped)
    }
}

/// The system's own words, without the number that `io::Error` puts behind them
/// and what a library may have added to that.
pub(crate) fn system_text(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.find(" (os error ") {
        text.truncate(end);
    }
    text
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Flaw::CutShort => "the seal is broken: the list was cut short",
            Flaw::Headless => "the seal is broken: the beginning of the list is missing",
            Flaw::Changed => "the seal is broken: the list was changed",
            Flaw::Continued => "the seal is broken: something follows it",
            Flaw::Ambiguous => "its lines are of more than one format: say which with --format",
        })
    }
}

impl std::error::Error for Flaw {}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> Error {
        Error::Entry {
            path: PathBuf::from("some/file"),
            reason: Reason::system(Operation::Open, io::Error::from_raw_os_error(2)),
        }
    }

    #[test]
    fn says_path_operation_and_cause() {
        assert_eq!(missing().to_string(), "some/file: cannot open: No such file or directory");
    }

    #[test]
    fn keeps_its_kind_as_an_io_error() {
        let error = io::Error::from(missing());
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with("some/file: "));
    }

    #[test]
    fn a_loop_names_where_it_leads() {
        let reason = Reason::Loop { ancestor: PathBuf::from("a\nb") };
        assert_eq!(reason.to_string(), r#"directory loop: same directory as "a\nb""#);
    }
}
