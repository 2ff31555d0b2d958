//! The holes of a sparse file, which are zeros that nobody has to read.
//!
//! Where they are is asked with `SEEK_DATA` and `SEEK_HOLE`, and only of a file that has fewer blocks than bytes. A short
//! hole is read like anything else, and so is what lies close behind data: so a file with a hole at every other page
//! costs two calls more for each [`WORTH`] bytes, and no other file any.
//!
//! Nothing is lost by believing the answer: a hole that is filled while the file is read moves its times, like any other
//! change, and that is looked at in the end. Which file systems are believed at all is for `content` to say.

use std::os::fd::OwnedFd;

/// As much as is read at once: a hole that is shorter is not worth a call.
const WORTH: u64 = 64 * 1024;

/// What is known of the holes of one file, which is read from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Holes {
    size: u64,
    stretch: Stretch,
}

/// What there is from somewhere on, up to this offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// Zeros.
    Hole(u64),
    /// Something to be read.
    Data(u64),
}

impl Holes {
    /// Of a file of so many bytes in so many blocks of 512; `None` if there are none, or it is too small to ask.
    pub(crate) fn of(size: u64, blocks: u64) -> Option<Holes> {
        (size > WORTH && blocks < size / 512).then_some(Holes { size, stretch: Stretch::Data(0) })
    }

    /// What lies at `offset`, which never goes back: asks the system where that is not known.
    pub(crate) fn at(&mut self, file: &OwnedFd, offset: u64) -> Stretch {
        if offset >= self.stretch.end() {
            self.stretch = self.look(file, offset);
        }
        self.stretch
    }

    /// How much from `offset` on is known to be data.
    pub(crate) fn data_from(&self, offset: u64) -> u64 {
        match self.stretch {
            Stretch::Data(end) => end.saturating_sub(offset),
            Stretch::Hole(_) => 0,
        }
    }

    #[cfg(target_os = "linux")]
    fn look(&self, file: &OwnedFd, offset: u64) -> Stretch {
        use rustix::fs::{SeekFrom, seek};
        use rustix::io::Errno;
        let data = match seek(file, SeekFrom::Data(offset)) {
            Ok(data) => data.min(self.size),
            Err(Errno::NXIO) => self.size, // none from here on
            Err(_) => return Stretch::Data(u64::MAX),
        };
        let is_last = data == self.size && offset < self.size;
        if is_last || data.saturating_sub(offset) >= WORTH {
            return Stretch::Hole(data);
        }
        match seek(file, SeekFrom::Hole(data)) {
            // Behind every file is a hole.
            Ok(hole) if hole < self.size => Stretch::Data(hole.max(offset.saturating_add(WORTH))),
            _ => Stretch::Data(u64::MAX),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn look(&self, _file: &OwnedFd, _offset: u64) -> Stretch {
        Stretch::Data(u64::MAX)
    }
}

impl Stretch {
    fn end(self) -> u64 {
        match self {
            Stretch::Hole(end) | Stretch::Data(end) => end,
        }
    }
}
