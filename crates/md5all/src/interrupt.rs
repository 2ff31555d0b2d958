//! Ctrl-C and its kin: stop in good order, or else at once.
//!
//! A signal cancels the pipeline, and the program ends by itself as soon as the
//! workers have seen that. A worker blocked in a read sees nothing, so after
//! [`PATIENCE`] the handler removes the unfinished manifest and leaves without
//! joining anybody. The handler runs on a thread of `ctrlc`'s, not inside the
//! signal, so it may lock and remove files.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use errgroup::Cancel;

use crate::exit::Exit;
use crate::failure::complain;

/// How long the program has for ending by itself, so that all is over within a
/// tenth of a second.
const PATIENCE: Duration = Duration::from_millis(80);

/// The file that must not be left behind if the program is interrupted.
#[derive(Debug, Default)]
pub(crate) struct Leftover {
    path: Mutex<Option<PathBuf>>,
    /// Never notified: the end of the process is what ends the wait.
    never: Condvar,
}

/// Listens for `SIGINT`, `SIGTERM` and `SIGHUP`.
///
/// # Errors
///
/// What the system says about installing the handler.
pub(crate) fn listen(cancel: Cancel) -> Result<Arc<Leftover>, ctrlc::Error> {
    let leftover = Arc::new(Leftover::default());
    let handlers = Arc::clone(&leftover);
    ctrlc::set_handler(move || {
        cancel.cancel();
        handlers.leave();
    })?;
    Ok(leftover)
}

impl Leftover {
    /// From now on, `path` is to be removed.
    pub(crate) fn is(&self, path: &Path) {
        *self.lock() = Some(path.to_owned());
    }

    /// Does what makes the file more than a leftover. No interruption comes in
    /// between.
    pub(crate) fn settle<T>(&self, finish: impl FnOnce() -> T) -> T {
        let mut path = self.lock();
        let result = finish();
        *path = None;
        result
    }

    /// Gives the program its time to end, then ends it.
    fn leave(&self) {
        let path = self.lock();
        let waited = self.never.wait_timeout_while(path, PATIENCE, |_| true);
        let (path, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = path.as_deref() {
            remove(path);
        }
        process::exit(Exit::Interrupted as i32);
    }

    /// The path is whole whoever panicked while holding it.
    fn lock(&self) -> MutexGuard<'_, Option<PathBuf>> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        // The program was about to end by itself, and had come this far.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => complain(path.as_os_str().as_bytes(), &error),
    }
}
