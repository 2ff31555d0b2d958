//! Where the manifest goes: standard output, or a file that is replaced whole.
//!
//! A file is written beside itself, without a name where the file system can do
//! that (`O_TMPFILE`) and under a temporary one where not, and takes its place
//! only once every byte is on disk. Until then the old one is what it was, and
//! if anything goes wrong the new one is gone: one without a name even after
//! `kill -9`, and no other run ever comes across it. What is written is decided
//! elsewhere.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use md5all::{FileId, Operation};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat};
use tempfile::{Builder, NamedTempFile, PersistError};

use crate::failure::Failure;
use crate::interrupt::Leftover;

/// What names standard output.
const STANDARD_OUTPUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Where a name is that of a descriptor, not of a file that could be replaced.
const DESCRIPTORS: [&str; 3] = ["/dev/stderr", "/dev/fd", "/proc"];

/// An open destination.
#[derive(Debug)]
pub(crate) struct Output {
    /// What it is called in messages.
    name: PathBuf,
    target: Target,
    /// The files that are, or were, or will be the manifest.
    files: Vec<FileId>,
}

#[derive(Debug)]
enum Target {
    /// Written as it stands: standard output, or a device or FIFO by name.
    Direct(File),
    /// Written beside `path`, and renamed to it at the end.
    Replace { file: Unfinished, path: PathBuf, leftover: Arc<Leftover> },
}

/// A file that is not yet in its place.
#[derive(Debug)]
enum Unfinished {
    Unnamed(File),
    Named(NamedTempFile),
}

impl Output {
    /// Opens `path`, or standard output if there is none.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being opened, or a file from being made beside it.
    pub(crate) fn open(path: Option<PathBuf>, leftover: Arc<Leftover>) -> Result<Output, Failure> {
        let name = path.clone().unwrap_or_else(|| "standard output".into());
        let opened = match path {
            None => standard_output(),
            Some(path) => by_name(&path, leftover),
        };
        match opened {
            Ok((target, files)) => Ok(Output { name, target, files }),
            Err(error) => Err(Failure::output(name, Operation::Create, error)),
        }
    }

    /// The files that must not be listed in this manifest.
    pub(crate) fn files(&self) -> Vec<FileId> {
        self.files.clone()
    }

    /// Whether it takes its place at the end, and so is nothing before.
    pub(crate) fn replaces(&self) -> bool {
        matches!(self.target, Target::Replace { .. })
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    /// Whether somebody is looking on, who wants each line at once.
    pub(crate) fn is_watched(&self) -> bool {
        matches!(&self.target, Target::Direct(file) if file.is_terminal())
    }

    /// Makes what was written the manifest.
    ///
    /// # Errors
    ///
    /// The old manifest, if there was one, is still in its place.
    pub(crate) fn commit(self) -> io::Result<()> {
        match self.target {
            Target::Direct(_) => Ok(()),
            Target::Replace { file, path, leftover } => {
                file.as_file().sync_all()?;
                let unfinished = file.path().map(Path::to_owned);
                leftover.settle(unfinished.as_deref(), || file.put(&path))
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Direct(file) => file.write(bytes),
            Target::Replace { file, .. } => file.as_file().write(bytes),
        }
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

    /// The name that must not be left behind.
    fn path(&self) -> Option<&Path> {
        match self {
            Unfinished::Unnamed(_) => None,
            Unfinished::Named(file) => Some(file.path()),
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

/// Standard output itself, not the standard library's, which would look for
/// line ends in all that passes. One that was closed is `/dev/null` by now, opened by the standard library for both
/// directions; it cannot be told from one that somebody redirected there in the same way, as Python does, and is written to.
fn standard_output() -> io::Result<(Target, Vec<FileId>)> {
    let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let files = regular_id(&file)?;
    Ok((Target::Direct(file), files))
}

fn by_name(path: &Path, leftover: Arc<Leftover>) -> io::Result<(Target, Vec<FileId>)> {
    if STANDARD_OUTPUT.iter().any(|name| path == Path::new(name)) {
        return standard_output();
    }
    if DESCRIPTORS.iter().any(|place| path.starts_with(place)) {
        // Whoever opened it goes on with it: what it holds stays, and it stays the file that it is.
        let file = OpenOptions::new().append(true).open(path)?;
        let files = regular_id(&file)?;
        return Ok((Target::Direct(file), files));
    }
    match fs::metadata(path) {
        Ok(old) if old.is_file() => replace(&fs::canonicalize(path)?, Some(&old), leftover),
        // To rename a file over /dev/null would be the end of /dev/null.
        Ok(_) => Ok((Target::Direct(OpenOptions::new().write(true).open(path)?), Vec::new())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => replace(&behind_links(path)?, None, leftover),
        Err(error) => Err(error),
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
        [.., b'/'] | [.., b'/', b'.'] | [b'.'] | [.., b'/', b'.', b'.'] => Err(rustix::io::Errno::ISDIR.into()),
        _ => Ok(path),
    }
}

/// A new file that will replace the one at `path`, if there is one.
fn replace(path: &Path, old: Option<&Metadata>, leftover: Arc<Leftover>) -> io::Result<(Target, Vec<FileId>)> {
    let file = Unfinished::beside(path)?;
    if let Some(name) = file.path() {
        leftover.is(name);
    }
    let mut files = regular_id(file.as_file())?;
    if let Some(old) = old {
        // Only the superuser can give a file away; for others the owner is who writes, as with any new file.
        let _ = std::os::unix::fs::fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
        file.as_file().set_permissions(old.permissions())?;
        files.push(FileId::from(old));
    }
    let path = path.to_owned();
    let target = Target::Replace { file, path, leftover };
    Ok((target, files))
}

/// The file, if it is one that a walk could come across and read.
fn regular_id(file: &File) -> io::Result<Vec<FileId>> {
    let metadata = file.metadata()?;
    let regular = metadata.is_file().then(|| FileId::from(&metadata));
    Ok(regular.into_iter().collect())
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

    #[test]
    fn the_directory_of_a_bare_name_is_the_working_directory() {
        assert_eq!(directory_of(Path::new("list")), Path::new("."));
        assert_eq!(directory_of(Path::new("a/list")), Path::new("a"));
        assert_eq!(directory_of(Path::new("/list")), Path::new("/"));
    }
}
