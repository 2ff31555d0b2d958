//! What is there, where a walk met no file: nothing, or something that is no file, or something that it should have met.
//!
//! Asked for name after name, in order, so that what is known of the directories of one holds for the next: a directory
//! that is gone is asked for once, however many files were in it. Nothing is opened but directories, and those only where
//! a path is too long for the system. It blocks as `stat` does.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use crate::comparison::{Absence, Unread};
use crate::error::{Operation, Reason};
use crate::source::Links;

/// What the system takes of a path in one piece, with the NUL behind it: `PATH_MAX` of Linux.
const LONGEST_PATH: usize = 4096;

/// Looks for files below one root.
#[derive(Debug)]
pub(crate) struct Lookout {
    /// What paths begin with, up to the first part that is not the root's.
    root: usize,
    links: Links,
    /// A directory that is reached through directories only.
    real: Vec<u8>,
    /// A path that is no directory, with a `/` behind it: nothing lies below.
    gone: Option<Vec<u8>>,
}

impl Lookout {
    /// Below a root of so many bytes, the `/` behind it among them. Links among directories are what the walk took them
    /// for.
    pub(crate) fn new(root: usize, links: Links) -> Lookout {
        Lookout { root, links, real: Vec::new(), gone: None }
    }

    /// What is at `path`, where no file was met.
    pub(crate) fn look(&mut self, path: &[u8]) -> Absence {
        if self.gone.as_ref().is_some_and(|gone| path.starts_with(gone)) {
            return Absence::Missing;
        }
        match self.enter(path).and_then(|()| kind_of(path, Links::Skip)) {
            Ok(FileType::RegularFile) => Absence::Unreadable(Unread::Unmet),
            Ok(_) => Absence::Replaced,
            Err(Errno::NOENT | Errno::NOTDIR) => Absence::Missing,
            Err(error) => Absence::Unreadable(Unread::Failed(Reason::system(Operation::Stat, error))),
        }
    }

    /// Makes sure of all directories above `path`.
    fn enter(&mut self, path: &[u8]) -> Result<(), Errno> {
        let parent = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        let below = self.root.min(parent);
        for end in (below..=parent).filter(|&at| at > self.root && path[at] == b'/') {
            if self.real.starts_with(&path[..end]) && matches!(self.real.get(end), None | Some(b'/')) {
                continue;
            }
            let kind = kind_of(&path[..end], self.links);
            if matches!(kind, Ok(FileType::Directory)) {
                self.real = path[..end].to_vec();
                continue;
            }
            if matches!(kind, Ok(_) | Err(Errno::NOENT | Errno::NOTDIR)) {
                self.gone = Some(path[..=end].to_vec());
            }
            return Err(kind.err().unwrap_or(Errno::NOTDIR));
        }
        Ok(())
    }
}

/// What is at `path`, in as many steps as it is too long for one.
fn kind_of(mut path: &[u8], links: Links) -> Result<FileType, Errno> {
    let mut base: Option<OwnedFd> = None;
    while path.len() >= LONGEST_PATH {
        let end = path[..LONGEST_PATH - 1].iter().rposition(|&byte| byte == b'/').ok_or(Errno::NAMETOOLONG)? + 1;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let below = base.as_ref().map_or(CWD, AsFd::as_fd);
        base = Some(openat(below, &path[..end], flags, Mode::empty())?);
        path = &path[end..];
    }
    let flags = if links == Links::Follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    let stat = statat(base.as_ref().map_or(CWD, AsFd::as_fd), path, flags)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    #[test]
    fn each_kind_is_told_whatever_was_asked_for_before() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("dir/deep")).unwrap();
        fs::write(root.join("dir/deep/file"), "").unwrap();
        fs::write(root.join("file"), "").unwrap();
        symlink("dir", root.join("link")).unwrap();
        let rows = [
            ("dir", "Replaced"),
            ("dir/deep", "Replaced"),
            ("dir/deep/file", "Unmet"),
            ("dir/deep/none", "Missing"),
            ("dir/none/x", "Missing"),
            ("file/x", "Missing"),
            ("link", "Replaced"),
            ("link/deep/file", "Missing"),
            ("link/deep/none", "Missing"),
            ("none", "Missing"),
            ("none/a/b", "Missing"),
            ("none/c", "Missing"),
        ];
        let told = |lookout: &mut Lookout, name: &str| match lookout.look(root.join(name).as_os_str().as_bytes()) {
            Absence::Missing => "Missing",
            Absence::Replaced => "Replaced",
            Absence::Unreadable(Unread::Unmet) => "Unmet",
            other => panic!("{name}: {other:?}"),
        };
        let length = root.as_os_str().len() + 1;
        for (name, expected) in rows {
            for (other, _) in rows {
                let mut lookout = Lookout::new(length, Links::Skip);
                told(&mut lookout, other);
                assert_eq!(told(&mut lookout, name), expected, "{name} after {other}");
            }
        }
        // The links that a walk followed are directories like others.
        let mut lookout = Lookout::new(length, Links::Follow);
        assert_eq!(told(&mut lookout, "link/deep/none"), "Missing");
        assert_eq!(told(&mut lookout, "link/deep/file"), "Unmet");
    }
}
