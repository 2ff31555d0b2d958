//! Comma-separated values, RFC 4180: a head with the names of columns, and a row a file.
//!
//! A row is one line, whatever the name: a path that begins with a backslash is an escaped one. So is written what is not
//! UTF-8, what has a line feed or a carriage return, and what begins with a backslash; behind that first backslash, `\\`,
//! `\n` and `\r` are what they are in GNU's lines, and `\xff` is a byte that is no part of a character. What begins
//! otherwise stands for itself, backslashes included. A line break between quotes is not read.
//!
//! The fields are taken apart here, since the libraries for that forgive what must not be forgiven in a list that is to
//! be trusted: a quote that is never closed, or something behind one that was.

use std::borrow::Cow;
use std::io::Write;

use super::columns::{Column, Columns, FACTS, Row};
use super::{Entry, Nature};
use crate::algorithm::Algorithms;
use crate::record::Hashed;

pub(super) const NATURE: Nature = Nature {
    name: "csv",
    tells: |_| true,
    several: true,
    ends_in_nul: false,
    has_comments: false,
    can_be_sealed: false,
    has_facts: true,
    keeps_facts: true,
};

/// What the column of names is called.
const NAME: &str = "path";

/// Fields of the longest head, and its bytes. Any line may turn out to be one, and what is longer is not even taken apart.
const MOST_FIELDS: usize = 1_000;
const LONGEST_HEAD: usize = 64 << 10;

/// What spreadsheets put before the head, to say that all is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Writes the head, its line ended.
pub(super) fn write_head(line: &mut Vec<u8>, algorithms: Algorithms) {
    let facts = FACTS.into_iter().map(|(name, _)| name);
    let names: Vec<_> = [NAME].into_iter().chain(facts).chain(algorithms.iter().map(|one| one.name())).collect();
    line.extend_from_slice(names.join(",").as_bytes());
    end_line(line);
}

/// Ends a line as RFC 4180 has it, which is not as Unix has it.
pub(super) fn end_line(line: &mut Vec<u8>) {
    line.extend_from_slice(b"\r\n");
}

pub(super) fn write(line: &mut Vec<u8>, name: &[u8], hashed: &Hashed, columns: Algorithms) {
    write_field(line, &escape(name));
    let facts = hashed.facts();
    write_number(line, facts.size);
    write_number(line, facts.mtime_ns);
    write_number(line, facts.ctime_ns);
    write_number(line, facts.inode);
    for algorithm in columns.iter() {
        line.push(b',');
        if let Some(checksum) = hashed.checksums().get(algorithm) {
            checksum.write_hex(line);
        }
    }
}

fn write_number(line: &mut Vec<u8>, number: Option<impl std::fmt::Display>) {
    line.push(b',');
    if let Some(number) = number {
        write!(line, "{number}").unwrap_or_else(|_| unreachable!("memory can be written"));
    }
}

fn write_field(line: &mut Vec<u8>, field: &[u8]) {
    if memchr::memchr2(b',', b'"', field).is_none() {
        return line.extend_from_slice(field);
    }
    line.push(b'"');
    for &byte in field {
        if byte == b'"' {
            line.push(b'"');
        }
        line.push(byte);
    }
    line.push(b'"');
}

/// A name as it stands in its field.
fn escape(name: &[u8]) -> Cow<'_, [u8]> {
    let breaks = || memchr::memchr2(b'\n', b'\r', name).is_some();
    if name.first() != Some(&b'\\') && !breaks() && str::from_utf8(name).is_ok() {
        return Cow::Borrowed(name);
    }
    let mut escaped = vec![b'\\'];
    for chunk in name.utf8_chunks() {
        for &byte in chunk.valid().as_bytes() {
            match byte {
                b'\\' => escaped.extend_from_slice(b"\\\\"),
                b'\n' => escaped.extend_from_slice(b"\\n"),
                b'\r' => escaped.extend_from_slice(b"\\r"),
                other => escaped.push(other),
            }
        }
        for byte in chunk.invalid() {
            escaped.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
    Cow::Owned(escaped)
}

/// Undoes what [`escape`] did; `None` if there is an escape that is none.
fn unescape(field: &[u8], name: &mut Vec<u8>) -> Option<()> {
    name.clear();
    let Some(mut rest) = field.strip_prefix(b"\\") else {
        name.extend_from_slice(field);
        return Some(());
    };
    while let [first, behind @ ..] = rest {
        let (byte, behind) = match rest {
            [b'\\', b'\\', behind @ ..] => (b'\\', behind),
            [b'\\', b'n', behind @ ..] => (b'\n', behind),
            [b'\\', b'r', behind @ ..] => (b'\r', behind),
            [b'\\', b'x', high, low, behind @ ..] => (16 * digit(*high)? + digit(*low)?, behind),
            [b'\\', ..] => return None,
            _ => (*first, behind),
        };
        name.push(byte);
        rest = behind;
    }
    Some(())
}

fn digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16)?.try_into().ok()
}

/// The columns, if a line is a head. One of more than 1,000 fields or 64 KiB is none.
pub(super) fn parse_head(line: &[u8]) -> Option<Columns> {
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    if line.len() > LONGEST_HEAD {
        return None;
    }
    let fields = Fields(Some(line)).take(MOST_FIELDS + 1).collect::<Option<Vec<_>>>()?;
    if fields.len() > MOST_FIELDS {
        return None;
    }
    Columns::of(fields.iter().map(|field| &**field), NAME)
}

/// The name is put together in `name`.
pub(super) fn parse<'a>(line: &[u8], columns: &Columns, name: &'a mut Vec<u8>) -> Option<Entry<'a>> {
    let mut row = Row::default();
    let mut fields = Fields(Some(line));
    for column in columns.iter() {
        let field = fields.next()??;
        match column {
            Column::Path => unescape(&field, name)?,
            _ => row.take(column, &field)?,
        }
    }
    if fields.next().is_some() {
        return None;
    }
    row.entry(name)
}

/// The fields of a row, without their quotes; `None` for one whose quotes are wrong. What is left of the row, if anything is.
struct Fields<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<Cow<'a, [u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.0.take()?;
        let Some(quoted) = line.strip_prefix(b"\"") else {
            let end = memchr::memchr(b',', line).unwrap_or(line.len());
            let (field, rest) = line.split_at(end);
            self.0 = rest.get(1..);
            return Some((!field.contains(&b'"')).then_some(Cow::Borrowed(field)));
        };
        Some(self.quoted(quoted))
    }
}

impl<'a> Fields<'a> {
    /// A field whose first quote has been read.
    fn quoted(&mut self, text: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let mut field = Vec::new();
        let mut rest = text;
        loop {
            let quote = memchr::memchr(b'"', rest)?;
            field.extend_from_slice(&rest[..quote]);
            match &rest[quote + 1..] {
                [b'"', behind @ ..] => {
                    field.push(b'"');
                    rest = behind;
                }
                [] => return Some(Cow::Owned(field)),
                [b',', behind @ ..] => {
                    self.0 = Some(behind);
                    return Some(Cow::Owned(field));
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_is_too_long_is_none() {
        let is_head = |line: &str| parse_head(line.as_bytes()).is_some();
        let fields = |count: usize| format!("path,md5{}", ",".repeat(count - 2));
        assert!(is_head(&fields(MOST_FIELDS)) && !is_head(&fields(MOST_FIELDS + 1)));
        let bytes = |count: usize| format!("path,md5,{}", "x".repeat(count - 9));
        assert!(is_head(&bytes(LONGEST_HEAD)) && !is_head(&bytes(LONGEST_HEAD + 1)));
    }
}
