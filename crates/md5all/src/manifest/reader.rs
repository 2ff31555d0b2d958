//! Reading a manifest, line by line, whoever wrote it.
//!
//! What all formats share is here: where a line ends, how long it may be, and what is escaped on it. The rules are those
//! of `md5sum -c`, and so are the odd ones: a NUL ends a name, as it does for every C program. What a line means for the
//! file that it names is for others to say.

use std::collections::VecDeque;
#[cfg(feature = "parquet")]
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use super::columns::{Column, Columns};
use super::escape::unescape;
use super::gnu::Untagged;
#[cfg(feature = "parquet")]
use super::parquet;
use super::seal::{Seal, Watch};
use super::{Flaw, Format, LineEnd, bagit, bsd, csv, detect, gnu, go, hashdeep, ndjson, skip_blanks, until_nul};
use crate::algorithm::{Algorithms, Checksum, Checksums};
use crate::facts::Facts;

/// Reads a manifest, line by line, in memory that does not grow with it.
///
/// [`Format::Gnu`] and its kin take what `md5sum -c` takes: tagged and untagged lines, mixed as they like. [`Format::Bsd`]
/// takes tagged lines only, and every other format only its own.
///
/// # Examples
///
/// ```
/// use md5all::manifest::{Format, LineEnd, Reader};
///
/// let text = b"# a comment\nMD5 (name) = 900150983cd24fb0d6963f7d28e17f72\nnonsense\n";
/// let mut manifest = Reader::new(&text[..], Format::Gnu, LineEnd::Newline);
///
/// let line = manifest.read()?.expect("there is one");
/// let entry = line.entry.expect("it is well formed");
/// assert_eq!((line.number, entry.name), (2, &b"name"[..]));
/// assert!(entry.checksums.md5().is_some_and(|md5| md5.as_bytes()[..2] == [0x90, 0x01]));
///
/// let line = manifest.read()?.expect("there is another");
/// assert!(line.number == 3 && line.entry.is_none());
/// assert!(manifest.read()?.is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    /// What lines are of; `None` until one of them has told.
    format: Option<Format>,
    /// Whether it was one of them that told.
    is_detected: bool,
    /// Whether it told wrong.
    doubt: Doubt,
    /// Lines that were read before one told what they are of.
    held: Held,
    end: LineEnd,
    seal: Watch,
    /// What there is in place of lines.
    #[cfg(feature = "parquet")]
    rows: Option<parquet::Rows>,
    /// What the columns are, where there is a head that says so.
    columns: Option<Columns>,
    /// Lines so far.
    number: u64,
    /// The last of them.
    line: Vec<u8>,
    /// The name on it, if that was escaped.
    name: Vec<u8>,
    /// What holds of untagged lines.
    pub(crate) untagged: Untagged,
    /// Whether a NUL in a line makes it malformed, and does not end it as for C programs.
    pub(crate) refuses_nul: bool,
}

/// What speaks against the format that was detected.
#[derive(Debug, Default)]
struct Doubt {
    /// A line is malformed, and well formed in another.
    is_of_another: bool,
    /// A comment may be a line of Go's.
    has_go_comment: bool,
    /// A line that is no comment is certainly none of Go's.
    is_never_go: bool,
}

impl Doubt {
    fn is_any(&self) -> bool {
        self.is_of_another || self.has_go_comment && !self.is_never_go
    }
}

/// Lines from the first on that is either Go's or a comment, until another decides which.
#[derive(Debug, Default)]
struct Held {
    lines: VecDeque<(u64, Length, Vec<u8>)>,
    bytes: usize,
}

impl Held {
    fn hold(&mut self, number: u64, length: Length, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back((number, length, line));
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= MOST_HELD || self.bytes >= MOST_HELD_BYTES
    }
}

/// How many lines, and bytes of them, are held. If none of them decides, they are Go's; what comes later and is not, is
/// told as [`Flaw::Ambiguous`].
const MOST_HELD: usize = 1_000;
const MOST_HELD_BYTES: usize = 1 << 20;

/// One line that is neither blank nor a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line<'a> {
    /// Which one, counted from 1.
    pub number: u64,
    /// What it says; `None` if it is malformed.
    pub entry: Option<Entry<'a>>,
}

/// What a well-formed line says of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// The name, without escapes.
    pub name: &'a [u8],
    /// What the file should have: at least one.
    pub checksums: Checksums,
    /// What else was known of it.
    pub facts: Facts,
    /// The name as it stands, if it was decoded and may not have been meant so: in bags of old, which encode nothing.
    pub literal: Option<&'a [u8]>,
}

/// Bytes of the longest line: more than a path of 10,000 levels has, each with the longest name, each byte of which is
/// escaped. A longer line is malformed.
pub const LONGEST_LINE: usize = 16 << 20;

impl<'a> Entry<'a> {
    fn new(name: &'a [u8], checksum: Checksum) -> Entry<'a> {
        Entry { name, checksums: checksum.into(), facts: Facts::NONE, literal: None }
    }
}

impl<R: BufRead> Reader<R> {
    /// A manifest that comes from `input`.
    pub fn new(input: R, format: Format, end: LineEnd) -> Reader<R> {
        let (line, name) = (Vec::new(), Vec::new());
        let (format, is_detected, columns) = (Some(format), false, None);
        let (seal, untagged) = (Watch::new(), Untagged::default());
        Reader {
            input,
            format,
            is_detected,
            doubt: Doubt::default(),
            held: Held::default(),
            end,
            seal,
            #[cfg(feature = "parquet")]
            rows: None,
            columns,
            number: 0,
            line,
            name,
            untagged,
            refuses_nul: false,
        }
    }

