//! Reads that leave the system's cache of files as it was.
//!
//! Whoever hashes a tree once does not want it to push out of memory what others work with. So what a read brings in is
//! let go again, and what was there before stays:
//!
//! 1. Nothing is read ahead: what the system reads on its own account, nobody could tell from what was there.
//! 2. Where the file system knows reads that keep nothing (`RWF_DONTCACHE`, Linux 6.14), that is all.
//! 3. Elsewhere each read is tried without waiting. What that gives was there; what had to be waited for is let go. To
//!    try makes the system begin, so what comes right behind a try that failed or fell short is let go too.
//! 4. Where nobody can tell what is there (overlayfs), all that was read is let go: less harm is done to what is hashed
//!    than to everything else.
//!
//! What was there is told by the buffer, not by the page: one that lies between others that were not may go with them.

use std::os::fd::OwnedFd;

use rustix::fs::{Advice, fadvise};
use rustix::io::Errno;

use crate::source::content::read_at;
use crate::source::{Device, Wait};

/// What reading does to the system's cache of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cache {
    /// What was read is kept for the next one to read it, as the system sees fit.
    #[default]
    Use,
    /// What was there stays, and what was not is let go again. Costs reading ahead.
    Leave,
}

/// The reads of one file that leave the cache as it was.
#[derive(Debug)]
pub(crate) struct Traces {
    /// What lies before this may be there because it was asked for here.
    coming: u64,
}

impl Traces {
    /// Of a file of which nothing was read.
    pub(crate) fn of(file: &OwnedFd) -> Traces {
        // Only advice: without it, more is read, and some of that is taken for what was there.
        let _ = fadvise(file, 0, None, Advice::Random);
        Traces { coming: 0 }
    }

    /// As [`read_at`].
    pub(crate) fn read(
        &mut self,
        file: &OwnedFd,
        device: &Device,
        buffer: &mut [u8],
        offset: u64,
        wait: Wait,
    ) -> Result<usize, Errno> {
        if device.forgets() {
            match read_forgotten(file, buffer, offset, wait) {
                // It may be to wait for nothing that it cannot. Then that is what it says below.
                Err(Errno::OPNOTSUPP) => {}
                result => return result,
            }
        }
        let tried = if device.tells() { read_at(file, buffer, offset, Wait::No) } else { Err(Errno::OPNOTSUPP) };
        if wait == Wait::Yes || tried != Err(Errno::OPNOTSUPP) {
            device.does_not_forget();
        }
        let end = offset + buffer.len() as u64;
        let is_ours = offset < self.coming;
        let is_short = tried.is_ok_and(|count| count < buffer.len());
        if is_short || tried == Err(Errno::AGAIN) {
            self.coming = end;
        }
        let (count, is_ours) = match tried {
            Err(Errno::AGAIN | Errno::OPNOTSUPP) if wait == Wait::Yes => (read_at(file, buffer, offset, wait)?, true),
            tried => (tried?, is_ours),
        };
        if is_ours {
            let_go(file, offset, count);
        }
        Ok(count)
    }
}

fn let_go(file: &OwnedFd, offset: u64, count: usize) {
    if let Some(length) = std::num::NonZeroU64::new(count as u64) {
        // What cannot be let go is kept.
        let _ = fadvise(file, offset, Some(length), Advice::DontNeed);
    }
}

#[cfg(target_os = "linux")]
fn read_forgotten(file: &OwnedFd, buffer: &mut [u8], offset: u64, wait: Wait) -> Result<usize, Errno> {
    use rustix::io::ReadWriteFlags;
    /// `RWF_DONTCACHE`, as `linux/fs.h` has it.
    const DONTCACHE: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x80);
    let flags = match wait {
        Wait::Yes => DONTCACHE,
        Wait::No => DONTCACHE | ReadWriteFlags::NOWAIT,
    };
    crate::source::content::read_with(file, buffer, offset, flags)
}

#[cfg(not(target_os = "linux"))]
fn read_forgotten(_: &OwnedFd, _: &mut [u8], _: u64, _: Wait) -> Result<usize, Errno> {
    Err(Errno::OPNOTSUPP)
}
