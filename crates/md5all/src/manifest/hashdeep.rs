//! The files of `hashdeep`: a head of two lines, and for each file its size, digests and name, between commas.
//!
//! The name is the last, so that it may have commas. It has no escapes: one with a line feed cannot be said, nor one that
//! ends with a carriage return, which `hashdeep` takes off. hashdeep has MD5, SHA-1 and SHA-256 of what is computed
//! here; its Tiger and Whirlpool are passed over on reading.

use std::io::Write;

use super::columns::{Column, Columns, Row};
use super::{Entry, Nature, Unsayable};
use crate::algorithm::{Algorithm, Algorithms};
use crate::record::Hashed;

pub(super) const NATURE: Nature = Nature {
    name: "hashdeep",
    tells: |algorithm| matches!(algorithm, Algorithm::Md5 | Algorithm::Sha1 | Algorithm::Sha256),
    several: true,
    ends_in_nul: false,
    has_comments: true,
    can_be_sealed: true,
    has_facts: true,
    keeps_facts: false,
};

const FIRST: &[u8] = b"%%%% HASHDEEP-1.0";

/// What the line with the names of columns begins with.
const MARK: &[u8] = b"%%%% ";

/// What the column of names is called.
const NAME: &str = "filename";

/// Writes the head, its lines ended.
pub(super) fn write_head(line: &mut Vec<u8>, algorithms: Algorithms) {
    line.extend_from_slice(FIRST);
    line.extend_from_slice(b"\n%%%% size,");
    for algorithm in algorithms.iter() {
        line.extend_from_slice(algorithm.name().as_bytes());
        line.push(b',');
    }
    line.extend_from_slice(NAME.as_bytes());
    line.extend_from_slice(b"\n## Written by md5all\n## \n");
}

pub(super) fn write(line: &mut Vec<u8>, name: &[u8], hashed: &Hashed, columns: Algorithms) -> Result<(), Unsayable> {
    if name.contains(&b'\n') || name.ends_with(b"\r") {
        return Err(Unsayable::LineBreak);
    }
    let size = hashed.facts().size.ok_or(Unsayable::NoSize)?;
    let checksums = hashed.checksums();
    write!(line, "{size},").unwrap_or_else(|_| unreachable!("memory can be written"));
    for algorithm in columns.iter() {
        checksums.get(algorithm).ok_or(Unsayable::NoDigest(algorithm))?.write_hex(line);
        line.push(b',');
    }
    line.extend_from_slice(name);
    Ok(())
}

/// Whether a line is the first of the head.
pub(super) fn is_first(line: &[u8]) -> bool {
    line == FIRST
}

/// The columns, if a line is the second of the head.
pub(super) fn parse_head(line: &[u8]) -> Option<Columns> {
    let names = line.strip_prefix(MARK)?.split(|&byte| byte == b',');
    let is_last = line.ends_with(NAME.as_bytes());
    Columns::of(names, NAME).filter(|_| is_last)
}

pub(super) fn parse<'a>(line: &'a [u8], columns: &Columns) -> Option<Entry<'a>> {
    let mut row = Row::default();
    let mut rest = line;
    for column in columns.iter().take_while(|&column| column != Column::Path) {
        let end = memchr::memchr(b',', rest)?;
        row.take(column, &rest[..end])?;
        rest = &rest[end + 1..];
    }
    row.entry(rest)
}
