//! One opened file: read to its end, then vouched for.
//!
//! A digest of a file that was being written is a digest of nothing, so what
//! `fstat` says is compared before and after; or asked after only, where that is
//! known to be what it would have said before (see `quiet`). The rules:
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
//! Holes are not read, where a file system of the kernel's own says that they are
//! some (others were wrong about that before), but count as what they are: zeros.
//!
//! Never mapped into memory: a file cut short under a map ends the process.

use std::io::IoSliceMut;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Advice, FileType, OFlags, Stat, fadvise, fcntl_getfl, fcntl_setfl, fstat};
use rustix::io::{Errno, pread, read};
#[cfg(target_os = "linux")]
use rustix::io::{ReadWriteFlags, preadv2};

use crate::error::{Operation, Reason};
use crate::facts::{Facts, nanoseconds};
use crate::flight::Flight;
use crate::skip::Skip;
use crate::source::cache::Traces;
use crate::source::device::Kind;
use crate::source::holes::{Holes, Stretch};
use crate::source::{Cache, Device, FileId, Links, Quiet, Reads, Rules, Wait};

/// What opening a file came to.
#[derive(Debug)]
pub(crate) enum Opened {
    /// All of it is so many bytes of the buffer, and it is vouched for; with what is known of it, if that is wanted.
    Whole(usize, Option<Box<Facts>>),
    /// The first so many bytes of it are in the buffer, and there is more to be read, or may be; or that is all, but the
    /// file has other names.
    Begun(Box<Content>, usize),
    /// It would have to be waited for: nothing was read, but perhaps it is open.
    Later(Option<Box<Content>>),
    /// There is no descriptor to open it with.
    Wanting(Errno),
    /// Something that is not to be read: what the walk would have passed over, had it been that already, or what was
    /// excluded.
    Passed(Skip),
}

/// An open file, part of which may have been read.
#[derive(Debug)]
pub(crate) struct Content {
    file: OwnedFd,
    /// What it was when it was opened; `None` if it is no regular file.
    stamp: Option<Stamp>,
    id: FileId,
    /// How many names it has.
    names: u64,
    /// What it lies on, as soon as anybody must know.
    device: Option<Arc<Device>>,
    /// Bytes read so far.
    count: u64,
    /// Whether it is read from its beginning.
    whole: bool,
    /// Whether it is read at offsets: a file whose position is nobody else's, and that has one.
    positioned: bool,
    /// Where its holes are, if it may have any.
    holes: Option<Box<Holes>>,
    /// How it is read if that is to leave the cache as it was.
    traces: Option<Box<Traces>>,
    /// Whether opening it did not wait, as it should have, for somebody to write to it.
    hasty: bool,
    /// That it is being read, for whoever looks on.
    flight: Option<Box<Flight>>,
}

/// What would show a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    pub(crate) modified: (i64, i64),
    pub(crate) changed: (i64, i64),
}

/// Begins with what was just opened, and may be anything: it is looked at before it is read.
///
/// # Errors
///
/// What `fstat` and `read` give; and a small file that changed meanwhile.
pub(crate) fn begin(file: OwnedFd, rules: Rules<'_>, buffer: &mut [u8]) -> Result<Opened, Reason> {
    let mut content = Content::new(file)?;
    if content.is_regular() {
        let device = rules.devices.of(&content.file, content.id.device);
        content = content.on(&device, rules);
    }
    content.begin(rules, buffer)
}

/// Begins with what was a regular file when it was listed, and is passed over if it is none any more.
///
/// With a quiet time, a file that was left alone since is looked at once, after it was read; not one that a link may have
/// led to, which may lie anywhere. Should it be no regular file, nothing is lost by then: a positioned read takes nothing
/// from a FIFO, a socket or a terminal, but fails.
///
/// # Errors
///
/// As for [`begin`].
pub(crate) fn begin_listed(
    file: OwnedFd,
    device: &Arc<Device>,
    rules: Rules<'_>,
    buffer: &mut [u8],
) -> Result<Opened, Reason> {
    let quiet = rules.quiet.filter(|_| rules.links == Links::Skip);
    begin_expected(file, device, Rules { quiet, ..rules }, buffer, |_| Opened::Passed(Skip::Special))
}

