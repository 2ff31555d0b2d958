//! A file that takes the place of another, whole or not at all: [`Replacement`].
//!
//! It is written beside that, without a name where the file system can do that (`O_TMPFILE`) and under a temporary one
//! where not, and takes its place only once every byte is on disk. Until then the old one is what it was, and if anything
//! goes wrong the new one is gone: one without a name even after `kill -9`, and no other run ever comes across it. That it
//! has taken its place is on disk once its directory is: after a power cut before that, the old one may be back, whole. What
//! is written is decided elsewhere.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat};
use rustix::io::Errno;
use tempfile::{Builder, NamedTempFile, PersistError};

use crate::source::FileId;

/// A manifest under way, say, that replaces the old one at the end. It is what is written to it; dropped, it leaves nothing.
///
/// Writes are not buffered.
///
/// # Examples
///
/// ```
/// use std::io::Write;
///
/// use md5all::Replacement;
///
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("MD5SUMS");
/// std::fs::write(&path, "old")?;
/// let mut new = Replacement::of(&path)?;
/// new.write_all(b"new")?;
/// assert_eq!(std::fs::read(&path)?, b"old");
/// new.commit()?;
/// assert_eq!(std::fs::read(&path)?, b"new");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Replacement {
    file: Unfinished,
    /// Its place, behind all links.
    path: PathBuf,
    files: Vec<FileId>,
}

/// A [`Replacement`] that is in its place, which may not be on disk yet.
#[derive(Debug)]
#[must_use = "a power cut may undo it until it is synced"]
pub struct Placed {
    path: PathBuf,
}

/// A file that is not yet in its place.
#[derive(Debug)]
enum Unfinished {
    Unnamed(File),
    Named(NamedTempFile),
}

impl Replacement {
    /// A new file, empty, for what `path` names, which need not be there. Links are followed. Owner and permissions are those
    /// of the old one, as far as that is allowed; or those that any new file would have.
    ///
    /// # Errors
    ///
    /// What the system says; and `InvalidInput` if there is something that is no regular file, which cannot be replaced.
    pub fn of(path: &Path) -> io::Result<Replacement> {
        match fs::metadata(path) {
            Ok(old) if old.is_file() => Replacement::beside(fs::canonicalize(path)?, Some(&old)),
            Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file, and cannot be replaced")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Replacement::beside(behind_links(path)?, None),
            Err(error) => Err(error),
        }
    }

    fn beside(path: PathBuf, old: Option<&Metadata>) -> io::Result<Replacement> {
        let file = Unfinished::beside(&path)?;
        let mut files = vec![FileId::from(&file.as_file().metadata()?)];
        if let Some(old) = old {
            // Only the superuser can give a file away; for others the owner is who writes, as with any new file. To a group
            // of his own anybody can.
            let give = |owner| fchown(file.as_file(), owner, Some(old.gid()));
            let _ = give(Some(old.uid())).or_else(|_| give(None));
            file.as_file().set_permissions(old.permissions())?;
            files.push(FileId::from(old));
        }
        Ok(Replacement { file, path, files })
    }

    /// The new file, and the old one if there is one: who lists the tree that they lie in
    /// [excludes](crate::Options::exclude) them.
    #[must_use]
    pub fn files(&self) -> &[FileId] {
        &self.files
    }

    /// The name that the new file has for the time being, if it has one. Whoever ends the process without dropping this
    /// should remove it.
    #[must_use]
    pub fn temporary(&self) -> Option<&Path> {
        match &self.file {
            Unfinished::Unnamed(_) => None,
            Unfinished::Named(file) => Some(file.path()),
        }
    }

    /// Puts it in its place, once it is on disk, and blocks until that is on disk as well.
    ///
    /// # Errors
    ///
    /// What the system says: the old file is still in its place, unless the error comes from [`Placed::sync`]. If all that
    /// was missing was the name, what was written is kept, and the error says where.
    pub fn commit(self) -> io::Result<()> {
        self.sync()?;
        self.put()?.sync()
    }

    /// Blocks until all that was written is on disk.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn sync(&self) -> io::Result<()> {
        self.file.as_file().sync_all()
    }

    /// Puts it in its place, on disk or not: for who has called [`sync`](Self::sync), and does not want to wait for it here.
    ///
    /// # Errors
    ///
    /// What the system says, as for [`commit`](Self::commit): the old file is still in its place.
    pub fn put(self) -> io::Result<Placed> {
        let Replacement { file, path, .. } = self;
        file.put(&path)?;
        Ok(Placed { path })
    }
}

impl Placed {
    /// Blocks until no power cut brings back the file that it has replaced, as far as the file system can tell.
    ///
    /// # Errors
    ///
    /// What the system says of its directory: the new file is in its place, but may not stay there.
    pub fn sync(&self) -> io::Result<()> {
        let said = |error: io::Error| {
            io::Error::new(error.kind(), format!("{error}; it is in its place, but may not be on disk"))
        };
        sync_names(directory_of(&self.path)).map_err(said)
    }
}

