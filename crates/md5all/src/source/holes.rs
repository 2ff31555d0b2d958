//! The holes of a sparse file, which are zeros that nobody has to read.
//!
//! Where they are is asked with `SEEK_DATA` and `SEEK_HOLE`, and only of a file that has fewer blocks than bytes. A short
//! hole is read like anything else, and so is what lies close behind data: so a file with a hole at every other page
//! costs two calls more for each [`WORTH`] bytes, and no other file any.
//!
//! Nothing is lost by believing the answer: a hole that is filled while the file is read moves its times, like any other
//! change, and that is looked at in the end. A long hole is asked for again on the way, so that one that was cut off is
//! not made up for hours. Which file systems are believed at all is for `content` to say.

use std::os::fd::OwnedFd;

/// As much as is read at once: a hole that is shorter is not worth a call.
const WORTH: u64 = 64 * 1024;

/// How much of a hole is made up without a further look: a second or two of hashing, should the file have been cut short.
const BELIEVED: u64 = 1 << 30;

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
            // None from here on: up to the end, wherever that is by now.
            Err(Errno::NXIO) => seek(file, SeekFrom::End(0)).map_or(self.size, |end| end.min(self.size)),
            Err(_) => return Stretch::Data(u64::MAX),
        };
        let is_last = data == self.size && offset < self.size;
        if is_last || data.saturating_sub(offset) >= WORTH {
            return Stretch::Hole(data.min(offset.saturating_add(BELIEVED)));
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

#[cfg(test)]
impl Holes {
    /// Whether what was asked for last is one.
    pub(crate) fn stands_in_one(&self) -> bool {
        matches!(self.stretch, Stretch::Hole(_))
    }
}

impl Stretch {
    fn end(self) -> u64 {
        match self {
            Stretch::Hole(end) | Stretch::Data(end) => end,
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::source::{Devices, Rules, content};
    use proptest::prelude::*;
    use rustix::fs::fstat;
    use std::fs::{self, File};
    use std::os::unix::fs::FileExt;
    use std::path::Path;

    /// What is read of a file in parts of this size, and how many of the bytes were made up.
    fn read(path: &Path, room: usize) -> (Vec<u8>, u64) {
        let devices = Devices::default();
        let mut buffer = vec![b'?'; room];
        let fd = File::open(path).unwrap().into();
        let content::Opened::Begun(mut content, filled) =
            content::begin(fd, Rules::plain(&devices), &mut buffer).unwrap()
        else {
            panic!("larger than the room for it");
        };
        let mut all = buffer[..filled].to_vec();
        let mut made_up = 0;
        while let Some(filled) = Some(content.read(&mut buffer).unwrap()).filter(|filled| *filled > 0) {
            all.extend_from_slice(&buffer[..filled]);
            made_up += content.stands_in_hole() as u64 * filled as u64;
        }
        content.verify().unwrap();
        (all, made_up)
    }

    /// Stretches of data and of nothing, in pages, with a few bytes more or less at the end.
    fn check(dir: &Path, stretches: &[(bool, u64)], odd: u64, room: usize) -> u64 {
        let path = dir.join("file");
        let file = File::create(&path).unwrap();
        let mut offset = 0;
        for (is_data, pages) in stretches {
            let length = pages * 4096 - odd;
            if *is_data {
                let bytes: Vec<u8> = (0..length).map(|at| (at + offset) as u8 | 1).collect();
                file.write_all_at(&bytes, offset).unwrap();
            }
            offset += length;
        }
        file.set_len(offset).unwrap();
        let (all, made_up) = read(&path, room);
        assert!(all == fs::read(&path).unwrap(), "{stretches:?}, {odd} bytes less each");
        made_up
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_pattern_it_is_what_is_in_the_file(
            stretches in prop::collection::vec((any::<bool>(), 1..60_u64), 1..12),
            odd in prop::sample::select(vec![0, 1, 77]),
            room in prop::sample::select(vec![1000, 65_536, 300_000]),
        ) {
            for dir in [Path::new("/dev/shm"), &std::env::temp_dir()].iter().filter(|dir| dir.is_dir()) {
                let dir = tempfile::tempdir_in(dir).unwrap();
                fs::write(dir.path().join("file"), "").unwrap();
                check(dir.path(), &[&[(true, 80)], &stretches[..]].concat(), odd, room);
            }
        }
    }

    #[test]
    fn long_holes_are_made_up_and_short_ones_are_read() {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let rows: [(&[(bool, u64)], u64); 4] = [
            (&[(true, 16), (false, 100), (true, 16)], 100),
            (&[(true, 16), (false, 15), (true, 16)], 0),
            (&[(true, 16), (false, 1)], 1),
            (&[(true, 32), (false, 16), (true, 1), (false, 15), (true, 1), (false, 16), (true, 1)], 16),
        ];
        for (stretches, made_up) in rows {
            assert_eq!(check(dir.path(), stretches, 0, 65_536), made_up * 4096, "{stretches:?}");
        }
    }

    /// What is left of the hole is none once the file is shorter, so that the end comes soon, and the change is told then.
    #[test]
    fn a_hole_that_is_cut_off_while_it_is_made_up_is_not_made_up_to_its_end() {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let path = dir.path().join("file");
        for left in [0, 1, 3 * WORTH] {
            File::create(&path).unwrap().set_len(3 * BELIEVED).unwrap();
            let devices = Devices::default();
            let mut buffer = vec![b'?'; 1 << 20];
            let fd = File::open(&path).unwrap().into();
            let content::Opened::Begun(mut content, _) =
                content::begin(fd, Rules::plain(&devices), &mut buffer).unwrap()
            else {
                panic!("larger than the room for it");
            };
            assert!(content.stands_in_hole());
            File::options().write(true).open(&path).unwrap().set_len(left).unwrap();
            let parts = std::iter::from_fn(|| Some(content.read(&mut buffer).unwrap()).filter(|&filled| filled > 0));
            let made_up: u64 = parts.map(|filled| filled as u64).sum();
            assert!(made_up < BELIEVED, "{made_up} bytes with {left} left");
            assert!(matches!(content.verify(), Err(crate::error::Reason::Changed)));
        }
    }

    #[test]
    fn a_file_with_as_many_blocks_as_bytes_is_not_asked() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[b'x'; 200_000], 0).unwrap();
        file.sync_all().unwrap();
        let stat = fstat(&file).unwrap();
        assert!(Holes::of(stat.st_size as u64, stat.st_blocks as u64).is_none());
        assert!(Holes::of(WORTH, 0).is_none(), "too small");
        assert!(Holes::of(WORTH + 1, 0).is_some());
    }
}