/// Begins with what may be expected to be a regular file; what becomes of it if it is none is the caller's to say.
///
/// # Errors
///
/// As for [`begin`].
pub(crate) fn begin_expected(
    file: OwnedFd,
    device: &Arc<Device>,
    rules: Rules<'_>,
    buffer: &mut [u8],
    not_regular: impl FnOnce(Content) -> Opened,
) -> Result<Opened, Reason> {
    let quiet = rules.quiet.filter(|_| device.is_punctual() && rules.cache == Cache::Use);
    let read = quiet.map(|_| read_at(&file, &mut *buffer, 0, rules.wait.on(device)));
    let would_wait = read == Some(Err(Errno::AGAIN));
    let count = match read {
        Some(Ok(count)) => Some(count),
        // What a link leads to may lie elsewhere, and is told then.
        Some(Err(Errno::OPNOTSUPP)) if rules.links == Links::Skip => {
            device.does_not_tell();
            read_at(&file, &mut *buffer, 0, Reads::All).ok()
        }
        _ => None,
    };
    let mut content = Content::new(file)?;
    let Some(stamp) = content.stamp else { return Ok(not_regular(content)) };
    if would_wait && !content.is_excluded(rules) {
        return Ok(Opened::Later(Some(Box::new(content.on(device, rules)))));
    }
    let (Some(quiet), Some(count)) = (quiet, count) else { return content.on(device, rules).begin(rules, buffer) };
    let is_told = content.id.device == device.id() && quiet.vouches_for(&stamp);
    if !is_told || rules.exclude.contains(&content.id) || count as u64 > stamp.size {
        return content.on(device, rules).begin(rules, buffer);
    }
    content.count = count as u64;
    if count as u64 == stamp.size && content.shared().is_none() {
        let facts = rules.facts.and_then(|quiet| facts_of(&content.id, &stamp, device, quiet));
        return Ok(Opened::Whole(count, facts));
    }
    Ok(Opened::Begun(Box::new(content.on(device, rules)), count))
}

/// Begins with something that was opened, and perhaps read from, by somebody else.
///
/// # Errors
///
/// What `fstat` gives.
pub(crate) fn stream(file: OwnedFd, rules: Rules<'_>) -> Result<Opened, Reason> {
    let content = Content::stream(file)?;
    Ok(if content.is_excluded(rules) { Opened::Passed(Skip::Excluded) } else { Opened::Begun(Box::new(content), 0) })
}

impl Wait {
    /// What can be kept to by a read on this device: where it cannot tell, what is asked of it is done.
    fn on(self, device: &Device) -> Reads {
        if self == Wait::Yes || !device.tells() { Reads::All } else { Reads::Ready }
    }
}

impl Content {
    /// Reads the beginning, unless that may block.
    fn begin(mut self, rules: Rules<'_>, buffer: &mut [u8]) -> Result<Opened, Reason> {
        if self.is_excluded(rules) {
            return Ok(Opened::Passed(Skip::Excluded));
        }
        if !self.is_regular() {
            return Ok(Opened::Begun(Box::new(self), 0));
        }
        let Some(count) = self.read_if(buffer, rules.wait)? else { return Ok(Opened::Later(Some(Box::new(self)))) };
        if count > 0 && (!self.is_complete() || self.shared().is_some()) {
            return Ok(Opened::Begun(Box::new(self), count));
        }
        self.verify()?;
        Ok(Opened::Whole(count, rules.facts.and_then(|quiet| self.facts(quiet))))
    }

    fn is_excluded(&self, rules: Rules<'_>) -> bool {
        rules.exclude.contains(&self.id)
    }

