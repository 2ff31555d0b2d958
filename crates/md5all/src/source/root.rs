//! What was asked for, before anything is known of it.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Where a walk begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// A file, or a directory with all that is in it. A symbolic link is
    /// followed, and a special file is read.
    Path(PathBuf),
    /// What the process has as its standard input; listed as `-`, once.
    StandardInput,
}

impl<P: Into<PathBuf>> From<P> for Root {
    fn from(path: P) -> Root {
        Root::Path(path.into())
    }
}

impl Root {
    /// What it is called: standard input is `-`.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Root::Path(path) => path.as_os_str().as_bytes(),
            Root::StandardInput => b"-",
        }
    }
}
