//! What a run has finished, on its way: a [`Journal`], so that an interrupted run can go on where it stopped.
//!
//! Workers append what they are done with, several files at a time and before anybody else sees it, in the lines of a
//! `ledger`. Whatever the end is, even `kill -9`, what was appended is there, but for a line that was cut short, which is
//! none. Facts decide whether what a journal says still holds: it goes in as [`Known`], as what any earlier run knew does.
//!
//! A journal that cannot be written, on a disk that is full say, ends: hashing goes on, and who asks is told.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustix::fs::OFlags;

use crate::algorithm::Algorithms;
use crate::known::Known;
use crate::ledger;
use crate::record::Hashed;
use crate::source::FileId;

const HEADER: &[u8] = Journal::HEADER;

/// Where workers note what they have finished: see [`Options::journal`](crate::Options::journal).
#[derive(Debug)]
pub struct Journal {
    file: File,
    failure: OnceLock<io::Error>,
    /// Whether any file was ever entered.
    is_used: AtomicBool,
}

impl Journal {
    /// The first line, by which a journal is told from a file that somebody else needs.
    pub const HEADER: &[u8] = b"# md5all's journal: what an interrupted run has finished; --resume goes on from here\n";

    /// Opens the journal at `path`, or makes it. Gives what it says, with checksums by all of `wanted`, as well.
    ///
    /// A line that was cut short is cut off.
    ///
    /// # Errors
    ///
    /// What the system says; and `AlreadyExists`, if there is a file that is no journal.
    pub fn open(path: &Path, wanted: Algorithms) -> io::Result<(Journal, Known)> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        let file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).custom_flags(flags).open(path)?;
        lock(&file)?;
        let mut input = BufReader::with_capacity(BUFFER, &file);
        let mut header = Vec::new();
        (&mut input).take(HEADER.len() as u64).read_to_end(&mut header)?;
        if !file.metadata()?.is_file() || !HEADER.starts_with(&header) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists and is no journal of md5all"));
        }
        let mut known = Known::new(wanted);
        if header.len() < HEADER.len() {
            file.set_len(0)?;
            (&file).write_all(HEADER)?;
        } else {
            let mut lines = ledger::Reader::new(input);
            while let Some((path, checksums, facts)) = lines.read()? {
                known.enter(path, &Hashed::new(checksums).with_facts(facts));
            }
            let whole = HEADER.len() as u64 + lines.whole();
            file.set_len(whole)?;
        }
        let is_used = AtomicBool::new(!known.is_empty());
        Ok((Journal { file, failure: OnceLock::new(), is_used }, known))
    }

    /// Forgets all that it says.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn clear(&self) -> io::Result<()> {
        self.is_used.store(false, Relaxed);
        self.file.set_len(HEADER.len() as u64)
    }

    /// The file that it is, so that it is not hashed itself.
    ///
    /// # Errors
    ///
    /// What `fstat` gives.
    pub fn id(&self) -> io::Result<FileId> {
        Ok(FileId::from(&self.file.metadata()?))
    }

    /// Whether it says anything.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.is_used.load(Relaxed)
    }

    /// Why it says no more, if that is so.
    #[must_use]
    pub fn failure(&self) -> Option<&io::Error> {
        self.failure.get()
    }

    /// Appends whole lines, all in one piece: what others append comes before or after it.
    pub(crate) fn append(&self, lines: &[u8]) {
        if lines.is_empty() || self.failure.get().is_some() {
            return;
        }
        self.is_used.store(true, Relaxed);
        if let Err(error) = (&self.file).write_all(lines) {
            // The first is told; another worker may have had the same.
            let _ = self.failure.set(error);
        }
    }
}

/// Closing the file would not be enough: a child that another thread has forked shares it until it runs its program, and a
/// lock is held as long as anybody has it open.
impl Drop for Journal {
    fn drop(&mut self) {
        // Where there are no locks, there is nothing to give up.
        let _ = self.file.unlock();
    }
}

/// Two runs at once would cut off each other's lines. Where a file system knows no locks, there is none.
fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "another run is writing the same manifest"))
        }
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A thousand lines or so with each call to the system.
const BUFFER: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Digest;
    use crate::facts::Facts;
    use std::fs;

    const WHOLE: Facts = Facts { size: Some(1), mtime_ns: Some(2), ctime_ns: Some(3), inode: Some(4) };

    fn line(path: &str) -> Vec<u8> {
        let mut line = Vec::new();
        ledger::write(&mut line, path.as_bytes(), &Digest::from([1; 16]).into(), &WHOLE);
        line
    }

    fn open(path: &Path) -> (Journal, Known) {
        Journal::open(path, Algorithms::default()).unwrap()
    }

    #[test]
    fn two_runs_do_not_write_one_journal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let first = open(&path);
        let error = Journal::open(&path, Algorithms::default()).unwrap_err();
        assert_eq!(error.to_string(), "another run is writing the same manifest");
        drop(first);
        open(&path);
    }

    #[test]
    fn it_is_free_when_it_is_dropped_whoever_else_has_the_file_open() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (journal, _) = open(&path);
        // What a child has between fork and exec.
        let shared = journal.file.try_clone().unwrap();
        drop(journal);
        open(&path);
        drop(shared);
    }

    /// Cut at every byte, it says what was whole, and goes on from there.
    #[test]
    fn what_was_cut_short_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (journal, known) = open(&path);
        assert!(known.is_empty() && !journal.is_used());
        journal.append(&line("a"));
        journal.append(&line("b"));
        drop(journal);
        let all = fs::read(&path).unwrap();
        for end in 0..=all.len() {
            fs::write(&path, &all[..end]).unwrap();
            let (journal, known) = open(&path);
            let whole = end.saturating_sub(HEADER.len()) / line("a").len();
            assert_eq!((known.len(), journal.is_used()), (whole, whole > 0), "{end} bytes");
            journal.append(&line("c"));
            drop(journal);
            let (journal, known) = open(&path);
            assert_eq!(known.len(), whole + 1, "{end} bytes");
            assert!(known.find(b"c").is_some());
            journal.clear().unwrap();
            drop(journal);
            assert!(open(&path).1.is_empty());
        }
    }

    #[test]
    fn what_is_no_journal_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        for text in ["dear diary\n", "# md5all: something else\n"] {
            fs::write(&path, text).unwrap();
            let error = Journal::open(&path, Algorithms::default()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        assert!(Journal::open(&path, Algorithms::default()).is_err());
        assert!(!dir.path().join("elsewhere").exists());
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        let full = File::options().append(true).open("/dev/full").unwrap();
        let journal = Journal { file: full, failure: OnceLock::new(), is_used: AtomicBool::new(false) };
        journal.append(&line("a"));
        assert_eq!(journal.failure().unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