    /// The same, for which a NUL in a line is nothing that `md5sum` would pass over, but makes the line malformed: a list
    /// that ends its lines with NUL must not be taken for its first line.
    #[must_use]
    pub fn refusing_nul(self) -> Reader<R> {
        Reader { refuses_nul: true, ..self }
    }

    /// A manifest that comes from `input`, in the format that its first lines tell: the first of them that is a line, or a
    /// head, of any. What `md5sum -c` takes is read as it reads it. A bag's manifest is taken for GNU's. What begins with
    /// `#` and may be Go's is a comment if the next line that tells is another's.
    ///
    /// If a later line is malformed, and well formed in another format, the first may have told wrong, by chance or since
    /// somebody chose a file's name so: [`seal`](Self::seal) says [`Flaw::Ambiguous`].
    ///
    /// # Examples
    ///
    /// ```
    /// use md5all::manifest::{Format, LineEnd, Reader};
    ///
    /// let text = b"{\"path\":\"name\",\"md5\":\"900150983cd24fb0d6963f7d28e17f72\"}\n";
    /// let mut manifest = Reader::detect(&text[..], LineEnd::Newline);
    /// assert_eq!(manifest.format(), None);
    /// assert_eq!(manifest.read()?.and_then(|line| line.entry).map(|entry| entry.name), Some(&b"name"[..]));
    /// assert_eq!(manifest.format(), Some(Format::Ndjson));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn detect(input: R, end: LineEnd) -> Reader<R> {
        Reader { format: None, is_detected: true, ..Reader::new(input, Format::default(), end) }
    }

    /// The one, or what its first lines tell if there is none.
    pub(crate) fn of(input: R, format: Option<Format>, end: LineEnd) -> Reader<R> {
        Reader { format, is_detected: format.is_none(), ..Reader::new(input, Format::default(), end) }
    }

    /// Takes what `file` says, if that is Parquet and nothing else is asked for: what its input would read, as a rule. Not
    /// of lines, it has to be sought in.
    ///
    /// # Errors
    ///
    /// Parquet was asked for, and the file is none or cannot be sought in; or it is damaged.
    #[cfg(feature = "parquet")]
    pub fn or_rows_of(mut self, file: &File) -> io::Result<Reader<R>> {
        if self.format.is_none_or(|format| format == Format::Parquet) && parquet::is_it(file) {
            self.format = Some(Format::Parquet);
            self.rows = Some(parquet::Rows::of(file.try_clone()?)?);
        }
        Ok(self)
    }

