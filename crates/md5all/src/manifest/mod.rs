//! Manifests: one file a format.
//!
//! A format says how a name and what is known of its file make a line, or several, and how they are told apart again.
//! What all formats share is here: `layout`, what a manifest looks like; `writer` and `reader`; `escape`, how a name that
//! would break its line is written; `seal`, by which it shows that it is whole; `columns`, for formats that have a head. Which files are listed, and where the bytes
//! go, is decided elsewhere.
//!
//! A further format is one file, an arm in `Format::nature`, one in `writer` and one in `reader`; where it can be told
//! by its looks, one in `detect`.

pub(crate) mod bagit;
mod bsd;
mod columns;
mod csv;
mod detect;
pub(crate) mod escape;
mod gnu;
mod go;
mod hashdeep;
mod layout;
mod ndjson;
#[cfg(feature = "parquet")]
mod parquet;
mod reader;
mod seal;
mod writer;

use crate::algorithm::Algorithm;
pub use crate::error::Flaw;
pub use escape::on_one_line;
pub(crate) use escape::{escape, needs_escape, unescape};
pub(crate) use gnu::Untagged;
pub use layout::{Layout, LineEnd, Refused, Unsayable};
pub use reader::{Entry, LONGEST_LINE, Line, Reader};
pub use seal::Seal;
pub use writer::Writer;

/// How what is known of a file makes a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// `d41d8cd98f00b204e9800998ecf8427e  name`: what `md5sum` writes and checks.
    #[default]
    Gnu,
    /// `d41d8cd98f00b204e9800998ecf8427e *name`: what `md5sum -b` writes, and takes for the same.
    GnuBinary,
    /// `MD5 (name) = d41d8cd98f00b204e9800998ecf8427e`: what BSD's `md5` and
    /// `md5sum --tag` write.
    Bsd,
    /// `name:`, a tab, `d41d8cd98f00b204e9800998ecf8427e`: as the MD5All
    /// pipeline in the documentation of Go's errgroup prints its map.
    Go,
    /// `0,d41d8cd98f00b204e9800998ecf8427e,name`, below a head: what `hashdeep` writes and audits.
    Hashdeep,
    /// `d41d8cd98f00b204e9800998ecf8427e  name`, with three bytes percent-encoded: what bags have, RFC 8493.
    Bagit,
    /// `name,0,…,d41d8cd98f00b204e9800998ecf8427e`, below a head: RFC 4180.
    Csv,
    /// `{"path":"name","size":0,…,"md5":"d41d8cd98f00b204e9800998ecf8427e"}`.
    Ndjson,
    /// A table with a row for each checksum: Parquet's files. A feature of the crate.
    #[cfg(feature = "parquet")]
    Parquet,
}

/// What is fixed about a format.
struct Nature {
    name: &'static str,
    /// See [`Format::tells`].
    tells: fn(Algorithm) -> bool,
    /// Whether one manifest can have checksums of several.
    several: bool,
    /// Whether lines may end with NUL.
    ends_in_nul: bool,
    /// Whether a line that begins with `#` says nothing.
    has_comments: bool,
    /// Whether it can be sealed: by comments that whoever else reads it passes over.
    can_be_sealed: bool,
    /// Whether it says what the file system says of a file.
    has_facts: bool,
    /// Whether it says all of it, and so needs no sidecar.
    keeps_facts: bool,
}

impl Format {
    /// Every format there is.
    pub const ALL: [Format; 8 + cfg!(feature = "parquet") as usize] = [
        Format::Gnu,
        Format::GnuBinary,
        Format::Bsd,
        Format::Go,
        Format::Hashdeep,
        Format::Bagit,
        Format::Csv,
        Format::Ndjson,
        #[cfg(feature = "parquet")]
        Format::Parquet,
    ];

    fn nature(self) -> Nature {
        match self {
            Format::Gnu => gnu::NATURE,
            Format::GnuBinary => gnu::BINARY,
            Format::Bsd => bsd::NATURE,
            Format::Go => go::NATURE,
            Format::Hashdeep => hashdeep::NATURE,
            Format::Bagit => bagit::NATURE,
            Format::Csv => csv::NATURE,
            Format::Ndjson => ndjson::NATURE,
            #[cfg(feature = "parquet")]
            Format::Parquet => parquet::NATURE,
        }
    }

    /// What the format is called on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.nature().name
    }

    /// The format that is called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Whether a line tells that its digest is of this algorithm: by its name, by the digest's length, or because it can
    /// be of no other.
    #[must_use]
    pub fn tells(self, algorithm: Algorithm) -> bool {
        (self.nature().tells)(algorithm)
    }
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|byte| is_blank(byte)).count()..]
}

/// What a C program sees of it.
fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}
