//! One opened file: read to its end, then vouched for.
//!
//! A digest of a file that was being written is a digest of nothing, so what
//! `fstat` says is compared before and after. The rules:
//!
//! 1. A regular file whose size, modification time or change time moved has
//!    changed. What leaves all three alone cannot be seen.
//! 2. It must have given as many bytes as its size says.
//! 3. Where contents are made up on reading, a size is 0 (as in `/proc`) or a
//!    guess (in `/sys` and the like, known by the type of the file system): such
//!    a file is what was read, to the end.
//! 4. Standard input may stand anywhere in a regular file, so for it the second
//!    rule does not hold.
//! 5. Of what is no regular file (asked for by name) nothing is known but what
//!    was read.
//!
//! Never mapped into memory: a file cut short under a map ends the process.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{FileType, Stat, fstat};
use rustix::io::{Errno, read};

use crate::error::{Operation, Reason};
use crate::source::FileId;

/// An open file, part of which may have been read.
#[derive(Debug)]
pub(crate) struct Content {
    file: OwnedFd,
    /// What it was when it was opened; `None` if it is no regular file.
    stamp: Option<Stamp>,
    id: FileId,
    /// Bytes read so far.
    count: u64,
    /// Whether it is read from its beginning.
    whole: bool,
}

/// What would show a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Content {
    /// A file just opened.
    ///
    /// # Errors
    ///
    /// What `fstat` gives.
    pub(crate) fn new(file: OwnedFd) -> Result<Content, Reason> {
        let stat = fstat(&file).map_err(|error| Reason::system(Operation::Stat, error))?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let stamp = regular.then(|| Stamp::of(&stat));
        Ok(Content { file, stamp, id: FileId::from_stat(&stat), count: 0, whole: true })
    }

    /// Something that was opened, and perhaps read from, by somebody else.
    ///
    /// # Errors
    ///
    /// What `fstat` gives.
    pub(crate) fn stream(file: OwnedFd) -> Result<Content, Reason> {
        Ok(Content { whole: false, ..Content::new(file)? })
    }

    pub(crate) fn is_regular(&self) -> bool {
        self.stamp.is_some()
    }

    /// Which file this is.
    pub(crate) fn id(&self) -> FileId {
        self.id
    }

    /// Reads on into `buffer`; 0 bytes mean the end.
    ///
    /// Blocks as the file does. A small file costs one read, not two: when all
    /// the bytes that its size promised are there, the end is not asked for.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Reason> {
        if self.is_complete() {
            return Ok(0);
        }
        let count = read_uninterrupted(&self.file, buffer).map_err(|error| Reason::system(Operation::Read, error))?;
        self.count += count as u64;
        Ok(count)
    }

    /// Says whether what was read, to the end, was one and the same file.
    pub(crate) fn verify(&self) -> Result<(), Reason> {
        let Some(before) = self.stamp else {
            return Ok(());
        };
        let stat = fstat(&self.file).map_err(|error| Reason::system(Operation::Stat, error))?;
        if Stamp::of(&stat) != before {
            return Err(Reason::Changed);
        }
        if self.whole && self.count != before.size && before.size != 0 && !self.is_made_up()? {
            return Err(Reason::Length { read: self.count, size: before.size });
        }
        Ok(())
    }

    /// Whether the file system makes contents up on reading, and so cannot know how long they are.
    #[cfg(target_os = "linux")]
    fn is_made_up(&self) -> Result<bool, Reason> {
        /// The types of /proc, /sys, debugfs, tracefs, securityfs, both cgroup file systems and configfs, as
        /// `statfs(2)` and the kernel's `magic.h` have them.
        const MADE_UP: [i64; 8] =
            [0x9fa0, 0x6265_6572, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0x0027_e0eb, 0x6367_7270, 0x6265_6570];
        let found = rustix::fs::fstatfs(&self.file).map_err(|error| Reason::system(Operation::Stat, error))?;
        #[allow(clippy::unnecessary_cast, clippy::useless_conversion)] // narrower on other processors
        Ok(MADE_UP.contains(&(found.f_type as i64)))
    }

    #[cfg(not(target_os = "linux"))]
    fn is_made_up(&self) -> Result<bool, Reason> {
        Ok(false)
    }

    /// Whether all that the size promised has been read.
    pub(crate) fn is_complete(&self) -> bool {
        self.whole && self.stamp.is_some_and(|stamp| stamp.size > 0 && stamp.size == self.count)
    }
}