    /// The next row, as [`read`](Self::read) gives lines.
    #[cfg(feature = "parquet")]
    fn read_row(&mut self) -> io::Result<Option<Line<'_>>> {
        let none = || io::Error::new(io::ErrorKind::InvalidData, "no Parquet, or no file that can be sought in");
        let Some(said) = self.rows.as_mut().ok_or_else(none)?.next()? else { return Ok(None) };
        self.number += 1;
        let entry = said.map(|parquet::Said { path, checksum, facts }| {
            self.name = path;
            Entry { facts, ..Entry::new(&self.name, checksum) }
        });
        Ok(Some(Line { number: self.number, entry }))
    }

    /// The format that lines are of; `None` as long as none of those that were read has told.
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// The algorithms of which its head has columns.
    #[must_use]
    pub fn columns(&self) -> Algorithms {
        let columns = self.columns.iter().flat_map(Columns::iter);
        columns.filter_map(|column| if let Column::Digest(one) = column { Some(one) } else { None }).collect()
    }

    /// The next line that is neither blank nor a comment nor part of a head; `None` at the end. Blocks as the input does.
    ///
    /// # Errors
    ///
    /// What the input gives; what was read of a line by then is lost.
    pub fn read(&mut self) -> io::Result<Option<Line<'_>>> {
        #[cfg(feature = "parquet")]
        if self.format == Some(Format::Parquet) {
            return self.read_row();
        }
        let length = loop {
            match self.next_line()? {
                None => return Ok(None),
                Some(Length::Whole) if self.is_nothing() => {}
                Some(Length::TooLong) if self.is_comment() => {}
                Some(length) => break length,
            }
        };
        let number = self.number;
        let entry = match length {
            Length::Whole => self.parse(),
            Length::TooLong => None,
        };
        Ok(Some(Line { number, entry }))
    }

    /// What has become of the manifest's seal; to be asked when all has been read. Broken, too, is a manifest without one
    /// that is [ambiguous](Flaw::Ambiguous).
    pub fn seal(&self) -> Seal {
        let may_be = self.format.is_none_or(|format| format.nature().can_be_sealed);
        match self.seal.seal() {
            seal @ Seal::Broken(flaw) if may_be || flaw != Flaw::Headless => seal,
            _ if self.is_ambiguous() => Seal::Broken(Flaw::Ambiguous),
            // The first line, before its format was known: that of a file with such a name.
            Seal::Broken(_) => Seal::None,
            seal => seal,
        }
    }

    /// Whether what was read so far may be of another format than was detected.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.is_detected && self.doubt.is_any()
    }

    /// Takes the next line, when it is known what it is of or that it does not tell.
    fn next_line(&mut self) -> io::Result<Option<Length>> {
        loop {
            if self.format.is_some()
                && let Some((number, length, line)) = self.held.lines.pop_front()
            {
                (self.number, self.line) = (number, line);
                return Ok(Some(length));
            }
            let length = self.read_line()?;
            if self.format.is_some() {
                return Ok(length);
            }
            let Some(length) = length else {
                if self.held.lines.is_empty() {
                    return Ok(None);
                }
                self.format = Some(Format::Go);
                continue;
            };
            let may_be_comment = detect::is_go_or_comment(&self.line);
            if length == Length::Whole && !may_be_comment {
                self.format = detect::format(&self.line);
            }
            if !may_be_comment && self.held.lines.is_empty() {
                return Ok(Some(length));
            }
            self.held.hold(self.number, length, std::mem::take(&mut self.line));
            if self.format.is_none() && self.held.is_full() {
                self.format = Some(Format::Go);
            }
        }
    }

    /// Reads one line, without what ends it.
    fn read_line(&mut self) -> io::Result<Option<Length>> {
        self.line.clear();
        let end = self.end.byte();
        let most = LONGEST_LINE as u64 + 1;
        if self.input.by_ref().take(most).read_until(end, &mut self.line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.end == LineEnd::Newline && self.format.is_none_or(|format| format.nature().can_be_sealed) {
            self.seal.see(&self.line);
        }
        if self.line.last() == Some(&end) {
            self.line.pop();
        } else if self.line.len() > LONGEST_LINE {
            self.input.skip_until(end)?;
            return Ok(Some(Length::TooLong));
        }
        if self.end == LineEnd::Newline && self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(Some(Length::Whole))
    }

    fn is_nothing(&mut self) -> bool {
        if self.line.is_empty() {
            return true;
        }
        let is_comment = self.is_comment();
        if self.is_detected && self.format.is_some_and(detect::is_plain) {
            if is_comment {
                self.doubt.has_go_comment |= detect::is_go(&self.line);
            } else if !self.doubt.is_never_go {
                self.doubt.is_never_go = !detect::is_go(&self.line);
            }
        }
        is_comment || self.is_head()
    }

    /// A name may begin with `#`, and where a line begins with the name, that is no comment.
    fn is_comment(&self) -> bool {
        self.format.is_none_or(|format| format.nature().has_comments) && self.line.first() == Some(&b'#')
    }

    /// Whether a line says what the lines below it are like; takes it to heart.
    fn is_head(&mut self) -> bool {
        let columns = match self.format {
            Some(Format::Hashdeep) if hashdeep::is_first(&self.line) => return true,
            Some(Format::Hashdeep) => hashdeep::parse_head(&self.line),
            Some(Format::Csv) if self.columns.is_none() => csv::parse_head(&self.line),
            _ => None,
        };
        let is_head = columns.is_some();
        self.columns = columns.or(self.columns.take());
        is_head
    }

    /// What the last line says; `None` if it is malformed.
    fn parse(&mut self) -> Option<Entry<'_>> {
        if self.refuses_nul && self.end == LineEnd::Newline && self.line.contains(&0) {
            return None;
        }
        let Reader { end, columns, line, name, untagged, doubt, is_detected, .. } = self;
        let format = self.format?;
        let entry = match format {
            // As md5sum does: what one line looks like says nothing of the next.
            Format::Bsd if *is_detected => parse_plain(line, Format::Gnu, *end, untagged, name),
            format @ (Format::Gnu | Format::GnuBinary | Format::Bsd | Format::Go) => {
                parse_plain(line, format, *end, untagged, name)
            }
            Format::Hashdeep => columns.as_ref().and_then(|columns| hashdeep::parse(line, columns)),
            Format::Bagit => parse_bagit(line, name),
            Format::Csv => columns.as_ref().and_then(|columns| csv::parse(line, columns, name)),
            Format::Ndjson => ndjson::parse(line, name),
            #[cfg(feature = "parquet")]
            Format::Parquet => None,
        };
        if entry.is_none() && *is_detected {
            doubt.is_of_another |= detect::is_of_another(line, format);
        }
        entry
    }
}

impl<R: Read> Reader<BufReader<R>> {
    /// Whether the next line is in memory already, so that reading it does not block.
    pub(crate) fn is_at_hand(&self) -> bool {
        self.format.is_some() && !self.held.lines.is_empty() || self.input.buffer().contains(&self.end.byte())
    }
}

/// What reading a line came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Whole,
    /// It was longer than [`LONGEST_LINE`]; what there was of it is gone.
    TooLong,
}

