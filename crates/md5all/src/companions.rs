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

use crate::failure::{Failure, complain, note};
use crate::quote::quote;
use crate::units::{one_or_many, things};

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
    let is_own = begins_as(&mut file, HEADER).map_err(|error| fail(Operation::Read, error))?;
    Ok(if is_own { Found::Sidecar(BufReader::with_capacity(1 << 17, file)) } else { Found::Strange })
}

/// Whether a file begins with this line, as far as it goes: it may have been cut short. Reads just that.
fn begins_as(file: &mut File, header: &[u8]) -> io::Result<bool> {
    let mut found = Vec::new();
    file.take(header.len() as u64).read_to_end(&mut found)?;
    Ok(!found.is_empty() && header.starts_with(&found))
}

/// The files beside a manifest that are its own: what is called so and is something else is somebody else's.
///
/// # Errors
///
/// What the system says.
pub(crate) fn own_files(manifest: &Path) -> Result<Vec<FileId>, Failure> {
    let mut own = Vec::new();
    for (path, header) in [(sidecar_of(manifest), HEADER), (journal_of(manifest), Journal::HEADER)] {
        let fail = |operation, error| Failure::output(path.clone(), operation, error);
        match fs::metadata(&path) {
            Ok(found) if found.is_file() => {
                let mut file = File::open(&path).map_err(|error| fail(Operation::Open, error))?;
                if begins_as(&mut file, header).map_err(|error| fail(Operation::Read, error))? {
                    own.push(FileId::from(&found));
                }
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(Operation::Stat, error)),
            _ => {}
        }
    }
    Ok(own)
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
                    let files = things(known.len() as u64, "file");
                    let what = format!("what an interrupted run has left ({files}) is dropped");
                    note(format!("{}: {what}", quote(path.as_os_str().as_bytes())));
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

/// How many files were not read again, for those who want to know.
pub(crate) fn say_taken_over(count: u64) {
    note(format!("{} taken over, not read again", one_or_many(count, "file was", "files were")));
}