    /// A file just opened.
    ///
    /// # Errors
    ///
    /// What `fstat` gives.
    pub(crate) fn new(file: OwnedFd) -> Result<Content, Reason> {
        let stat = fstat(&file).map_err(|error| Reason::system(Operation::Stat, error))?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let stamp = regular.then(|| Stamp::of(&stat));
        let id = FileId::from_stat(&stat);
        // The fields have other widths, and signs, on other systems.
        #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
        let (names, blocks) = (stat.st_nlink as u64, stat.st_blocks as u64);
        let holes = stamp.and_then(|stamp| Holes::of(stamp.size, blocks)).map(Box::new);
        let positioned = regular;
        Ok(Content {
            file,
            stamp,
            id,
            names,
            device: None,
            count: 0,
            whole: true,
            positioned,
            holes,
            traces: None,
            hasty: false,
            flight: None,
        })
    }

    /// Something that was opened, and perhaps read from, by somebody else.
    ///
    /// # Errors
    ///
    /// What `fstat` gives.
    pub(crate) fn stream(file: OwnedFd) -> Result<Content, Reason> {
        Ok(Content { whole: false, positioned: false, holes: None, ..Content::new(file)? })
    }

    /// The same, of which all is wanted, although it was opened without waiting for those who write to it.
    pub(crate) fn hasty(self) -> Content {
        Content { hasty: true, ..self }
    }

    /// The same, known to lie where its directory does, unless another file is mounted over it; and read as the rules
    /// have it from now on.
    fn on(mut self, device: &Arc<Device>, rules: Rules<'_>) -> Content {
        let is_same = self.id.device == device.id();
        let device = if is_same { Arc::clone(device) } else { rules.devices.of(&self.file, self.id.device) };
        self.holes = self.holes.take().filter(|_| device.is_punctual());
        self.traces = (rules.cache == Cache::Leave && self.is_regular()).then(|| Box::new(Traces::of(&self.file)));
        self.device = Some(device);
        self
    }

    /// The same, which whoever looks on is told of from now on.
    pub(crate) fn in_flight(mut self: Box<Self>, flight: Option<Box<Flight>>) -> Box<Self> {
        if let Some(flight) = flight {
            let is_told = self.device.as_ref().is_none_or(|device| !device.is_made_up());
            flight.has_size(self.stamp.filter(|_| is_told && self.whole).map(|stamp| stamp.size));
            flight.has_come_to(self.count);
            self.flight = Some(flight);
        }
        self
    }

    /// What is to be shared with other names of it: what would show a change, and how many names it has. `None` if there
    /// are none, or nothing is in it, or nobody knows where it was begun, or a change need not show at once.
    pub(crate) fn shared(&self) -> Option<(Stamp, u64)> {
        let would_show = self.device.as_ref().is_none_or(|device| !device.is_hearsay());
        let is_shared = self.names > 1 && self.whole && would_show;
        self.stamp.filter(|stamp| is_shared && stamp.size > 0).map(|stamp| (stamp, self.names))
    }

    /// What is known of a file that was read to its end, and vouched for. `None` if it is no regular file, was not read
    /// from its beginning, or is made up on reading.
    pub(crate) fn facts(&self, quiet: &Quiet) -> Option<Box<Facts>> {
        let (stamp, device) = (self.stamp.as_ref()?, self.device.as_ref()?);
        if self.whole && self.count == stamp.size { facts_of(&self.id, stamp, device, quiet) } else { None }
    }

    pub(crate) fn id(&self) -> FileId {
        self.id
    }

    pub(crate) fn is_regular(&self) -> bool {
        self.stamp.is_some()
    }

    /// What it lies on, if that is known: a file whose reads may have to wait.
    pub(crate) fn device(&self) -> Option<&Arc<Device>> {
        self.device.as_ref()
    }

