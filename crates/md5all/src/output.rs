//! Where the manifest goes: standard output, or a file that is replaced whole.
//!
//! A file is written beside itself, under a temporary name, and takes its place
//! only once every byte is on disk. Until then the old one is what it was, and
//! if anything goes wrong the new one is removed. What is written is decided
//! elsewhere.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use md5all::{FileId, Operation};
use tempfile::{Builder, NamedTempFile};

use crate::failure::Failure;
use crate::interrupt::Leftover;

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
    /// Written under another name, and renamed at the end.
    Replace { file: NamedTempFile, path: PathBuf, leftover: Arc<Leftover> },
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
                leftover.settle(|| file.persist(path))?;
                Ok(())
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Direct(file) => file.write(bytes),
            Target::Replace { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard output itself, not the standard library's, which would look for
/// line ends in all that passes.
fn standard_output() -> io::Result<(Target, Vec<FileId>)> {
    let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let files = regular_id(&file)?;
    Ok((Target::Direct(file), files))
}

fn by_name(path: &Path, leftover: Arc<Leftover>) -> io::Result<(Target, Vec<FileId>)> {
    match fs::metadata(path) {
        Ok(old) if old.is_file() => replace(&fs::canonicalize(path)?, Some(&old), leftover),
        // To rename a file over /dev/null would be the end of /dev/null.
        Ok(_) => Ok((Target::Direct(OpenOptions::new().write(true).open(path)?), Vec::new())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => replace(path, None, leftover),
        Err(error) => Err(error),
    }
}

/// A new file that will replace the one at `path`, if there is one.
fn replace(path: &Path, old: Option<&Metadata>, leftover: Arc<Leftover>) -> io::Result<(Target, Vec<FileId>)> {
    let file = create_beside(path)?;
    leftover.is(file.path());
    let mut files = regular_id(file.as_file())?;
    if let Some(old) = old {
        file.as_file().set_permissions(old.permissions())?;
        files.push(FileId::from(old));
    }
    let path = path.to_owned();
    let target = Target::Replace { file, path, leftover };
    Ok((target, files))
}

/// With the permissions that any new file would have.
fn create_beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Builder::new().prefix(".md5all-").permissions(Permissions::from_mode(0o666)).tempfile_in(directory)
}

/// The file, if it is one that a walk could come across and read.
fn regular_id(file: &File) -> io::Result<Vec<FileId>> {
    let metadata = file.metadata()?;
    let regular = metadata.is_file().then(|| FileId::from(&metadata));
    Ok(regular.into_iter().collect())
}
