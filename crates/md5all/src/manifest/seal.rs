//! Seals: comments at both ends of a manifest, by which it shows that it is whole.
//!
//! The first says that there is a seal, so that its loss shows too. The last counts the files and their bytes, and ends
//! with the SHA-256 of all that is before it in the manifest, these counts included. So it shows if the manifest was cut
//! short, if a line was changed, removed or added, and if something was written behind its end. There is no key: whoever
//! changes a manifest on purpose can seal it again. A seal proves accidents, not malice.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::error::Flaw;

/// What became of the seal of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// It has none.
    None,
    /// The manifest is what it was when it was sealed.
    Whole,
    /// It is not.
    Broken(Flaw),
}

/// The first comment.
const OPENING: &[u8] = b"# md5all: this list is sealed: its last line is the seal";

/// What the last comment begins with.
const CLOSING: &[u8] = b"# md5all: seal of ";

/// What is between the counts and the digest.
const BEFORE_DIGEST: &[u8] = b": sha256 ";

/// Hex digits of the digest.
const DIGITS: usize = 64;

/// Seals what is written.
#[derive(Debug)]
pub(super) struct Sealing {
    written: Sha256,
    files: u64,
    /// `None` if one file's were not known.
    bytes: Option<u64>,
}

/// Watches what is read.
#[derive(Debug)]
pub(super) enum Watch {
    /// Nothing so far but what may be above the first comment.
    Above(Sha256),
    /// The first comment was there. What has been read so far.
    Open(Sha256),
    /// There is no seal, as far as can be told.
    Plain,
    /// The last comment was there, or something is wrong.
    Closed(Seal),
}

impl Sealing {
    pub(super) fn new() -> Sealing {
        Sealing { written: Sha256::new(), files: 0, bytes: Some(0) }
    }

    /// Adds the first comment to what is above all lines.
    pub(super) fn open(lines: &mut Vec<u8>) {
        lines.extend_from_slice(OPENING);
        lines.push(b'\n');
    }

    /// Something was written.
    pub(super) fn take(&mut self, text: &[u8]) {
        self.written.update(text);
    }

    /// It was the lines of a file of so many bytes.
    pub(super) fn count(&mut self, size: Option<u64>) {
        self.files += 1;
        self.bytes = self.bytes.zip(size).map(|(all, one)| all.saturating_add(one));
    }

    /// The last comment.
    pub(super) fn close(mut self) -> Vec<u8> {
        let plural = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let mut line = [CLOSING, plural(self.files, "file").as_bytes()].concat();
        if let Some(bytes) = self.bytes {
            line.extend_from_slice(format!(", {}", plural(bytes, "byte")).as_bytes());
        }
        line.extend_from_slice(BEFORE_DIGEST);
        self.written.update(&line);
        line.extend_from_slice(HEXLOWER.encode(&self.written.finalize()).as_bytes());
        line.push(b'\n');
        line
    }
}

impl Watch {
    pub(super) fn new() -> Watch {
        Watch::Above(Sha256::new())
    }

    /// Takes a line, with what ends it.
    pub(super) fn see(&mut self, line: &[u8]) {
        *self = match std::mem::replace(self, Watch::Plain) {
            Watch::Above(read) => Watch::begin(read, line),
            Watch::Open(read) if line.starts_with(CLOSING) => Watch::Closed(check(read, line)),
            Watch::Open(read) => Watch::Open(read.chain_update(line)),
            Watch::Plain if line.starts_with(CLOSING) => Watch::Closed(Seal::Broken(Flaw::Headless)),
            Watch::Plain => Watch::Plain,
            Watch::Closed(Seal::Whole) => Watch::Closed(Seal::Broken(Flaw::Continued)),
            Watch::Closed(seal) => Watch::Closed(seal),
        }
    }

    fn begin(read: Sha256, line: &[u8]) -> Watch {
        let is_ended = line.ends_with(b"\n");
        match line.trim_ascii_end() {
            OPENING if is_ended => Watch::Open(read.chain_update(line)),
            head if head.starts_with(b"%%%% ") || head.starts_with(b"##") => Watch::Above(read.chain_update(line)),
            part if !is_ended && part.len() > 2 && OPENING.starts_with(part) => {
                Watch::Closed(Seal::Broken(Flaw::CutShort))
            }
            end if end.starts_with(CLOSING) => Watch::Closed(Seal::Broken(Flaw::Headless)),
            _ => Watch::Plain,
        }
    }

    /// What has become of the seal, if there is no more to be read.
    pub(super) fn seal(&self) -> Seal {
        match self {
            Watch::Above(_) | Watch::Plain => Seal::None,
            Watch::Open(_) => Seal::Broken(Flaw::CutShort),
            Watch::Closed(seal) => *seal,
        }
    }
}

