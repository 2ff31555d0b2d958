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
use crate::source::{Device, Reads};

/// What reading does to the system's cache of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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
        reads: Reads,
    ) -> Result<usize, Errno> {
        if device.forgets() {
            match read_forgotten(file, buffer, offset, reads) {
                // It may be to wait for nothing that it cannot. Then that is what it says below.
                Err(Errno::OPNOTSUPP) => {}
                result => return result,
            }
        }
        let tried = if device.tells() { read_at(file, buffer, offset, Reads::Ready) } else { Err(Errno::OPNOTSUPP) };
        if reads == Reads::All || tried != Err(Errno::OPNOTSUPP) {
            device.does_not_forget();
        }
        let end = offset + buffer.len() as u64;
        let is_ours = offset < self.coming;
        let is_short = tried.is_ok_and(|count| count < buffer.len());
        if is_short || tried == Err(Errno::AGAIN) {
            self.coming = end;
        }
        let (count, is_ours) = match tried {
            Err(Errno::AGAIN | Errno::OPNOTSUPP) if reads == Reads::All => {
                (read_at(file, buffer, offset, reads)?, true)
            }
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
fn read_forgotten(file: &OwnedFd, buffer: &mut [u8], offset: u64, reads: Reads) -> Result<usize, Errno> {
    use rustix::io::ReadWriteFlags;
    /// `RWF_DONTCACHE`, as `linux/fs.h` has it.
    const DONTCACHE: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x80);
    let flags = match reads {
        Reads::All => DONTCACHE,
        Reads::Ready => DONTCACHE | ReadWriteFlags::NOWAIT,
    };
    crate::source::content::read_with(file, buffer, offset, flags)
}

#[cfg(not(target_os = "linux"))]
fn read_forgotten(_: &OwnedFd, _: &mut [u8], _: u64, _: Reads) -> Result<usize, Errno> {
    Err(Errno::OPNOTSUPP)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::source::{Devices, FileId, Rules, Wait, content};
    use std::fs::File;
    use std::io::Write;
    use std::path::Path;

    const PAGE: usize = 4096;

    /// Which pages of a file are in memory: those that can be read without waiting. To ask brings in no other, with
    /// this advice; `None` if it cannot be told.
    fn cached(path: &Path, pages: usize) -> Option<Vec<bool>> {
        let file = OwnedFd::from(File::open(path).unwrap());
        fadvise(&file, 0, None, Advice::Random).unwrap();
        (0..pages)
            .map(|page| match read_at(&file, &mut [0; PAGE], (page * PAGE) as u64, Reads::Ready) {
                Ok(_) => Some(true),
                Err(Errno::AGAIN) => Some(false),
                Err(_) => None,
            })
            .collect()
    }

    /// A file of which only these pages are in memory, hashed where reads that keep nothing are known or are not.
    /// Whether that is left as it was.
    fn is_left(pages: usize, hot: &[usize], forgets: bool, wait: Wait) -> bool {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![b'x'; pages * PAGE]).unwrap();
        file.as_file().sync_all().unwrap();
        let forget = || fadvise(file.as_file(), 0, None, Advice::DontNeed).unwrap();
        let warm = || {
            let file = OwnedFd::from(File::open(file.path()).unwrap());
            fadvise(&file, 0, None, Advice::Random).unwrap();
            hot.iter()
                .for_each(|page| assert!(read_at(&file, &mut [0; PAGE], (page * PAGE) as u64, Reads::All).is_ok()));
        };
        let expected: Vec<bool> = (0..pages).map(|page| hot.contains(&page)).collect();
        forget();
        warm();

        let devices = Devices::default();
        let fd = OwnedFd::from(File::open(file.path()).unwrap());
        let number = FileId::from_stat(&rustix::fs::fstat(&fd).unwrap()).device;
        let device = devices.of(&fd, number);
        if !forgets {
            device.does_not_forget();
        }
        let mut buffer = vec![0; 64 * 1024];
        let rules = Rules { cache: Cache::Leave, wait, ..Rules::plain(&devices) };
        let mut begun = match content::begin(fd, rules, &mut buffer).unwrap() {
            content::Opened::Begun(content, _) | content::Opened::Later(Some(content)) => Some(content),
            content::Opened::Whole(..) => None,
            opened => panic!("{opened:?}"),
        };
        // As a worker tries first, and a reader waits where that gave nothing.
        while let Some(content) = &mut begun {
            let read = content.read_if(&mut buffer, Wait::No).unwrap();
            let count = read.unwrap_or_else(|| content.read(&mut buffer).unwrap());
            if count == 0 || content.is_complete() {
                break;
            }
        }
        cached(file.path(), pages) == Some(expected)
    }

    /// The system may let go of anything at any time, so what is wrong must be so each time.
    fn check(pages: usize, hot: &[usize], forgets: bool, wait: Wait) {
        let is_left = (0..10).any(|_| is_left(pages, hot, forgets, wait));
        assert!(is_left, "{pages} pages, {} of them hot, forgets: {forgets}, {wait:?}", hot.len());
    }

    /// Whether of temporary files it can be told what is in memory, and let go.
    fn can_be_told() -> bool {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[b'x'; PAGE]).unwrap();
        file.as_file().sync_all().unwrap();
        fadvise(file.as_file(), 0, None, Advice::DontNeed).unwrap();
        cached(file.path(), 1) == Some(vec![false])
    }

    #[test]
    fn what_was_there_stays_and_nothing_else() {
        if !can_be_told() {
            return eprintln!("SKIPPED: what is in memory cannot be told, or not be let go, of temporary files here");
        }
        for forgets in [true, false] {
            for wait in [Wait::Yes, Wait::No] {
                check(1, &[], forgets, wait);
                check(1, &[0], forgets, wait);
                check(100, &[], forgets, wait);
                check(100, &(0..100).collect::<Vec<_>>(), forgets, wait);
                check(100, &(0..40).collect::<Vec<_>>(), forgets, wait);
            }
        }
    }
}
