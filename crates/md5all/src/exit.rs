//! What the process exits with: all of it, in one place.

use std::process::ExitCode;

/// What the shell is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Every file was hashed, and its line was written.
    Success = 0,
    /// A file is not what its list says, or a list could not be made out: what `md5sum` exits with if anything is wrong.
    Differs = 1,
    /// Some file was not, or the manifest could not be written.
    Incomplete = 2,
    /// The command line made no sense.
    Usage = 3,
    /// A signal ended it: 128 and the number of `SIGINT`, as shells count.
    Interrupted = 130,
}

impl Exit {
    /// The same where nothing but GNU's `md5sum` is known.
    pub(crate) fn as_gnu(self) -> Exit {
        match self {
            Exit::Incomplete | Exit::Usage => Exit::Differs,
            exit => exit,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
