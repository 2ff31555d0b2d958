//! Access times are left alone where the system lets us.
//!
//! To read a file is no use of it that anybody who looks at access times wants to know of, and to write them costs.
//! `O_NOATIME` is allowed to a file's owner and to root, and is an error for everybody else. So files are opened with it
//! where they are likely ours, and what was refused is remembered: by the directory, whose other files are likely
//! somebody else's too, and for root, who may not be allowed all that root is, by the process. So a tree that is not ours
//! costs no second call a file. Nothing here opens a file.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustix::fs::OFlags;
use rustix::process::geteuid;

/// Who we are. Only a guess at what is allowed comes from it: it may change.
static USER: LazyLock<u32> = LazyLock::new(|| geteuid().as_raw());

/// Set where root is refused what only root can ask for: in a container, of files that are not its own.
static ROOT_IS_REFUSED: AtomicBool = AtomicBool::new(false);

/// Set where it was refused of a file that was asked for by name: of the next one it is likely refused too.
static NAMED_ARE_REFUSED: AtomicBool = AtomicBool::new(false);

/// Whether the files in one directory are opened without a trace.
#[derive(Debug)]
pub(crate) struct Traceless {
    is_asked_for: AtomicBool,
    /// What a refusal says beyond this directory.
    beyond: Option<&'static AtomicBool>,
}

impl Traceless {
    /// For the files in a directory that belongs to this user.
    pub(crate) fn in_directory_of(owner: u32) -> Traceless {
        if owner == *USER {
            return Traceless { is_asked_for: AtomicBool::new(true), beyond: None };
        }
        let root_may = *USER == 0 && !ROOT_IS_REFUSED.load(Relaxed);
        Traceless { is_asked_for: AtomicBool::new(root_may), beyond: Some(&ROOT_IS_REFUSED) }
    }

    /// For a file that was asked for by name.
    pub(crate) fn named() -> Traceless {
        let is_asked_for = AtomicBool::new(!NAMED_ARE_REFUSED.load(Relaxed));
        Traceless { is_asked_for, beyond: Some(&NAMED_ARE_REFUSED) }
    }

    /// What to open the next file with beside all else.
    pub(crate) fn flag(&self) -> OFlags {
        if self.is_asked_for.load(Relaxed) { NO_ATIME } else { OFlags::empty() }
    }

    /// It is not allowed.
    pub(crate) fn is_refused(&self) {
        self.is_asked_for.store(false, Relaxed);
        self.beyond.iter().for_each(|refused| refused.store(true, Relaxed));
    }
}

#[cfg(target_os = "linux")]
const NO_ATIME: OFlags = OFlags::NOATIME;

/// No other system has it.
#[cfg(not(target_os = "linux"))]
const NO_ATIME: OFlags = OFlags::empty();

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn in_a_directory_of_ours_it_is_asked_for_until_refused() {
        let ours = Traceless::in_directory_of(*USER);
        assert_eq!(ours.flag(), OFlags::NOATIME);
        ours.is_refused();
        assert_eq!(ours.flag(), OFlags::empty());
        let another = Traceless::in_directory_of(*USER);
        assert_eq!(another.flag(), OFlags::NOATIME, "one directory says nothing of another");
    }

    #[test]
    fn in_a_directory_of_others_only_root_asks() {
        let others = Traceless::in_directory_of(*USER + 1);
        assert_eq!(others.flag() == OFlags::NOATIME, *USER == 0);
    }
}