/// Blocks until the names in a directory are on disk; does nothing where that cannot be asked for.
///
/// # Errors
///
/// What the system says.
pub(crate) fn sync_names(directory: &Path) -> io::Result<()> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    match synced.as_ref().map_err(Errno::from_io_error) {
        // Who may write to it need not be allowed to read it; and how file systems say that they know no such thing.
        Err(Some(Errno::ACCESS | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::BADF)) => Ok(()),
        _ => synced,
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unfinished {
    /// A new file in the directory of `path`, with the permissions that any new
    /// file would have.
    fn beside(path: &Path) -> io::Result<Unfinished> {
        // Where there can be none without a name, for whatever reason, one with a name tells why there cannot.
        Unfinished::unnamed(path).map(Unfinished::Unnamed).or_else(|_| Unfinished::named(path).map(Unfinished::Named))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn unnamed(path: &Path) -> io::Result<File> {
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(directory_of(path), flags, Mode::from_raw_mode(0o666))?.into())
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn unnamed(_path: &Path) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn named(path: &Path) -> io::Result<NamedTempFile> {
        names().permissions(Permissions::from_mode(0o666)).tempfile_in(directory_of(path))
    }

    fn as_file(&self) -> &File {
        match self {
            Unfinished::Unnamed(file) => file,
            Unfinished::Named(file) => file.as_file(),
        }
    }

    /// Makes it the file at `path`.
    fn put(self, path: &Path) -> io::Result<()> {
        match self {
            // A file can be linked to a free name only, and only renamed over one that is taken.
            Unfinished::Unnamed(file) => match link(&file, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    rename(names().make_in(directory_of(path), |name| link(&file, name))?, path)
                }
                linked => linked,
            },
            Unfinished::Named(file) => rename(file, path),
        }
    }
}

/// What was computed is not thrown away for want of its name.
fn rename<F>(file: NamedTempFile<F>, path: &Path) -> io::Result<()> {
    let Err(PersistError { error, file }) = file.persist(path) else { return Ok(()) };
    let (_, kept) = file.keep()?;
    Err(io::Error::new(error.kind(), format!("{error}; what was written is in {}", kept.display())))
}

/// Gives an open file without a name a name.
fn link(file: &File, name: &Path) -> io::Result<()> {
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, open, CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

fn names() -> Builder<'static, 'static> {
    let mut names = Builder::new();
    names.prefix(".md5all-");
    names
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Where a file made under this name would be: links that lead nowhere yet are followed.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // A loop of links was told by `metadata`; this ends.
    while let Ok(target) = fs::read_link(&path) {
        path = directory_of(&path).join(target);
    }
    match path.as_os_str().as_encoded_bytes() {
        [.., b'/'] | [.., b'/', b'.'] | [b'.'] | [.., b'/', b'.', b'.'] => Err(Errno::ISDIR.into()),
        _ => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both kinds, since a file system has one or the other.
    fn kinds(path: &Path) -> [Unfinished; 2] {
        [Unfinished::Named(Unfinished::named(path).unwrap()), Unfinished::beside(path).unwrap()]
    }

    fn names_in(directory: &Path) -> usize {
        fs::read_dir(directory).unwrap().count()
    }

    #[test]
    fn an_unfinished_file_takes_the_place_of_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        for (round, file) in kinds(&path).into_iter().enumerate() {
            let text = format!("round {round}");
            file.as_file().write_all(text.as_bytes()).unwrap();
            file.put(&path).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names_in(dir.path()), 1);
    }

    #[test]
    fn an_unfinished_file_that_is_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(kinds(&dir.path().join("list")));
        assert_eq!(names_in(dir.path()), 0);
    }

    /// As `fsync` says of directories in `/proc`, which know no disk.
    #[test]
    fn a_file_system_that_knows_no_disk_is_no_error_and_no_directory_is_one() {
        let dir = tempfile::tempdir().unwrap();
        assert!(sync_names(dir.path()).is_ok());
        if cfg!(target_os = "linux") {
            let refused = rustix::fs::fsync(File::open("/proc/self").unwrap());
            assert_eq!(refused, Err(Errno::INVAL));
            assert!(sync_names(Path::new("/proc/self")).is_ok());
        }
        assert_eq!(sync_names(&dir.path().join("gone")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    /// Where it was put is looked for anew: it may be gone by then.
    #[test]
    fn what_was_put_is_synced_with_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("below");
        fs::create_dir(&below).unwrap();
        let placed = Replacement::of(&below.join("list")).unwrap().put().unwrap();
        placed.sync().unwrap();
        fs::rename(&below, dir.path().join("moved")).unwrap();
        assert_eq!(placed.sync().unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_directory_of_a_bare_name_is_the_working_directory() {
        assert_eq!(directory_of(Path::new("list")), Path::new("."));
        assert_eq!(directory_of(Path::new("a/list")), Path::new("a"));
        assert_eq!(directory_of(Path::new("/list")), Path::new("/"));
    }
}
