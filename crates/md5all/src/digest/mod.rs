//! Digests, and the workers that compute them: one file per algorithm.
//!
//! A worker owns its loop over entries and its buffers, so that one which keeps
//! many files in flight at once has the same shape as one that reads file after
//! file. What a digest looks like in a manifest is `manifest`'s affair.

mod alone;
pub(crate) mod md5;
mod outbox;

use std::fmt;

use errgroup::Context;
use md5_lanes::Md5;

use crate::directory::Place;
use crate::entry::{Begun, Found, Outcome, Record};
use crate::error::Error;
use crate::source::content::Opened;
use crate::source::{Content, FileId, Links, Quiet, Rules, local};

/// An MD5 digest (RFC 1321): 16 bytes, shown as 32 lower-case hex digits.
///
/// # Examples
///
/// ```
/// let digest = md5all::Digest::from([0xab; 16]);
/// assert_eq!(digest.to_string(), "ab".repeat(16));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 16]);

/// What a worker keeps to, whatever it computes.
#[derive(Debug)]
pub(crate) struct Terms {
    /// Asked between two reads, so that one big file does not hold up the end.
    pub(crate) ctx: Context,
    pub(crate) links: Links,
    /// Whether the first failure is the end of everything.
    pub(crate) fail_fast: bool,
    /// How many files a worker may have open at the same time.
    pub(crate) lanes: usize,
    /// Files to pass over, whatever they are called.
    pub(crate) exclude: Vec<FileId>,
    /// When it all began, if that can be told.
    pub(crate) quiet: Option<Quiet>,
}

/// What is to be hashed of a file.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// What was before.
    pub(crate) md5: Md5,
    /// So many bytes of the buffer.
    pub(crate) filled: usize,
    /// What they were read from; `None` if they are all there is.
    pub(crate) content: Option<Content>,
}

impl Digest {
    /// The bytes themselves.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The hex digits, as ASCII.
    #[must_use]
    pub fn hex(&self) -> [u8; 32] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 32];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        hex
    }
}

impl From<[u8; 16]> for Digest {
    fn from(bytes: [u8; 16]) -> Digest {
        Digest(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.hex().iter().map(|&digit| char::from(digit)).collect::<String>())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Terms {
    /// Opens what was found, and reads its beginning into `buffer`; or says at once what becomes of it.
    pub(crate) fn open(&self, place: &Place, found: Found, buffer: &mut [u8]) -> Result<Beginning, Outcome> {
        let handle = match found {
            Found::File(handle) => handle,
            Found::Begun(begun) => {
                let Begun { content, md5 } = *begun;
                return Ok(Beginning { md5, filled: 0, content: Some(content) });
            }
            Found::Passed(skip) => return Err(Outcome::Skipped(skip)),
            Found::Failed(reason) => return Err(Outcome::Failed(reason)),
        };
        let rules = Rules { links: self.links.at(place), exclude: &self.exclude, quiet: self.quiet.as_ref() };
        let md5 = Md5::new();
        match local::open(&handle, place.name(), rules, buffer) {
            Ok(Opened::Whole(filled)) => Ok(Beginning { md5, filled, content: None }),
            Ok(Opened::Begun(content, filled)) => Ok(Beginning { md5, filled, content: Some(content) }),
            Ok(Opened::Passed(skip)) => Err(Outcome::Skipped(skip)),
            Err(reason) => Err(Outcome::Failed(reason)),
        }
    }

    /// Nothing, while there is a reason to go on.
    pub(crate) fn go_on(&self) -> Result<(), Error> {
        Ok(self.ctx.check()?)
    }

    /// The record, or the end of everything.
    pub(crate) fn settle(&self, record: Record) -> Result<Record, Error> {
        if self.fail_fast { record.into_result() } else { Ok(record) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_every_byte_as_two_digits() {
        let digest = Digest::from(std::array::from_fn(|index| (index * 17) as u8));
        assert_eq!(digest.to_string(), "00112233445566778899aabbccddeeff");
        assert_eq!(format!("{digest:?}"), "Digest(00112233445566778899aabbccddeeff)");
        assert_eq!(digest.as_bytes()[15], 255);
    }
}
