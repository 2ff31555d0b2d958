//! JSON as the program tells it: an object a line, the last of them the summary. `docs/json.md` says what they mean, and
//! `docs/schema.json` what they look like; a test holds every line to it.
//!
//! Here is what all subcommands have in common. A name is text if it is UTF-8, and in base64 if not, since JSON has no other
//! bytes. What has no result is an object, and a message on standard error as without JSON: whoever reads the one misses
//! nothing, and whoever watches the other neither.

use std::fmt::Display;
use std::io::{self, Write};

use data_encoding::BASE64;
use md5all::{Facts, Hashed};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// A name under its key, or under the one for names that are no UTF-8; to be flattened into an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    key: &'static str,
    key_base64: &'static str,
    name: &'a [u8],
}

/// What has no result, and why.
#[derive(Debug, Serialize)]
pub(crate) struct Problem<'a> {
    error: String,
    #[serde(flatten)]
    path: Name<'a>,
}

/// A file, what it came to, and why that is not known, if it is not.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict<'a> {
    pub(crate) verdict: &'static str,
    #[serde(flatten)]
    pub(crate) path: Name<'a>,
    #[serde(flatten)]
    pub(crate) from: Option<Name<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// A file, and what was computed of it.
#[derive(Debug, Serialize)]
pub(crate) struct Sums<'a> {
    #[serde(flatten)]
    path: Name<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtime_ns: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctime_ns: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inode: Option<u64>,
    checksums: Checksums<'a>,
}

/// An algorithm and a digest in hex, and so on.
#[derive(Debug)]
struct Checksums<'a>(&'a md5all::Checksums);

/// The last line.
#[derive(Debug, Serialize)]
pub(crate) struct Last<T> {
    pub(crate) summary: T,
}

/// Writes an object, and ends the line.
///
/// # Errors
///
/// What writing gives.
pub(crate) fn write(out: &mut impl Write, object: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(object)?;
    line.push(b'\n');
    out.write_all(&line)
}

/// Tells a problem on standard output, where no one else writes.
///
/// # Errors
///
/// What the system says.
pub(crate) fn tell(path: &[u8], error: &dyn Display) -> io::Result<()> {
    write(&mut io::stdout().lock(), &Problem::new(path, error))
}

/// Whether a count is left out, of those that are told only where there is something to count.
pub(crate) fn is_none(count: &u64) -> bool {
    *count == 0
}

impl<'a> Name<'a> {
    /// The file that the object is about.
    pub(crate) fn path(name: &'a [u8]) -> Name<'a> {
        Name { key: "path", key_base64: "path_base64", name }
    }

    /// What it was called before.
    pub(crate) fn from(name: &'a [u8]) -> Name<'a> {
        Name { key: "from", key_base64: "from_base64", name }
    }

    /// The list that names it.
    pub(crate) fn list(name: &'a [u8]) -> Name<'a> {
        Name { key: "list", key_base64: "list_base64", name }
    }

    /// A bag.
    pub(crate) fn bag(name: &'a [u8]) -> Name<'a> {
        Name { key: "bag", key_base64: "bag_base64", name }
    }
}

impl Serialize for Name<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match str::from_utf8(self.name) {
            Ok(text) => map.serialize_entry(self.key, text)?,
            Err(_) => map.serialize_entry(self.key_base64, &BASE64.encode(self.name))?,
        }
        map.end()
    }
}

impl<'a> Problem<'a> {
    pub(crate) fn new(path: &'a [u8], error: &dyn Display) -> Problem<'a> {
        Problem { error: error.to_string(), path: Name::path(path) }
    }
}

impl<'a> Sums<'a> {
    pub(crate) fn new(path: &'a [u8], hashed: &'a Hashed) -> Sums<'a> {
        let Facts { size, mtime_ns, ctime_ns, inode, .. } = hashed.facts();
        Sums { path: Name::path(path), size, mtime_ns, ctime_ns, inode, checksums: Checksums(hashed.checksums()) }
    }
}

impl Serialize for Checksums<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|checksum| (checksum.algorithm().name(), checksum.hex())))
    }
}
