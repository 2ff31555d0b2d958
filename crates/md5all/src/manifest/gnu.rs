//! GNU's lines: digest, two blanks, name.
//!
//! The second blank is `md5sum`'s flag for a text file; on Unix it means the
//! same as the `*` of a binary one. BSD's `md5 -r` has one blank only, so that a name
//! which begins with a blank could be told in two ways: the first line decides for all.

use super::{Nature, is_blank};
use crate::algorithm::{Algorithm, Checksum};

/// Of which algorithm a digest is, only its length says.
pub(super) const NATURE: Nature = Nature {
    name: "gnu",
    tells: Algorithm::is_told_by_length,
    several: true,
    ends_in_nul: true,
    has_comments: true,
    can_be_sealed: true,
    has_facts: false,
    keeps_facts: false,
};

pub(super) const BINARY: Nature = Nature { name: "gnu-binary", ..NATURE };

/// How many blanks there are between digest and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// One: `md5 -r`.
    One,
    /// Two, the second of which may be a `*`: `md5sum`.
    Two,
}

/// What holds of all untagged lines of a list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Untagged {
    /// What they must be of, if it is fixed.
    pub(crate) only: Option<Algorithm>,
    /// How the first of them looked.
    gap: Option<Gap>,
}

impl Untagged {
    /// None was met yet; all are to be of this algorithm, if it is fixed.
    pub(crate) fn of(only: Option<Algorithm>) -> Untagged {
        Untagged { only, gap: None }
    }
}

pub(super) fn write(line: &mut Vec<u8>, name: &[u8], checksum: &Checksum, mark: u8) {
    checksum.write_hex(line);
    line.extend_from_slice(&[b' ', mark]);
    line.extend_from_slice(name);
}

/// Names are never taken in both ways, lest one who may rename files has a list verify another file.
pub(super) fn parse<'a>(line: &'a [u8], untagged: &mut Untagged) -> Option<(&'a [u8], Checksum)> {
    let end = line.iter().position(is_blank)?;
    let checksum = Checksum::parse_untagged(&line[..end])?;
    if untagged.only.is_some_and(|only| only != checksum.algorithm()) {
        return None;
    }
    let rest = &line[end + 1..];
    let here = match rest {
        [] => return None,
        [b' ' | b'*', _, ..] => Gap::Two,
        _ => Gap::One,
    };
    if here == Gap::One && untagged.gap == Some(Gap::Two) {
        return None;
    }
    let used = *untagged.gap.get_or_insert(here);
    Some((if used == Gap::Two { &rest[1..] } else { rest }, checksum))
}