/// A line with GNU's escapes.
fn parse_plain<'a>(
    line: &'a [u8],
    format: Format,
    end: LineEnd,
    untagged: &mut Untagged,
    unescaped: &'a mut Vec<u8>,
) -> Option<Entry<'a>> {
    let line = if format == Format::Go { line } else { skip_blanks(line) };
    if end == LineEnd::Nul {
        let (name, checksum) = parse_fields(line, format, untagged)?;
        return Some(Entry::new(name, checksum));
    }
    match line.strip_prefix(b"\\") {
        None => {
            let (name, checksum) = parse_fields(line, format, untagged)?;
            Some(Entry::new(until_nul(name), checksum))
        }
        Some(line) => {
            let (name, checksum) = parse_fields(line, format, untagged)?;
            unescape(unescaped, name)?;
            Some(Entry::new(unescaped, checksum))
        }
    }
}

fn parse_fields<'a>(line: &'a [u8], format: Format, untagged: &mut Untagged) -> Option<(&'a [u8], Checksum)> {
    match format {
        Format::Go => go::parse(line),
        Format::Bsd => bsd::parse(line),
        _ if bsd::is_tagged(line) => bsd::parse(line),
        _ => gnu::parse(line, untagged),
    }
}

fn parse_bagit<'a>(line: &'a [u8], decoded: &'a mut Vec<u8>) -> Option<Entry<'a>> {
    let (path, checksum) = bagit::parse(line)?;
    let is_encoded = bagit::decode(decoded, path);
    Some(Entry { literal: is_encoded.then_some(path), ..Entry::new(decoded, checksum) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::{Algorithm, Algorithms};
    use crate::manifest::{Layout, Unsayable, Writer};
    use crate::record::Hashed;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const HEX: &str = "900150983cd24fb0d6963f7d28e17f72";

    /// Every line: its number, and its name if it is well formed.
    fn lines(text: &[u8], format: Format, end: LineEnd) -> Vec<(u64, Option<Vec<u8>>)> {
        let mut reader = Reader::new(text, format, end);
        let mut lines = Vec::new();
        while let Some(line) = reader.read().unwrap() {
            lines.push((line.number, line.entry.map(|entry| entry.name.to_vec())));
        }
        lines
    }

    /// One line, and the name that it has; `None` if it is malformed.
    fn check(line: &str, format: Format, name: Option<&str>) {
        let line = line.replace("HEX", HEX);
        let name = name.map(|name| name.as_bytes().to_vec());
        assert_eq!(lines(line.as_bytes(), format, LineEnd::Newline), [(1, name)], "{line:?}");
    }

    #[test]
    fn lines_of_each_format() {
        for format in [Format::Gnu, Format::GnuBinary] {
            check("HEX  a b ", format, Some("a b "));
            check("HEX *a", format, Some("a"));
            check("HEX a", format, Some("a"));
            check("HEX\ta", format, Some("a"));
            check("HEX   a", format, Some(" a"));
            check(" \tHEX  a", format, Some("a"));
            check("MD5 (a) = HEX", format, Some("a"));
            check("MD5   (a) = HEX", format, Some("a"));
            check("\\HEX  a\\\\b\\nc\\rd", format, Some("a\\b\nc\rd"));
            check("HEX  a\\nb", format, Some("a\\nb"));
            check("\\HEX  a\\tb", format, None);
            check("\\HEX  a\\", format, None);
            check("HEX", format, None);
            check("HEX ", format, None);
            check("HEXa  b", format, None);
            check("a:\tHEX", format, None);
            check("kAFQmDzST7DWlj99KOF/cg==  a", format, Some("a"));
        }
        check("MD5 (a) = HEX", Format::Bsd, Some("a"));
        check("MD5 (a)) = HEX", Format::Bsd, Some("a)"));
        check("MD5(a)= HEX", Format::Bsd, Some("a"));
        check("MD5 (a)\t=\tHEX", Format::Bsd, Some("a"));
        check("MD5 (a) = kAFQmDzST7DWlj99KOF/cg==", Format::Bsd, Some("a"));
        check("MD5 (a) = HEX ", Format::Bsd, None);
        check("MD5 (a) HEX", Format::Bsd, None);
        check("MD5 a = HEX", Format::Bsd, None);
        check("HEX  a", Format::Bsd, None);
        check("a:\tHEX", Format::Go, Some("a"));
        check("#:\t:\tHEX", Format::Go, Some("#:\t"));
        check(" a:\tHEX\r", Format::Go, Some(" a"));
        check("\\a\\nb:\tHEX", Format::Go, Some("a\nb"));
        check("HEX  a", Format::Go, None);
    }

    /// What a manifest says below its head: number of the line, name, algorithms and size; `None` if it is malformed.
    type Told = Option<(String, Vec<Algorithm>, Option<u64>)>;

    fn told(text: &str, format: Format) -> Vec<(u64, Told)> {
        let text = text.replace("HEX", HEX);
        let mut reader = Reader::new(text.as_bytes(), format, LineEnd::Newline);
        let mut lines = Vec::new();
        while let Some(line) = reader.read().unwrap() {
            let tell = |entry: Entry<'_>| {
                let name = String::from_utf8_lossy(entry.name).into_owned();
                (name, entry.checksums.algorithms().iter().collect(), entry.facts.size)
            };
            lines.push((line.number, line.entry.map(tell)));
        }
        lines
    }

    fn md5_of(name: &str, size: Option<u64>) -> Told {
        Some((name.to_owned(), vec![Algorithm::Md5], size))
    }

    #[test]
    fn hashdeep_is_read_by_its_head() {
        let check =
            |text: &str, expected: &[(u64, Told)]| assert_eq!(told(text, Format::Hashdeep), expected, "{text:?}");
        let head = "%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n## Invoked from: /\n## \n";
        check(
            &format!("{head}3,HEX,a,b \n# comment\n4,HEX, c\r\n"),
            &[(5, md5_of("a,b ", Some(3))), (7, md5_of(" c", Some(4)))],
        );
        for row in ["3,HEX", "3,HEX,", "x,HEX,a", "3,HE,a", "-3,HEX,a", "99999999999999999999,HEX,a", "HEX  a", "3,,a"]
        {
            check(&format!("{head}{row}\n"), &[(5, None)]);
        }
        check("3,HEX,a\n", &[(1, None)]);
        check("%%%% size,filename\n3,a\n", &[(1, None), (2, None)]);
        check("%%%% size,md5,filename,more\n", &[(1, None)]);
        check("%%%% size,md5,md5,filename\n", &[(1, None)]);
        let tiger = "%%%% HASHDEEP-1.0\n%%%% size,tiger,md5,whirlpool,filename\n3,0,HEX,0,a\n";
        check(tiger, &[(3, md5_of("a", Some(3)))]);
        let twice = format!("{head}3,HEX,a\n%%%% HASHDEEP-1.0\n%%%% md5,size,filename\nHEX,3,a\n");
        check(&twice, &[(5, md5_of("a", Some(3))), (8, md5_of("a", Some(3)))]);
    }

    #[test]
    fn csv_is_read_by_its_head() {
        let check = |text: &str, expected: &[(u64, Told)]| assert_eq!(told(text, Format::Csv), expected, "{text:?}");
        let head = "path,size,mtime_ns,ctime_ns,inode,md5\n";
        check(&format!("{head}a,3,,,,HEX\n\r\n#b,,,,,HEX\r\n"), &[(2, md5_of("a", Some(3))), (4, md5_of("#b", None))]);
        check("\u{feff}comment,md5,path\n\"x,\"\"\",HEX,\"a,\"\"b\"\"\"\n", &[(2, md5_of("a,\"b\"", None))]);
        for (field, name) in [
            (r"\", None),
            (r"a\b", Some(r"a\b")),
            (r"\a\\b", Some(r"a\b")),
            (r"\a\nb\r", Some("a\nb\r")),
            (r"\\xc3\xA4", Some("ä")),
            (r"\a\", None),
            (r"\a\t", None),
            (r"\a\x", None),
            (r"\a\xf", None),
            (r"\a\xfg", None),
            (r"\a\x00", None),
            ("", None),
            ("\"\"", None),
            ("a\"b", None),
            ("\"a\"b", None),
            ("\"a", None),
            (" a ", Some(" a ")),
        ] {
            let expected = name.and_then(|name| md5_of(name, None));
            check(&format!("{head}{field},,,,,HEX\nb,,,,,HEX\n"), &[(2, expected), (3, md5_of("b", None))]);
        }
        for row in ["a,3,,,,", "a,3,,,,HEX,", "a,3,,,HEX", "a", "a,x,,,,HEX", "a,-1,,,,HEX", "a,,1.5,,,HEX", "a,,,,,HE"]
        {
            check(&format!("{head}{row}\n"), &[(2, None)]);
        }
        check("a,3,,,,HEX\n", &[(1, None)]);
        check("path,size\na,3\n", &[(1, None), (2, None)]);
        check("path,md5,md5\n", &[(1, None)]);
        check("path,path,md5\n", &[(1, None)]);
        check("size,md5\n", &[(1, None)]);
    }

    #[test]
    fn ndjson_is_read_member_by_member() {
        let check = |line: &str, expected: Told| assert_eq!(told(line, Format::Ndjson), [(1, expected)], "{line:?}");
        check(r#"{"path":"a","md5":"HEX"}"#, md5_of("a", None));
        check(r#" { "md5" : "HEX" , "size" : 3, "more":[{"path":1}], "path" : "\u0061\n" } "#, md5_of("a\n", Some(3)));
        check(r#"{"path_base64":"w6Q=","md5":"HEX","size":null}"#, md5_of("ä", None));
        check(r#"{"path":"a","md5":"HEX","sha1":null}"#, md5_of("a", None));
        for line in [
            r#"{"path":"a"}"#,
            r#"{"md5":"HEX"}"#,
            r#"{"path":"a","md5":null}"#,
            r#"{"path":"a","md5":"HE"}"#,
            r#"{"path":"a","md5":7}"#,
            r#"{"path":"","md5":"HEX"}"#,
            r#"{"path":"a\u0000","md5":"HEX"}"#,
            r#"{"path":"a","path":"b","md5":"HEX"}"#,
            r#"{"path":"a","path_base64":"YQ==","md5":"HEX"}"#,
            r#"{"path":"a","md5":"HEX","md5":"HEX"}"#,
            r#"{"path":"a","md5":null,"md5":"HEX"}"#,
            r#"{"path_base64":"YQ","md5":"HEX"}"#,
            r#"{"path":"a","md5":"HEX","size":-1}"#,
            r#"{"path":"a","md5":"HEX","size":"3"}"#,
            r#"{"path":"a","md5":"HEX"} x"#,
            r#"{"path":"a","md5":"HEX""#,
            r#"["a","HEX"]"#,
            "HEX  a",
            "# no comment",
        ] {
            check(line, None);
        }
    }

    #[test]
    fn bags_manifests_are_decoded_and_the_path_as_it_stands_is_told() {
        let check = |line: &str, expected: Option<(&str, Option<&str>)>| {
            let line = line.replace("HEX", HEX);
            let mut reader = Reader::new(line.as_bytes(), Format::Bagit, LineEnd::Newline);
            let entry = reader.read().unwrap().unwrap().entry;
            let names = entry.as_ref().map(|entry| (entry.name, entry.literal));
            assert_eq!(
                names,
                expected.map(|(name, literal)| (name.as_bytes(), literal.map(str::as_bytes))),
                "{line:?}"
            );
        };
        check("HEX  data/a", Some(("data/a", None)));
        check("HEX *data/a", Some(("data/a", None)));
        check("HEX\tdata/a b ", Some(("data/a b ", None)));
        check("HEX    data/a", Some(("data/a", None)));
        check("HEX  a%0Ab%0dc%25", Some(("a\nb\rc%", Some("a%0Ab%0dc%25"))));
        check("HEX  a%20b%41%", Some(("a%20b%41%", None)));
        check("HEX  %2525", Some(("%25", Some("%2525"))));
        check("\\HEX  a", None);
        check("HEX  ", None);
        check("HEX", None);
        check("MD5 (a) = HEX", None);
    }

    #[test]
    fn comments_and_blank_lines_are_counted_and_passed_over() {
        let text = format!("# one\n\n\r\n{HEX}  a\n # five\n\n{HEX}  b");
        let found = lines(text.as_bytes(), Format::Gnu, LineEnd::Newline);
        assert_eq!(found, [(4, Some(b"a".to_vec())), (5, None), (7, Some(b"b".to_vec()))]);
    }

    #[test]
    fn the_first_untagged_line_decides_where_names_begin() {
        let one = format!("{HEX} a\n{HEX}  a\n");
        let two = format!("MD5 (t) = {HEX}\n{HEX}  a\n{HEX} a\n");
        let names = |text: String| -> Vec<_> {
            lines(text.as_bytes(), Format::Gnu, LineEnd::Newline).into_iter().map(|(_, name)| name).collect()
        };
        assert_eq!(names(one), [Some(b"a".to_vec()), Some(b" a".to_vec())]);
        assert_eq!(names(two), [Some(b"t".to_vec()), Some(b"a".to_vec()), None]);
    }

    #[test]
    fn a_line_that_is_too_long_is_malformed_and_the_next_is_read() {
        let long = |first: &str| [first.as_bytes(), &vec![b'x'; LONGEST_LINE]].concat();
        let longest = [format!("{HEX}  ").as_bytes(), &vec![b'x'; LONGEST_LINE - 34]].concat();
        let text =
            [&long(HEX)[..], b"\n", &long("#"), b"\n", &longest, b"\n", &longest, b"x\n", HEX.as_bytes(), b"  a"];
        let found = lines(&text.concat(), Format::Gnu, LineEnd::Newline);
        let found: Vec<_> = found.into_iter().map(|(number, name)| (number, name.map(|name| name.len()))).collect();
        assert_eq!(found, [(1, None), (3, Some(LONGEST_LINE - 34)), (4, None), (5, Some(1))]);
    }

    #[test]
    fn an_error_of_the_input_is_the_callers() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let text = format!("{HEX}  a\n{HEX}");
        let mut reader = Reader::new(BufReader::new(text.as_bytes().chain(Broken)), Format::Gnu, LineEnd::Newline);
        assert!(reader.read().unwrap().unwrap().entry.is_some());
        assert_eq!(reader.read().unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    /// Lines that `md5sum -c` takes, comments, and nonsense.
    const PLAIN: [&str; 18] = [
        "HEX  a",
        "HEX *a",
        "HEX a",
        " HEX  a",
        "\\HEX  a\\n",
        "\\HEX  a\\t",
        "MD5 (a) = HEX",
        "\\MD5 (a\\\\) = HEX",
        "MD5 (a,path,md5) = HEX",
        "SHA1 (a) = HEX",
        "HEX  x,path,md5",
        "HEX  a:\tHEX",
        "HEX  {\"path\":\"a\"}",
        "# a comment",
        "#",
        "",
        "nonsense",
        "HEX",
    ];

    #[test]
    fn the_first_line_that_is_one_tells_the_format() {
        let check = |text: &str, format: Option<Format>, entries: usize| {
            let text = text.replace("HEX", HEX);
            let mut reader = Reader::detect(text.as_bytes(), LineEnd::Newline);
            let mut found = 0;
            while let Some(line) = reader.read().unwrap() {
                found += usize::from(line.entry.is_some());
            }
            assert_eq!((reader.format(), found), (format, entries), "{text:?}");
        };
        check("", None, 0);
        check("# comment\n\nnonsense\n", None, 0);
        check("# comment\n\nnonsense\nHEX  a\nMD5 (a) = HEX\n", Some(Format::Gnu), 2);
        check("HEX *a\n", Some(Format::GnuBinary), 1);
        check("MD5 (a) = HEX\nHEX  a\n", Some(Format::Bsd), 2);
        check("a:\tHEX\n", Some(Format::Go), 1);
        check("#a:\tHEX\n#b:\tHEX\n", Some(Format::Go), 2);
        check("\\a\\n:\tHEX\n", Some(Format::Go), 1);
        check("HEX  a:\tHEX\n", Some(Format::Gnu), 1);
        check("%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n## x\n3,HEX,a\n", Some(Format::Hashdeep), 1);
        check("path,md5\r\n#a,HEX\r\n", Some(Format::Csv), 1);
        check("\u{feff}\"md5\",\"path\"\nHEX,a\n", Some(Format::Csv), 1);
        check("# no comment of csv's\npath,md5\na,HEX\n", Some(Format::Csv), 1);
        check("path,size\nHEX  a\n", Some(Format::Gnu), 1);
        check("{\"path\":\"a\",\"md5\":\"HEX\"}\nHEX  a\n", Some(Format::Ndjson), 1);
        check("{}\nHEX  a\n", Some(Format::Gnu), 1);
        check("HEX  a\npath,md5\na,HEX\n", Some(Format::Gnu), 1);
    }

    #[test]
    fn what_may_have_been_read_as_another_format_is_ambiguous() {
        let is_ambiguous = |text: &str, format: Option<Format>| {
            let text = text.replace("HEX", HEX);
            let mut reader = Reader::of(text.as_bytes(), format, LineEnd::Newline);
            while reader.read().unwrap().is_some() {}
            assert_eq!(reader.is_ambiguous(), reader.seal() == Seal::Broken(Flaw::Ambiguous));
            reader.is_ambiguous()
        };
        for text in [
            "HEX  t:\tHEX\nb:\tHEX\n",
            "HEX  t:\tHEX\n\\b\\n:\tHEX\n",
            "HEX  t:\tHEX\n#b:\tHEX\n",
            "#b:\tHEX\nHEX  t:\tHEX\n",
            "MD5 (a) = HEX\nb:\tHEX\n",
            "b:\tHEX\nHEX  a\n",
            "#a:\tHEX\nb:\tHEX\nMD5 (a) = HEX\n",
            "{\"path\":\"a\",\"md5\":\"HEX\"}\nHEX  a\n",
            "x,path,md5\nHEX  a\n",
        ] {
            assert!(is_ambiguous(text, None), "{text:?}");
            for format in Format::ALL.into_iter().filter(|format| lines_only().contains(format)) {
                assert!(!is_ambiguous(text, Some(format)), "{text:?}");
            }
        }
        for text in [
            "HEX  t:\tHEX\n",
            "HEX  a\nnonsense\n# b:\tHEX\n",
            "# b:\tHEX\nHEX  a\n",
            "#a:\tHEX\nb:\tHEX\nnonsense\n",
            "path,md5\na,HEX\nnonsense\n",
        ] {
            assert!(!is_ambiguous(text, None), "{text:?}");
        }
    }

    #[test]
    fn what_may_be_a_comment_is_one_if_a_later_line_is_md5sums() {
        let check = |text: &str, format: Format, expected: &[(u64, Option<&str>)]| {
            let text = text.replace("HEX", HEX);
            let mut reader = Reader::detect(text.as_bytes(), LineEnd::Newline);
            let mut found = Vec::new();
            while let Some(line) = reader.read().unwrap() {
                found.push((line.number, line.entry.map(|entry| String::from_utf8(entry.name.to_vec()).unwrap())));
            }
            let found: Vec<_> = found.iter().map(|(number, name)| (*number, name.as_deref())).collect();
            assert_eq!((reader.format(), &found[..]), (Some(format), expected), "{text:?}");
        };
        check("# a:\tHEX\nHEX  b\n# c:\tHEX\nHEX  d\n", Format::Gnu, &[(2, Some("b")), (4, Some("d"))]);
        check("# a:\tHEX\n\nnonsense\nMD5 (b) = HEX\n", Format::Bsd, &[(3, None), (4, Some("b"))]);
        check("# a:\tHEX\n# b\nc:\tHEX\n", Format::Go, &[(1, Some("# a")), (2, None), (3, Some("c"))]);
        check("\n# a:\tHEX\nnonsense\n", Format::Go, &[(2, Some("# a")), (3, None)]);
        let many = "#a:\tHEX\n".repeat(2 * MOST_HELD);
        let all: Vec<_> = (1..=2 * MOST_HELD as u64).map(|number| (number, Some("#a"))).collect();
        check(&many, Format::Go, &all);
    }

    /// A name that is made of all bytes but NUL, and of those that mean something more often.
    fn name() -> impl Strategy<Value = Vec<u8>> {
        let odd = proptest::sample::select(&b"\\\n\r #*():\t=M,\"%0AD25x{}"[..]);
        vec(prop_oneof![4 => 1..=255u8, 2 => odd, 2 => b'a'..=b'z'], 1..40)
    }

    fn some_facts() -> impl Strategy<Value = Facts> {
        any::<(u64, Option<i64>, Option<i64>, Option<u64>)>().prop_map(|(size, mtime_ns, ctime_ns, inode)| Facts {
            size: Some(size),
            mtime_ns,
            ctime_ns,
            inode,
        })
    }

    /// What a manifest of this layout should say of files with these names, digests and facts.
    fn hashed(algorithms: Algorithms, byte: u8, facts: Facts) -> Hashed {
        let checksum = |one: Algorithm| Checksum::new(one, &vec![byte; one.length()]);
        Hashed::new(algorithms.iter().filter_map(checksum).collect::<Checksums>()).with_facts(facts)
    }

    /// The formats that are of lines, and read from anywhere.
    fn lines_only() -> Vec<Format> {
        Format::ALL.into_iter().filter(|format| format.name() != "parquet").collect()
    }

    /// A layout that can be: without algorithms that its format cannot say, and with one if it can say only one.
    fn layout() -> impl Strategy<Value = Layout> {
        let ends = proptest::sample::select(&[LineEnd::Newline, LineEnd::Nul][..]);
        let formats = proptest::sample::select(lines_only());
        (formats, ends, vec(proptest::sample::select(&Algorithm::ALL[..]), 1..5))
            .prop_map(|(format, end, algorithms)| {
                Layout::from(format).end(end).algorithms(Algorithms::from_iter(algorithms))
            })
            .prop_filter("no such manifest", |layout| layout.check().is_ok())
    }

    /// What a format keeps of facts.
    fn kept(format: Format, facts: Facts) -> Facts {
        match format {
            Format::Csv | Format::Ndjson => facts,
            Format::Hashdeep => Facts { size: facts.size, ..Facts::NONE },
            _ => Facts::NONE,
        }
    }

    /// Names that a format has no way to say; all others it must.
    fn is_unsayable(format: Format, name: &[u8]) -> bool {
        match format {
            Format::Hashdeep => name.contains(&b'\n') || name.ends_with(b"\r"),
            Format::Bagit => matches!(name, [b' ' | b'\t' | b'*', ..]),
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::with_cases(1_000) })]

        #[test]
        fn what_is_written_is_read_again(
            layout in layout(),
            files in vec((name(), any::<u8>(), some_facts()), 0..20),
        ) {
            let Layout { format, end, algorithms, .. } = layout;
            let mut manifest = Writer::new(Vec::new(), layout);
            let mut expected = Vec::new();
            for (name, byte, facts) in &files {
                let hashed = hashed(algorithms, *byte, *facts);
                let written = manifest.write(name, &hashed);
                prop_assert_eq!(written.is_err(), is_unsayable(format, name));
                if let Err(error) = written {
                    prop_assert!(Unsayable::of(&error).is_some());
                } else if matches!(format, Format::Csv | Format::Ndjson | Format::Hashdeep) {
                    expected.push((name, hashed.checksums().clone(), kept(format, *facts)));
                } else {
                    expected.extend(hashed.checksums().iter().map(|one| (name, one.into(), Facts::NONE)));
                }
            }
            let text = manifest.finish().unwrap();
            let mut reader = Reader::new(&text[..], format, end);
            for (name, checksums, facts) in expected {
                let entry = reader.read().unwrap().unwrap().entry;
                let entry = entry.map(|entry| (entry.name.to_vec(), entry.checksums, entry.facts));
                prop_assert_eq!(entry, Some((name.clone(), checksums, facts)), "{:?}", layout);
            }
            prop_assert!(reader.read().unwrap().is_none());
        }

        #[test]
        fn what_is_written_is_recognised(layout in layout(), files in vec((name(), any::<u8>(), some_facts()), 1..6)) {
            let mut manifest = Writer::new(Vec::new(), layout);
            for (name, byte, facts) in &files {
                let _ = manifest.write(name, &hashed(layout.algorithms, *byte, *facts));
            }
            let text = manifest.finish().unwrap();
            prop_assume!(!text.is_empty());
            // The lines of bags look like GNU's: their escapes are not recognised, and so they are not compared here.
            let format = if layout.format == Format::Bagit { Format::Gnu } else { layout.format };
            let mut detected = Reader::detect(&text[..], layout.end);
            let mut known = Reader::new(&text[..], format, layout.end);
            loop {
                let (one, other) = (detected.read().unwrap(), known.read().unwrap());
                prop_assert_eq!(&one, &other);
                if one.is_none() {
                    break;
                }
            }
            prop_assert_eq!(detected.format(), Some(format));
        }

        #[test]
        fn what_md5sum_takes_is_read_as_md5sum_reads_it(
            lines in vec(proptest::sample::select(&PLAIN[..]), 1..8),
        ) {
            let text = lines.join("\n").replace("HEX", HEX);
            let mut detected = Reader::detect(text.as_bytes(), LineEnd::Newline);
            let mut known = Reader::new(text.as_bytes(), Format::Gnu, LineEnd::Newline);
            loop {
                let (one, other) = (detected.read().unwrap(), known.read().unwrap());
                prop_assert_eq!(&one, &other);
                if one.is_none() {
                    break;
                }
            }
        }

        #[test]
        fn anything_is_read_without_a_panic(
            text in vec(any::<u8>(), 0..300),
            format in proptest::sample::select(lines_only()),
        ) {
            for end in [LineEnd::Newline, LineEnd::Nul] {
                lines(&text, format, end);
            }
        }
    }
}