    /// Reads on into `buffer`; 0 bytes mean the end.
    ///
    /// Blocks as the file does. A small file costs one read, not two: when all the bytes that its size promised are
    /// there, the end is not asked for.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Reason> {
        Ok(self.read_if(buffer, Wait::Yes)?.unwrap_or_default())
    }

    /// Reads on, but not if that would have to wait and must not: then there is `None`. Where nobody can tell whether it
    /// would, it reads.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn read_if(&mut self, buffer: &mut [u8], wait: Wait) -> Result<Option<usize>, Reason> {
        if self.is_complete() {
            return Ok(Some(0));
        }
        let reads = match &self.device {
            Some(device) if wait != Wait::Yes && device.is_far() => return Ok(None),
            Some(device) => wait.on(device),
            None => Reads::All,
        };
        let room = match self.holes.as_mut().map(|holes| holes.at(&self.file, self.count)) {
            Some(Stretch::Hole(end)) => return Ok(Some(self.fill(buffer, end))),
            Some(Stretch::Data(end)) => end - self.count,
            None => u64::MAX,
        };
        let room = usize::try_from(room).map_or(buffer.len(), |room| room.min(buffer.len()));
        match self.read_some(&mut buffer[..room], reads) {
            Ok(count) => {
                self.has_read(count);
                Ok(Some(count))
            }
            Err(Errno::AGAIN) if reads == Reads::Ready => Ok(None),
            Err(Errno::OPNOTSUPP) if reads == Reads::Ready => {
                self.device.iter().for_each(|device| device.does_not_tell());
                self.read_if(buffer, Wait::Yes)
            }
            Err(error) => Err(Reason::system(Operation::Read, error)),
        }
    }

    /// As [`read_if`](Self::read_if); and says whether that was the end.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn read_on(&mut self, buffer: &mut [u8], wait: Wait) -> Result<Option<(usize, bool)>, Reason> {
        let read = self.read_if(buffer, wait)?;
        Ok(read.map(|count| (count, count == 0 || self.is_complete())))
    }

    /// A hole, as far as there is room for it.
    fn fill(&mut self, buffer: &mut [u8], end: u64) -> usize {
        let left = end - self.count;
        let count = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        buffer[..count].fill(0);
        self.has_read(count);
        count
    }

    fn has_read(&mut self, count: usize) {
        self.count += count as u64;
        if let Some(flight) = &self.flight {
            flight.has_come_to(self.count);
        }
    }

    fn read_some(&mut self, buffer: &mut [u8], reads: Reads) -> Result<usize, Errno> {
        if self.positioned {
            let read = match (&mut self.traces, &self.device) {
                (Some(traces), Some(device)) => traces.read(&self.file, device, buffer, self.count, reads),
                _ => read_at(&self.file, buffer, self.count, reads),
            };
            match read {
                // Some of what is made up on reading has no positions.
                Err(Errno::SPIPE) => self.positioned = false,
                result => return result,
            }
        }
        if std::mem::take(&mut self.hasty) {
            self.wait()?;
        }
        retry(|| read(&self.file, &mut *buffer))
    }

    /// Makes up for opening it without waiting: a FIFO that nobody has written to yet is not at its end.
    fn wait(&self) -> Result<(), Errno> {
        let mut files = [PollFd::new(&self.file, PollFlags::IN)];
        retry(|| poll(&mut files, None))?;
        fcntl_setfl(&self.file, fcntl_getfl(&self.file)? - OFlags::NONBLOCK)
    }

    /// Has the system begin to read the next part of a large file, so that it is there when it is asked for.
    pub(crate) fn announce(&self) {
        /// What a device reads in some milliseconds, and many files of which are still little memory.
        const AHEAD: u64 = 1 << 20;
        let known = self.holes.as_ref().map_or(u64::MAX, |holes| holes.data_from(self.count));
        let worthwhile = if self.traces.is_some() { 0 } else { self.left().min(known).min(AHEAD) };
        if let Some(length) = NonZeroU64::new(worthwhile) {
            // Only advice: without it, the read takes longer.
            let _ = fadvise(&self.file, self.count, Some(length), Advice::WillNeed);
        }
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
        if self.whole && self.count != before.size && before.size != 0 && !self.is_made_up() {
            return Err(Reason::Length { read: self.count, size: before.size });
        }
        Ok(())
    }

    /// How long it is, where its size says so: not of what is no regular file, or empty, or made up on reading, nor of what
    /// is not read from its beginning.
    pub(crate) fn size(&self) -> Option<u64> {
        self.stamp.map(|stamp| stamp.size).filter(|&size| size > 0 && self.whole && !self.is_made_up())
    }

    /// Reads at an offset, for those who read several parts at once; 0 bytes mean the end. Blocks as the file does.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn read_part(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Reason> {
        read_at(&self.file, buffer, offset, Reads::All).map_err(|error| Reason::system(Operation::Read, error))
    }

    /// Says whether it was one and the same file while it was read in parts, all of which were as long as its size says.
    ///
    /// # Errors
    ///
    /// That it has changed, and what the system says.
    pub(crate) fn verify_parts(&self) -> Result<(), Reason> {
        let stat = fstat(&self.file).map_err(|error| Reason::system(Operation::Stat, error))?;
        if self.stamp == Some(Stamp::of(&stat)) { Ok(()) } else { Err(Reason::Changed) }
    }

    /// Whether the file system makes contents up on reading, and so cannot know how long they are.
    fn is_made_up(&self) -> bool {
        self.device.as_ref().map_or_else(|| Kind::of(&self.file).is_made_up, |device| device.is_made_up())
    }

    /// How many bytes its size says are still to be read.
    pub(crate) fn left(&self) -> u64 {
        self.stamp.map_or(0, |stamp| stamp.size.saturating_sub(self.count))
    }

    /// Whether all that the size promised has been read.
    pub(crate) fn is_complete(&self) -> bool {
        self.whole && self.stamp.is_some_and(|stamp| stamp.size > 0 && stamp.size == self.count)
    }
}

