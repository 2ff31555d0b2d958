//! GNU's lines: digest, two blanks, name.
//!
//! The second blank is `md5sum`'s flag for a text file; on Unix it means the
//! same as the `*` of a binary one. BSD's `md5 -r` has one blank only, so that a name
//! which begins with a blank could be told in two ways: the first line decides for all.

use super::is_blank;
use crate::algorithm::{Algorithm, Checksum};

/// How many blanks there are between digest and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// One: `md5 -r`.
    One,
    /// Two, the second of which may be a `*`: `md5sum`.
    Two,
}

pub(super) fn write(line: &mut Vec<u8>, name: &[u8], checksum: &Checksum, mark: u8) {
    checksum.write_hex(line);
    line.extend_from_slice(&[b' ', mark]);
    line.extend_from_slice(name);
}

/// `gap` is what was met before in the same list, and is set by the first line of MD5: names are never taken in both
/// ways, lest one who may rename files has a list verify another file.
pub(super) fn parse<'a>(line: &'a [u8], gap: &mut Option<Gap>) -> Option<(&'a [u8], Checksum)> {
    let end = line.iter().position(is_blank)?;
    let checksum = Checksum::parse_untagged(&line[..end])?;
    let rest = &line[end + 1..];
    let here = match rest {
        [] => return None,
        [b' ' | b'*', _, ..] => Gap::Two,
        _ => Gap::One,
    };
    if here == Gap::One && *gap == Some(Gap::Two) {
        return None;
    }
    let used = gap.unwrap_or(here);
    if checksum.algorithm() == Algorithm::Md5 {
        *gap = Some(used);
    }
    Some((if used == Gap::Two { &rest[1..] } else { rest }, checksum))
}
