//! One JSON object a line: `path`, or `path_base64` for a name that is not UTF-8; size, times and inode where they are
//! known; and a member for each algorithm, in hex digits.
//!
//! Members come in any order on reading, those that are not known are passed over, and none may come twice. Times are
//! numbers of more than 53 bits: programs that take all numbers for floating point, as JavaScript does, round them.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;

use data_encoding::BASE64;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::{Entry, Nature};
use crate::algorithm::{Algorithm, Algorithms, Checksum, Checksums};
use crate::facts::Facts;
use crate::record::Hashed;

pub(super) const NATURE: Nature = Nature {
    name: "ndjson",
    tells: |_| true,
    several: true,
    ends_in_nul: false,
    has_comments: false,
    can_be_sealed: false,
    has_facts: true,
    keeps_facts: true,
};

pub(super) fn write(line: &mut Vec<u8>, name: &[u8], hashed: &Hashed) {
    match str::from_utf8(name) {
        Ok(name) => {
            line.extend_from_slice(b"{\"path\":");
            serde_json::to_writer(&mut *line, name).unwrap_or_else(|_| unreachable!("memory can be written"));
        }
        Err(_) => {
            line.extend_from_slice(b"{\"path_base64\":\"");
            line.extend_from_slice(BASE64.encode(name).as_bytes());
            line.push(b'"');
        }
    }
    let facts = hashed.facts();
    write_number(line, "size", facts.size);
    write_number(line, "mtime_ns", facts.mtime_ns);
    write_number(line, "ctime_ns", facts.ctime_ns);
    write_number(line, "inode", facts.inode);
    for checksum in hashed.checksums().iter() {
        write_name(line, checksum.algorithm().name());
        line.push(b'"');
        checksum.write_hex(line);
        line.push(b'"');
    }
    line.push(b'}');
}

fn write_name(line: &mut Vec<u8>, name: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
}

fn write_number(line: &mut Vec<u8>, name: &str, number: Option<impl fmt::Display>) {
    if let Some(number) = number {
        write_name(line, name);
        write!(line, "{number}").unwrap_or_else(|_| unreachable!("memory can be written"));
    }
}

/// The name is put together in `name`.
pub(super) fn parse<'a>(line: &[u8], name: &'a mut Vec<u8>) -> Option<Entry<'a>> {
    let Object { path, checksums, facts } = serde_json::from_slice(line).ok()?;
    name.clear();
    name.extend_from_slice(&path);
    let is_name = !name.is_empty() && !name.contains(&0);
    is_name.then_some(Entry { name, checksums, facts, literal: None })
}

/// What an object says of a file.
struct Object<'a> {
    path: Cow<'a, [u8]>,
    checksums: Checksums,
    facts: Facts,
}

/// A string of JSON: borrowed, where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<'de>, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file's path and checksums")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Object<'de>, M::Error> {
        let (mut path, mut checksums, mut facts) = (None, Vec::new(), Facts::NONE);
        let mut met = Algorithms::NONE;
        while let Some(Text(name)) = members.next_key()? {
            match &*name {
                "path" => set(&mut path, text(&mut members)?.map(bytes))?,
                "path_base64" => set(&mut path, text(&mut members)?.map(decode).transpose()?)?,
                "size" => set(&mut facts.size, members.next_value()?)?,
                "mtime_ns" => set(&mut facts.mtime_ns, members.next_value()?)?,
                "ctime_ns" => set(&mut facts.ctime_ns, members.next_value()?)?,
                "inode" => set(&mut facts.inode, members.next_value()?)?,
                other => match Algorithm::by_name(other) {
                    None => drop(members.next_value::<IgnoredAny>()?),
                    Some(algorithm) if met.contains(algorithm) => return Err(M::Error::custom("a member comes twice")),
                    Some(algorithm) => {
                        met = met.iter().chain([algorithm]).collect();
                        let Some(Text(digest)) = text(&mut members)? else { continue };
                        let checksum = Checksum::parse(algorithm, digest.as_bytes());
                        checksums.push(checksum.ok_or_else(|| M::Error::custom("a digest that is none"))?);
                    }
                },
            }
        }
        let path = path.ok_or_else(|| M::Error::missing_field("path"))?;
        let checksums: Checksums = match checksums[..] {
            [] => return Err(M::Error::missing_field("md5")),
            [one] => one.into(),
            _ => checksums.into_iter().collect(),
        };
        Ok(Object { path, checksums, facts })
    }
}

/// Sets what a member says, which may be nothing; refuses one that comes twice.
fn set<T, E: Error>(place: &mut Option<T>, value: Option<T>) -> Result<(), E> {
    if place.is_some() {
        return Err(E::custom("a member comes twice"));
    }
    *place = value;
    Ok(())
}

/// A string, or `null`.
fn text<'de, M: MapAccess<'de>>(members: &mut M) -> Result<Option<Text<'de>>, M::Error> {
    members.next_value()
}

fn bytes(Text(text): Text<'_>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn decode<'a, E: Error>(Text(text): Text<'a>) -> Result<Cow<'a, [u8]>, E> {
    BASE64.decode(text.as_bytes()).map(Cow::Owned).map_err(E::custom)
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'de>, D::Error> {
        deserializer.deserialize_str(Borrowing)
    }
}

/// Strings as they stand in the line, if they can be had so: serde's own `Cow` is always owned.
struct Borrowing;

impl<'de> Visitor<'de> for Borrowing {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}
