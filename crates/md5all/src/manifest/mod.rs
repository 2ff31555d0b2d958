//! Manifests: one line a file, one file a format.
//!
//! A format says how a name and a digest make a line, and how they are told apart again. What all formats share is
//! here: how a name that would break its line is escaped, and what ends a line; and in `reader`, how lines are read.
//! Which files are listed, and where the bytes go, is decided elsewhere.
//!
//! The escaping is GNU's: iff a name holds a backslash, a line feed or a
//! carriage return, the line begins with one backslash more, and the three are
//! written `\\`, `\n` and `\r`. Bytes that are not UTF-8 stay as they are.

mod bsd;
mod gnu;
mod go;
mod reader;

use std::borrow::Cow;
use std::io::{self, Write};

use crate::algorithm::{Algorithm, Algorithms, Checksum};
use crate::entry::Hashed;
pub(crate) use gnu::Untagged;
pub use reader::{Entry, LONGEST_LINE, Line, Reader};

/// How a name and its digest make a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
}

/// What ends a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnd {
    /// A line feed; names that would break the line are escaped.
    #[default]
    Newline,
    /// A NUL, which no name can hold; so nothing is escaped.
    Nul,
}

/// What a manifest looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// How a file makes a line, or several.
    pub format: Format,
    /// What ends them.
    pub end: LineEnd,
    /// What each file has a checksum of.
    pub algorithms: Algorithms,
}

/// Writes a manifest, line by line.
///
/// Every line is handed to the inner writer whole, in one call.
///
/// # Examples
///
/// ```
/// use md5all::manifest::{Format, Layout, Writer};
/// use md5all::{Digest, Hashed};
///
/// let mut manifest = Writer::new(Vec::new(), Layout::from(Format::Bsd));
/// manifest.write(b"name", &Hashed::new(Digest::from([0; 16])))?;
/// let bytes = manifest.finish()?;
/// assert_eq!(bytes, b"MD5 (name) = 00000000000000000000000000000000\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    layout: Layout,
    /// The line being made.
    line: Vec<u8>,
    /// The name on it, when that had to be escaped.
    escaped: Vec<u8>,
}

impl Format {
    /// Every format there is.
    pub const ALL: [Format; 4] = [Format::Gnu, Format::GnuBinary, Format::Bsd, Format::Go];

    /// What the format is called on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Gnu => "gnu",
            Format::GnuBinary => "gnu-binary",
            Format::Bsd => "bsd",
            Format::Go => "go",
        }
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
        match self {
            Format::Gnu | Format::GnuBinary => algorithm.is_told_by_length(),
            Format::Bsd => true,
            Format::Go => algorithm == Algorithm::Md5,
        }
    }

    fn write(self, line: &mut Vec<u8>, name: &[u8], checksum: &Checksum) {
        match self {
            Format::Gnu => gnu::write(line, name, checksum, b' '),
            Format::GnuBinary => gnu::write(line, name, checksum, b'*'),
            Format::Bsd => bsd::write(line, name, checksum),
            Format::Go => go::write(line, name, checksum),
        }
    }
}

impl From<Format> for Layout {
    fn from(format: Format) -> Layout {
        Layout { format, ..Layout::default() }
    }
}

impl LineEnd {
    fn byte(self) -> u8 {
        match self {
            LineEnd::Newline => b'\n',
            LineEnd::Nul => 0,
        }
    }
}

impl<W: Write> Writer<W> {
    /// A manifest that goes to `out`.
    pub fn new(out: W, layout: Layout) -> Writer<W> {
        Writer { out, layout, line: Vec::new(), escaped: Vec::new() }
    }

    /// Writes the lines of one file.
    ///
    /// # Errors
    ///
    /// Whatever the inner writer gives.
    pub fn write(&mut self, name: &[u8], hashed: &Hashed) -> io::Result<()> {
        self.line.clear();
        for checksum in hashed.checksums().iter() {
            self.add_line(name, &checksum);
        }
        self.out.write_all(&self.line)
    }

