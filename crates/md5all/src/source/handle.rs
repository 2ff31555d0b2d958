//! How to get at a file: what is said of it before anybody has opened it.

use std::sync::Arc;

use super::local::Folder;
use super::{Devices, Wait};

/// How to get at what is to be read.
#[derive(Debug)]
pub(crate) enum Handle {
    /// It was listed in this open directory: never block on it.
    Listed(Arc<Folder>),
    /// It was asked for by name: read whatever it is.
    Named,
    /// It was asked for by name, and its directory is open: as above.
    Beside(Arc<Folder>),
    /// It is open already: the process's standard input.
    StandardInput,
    /// It is the process's standard input, of which all was read.
    Spent,
}

impl Handle {
    /// Whether a worker that does not wait does not even look at it: what lies far away, or may; and what lies where the
    /// last files were not in memory.
    pub(crate) fn is_left_by(&self, wait: Wait, devices: &Devices) -> bool {
        if wait != Wait::No {
            return false;
        }
        match self {
            Handle::Listed(folder) => folder.device.is_far() || folder.device.patience().is_out(),
            Handle::Beside(folder) => folder.device.is_far(),
            // Which of several devices it lies on would be one more question for each.
            Handle::Named => devices.some_are_far(),
            Handle::StandardInput | Handle::Spent => false,
        }
    }
}