impl Stamp {
    fn of(stat: &Stat) -> Stamp {
        // The fields have other widths, and signs, on other systems.
        #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
        Stamp {
            size: stat.st_size as u64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }
}

/// A signal that interrupts a read is no reason not to read.
fn read_uninterrupted(file: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match read(file, &mut *buffer) {
            Err(Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File, OpenOptions};
    use std::io::Write;
    use std::os::unix::fs::FileExt;
    use std::path::Path;

    fn open(path: impl AsRef<Path>) -> Content {
        Content::new(File::open(path).unwrap().into()).unwrap()
    }

    fn drain(content: &mut Content) -> Vec<u8> {
        let mut all = Vec::new();
        let mut buffer = [0; 64];
        loop {
            match content.read(&mut buffer).unwrap() {
                0 => return all,
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// Reads half of a file of 100 bytes, lets `meddle` have its way with it,
    /// and reads the rest.
    fn verdict(meddle: impl FnOnce(&Path)) -> Result<(), Reason> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), [b'x'; 100]).unwrap();
        set_modified_long_ago(file.path());
        let mut content = open(file.path());
        assert_eq!(content.read(&mut [0; 50]).unwrap(), 50);
        meddle(file.path());
        drain(&mut content);
        content.verify()
    }

    /// So that a change in the same tick of the file system's clock still shows.
    fn set_modified_long_ago(path: &Path) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }

    fn append(path: &Path, bytes: &[u8]) {
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(bytes).unwrap();
    }

    fn truncate(path: &Path, length: u64) {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(length).unwrap();
    }

    #[test]
    fn an_untouched_file_is_vouched_for() {
        verdict(|_| {}).unwrap();
    }

    #[test]
    fn a_file_that_grows_shrinks_or_is_rewritten_has_changed() {
        let rows: [fn(&Path); 4] = [
            |path| append(path, b"more"),
            |path| truncate(path, 60),
            |path| truncate(path, 0),
            |path| {
                let file = OpenOptions::new().write(true).open(path).unwrap();
                file.write_all_at(b"y", 10).unwrap();
            },
        ];
        for (row, meddle) in rows.into_iter().enumerate() {
            let verdict = verdict(meddle);
            assert!(matches!(verdict, Err(Reason::Changed)), "row {row}: {verdict:?}");
        }
    }

    #[test]
    fn losing_its_name_counts_as_a_change() {
        // Losing its name moves the change time of a file, and nothing tells
        // that from a change of what is in it.
        assert!(matches!(verdict(|path| fs::remove_file(path).unwrap()), Err(Reason::Changed)));
    }

    #[test]
    fn a_file_of_known_size_is_read_without_asking_for_its_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), [b'x'; 100]).unwrap();
        let mut content = open(file.path());
        assert_eq!(content.read(&mut [0; 200]).unwrap(), 100);
        append(file.path(), b"never seen by the next read");
        assert_eq!(content.read(&mut [0; 200]).unwrap(), 0);
    }

    #[test]
    fn fewer_bytes_than_the_size_says_are_a_failure() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), [b'x'; 100]).unwrap();
        file.as_file().sync_all().unwrap();
        let mut content = open(file.path());
        assert_eq!(content.read(&mut [0; 50]).unwrap(), 50);
        let verdict = content.verify();
        assert!(matches!(verdict, Err(Reason::Length { read: 50, size: 100 })), "{verdict:?}");
    }

    /// A file without blocks is not for that a file made up on reading: a sparse one has none either.
    #[test]
    fn fewer_bytes_than_the_size_says_are_a_failure_without_blocks_too() {
        let file = tempfile::NamedTempFile::new().unwrap();
        truncate(file.path(), 100);
        let mut content = open(file.path());
        assert_eq!(content.read(&mut [0; 50]).unwrap(), 50);
        assert!(matches!(content.verify(), Err(Reason::Length { read: 50, size: 100 })));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_whose_size_is_a_guess_is_read_to_its_end() {
        let mut content = open("/sys/kernel/mm/transparent_hugepage/enabled");
        assert!(!drain(&mut content).is_empty());
        content.verify().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_made_up_on_reading_is_read_to_its_end() {
        let mut content = open("/proc/self/status");
        let text = drain(&mut content);
        assert!(text.starts_with(b"Name:"));
        assert!(text.len() > 64);
        content.verify().unwrap();
    }

    #[test]
    fn a_stream_is_read_to_its_end_from_where_it_stands() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(&[b'x'; 1000]).unwrap();
        drop(writer);
        let mut content = Content::stream(reader.into()).unwrap();
        assert_eq!(drain(&mut content).len(), 1000);
        content.verify().unwrap();
    }

    #[test]
    fn a_file_handed_in_half_read_may_be_shorter_but_not_change() {
        for change in [false, true] {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), [b'x'; 100]).unwrap();
            set_modified_long_ago(file.path());
            let mut handed = File::open(file.path()).unwrap();
            std::io::Read::read_exact(&mut handed, &mut [0; 30]).unwrap();
            let mut content = Content::stream(handed.into()).unwrap();
            assert_eq!(content.read(&mut [0; 50]).unwrap(), 50);
            if change {
                append(file.path(), b"more");
            }
            let rest = drain(&mut content).len();
            assert_eq!(rest, if change { 24 } else { 20 });
            assert_eq!(matches!(content.verify(), Err(Reason::Changed)), change);
        }
    }

    #[test]
    fn a_read_that_fails_says_so() {
        let mut content = open("/");
        let reason = content.read(&mut [0; 10]).unwrap_err();
        assert_eq!(reason.to_string(), "cannot read: Is a directory");
    }
}