    fn add_line(&mut self, name: &[u8], checksum: &Checksum) {
        let Layout { format, end, .. } = self.layout;
        if end == LineEnd::Newline && needs_escape(name) {
            self.line.push(b'\\');
            escape(&mut self.escaped, name);
            format.write(&mut self.line, &self.escaped, checksum);
        } else {
            format.write(&mut self.line, name, checksum);
        }
        self.line.push(end.byte());
    }

    /// Flushes the inner writer.
    ///
    /// # Errors
    ///
    /// Whatever it gives.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Flushes the inner writer and gives it back.
    ///
    /// # Errors
    ///
    /// Whatever the inner writer gives on being flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A name as it stands on a line of its own: escaped, with a backslash before it, if it would break the line.
///
/// # Examples
///
/// ```
/// assert_eq!(*md5all::manifest::on_one_line(b"plain"), *b"plain");
/// assert_eq!(*md5all::manifest::on_one_line(b"two\nlines"), *b"\\two\\nlines");
/// ```
#[must_use]
pub fn on_one_line(name: &[u8]) -> Cow<'_, [u8]> {
    if !needs_escape(name) {
        return Cow::Borrowed(name);
    }
    let mut escaped = Vec::new();
    escape(&mut escaped, name);
    escaped.insert(0, b'\\');
    Cow::Owned(escaped)
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

fn needs_escape(name: &[u8]) -> bool {
    memchr::memchr3(b'\\', b'\n', b'\r', name).is_some()
}

fn escape(escaped: &mut Vec<u8>, name: &[u8]) {
    escaped.clear();
    for &byte in name {
        match byte {
            b'\\' => escaped.extend_from_slice(b"\\\\"),
            b'\n' => escaped.extend_from_slice(b"\\n"),
            b'\r' => escaped.extend_from_slice(b"\\r"),
            other => escaped.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f";

    fn line(format: Format, end: LineEnd, name: &[u8]) -> Vec<u8> {
        let digest = Digest::from(std::array::from_fn(|index| index as u8));
        let mut manifest = Writer::new(Vec::new(), Layout { end, ..Layout::from(format) });
        manifest.write(name, &Hashed::new(digest)).unwrap();
        manifest.finish().unwrap()
    }

    fn check(format: Format, name: &[u8], newline: &str, nul: &str) {
        let text = |end| String::from_utf8(line(format, end, name)).unwrap();
        assert_eq!(text(LineEnd::Newline), newline.replace("HEX", HEX));
        assert_eq!(text(LineEnd::Nul), nul.replace("HEX", HEX));
    }

    #[test]
    fn every_format_writes_plain_and_awkward_names() {
        check(Format::Gnu, b"a b", "HEX  a b\n", "HEX  a b\0");
        check(Format::Bsd, b"a b", "MD5 (a b) = HEX\n", "MD5 (a b) = HEX\0");
        check(Format::Go, b"a b", "a b:\tHEX\n", "a b:\tHEX\0");

        let name = b"a\\b\nc\rd";
        check(Format::Gnu, name, "\\HEX  a\\\\b\\nc\\rd\n", "HEX  a\\b\nc\rd\0");
        check(Format::Bsd, name, "\\MD5 (a\\\\b\\nc\\rd) = HEX\n", "MD5 (a\\b\nc\rd) = HEX\0");
        check(Format::Go, name, "\\a\\\\b\\nc\\rd:\tHEX\n", "a\\b\nc\rd:\tHEX\0");
    }

    #[test]
    fn only_three_bytes_are_escaped() {
        for byte in 1..=255 {
            let written = line(Format::Gnu, LineEnd::Newline, &[byte]);
            let plain = [HEX.as_bytes(), b"  ", &[byte], b"\n"].concat();
            let escapes = matches!(byte, b'\\' | b'\n' | b'\r');
            assert_eq!(written != plain, escapes, "byte {byte}");
        }
    }

    #[test]
    fn formats_are_found_by_their_own_names() {
        for format in Format::ALL {
            assert_eq!(Format::by_name(format.name()), Some(format));
        }
        assert_eq!(Format::by_name("md4"), None);
    }

    #[test]
    fn an_error_of_the_writer_is_the_callers() {
        let full: &mut [u8] = &mut [0; 10];
        let mut manifest = Writer::new(full, Layout::default());
        let error = manifest.write(b"name", &Hashed::new(Digest::from([0; 16]))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }
}
