//! What ends the program early, and how it is said on standard error.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use md5all::Error;

use crate::exit::Exit;
use crate::quote::quote;

/// Why there is no whole manifest.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Hashing ended early: interrupted, or at the first problem.
    Trees(Error),
    /// The manifest could not be written.
    Output {
        /// Where it was to go.
        name: PathBuf,
        /// What was being done to it.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Signals could not be listened to.
    Signals(ctrlc::Error),
}

impl Failure {
    /// Says what happened, if anybody needs to be told, and what to exit with.
    pub(crate) fn report(self) -> Exit {
        match self {
            Failure::Trees(Error::Stopped) => return Exit::Interrupted,
            Failure::Trees(Error::Entry { path, reason }) => {
                complain(path.as_os_str().as_bytes(), &reason);
            }
            // Whoever read the lines has gone, and knows.
            Failure::Output { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => {}
            Failure::Output { name, operation, source } => {
                complain(name.as_os_str().as_bytes(), &format!("cannot {operation}: {}", without_number(&source)))
            }
            Failure::Trees(error) => say(&error.to_string()),
            Failure::Signals(error) => say(&format!("cannot listen for signals: {error}")),
        }
        Exit::Incomplete
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Trees(error)
    }
}

impl From<ctrlc::Error> for Failure {
    fn from(error: ctrlc::Error) -> Failure {
        Failure::Signals(error)
    }
}

/// One line about one path.
pub(crate) fn complain(path: &[u8], reason: &dyn std::fmt::Display) {
    say(&format!("{}: {reason}", quote(path)));
}

/// One line on standard error.
///
/// If even that cannot be written there is nobody left to tell but the shell,
/// which will see the exit status.
pub(crate) fn say(text: &str) {
    let _ = io::stderr().write_all(format!("md5all: {text}\n").as_bytes());
}

/// The system's own words, without the number that `io::Error` appends.
fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
