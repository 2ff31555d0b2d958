//! Reading a manifest, line by line, whoever wrote it.
//!
//! What all formats share is here: where a line ends, how long it may be, and what is escaped on it. The rules are those
//! of `md5sum -c`, and so are the odd ones: a NUL ends a name, as it does for every C program. What a line means for the
//! file that it names is for others to say.

use std::io::{self, BufRead, BufReader, Read};

use super::gnu::Untagged;
use super::{Format, LineEnd, bsd, gnu, go, skip_blanks, until_nul};
use crate::algorithm::{Checksum, Checksums};
use crate::facts::Facts;

/// Reads a manifest, line by line, in memory that does not grow with it.
///
/// [`Format::Gnu`] and its kin take what `md5sum -c` takes: tagged and untagged lines, mixed as they like. [`Format::Bsd`] takes
/// tagged lines only, [`Format::Go`] only its own.
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
    format: Format,
    end: LineEnd,
    /// Lines so far.
    number: u64,
    /// The last of them.
    line: Vec<u8>,
    /// The name on it, if that was escaped.
    name: Vec<u8>,
    /// What holds of untagged lines.
    pub(crate) untagged: Untagged,
}

/// One line that is neither blank nor a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Which one, counted from 1.
    pub number: u64,
    /// What it says; `None` if it is malformed.
    pub entry: Option<Entry<'a>>,
}

/// What a well-formed line says of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name, without escapes.
    pub name: &'a [u8],
    /// What the file should have: at least one.
    pub checksums: Checksums,
    /// What else was known of it.
    pub facts: Facts,
}

/// Bytes of the longest line: more than a path of 10,000 levels has, each with the longest name, each byte of which is
/// escaped. A longer line is malformed.
pub const LONGEST_LINE: usize = 16 << 20;

impl<'a> Entry<'a> {
    fn new(name: &'a [u8], checksum: Checksum) -> Entry<'a> {
        Entry { name, checksums: checksum.into(), facts: Facts::NONE }
    }
}

impl<R: BufRead> Reader<R> {
    /// A manifest that comes from `input`.
    pub fn new(input: R, format: Format, end: LineEnd) -> Reader<R> {
        Reader { input, format, end, number: 0, line: Vec::new(), name: Vec::new(), untagged: Untagged::default() }
    }

    /// The next line that is neither blank nor a comment; `None` at the end. Blocks as the input does.
    ///
    /// # Errors
    ///
    /// What the input gives; what was read of a line by then is lost.
    pub fn read(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            match self.read_line()? {
                None => return Ok(None),
                Some(Length::Whole) if self.is_nothing() => {}
                Some(Length::TooLong) if self.is_comment() => {}
                Some(Length::Whole) => {
                    let entry = parse(&self.line, self.format, self.end, &mut self.untagged, &mut self.name);
                    return Ok(Some(Line { number: self.number, entry }));
                }
                Some(Length::TooLong) => return Ok(Some(Line { number: self.number, entry: None })),
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

    fn is_nothing(&self) -> bool {
        self.line.is_empty() || self.is_comment()
    }

    /// A name may begin with `#`, and where a line begins with the name, that is no comment.
    fn is_comment(&self) -> bool {
        self.format != Format::Go && self.line.first() == Some(&b'#')
    }
}

impl<R: Read> Reader<BufReader<R>> {
    /// Whether the next line is in memory already, so that reading it does not block.
    pub(crate) fn is_at_hand(&self) -> bool {
        self.input.buffer().contains(&self.end.byte())
    }
}

/// What reading a line came to.
enum Length {
    Whole,
    /// It was longer than [`LONGEST_LINE`]; what there was of it is gone.
    TooLong,
}

fn parse<'a>(
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
        Format::Gnu | Format::GnuBinary if !bsd::is_tagged(line) => gnu::parse(line, untagged),
        Format::Gnu | Format::GnuBinary | Format::Bsd => bsd::parse(line),
    }
}

/// Undoes the escapes; `None` if there is one that is none, or a NUL.
fn unescape(unescaped: &mut Vec<u8>, name: &[u8]) -> Option<()> {
    unescaped.clear();
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        unescaped.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            0 => return None,
            plain => plain,
        });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::entry::Hashed;
    use crate::manifest::{Layout, Writer};
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

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            names in vec(vec(prop_oneof![4 => 1..=255u8, 1 => proptest::sample::select(&b"\\\n\r #*():\t=M"[..])], 1..40), 0..20),
            digests in vec(any::<[u8; 16]>(), 20),
            format in proptest::sample::select(&Format::ALL[..]),
            end in proptest::sample::select(&[LineEnd::Newline, LineEnd::Nul][..]),
        ) {
            let mut manifest = Writer::new(Vec::new(), Layout { end, ..Layout::from(format) });
            for (name, digest) in names.iter().zip(&digests) {
                manifest.write(name, &Hashed::new(Digest::from(*digest))).unwrap();
            }
            let text = manifest.finish().unwrap();
            let mut reader = Reader::new(&text[..], format, end);
            for (index, (name, digest)) in names.iter().zip(&digests).enumerate() {
                let line = reader.read().unwrap().unwrap();
                prop_assert_eq!(line.number, index as u64 + 1);
                let checksum = Checksum::from(Digest::from(*digest));
                prop_assert_eq!(line.entry, Some(Entry::new(name, checksum)), "{:?}", format);
            }
            prop_assert!(reader.read().unwrap().is_none());
        }

        #[test]
        fn anything_is_read_without_a_panic(
            text in vec(any::<u8>(), 0..300),
            format in proptest::sample::select(&Format::ALL[..]),
        ) {
            for end in [LineEnd::Newline, LineEnd::Nul] {
                lines(&text, format, end);
            }
        }
    }
}
