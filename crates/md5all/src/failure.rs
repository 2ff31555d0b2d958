//! What ends the program early, and how it is said on standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use errgroup::{ContextError, Stopped};
use md5all::{Error, Operation, Reason};

use crate::exit::Exit;
use crate::json;
use crate::name::name;
use crate::quote::quote;
use crate::screen;
use crate::terminal::{Paint, is_quiet, on_stderr};

/// Why there is no whole manifest.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Hashing ended early: interrupted, or at the first problem.
    Trees(Error),
    /// The manifest, which was to go to the path, could not be written.
    Output(PathBuf, Reason),
    /// Standard output could not be written.
    Stdout(Reason),
    /// Signals could not be listened to.
    Signals(io::Error),
}

/// What standard output is called where it could not be written.
const STANDARD_OUTPUT: &[u8] = b"standard output";

impl Failure {
    /// The manifest `name` could not be made or written; without a name, it goes to standard output.
    pub(crate) fn output(name: impl Into<Option<PathBuf>>, operation: Operation, source: io::Error) -> Failure {
        let reason = Reason::System { operation, source };
        match name.into() {
            Some(name) => Failure::Output(name, reason),
            None => Failure::Stdout(reason),
        }
    }

    /// Standard output could not be written.
    pub(crate) fn stdout(source: io::Error) -> Failure {
        Failure::output(None, Operation::Write, source)
    }

    /// The same as [`report`](Self::report); in JSON, what is about a path is an object as well.
    pub(crate) fn report_in(self, json: bool) -> Exit {
        let told = match &self {
            Failure::Trees(Error::Entry { path, reason }) | Failure::Output(path, reason) if json => {
                json::tell(path.as_os_str().as_bytes(), reason)
            }
            _ => Ok(()),
        };
        let exit = self.report();
        match told {
            Ok(()) => exit,
            Err(error) => Failure::stdout(error).report(),
        }
    }

    /// Says what happened, if anybody needs to be told, and what to exit with.
    pub(crate) fn report(self) -> Exit {
        match self {
            Failure::Trees(Error::Stopped(stopped)) if is_interrupt(&stopped) => return Exit::Interrupted,
            // Whoever read the lines has gone, and knows.
            Failure::Output(_, reason) | Failure::Stdout(reason) if reason.kind() == ErrorKind::BrokenPipe => {}
            Failure::Trees(Error::Entry { path, reason }) | Failure::Output(path, reason) => {
                complain(path.as_os_str().as_bytes(), &reason);
            }
            Failure::Stdout(reason) => complain(STANDARD_OUTPUT, &reason),
            Failure::Trees(error @ (Error::Scarce(_) | Error::Unfit(_))) => {
                say(error.to_string());
                return Exit::Usage;
            }
            Failure::Trees(error) => say(error.to_string()),
            Failure::Signals(error) => say(format!("cannot listen for signals: {error}")),
        }
        Exit::Incomplete
    }
}

/// Whether a signal stopped it, and no mistake of ours: nobody need be told of that.
fn is_interrupt(stopped: &Stopped) -> bool {
    stopped.cause().downcast_ref() == Some(&ContextError::Canceled)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Trees(error)
    }
}

/// One line about one path.
pub(crate) fn complain(path: &[u8], reason: &dyn Display) {
    say(format!("{}: {reason}", quote(path)));
}

/// One line on standard error, above what is drawn there.
pub(crate) fn say(text: impl AsRef<[u8]>) {
    write_line(Paint::Red, text.as_ref());
}

/// The same of what is no problem, unless nobody wants to know.
pub(crate) fn note(text: impl AsRef<[u8]>) {
    if !is_quiet() {
        answer(text);
    }
}

/// The same of what somebody has asked for.
pub(crate) fn answer(text: impl AsRef<[u8]>) {
    write_line(Paint::Cyan, text.as_ref());
}

fn write_line(paint: Paint, text: &[u8]) {
    let prefix = on_stderr(paint, &[&name().text, &b":"[..]].concat());
    screen::say(&[&prefix, &b" "[..], text, b"\n"].concat());
}

#[cfg(test)]
mod tests {
    use super::*;
    use errgroup::Context;

    /// A bug in the pipeline once ended a run early, and it looked as if somebody had wanted that.
    #[test]
    fn only_a_signal_is_an_interrupt() {
        let (ctx, cancel) = Context::background().with_cancel();
        cancel.cancel();
        assert_eq!(Failure::Trees(ctx.check().unwrap_err().into()).report(), Exit::Interrupted);

        let (ctx, cancel) = Context::background().with_cancel();
        cancel.cancel_with("a ticket was dropped");
        assert_eq!(Failure::Trees(ctx.check().unwrap_err().into()).report(), Exit::Incomplete);
    }
}