impl Stamp {
    pub(crate) fn of(stat: &Stat) -> Stamp {
        // The fields have other widths, and signs, on other systems.
        #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
        Stamp {
            size: stat.st_size as u64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }

    /// The same as facts.
    pub(crate) fn facts(&self, inode: u64) -> Facts {
        Facts {
            size: Some(self.size),
            mtime_ns: nanoseconds(self.modified),
            ctime_ns: nanoseconds(self.changed),
            inode: Some(inode),
        }
    }
}

/// What is known of a regular file, all of which was read; nothing where contents come and go without a trace.
fn facts_of(id: &FileId, stamp: &Stamp, device: &Device, quiet: &Quiet) -> Option<Box<Facts>> {
    if device.is_made_up() {
        return None;
    }
    let facts = stamp.facts(id.inode());
    let is_whole = quiet.would_show_a_change(stamp, device.is_punctual());
    Some(Box::new(if is_whole { facts } else { Facts { ctime_ns: None, ..facts } }))
}

/// Reads at an offset; `AGAIN` if that would have to wait, and must not.
#[cfg(target_os = "linux")]
pub(crate) fn read_at(file: &OwnedFd, buffer: &mut [u8], offset: u64, reads: Reads) -> Result<usize, Errno> {
    match reads {
        Reads::All => retry(|| pread(file, &mut *buffer, offset)),
        Reads::Ready => read_with(file, buffer, offset, ReadWriteFlags::NOWAIT),
    }
}

/// Reads at an offset in a particular way.
#[cfg(target_os = "linux")]
pub(crate) fn read_with(file: &OwnedFd, buffer: &mut [u8], offset: u64, flags: ReadWriteFlags) -> Result<usize, Errno> {
    retry(|| preadv2(file, &mut [IoSliceMut::new(buffer)], offset, flags))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn read_at(file: &OwnedFd, buffer: &mut [u8], offset: u64, _reads: Reads) -> Result<usize, Errno> {
    retry(|| pread(file, &mut *buffer, offset))
}

/// A signal that interrupts a read is no reason not to read.
fn retry(mut read: impl FnMut() -> Result<usize, Errno>) -> Result<usize, Errno> {
    loop {
        match read() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

#[cfg(test)]
impl Content {
    /// Whether the last bytes read were made up.
    pub(crate) fn stands_in_hole(&self) -> bool {
        self.holes.as_ref().is_some_and(|holes| holes.stands_in_one())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Devices;
    use std::fs::{self, File, OpenOptions};
    use std::io;
    use std::io::Write;
    use std::os::unix::fs::FileExt;
    use std::path::Path;
    use std::time::{Duration, Instant};

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

    /// What beginning with a file of so many bytes comes to, with ten bytes of room: as one that is old, as one that may
    /// be new, as one from another device, and as one that must be looked at first.
    ///
    /// The file is given as well, for losing its name would change it.
    fn beginnings(size: usize) -> (tempfile::NamedTempFile, [Opened; 4]) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), vec![b'x'; size]).unwrap();
        let open = || OwnedFd::from(File::open(file.path()).unwrap());
        let devices = Devices::default();
        let number = FileId::from_stat(&fstat(open()).unwrap()).device;
        let (here, elsewhere) = (Device::punctual(number), Device::punctual(number + 1));
        let (old, new) = (Quiet::for_ever(), Quiet::now().unwrap());
        let rows = [(Some(&old), &here), (Some(&new), &here), (Some(&old), &elsewhere), (None, &here)];
        let begin = |quiet, device| {
            begin_listed(open(), device, Rules { quiet, ..Rules::plain(&devices) }, &mut [0; 10]).unwrap()
        };
        let opened = rows.map(|(quiet, device)| begin(quiet, device));
        (file, opened)
    }

    #[test]
    fn a_small_file_is_read_at_once_and_a_larger_one_is_begun() {
        for size in [0, 1, 9, 10] {
            let (_file, opened) = beginnings(size);
            for (row, opened) in opened.into_iter().enumerate() {
                assert!(
                    matches!(opened, Opened::Whole(count, None) if count == size),
                    "{size} bytes, row {row}: {opened:?}"
                );
            }
        }
        for size in [11, 20, 100] {
            let (_file, opened) = beginnings(size);
            for (row, opened) in opened.into_iter().enumerate() {
                let Opened::Begun(mut content, 10) = opened else { panic!("{size} bytes, row {row}: {opened:?}") };
                assert_eq!(drain(&mut content).len(), size - 10, "row {row}");
                content.verify().unwrap();
            }
        }
    }

    #[test]
    fn a_file_that_was_begun_and_has_changed_is_told_however_it_was_begun() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), [b'x'; 100]).unwrap();
        set_modified_long_ago(file.path());
        let forever = Quiet::for_ever();
        let devices = Devices::default();
        for quiet in [None, Some(&forever)] {
            let fd = OwnedFd::from(File::open(file.path()).unwrap());
            let device = Device::punctual(FileId::from_stat(&fstat(&fd).unwrap()).device);
            let opened = begin_listed(fd, &device, Rules { quiet, ..Rules::plain(&devices) }, &mut [0; 50]).unwrap();
            let Opened::Begun(mut content, 50) = opened else { panic!("{opened:?}") };
            append(file.path(), b"more");
            drain(&mut content);
            assert!(matches!(content.verify(), Err(Reason::Changed)));
            set_modified_long_ago(file.path());
        }
    }

    #[test]
    fn an_excluded_file_is_passed_over_however_it_is_begun() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "abc").unwrap();
        let open = || OwnedFd::from(File::open(file.path()).unwrap());
        let id = FileId::from_stat(&fstat(open()).unwrap());
        let devices = Devices::default();
        let rules = Rules { exclude: &[id], ..Rules::plain(&devices) };
        let forever = Quiet::for_ever();
        for quiet in [None, Some(&forever)] {
            let device = Device::punctual(id.device);
            let opened = begin_listed(open(), &device, Rules { quiet, ..rules }, &mut [0; 10]).unwrap();
            assert!(matches!(opened, Opened::Passed(Skip::Excluded)), "{opened:?}");
        }
        assert!(matches!(begin(open(), rules, &mut [0; 10]).unwrap(), Opened::Passed(Skip::Excluded)));
        assert!(matches!(stream(open(), rules).unwrap(), Opened::Passed(Skip::Excluded)));
    }

    /// As if it had been a file when it was listed.
    #[test]
    fn a_pipe_keeps_what_is_in_it() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"for somebody else").unwrap();
        let forever = Quiet::for_ever();
        let devices = Devices::default();
        let fd = OwnedFd::from(reader.try_clone().unwrap());
        // As one that lies in a directory does: on the directory's device, and so it is read before it is looked at.
        let device = Device::punctual(FileId::from_stat(&fstat(&fd).unwrap()).device);
        let rules = Rules { wait: Wait::No, quiet: Some(&forever), ..Rules::plain(&devices) };
        let opened = begin_listed(fd, &device, rules, &mut [0; 100]).unwrap();
        assert!(matches!(opened, Opened::Passed(Skip::Special)), "{opened:?}");
        drop(writer);
        assert_eq!(io::read_to_string(reader).unwrap(), "for somebody else");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_is_not_in_memory_is_opened_and_is_on_its_way() {
        let mut written = tempfile::NamedTempFile::new().unwrap();
        written.write_all(&[b'x'; 5000]).unwrap();
        written.as_file().sync_all().unwrap();
        let (devices, forever) = (Devices::default(), Quiet::for_ever());
        for quiet in [None, Some(&forever)] {
            fadvise(written.as_file(), 0, None, Advice::DontNeed).unwrap();
            let fd = OwnedFd::from(File::open(written.path()).unwrap());
            let device = devices.of(&fd, FileId::from_stat(&fstat(&fd).unwrap()).device);
            let rules = Rules { wait: Wait::ToOpen, quiet, ..Rules::plain(&devices) };
            let mut buffer = [0; 8000];
            let mut content = match begin_listed(fd, &device, rules, &mut buffer).unwrap() {
                Opened::Later(Some(content)) => content,
                Opened::Whole(5000, _) => return eprintln!("SKIPPED: files here stay in memory, or nobody tells"),
                opened => panic!("{opened:?}"),
            };
            let begun = Instant::now();
            while content.read_on(&mut buffer, Wait::No).unwrap() != Some((5000, true)) {
                assert!(begun.elapsed() < Duration::from_secs(60), "nobody reads it");
                std::thread::yield_now();
            }
            content.verify().unwrap();
        }
    }

    /// A size of 0 is no reason to believe that a file is empty, nor to ask for its end by its place.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_made_up_on_reading_is_begun_and_read_to_its_end() {
        for path in ["/proc/self/status", "/sys/kernel/mm/transparent_hugepage/enabled"] {
            let devices = Devices::default();
            let fd = OwnedFd::from(File::open(path).unwrap());
            let device = devices.of(&fd, FileId::from_stat(&fstat(&fd).unwrap()).device);
            let opened = begin_listed(fd, &device, Rules::plain(&devices), &mut [0; 4]).unwrap();
            let Opened::Begun(mut content, 4) = opened else { panic!("{path}: {opened:?}") };
            assert!(!drain(&mut content).is_empty());
            content.verify().unwrap();
        }
    }

    #[test]
    fn a_read_that_fails_says_so() {
        let mut content = open("/");
        let reason = content.read(&mut [0; 10]).unwrap_err();
        assert_eq!(reason.to_string(), "cannot read: Is a directory");
    }
}
