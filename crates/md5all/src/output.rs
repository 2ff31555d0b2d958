//! Where the manifest goes: standard output, a device or FIFO by name, or a file that is replaced whole.
//!
//! How a file is replaced is the library's affair; that an interrupt leaves nothing of it behind is said here. What is
//! written is decided elsewhere.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use md5all::{FileId, Operation, Replacement};

use crate::failure::Failure;
use crate::interrupt::Leftover;
use crate::screen;

/// What names standard output.
const STANDARD_OUTPUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Where a name is that of a descriptor, not of a file that could be replaced.
const DESCRIPTORS: [&str; 3] = ["/dev/stderr", "/dev/fd", "/proc"];

/// An open destination.
#[derive(Debug)]
pub(crate) struct Output {
    /// What it is called in messages, if it was named.
    name: Option<PathBuf>,
    target: Target,
    /// Whether it appears where something may be drawn.
    is_on_screen: bool,
    /// The files that are, or were, or will be the manifest.
    files: Vec<FileId>,
}

#[derive(Debug)]
enum Target {
    /// Written as it stands: standard output, or a device or FIFO by name.
    Direct(File),
    /// A file that takes its place at the end.
    Replace(Replacement, Arc<Leftover>),
}

impl Output {
    /// Opens `path`, or standard output if there is none.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being opened, or a file from being made beside it.
    pub(crate) fn open(path: Option<PathBuf>, leftover: Arc<Leftover>) -> Result<Output, Failure> {
        let opened = match &path {
            None => standard_output(),
            Some(path) => by_name(path, leftover),
        };
        match opened {
            Ok((target, files)) => {
                let is_on_screen = matches!(&target, Target::Direct(file) if screen::shows(file.as_fd()));
                Ok(Output { name: path, target, is_on_screen, files })
            }
            Err(error) => Err(Failure::output(path, Operation::Create, error)),
        }
    }

    /// The files that must not be listed in this manifest.
    pub(crate) fn files(&self) -> Vec<FileId> {
        self.files.clone()
    }

    /// Whether it takes its place at the end, and so is nothing before.
    pub(crate) fn replaces(&self) -> bool {
        matches!(self.target, Target::Replace(..))
    }

    /// What it is called in messages; `None` is standard output, if nobody has named it.
    pub(crate) fn name(&self) -> Option<&Path> {
        self.name.as_deref()
    }

    /// Whether somebody is looking on, who wants each line at once.
    pub(crate) fn is_watched(&self) -> bool {
        matches!(&self.target, Target::Direct(file) if file.is_terminal())
    }

    /// The same, with so many bytes at a time; where somebody is looking on, line by line.
    pub(crate) fn buffered(self, capacity: usize) -> BufWriter<Output> {
        let capacity = if self.is_watched() { 0 } else { capacity };
        BufWriter::with_capacity(capacity, self)
    }

    /// Makes what was written the manifest.
    ///
    /// # Errors
    ///
    /// The old manifest, if there was one, is still in its place; unless it is that which is not known to be on disk.
    pub(crate) fn commit(self) -> io::Result<()> {
        match self.target {
            Target::Direct(_) => Ok(()),
            Target::Replace(file, leftover) => {
                file.sync()?; // not while an interrupt would have to wait for it
                let unfinished = file.temporary().map(Path::to_owned);
                let placed = leftover.settle(unfinished.as_deref(), || file.put())?;
                placed.sync() // nor while it would have to wait for this
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Direct(file) if self.is_on_screen => screen::list(file, bytes),
            Target::Direct(file) => file.write(bytes),
            Target::Replace(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
        // To rename a file over /dev/null would be the end of /dev/null.
        Ok(old) if !old.is_file() => Ok((Target::Direct(OpenOptions::new().write(true).open(path)?), Vec::new())),
        _ => replace(path, leftover),
    }
}

fn replace(path: &Path, leftover: Arc<Leftover>) -> io::Result<(Target, Vec<FileId>)> {
    let file = Replacement::of(path)?;
    if let Some(name) = file.temporary() {
        leftover.is(name);
    }
    let files = file.files().to_vec();
    Ok((Target::Replace(file, leftover), files))
}

/// The file, if it is one that a walk could come across and read.
fn regular_id(file: &File) -> io::Result<Vec<FileId>> {
    let metadata = file.metadata()?;
    let regular = metadata.is_file().then(|| FileId::from(&metadata));
    Ok(regular.into_iter().collect())
}