/// Compares the digest on the last comment with that of what was read.
fn check(read: Sha256, line: &[u8]) -> Seal {
    let Some(line) = line.strip_suffix(b"\n") else { return Seal::Broken(Flaw::CutShort) };
    let Some((text, digest)) = line.split_at_checked(line.len().saturating_sub(DIGITS)) else {
        return Seal::Broken(Flaw::Changed);
    };
    let read = read.chain_update(text).finalize();
    let is_whole = text.ends_with(BEFORE_DIGEST) && digest == HEXLOWER.encode(&read).as_bytes();
    if is_whole { Seal::Whole } else { Seal::Broken(Flaw::Changed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::{Algorithm, Checksum};
    use crate::facts::Facts;
    use crate::manifest::{Format, Layout, LineEnd, Reader, Writer};
    use crate::record::Hashed;
    use proptest::prelude::*;

    const FORMATS: [Format; 4] = [Format::Gnu, Format::GnuBinary, Format::Bsd, Format::Hashdeep];

    fn sealed(format: Format, files: u64) -> Vec<u8> {
        let mut manifest = Writer::new(Vec::new(), Layout::from(format).seal(true));
        for file in 0..files {
            let checksum = Checksum::new(Algorithm::Md5, &[file as u8; 16]).unwrap();
            let hashed = Hashed::new(checksum).with_facts(Facts { size: Some(file), ..Facts::NONE });
            manifest.write(format!("name {file}").as_bytes(), &hashed).unwrap();
        }
        manifest.finish().unwrap()
    }

    /// What is made of it when it is read, in its format and by its looks, and how many files it has.
    fn read(text: &[u8], format: Format) -> (Seal, u64) {
        let told =
            [Reader::new(text, format, LineEnd::Newline), Reader::detect(text, LineEnd::Newline)].map(|mut it| {
                let mut files = 0;
                while let Some(line) = it.read().unwrap() {
                    files += u64::from(line.entry.is_some());
                }
                (it.seal(), files)
            });
        assert_eq!(told[0].0, told[1].0);
        told[0]
    }

    #[test]
    fn a_seal_counts_files_and_bytes() {
        let text = String::from_utf8(sealed(Format::Gnu, 3)).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0].as_bytes(), OPENING);
        assert!(lines[4].starts_with("# md5all: seal of 3 files, 3 bytes: sha256 "), "{text}");
        let digest = Sha256::digest(&text.as_bytes()[..text.len() - 65]);
        assert_eq!(lines[4][lines[4].len() - 64..], HEXLOWER.encode(&digest));
        let unknown = Writer::new(Vec::new(), Layout::default().seal(true));
        let write = |mut manifest: Writer<Vec<u8>>| {
            let checksum = Checksum::new(Algorithm::Md5, &[0; 16]).unwrap();
            manifest.write(b"a", &Hashed::new(checksum)).unwrap();
            String::from_utf8(manifest.finish().unwrap()).unwrap()
        };
        assert!(write(unknown).contains("\n# md5all: seal of 1 file: sha256 "));
    }

    #[test]
    fn a_sealed_list_is_whole_and_says_what_it_says_without() {
        for format in FORMATS {
            for files in [0, 1, 2, 20] {
                assert_eq!(read(&sealed(format, files), format), (Seal::Whole, files), "{format:?}");
            }
        }
    }

    #[test]
    fn a_list_without_a_seal_has_none() {
        for text in ["", "# md5all\n", "# comment\nd41d8cd98f00b204e9800998ecf8427e  a\n", "# ", "#"] {
            assert_eq!(read(text.as_bytes(), Format::Gnu).0, Seal::None, "{text:?}");
        }
        // A file of this name is no seal where a line begins with the name.
        let name = b"# md5all: seal of x";
        for format in [Format::Csv, Format::Go, Format::Ndjson] {
            let mut manifest = Writer::new(Vec::new(), Layout::from(format));
            manifest.write(name, &Hashed::new(Checksum::new(Algorithm::Md5, &[0; 16]).unwrap())).unwrap();
            assert_eq!(read(&manifest.finish().unwrap(), format), (Seal::None, 1), "{format:?}");
        }
    }

    /// What is left begins with nothing that says so, if it is cut within the first two bytes, or within hashdeep's head:
    /// but then it lists nothing.
    #[test]
    fn a_list_that_was_cut_short_anywhere_is_not_whole() {
        for format in FORMATS {
            let text = sealed(format, 3);
            let first = text.windows(3).position(|window| window == b"# m").unwrap() + 2;
            for end in 0..text.len() {
                let (seal, files) = read(&text[..end], format);
                assert!(seal == Seal::Broken(Flaw::CutShort) || end <= first && seal == Seal::None && files == 0);
            }
        }
    }

    #[test]
    fn a_line_that_was_removed_added_or_changed_shows() {
        for format in FORMATS {
            let text = String::from_utf8(sealed(format, 4)).unwrap();
            let lines: Vec<_> = text.split_inclusive('\n').collect();
            for at in 0..lines.len() {
                let without = [&lines[..at], &lines[at + 1..]].concat().concat();
                assert!(matches!(read(without.as_bytes(), format).0, Seal::Broken(_)), "{without}");
                let twice = [&lines[..=at], &lines[at..]].concat().concat();
                assert!(matches!(read(twice.as_bytes(), format).0, Seal::Broken(_)), "{twice}");
                for more in ["\n", "# comment\n", "\r\n", "d41d8cd98f00b204e9800998ecf8427e  new\n"] {
                    let with = [&lines[..=at], &[more], &lines[at + 1..]].concat().concat();
                    assert!(matches!(read(with.as_bytes(), format).0, Seal::Broken(_)), "{with}");
                }
            }
            let windows = text.replace('\n', "\r\n");
            assert_eq!(read(windows.as_bytes(), format).0, Seal::Broken(Flaw::Changed));
            let behind = [&*text, "# comment\n"].concat();
            assert_eq!(read(behind.as_bytes(), format).0, Seal::Broken(Flaw::Continued));
            let two = [&*text, &*text].concat();
            assert_eq!(read(two.as_bytes(), format).0, Seal::Broken(Flaw::Continued));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_byte_that_was_changed_shows(
            format in proptest::sample::select(&FORMATS[..]), at in 0..1_000_usize, byte in any::<u8>(),
        ) {
            let mut text = sealed(format, 5);
            let at = at % text.len();
            prop_assume!(text[at] != byte);
            text[at] = byte;
            prop_assert!(matches!(read(&text, format).0, Seal::Broken(_)), "{}", text.escape_ascii());
        }
    }
}
