//! The lines of Go's MD5All: name, colon, tab, digest.
//!
//! Go prints any name as it is; here one that would break its line is escaped
//! as in the other formats, so that no file's name can pass for another line.
//! The last colon and tab end the name.

use super::{Nature, gnu};
use crate::algorithm::{Algorithm, Checksum};

pub(super) const NATURE: Nature = Nature {
    name: "go",
    tells: |algorithm| algorithm == Algorithm::Md5,
    several: false,
    has_comments: false,
    can_be_sealed: false,
    ..gnu::NATURE
};

pub(super) fn write(line: &mut Vec<u8>, name: &[u8], checksum: &Checksum) {
    line.extend_from_slice(name);
    line.extend_from_slice(b":\t");
    checksum.write_hex(line);
}

pub(super) fn parse(line: &[u8]) -> Option<(&[u8], Checksum)> {
    let end = line.windows(2).rposition(|pair| pair == b":\t")?;
    Some((&line[..end], Checksum::parse(Algorithm::Md5, &line[end + 2..])?))
}
