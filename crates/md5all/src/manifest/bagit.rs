//! The lines of a bag's manifests, RFC 8493 §2.1.3: digest, two blanks, path.
//!
//! In the path exactly three bytes are percent-encoded, carriage return, line feed and the percent sign, and only those
//! are decoded. Programs that were written before there was an RFC encode nothing, or not the percent sign; so an
//! [`Entry`](super::Entry) has the path as it stands as well, for whoever finds nothing under the decoded one. What a bag
//! is, and what its paths may be, is for others to say.

use super::gnu::{self, Untagged};
use super::{Nature, Unsayable, is_blank, skip_blanks};
use crate::algorithm::{Algorithm, Checksum};

/// A manifest is of one algorithm, which its file's name says.
pub(super) const NATURE: Nature = Nature {
    name: "bagit",
    tells: Algorithm::is_told_by_length,
    several: false,
    ends_in_nul: false,
    can_be_sealed: false,
    ..gnu::NATURE
};

pub(super) fn write(line: &mut Vec<u8>, name: &[u8], checksum: &Checksum) -> Result<(), Unsayable> {
    if matches!(name, [b' ' | b'\t' | b'*', ..]) {
        return Err(Unsayable::Margin);
    }
    checksum.write_hex(line);
    line.extend_from_slice(b"  ");
    for &byte in name {
        match byte {
            b'\n' => line.extend_from_slice(b"%0A"),
            b'\r' => line.extend_from_slice(b"%0D"),
            b'%' => line.extend_from_slice(b"%25"),
            other => line.push(other),
        }
    }
    Ok(())
}

/// The path as it stands, and the checksum. There may be any number of blanks between them, and a `*`.
pub(super) fn parse(line: &[u8]) -> Option<(&[u8], Checksum)> {
    let (_, checksum) = gnu::parse(line, &mut Untagged::default())?;
    let path = skip_blanks(&line[line.iter().position(is_blank)?..]);
    let path = path.strip_prefix(b"*").unwrap_or(path);
    (!path.is_empty() && !path.contains(&0)).then_some((path, checksum))
}

/// Decodes a path; says whether there was anything to decode.
pub(crate) fn decode(decoded: &mut Vec<u8>, path: &[u8]) -> bool {
    decoded.clear();
    let mut rest = path;
    while let [first, behind @ ..] = rest {
        let (byte, behind) = match rest {
            [b'%', b'0', b'A' | b'a', behind @ ..] => (b'\n', behind),
            [b'%', b'0', b'D' | b'd', behind @ ..] => (b'\r', behind),
            [b'%', b'2', b'5', behind @ ..] => (b'%', behind),
            _ => (*first, behind),
        };
        decoded.push(byte);
        rest = behind;
    }
    decoded.len() != path.len()
}
