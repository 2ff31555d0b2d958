//! What the process exits with: all of it, in one place.

use std::process::ExitCode;

/// What the shell is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Every file was hashed, and its line was written.
    Success = 0,
    /// Some file was not, or the manifest could not be written.
    Incomplete = 2,
    /// The command line made no sense.
    Usage = 3,
    /// A signal ended it: 128 and the number of `SIGINT`, as shells count.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
