//! The files beside a manifest: `FILE.facts`, the sidecar, and `FILE.journal`.
//!
//! Each begins with a line that says what it is, and a file without that line is somebody else's: it is neither read nor
//! written over. What is in them is for the library to say.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use md5all::{Algorithms, FileId, Journal, Known, Operation, Options, Sidecar};

use crate::failure::{Failure, complain, say};

/// What an interrupted run has finished; removed once there is a whole manifest, or nothing in it.
#[derive(Debug)]
pub(crate) struct Diary {
    path: PathBuf,
    journal: Arc<Journal>,
}

/// What a sidecar begins with.
const HEADER: &[u8] = Sidecar::<File>::HEADER;

/// The name of the sidecar of a manifest.
pub(crate) fn sidecar_of(manifest: &Path) -> PathBuf {
    beside(manifest, ".facts")
}

/// The name of the journal of a run that writes a manifest.
pub(crate) fn journal_of(manifest: &Path) -> PathBuf {
    beside(manifest, ".journal")
}

fn beside(manifest: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(manifest);
    name.push(suffix);
    name.into()
}

/// What is found under the name of a sidecar.
pub(crate) enum Found {
    Nothing,
    /// A sidecar, open behind its first line.
    Sidecar(BufReader<File>),
    /// Something that somebody else needs.
    Strange,
}

/// Looks for a sidecar.
///
/// # Errors
///
/// What the system says.
pub(crate) fn find_sidecar(path: &Path) -> Result<Found, Failure> {
    let fail = |operation, error| Failure::output(path.to_owned(), operation, error);
    let mut file = match fs::metadata(path) {
        Ok(found) if found.is_file() => File::open(path).map_err(|error| fail(Operation::Open, error))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(fail(Operation::Stat, error)),
        Ok(_) => return Ok(Found::Strange),
    };
    let mut header = [0; HEADER.len()];
    match file.read_exact(&mut header) {
        Ok(()) if header == *HEADER => Ok(Found::Sidecar(BufReader::with_capacity(1 << 17, file))),
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(fail(Operation::Read, error)),
        _ => Ok(Found::Strange),
    }
}

/// The sidecar, open, if there is one, for those who will write over it.
///
/// # Errors
///
/// What the system says; and that there is a file that is no sidecar.
pub(crate) fn open_sidecar(path: &Path) -> Result<Option<BufReader<File>>, Failure> {
    match find_sidecar(path)? {
        Found::Nothing => Ok(None),
        Found::Sidecar(facts) => Ok(Some(facts)),
        Found::Strange => Err(Failure::output(path.to_owned(), Operation::Open, strange())),
    }
}

fn strange() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "it exists and is no sidecar of md5all")
}

impl Diary {
    /// Begins a journal for this manifest, or goes on with the one that an interrupted run has left.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or is something else.
    pub(crate) fn begin(manifest: &Path, resume: bool, wanted: Algorithms) -> Result<(Diary, Known), Failure> {
        let path = journal_of(manifest);
        let begun = Journal::open(&path, wanted).and_then(|(journal, known)| match resume {
            true => Ok((journal, known)),
            false => {
                if !known.is_empty() {
                    let what = format!("what an interrupted run has left ({} files) is dropped", known.len());
                    complain(path.as_os_str().as_bytes(), &what);
                }
                journal.clear()?;
                Ok((journal, Known::new(wanted)))
            }
        });
        match begun {
            Ok((journal, known)) => Ok((Diary { path, journal: Arc::new(journal) }, known)),
            Err(error) => Err(Failure::output(path, Operation::Create, error)),
        }
    }

    /// Has a run take from it, if it has anything, and write to it.
    ///
    /// # Errors
    ///
    /// What `fstat` gives.
    pub(crate) fn serve(&self, known: Known, options: &mut Options) -> Result<Arc<Known>, Failure> {
        let id = self.journal.id().map_err(|error| Failure::output(self.path.clone(), Operation::Stat, error))?;
        let known = Arc::new(known);
        options.exclude.push(id);
        options.facts = true;
        options.journal = Some(Arc::clone(&self.journal));
        if !known.is_empty() {
            options.known.push(Arc::clone(&known));
        }
        Ok(known)
    }

    /// There is a whole manifest: nobody needs it any more.
    pub(crate) fn end(self) {
        if let Some(error) = self.journal.failure() {
            complain(self.path.as_os_str().as_bytes(), &format!("cannot write: {error}"));
        }
        self.remove();
    }

    fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            complain(self.path.as_os_str().as_bytes(), &format!("cannot remove: {error}"));
        }
    }
}

/// One that says nothing is of no use to a later run.
impl Drop for Diary {
    fn drop(&mut self) {
        if !self.journal.is_used() {
            self.remove();
        }
    }
}

/// The files under these names, of those that there are.
pub(crate) fn files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Vec<FileId> {
    paths.into_iter().filter_map(|path| Some(FileId::from(&fs::metadata(path).ok()?))).collect()
}

/// How many files were not read again, for those who want to know.
pub(crate) fn say_taken_over(count: u64) {
    say(format!("{count} {} taken over, not read again", if count == 1 { "file was" } else { "files were" }));
}
