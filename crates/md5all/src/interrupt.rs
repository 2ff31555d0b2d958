//! Ctrl-C and its kin: stop in good order, or else at once.
//!
//! A signal cancels the pipeline, and the program ends by itself as soon as the
//! workers have seen that. A worker blocked in a read sees nothing, so after
//! [`PATIENCE`] the handler removes the unfinished manifest and leaves without
//! joining anybody. This runs on a thread of its own, not inside the signal, so
//! it may lock and remove files.
//!
//! A signal that the process was started to ignore, as under `nohup`, stays
//! ignored.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, process, thread};

use errgroup::Cancel;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit::Exit;
use crate::failure::complain;
use crate::screen;

/// How long the program has for ending by itself, so that all is over within a
/// tenth of a second.
const PATIENCE: Duration = Duration::from_millis(50);

/// The files that must not be left behind if the program is interrupted.
#[derive(Debug, Default)]
pub(crate) struct Leftover {
    paths: Mutex<Vec<PathBuf>>,
    /// Never notified: the end of the process is what ends the wait.
    never: Condvar,
}

/// Listens for `SIGINT`, `SIGTERM` and `SIGHUP`.
///
/// # Errors
///
/// What the system says about installing the handler, or starting its thread.
pub(crate) fn listen(cancel: Cancel) -> io::Result<Arc<Leftover>> {
    let leftover = Arc::new(Leftover::default());
    let handlers = Arc::clone(&leftover);
    let ignored = ignored();
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & bit(*signal) == 0);
    let mut signals = Signals::new(wanted)?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if signals.forever().next().is_some() {
            cancel.cancel();
            screen::close();
            handlers.leave();
        }
    })?;
    Ok(leftover)
}

/// The signals that are ignored, a bit each, as Linux tells in `/proc`; none where there is no such file.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

impl Leftover {
    /// From now on, `path` is to be removed.
    pub(crate) fn is(&self, path: &Path) {
        self.lock().push(path.to_owned());
    }

    /// Does what makes the file, if it is one of them, more than a leftover. No
    /// interruption comes in between.
    pub(crate) fn settle<T>(&self, file: Option<&Path>, finish: impl FnOnce() -> T) -> T {
        let mut paths = self.lock();
        let result = finish();
        paths.retain(|path| Some(path.as_path()) != file);
        result
    }

    /// Gives the program its time to end, then ends it.
    fn leave(&self) {
        let paths = self.lock();
        let waited = self.never.wait_timeout_while(paths, PATIENCE, |_| true);
        let (paths, _) = waited.unwrap_or_else(PoisonError::into_inner);
        screen::close();
        paths.iter().for_each(|path| remove(path));
        process::exit(Exit::Interrupted as i32);
    }

    /// The paths are whole whoever panicked while holding it.
    fn lock(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
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
