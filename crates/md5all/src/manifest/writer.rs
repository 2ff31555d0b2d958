//! Writing a manifest, file by file.

use std::io::{self, Write};

use super::escape::{escape, needs_escape};
#[cfg(feature = "parquet")]
use super::parquet;
use super::seal::Sealing;
use super::{Format, Layout, LineEnd, Unsayable, bagit, bsd, csv, gnu, go, hashdeep, ndjson};
use crate::algorithm::Checksum;
use crate::record::Hashed;

/// Writes a manifest, file by file.
///
/// All lines of a file are handed to the inner writer whole, in one call; with those of the first file comes what is above
/// them.
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
    seal: Option<Sealing>,
    /// What has no lines; made when the first file comes.
    #[cfg(feature = "parquet")]
    table: Option<parquet::Table>,
    /// Whether what is above all lines has been written.
    is_begun: bool,
    /// The lines being made.
    lines: Vec<u8>,
    /// The name on them, when that had to be escaped.
    escaped: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// A manifest that goes to `out`. What the layout cannot say is the caller's affair: see [`Layout::check`].
    pub fn new(out: W, layout: Layout) -> Writer<W> {
        let seal = layout.seal.then(Sealing::new);
        Writer {
            out,
            layout,
            seal,
            #[cfg(feature = "parquet")]
            table: None,
            is_begun: false,
            lines: Vec::new(),
            escaped: Vec::new(),
        }
    }

    /// Writes the lines of one file.
    ///
    /// # Errors
    ///
    /// Whatever the inner writer gives. Or [`Unsayable`] within an error of kind [`io::ErrorKind::InvalidInput`], if the
    /// format has no way to say this ([`Unsayable::of`] tells): then nothing was written, and another file may follow.
    pub fn write(&mut self, name: &[u8], hashed: &Hashed) -> io::Result<()> {
        self.lines.clear();
        #[cfg(feature = "parquet")]
        if self.layout.format == Format::Parquet {
            return self.write_rows(name, hashed);
        }
        if !self.is_begun {
            self.add_head();
        }
        self.add(name, hashed).map_err(|unsayable| io::Error::new(io::ErrorKind::InvalidInput, unsayable))?;
        self.is_begun = true;
        if let Some(seal) = &mut self.seal {
            seal.take(&self.lines);
            seal.count(hashed.facts().size);
        }
        self.out.write_all(&self.lines)
    }

    /// Adds the rows of one file; they are written when there are enough.
    #[cfg(feature = "parquet")]
    fn write_rows(&mut self, name: &[u8], hashed: &Hashed) -> io::Result<()> {
        let table = match &mut self.table {
            Some(table) => table,
            none => none.insert(parquet::Table::new()?),
        };
        table.write(name, hashed)?;
        self.out.write_all(&table.take_written())
    }

    /// Writes the rows that are left, and what is below them.
    #[cfg(feature = "parquet")]
    fn end_rows(&mut self) -> io::Result<()> {
        if self.layout.format == Format::Parquet {
            let table = self.table.take().map_or_else(parquet::Table::new, Ok)?;
            self.out.write_all(&table.finish()?)?;
        }
        Ok(())
    }

    /// What is above all lines.
    fn add_head(&mut self) {
        match self.layout.format {
            Format::Hashdeep => hashdeep::write_head(&mut self.lines, self.layout.algorithms),
            Format::Csv => csv::write_head(&mut self.lines, self.layout.algorithms),
            Format::Gnu | Format::GnuBinary | Format::Bsd | Format::Go | Format::Bagit | Format::Ndjson => {}
            #[cfg(feature = "parquet")]
            Format::Parquet => {}
        }
        if self.layout.seal {
            Sealing::open(&mut self.lines);
        }
    }

    fn add(&mut self, name: &[u8], hashed: &Hashed) -> Result<(), Unsayable> {
        let Layout { format, algorithms, .. } = self.layout;
        match format {
            Format::Gnu | Format::GnuBinary | Format::Bsd | Format::Go => self.add_lines(name, hashed),
            Format::Bagit => {
                for checksum in hashed.checksums().iter() {
                    bagit::write(&mut self.lines, name, &checksum)?;
                    self.lines.push(b'\n');
                }
            }
            Format::Hashdeep => {
                hashdeep::write(&mut self.lines, name, hashed, algorithms)?;
                self.lines.push(b'\n');
            }
            Format::Csv => {
                csv::write(&mut self.lines, name, hashed, algorithms);
                csv::end_line(&mut self.lines);
            }
            Format::Ndjson => {
                ndjson::write(&mut self.lines, name, hashed);
                self.lines.push(b'\n');
            }
            #[cfg(feature = "parquet")]
            Format::Parquet => unreachable!("it has no lines"),
        }
        Ok(())
    }

    /// One line for each checksum, with GNU's escapes.
    fn add_lines(&mut self, name: &[u8], hashed: &Hashed) {
        let Layout { format, end, .. } = self.layout;
        let is_escaped = end == LineEnd::Newline && needs_escape(name);
        if is_escaped {
            escape(&mut self.escaped, name);
        }
        let name = if is_escaped { &self.escaped } else { name };
        for checksum in hashed.checksums().iter() {
            if is_escaped {
                self.lines.push(b'\\');
            }
            add_line(&mut self.lines, format, name, &checksum);
            self.lines.push(end.byte());
        }
    }

    /// Flushes the inner writer.
    ///
    /// # Errors
    ///
    /// Whatever it gives.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes what is below all lines, flushes the inner writer and gives it back.
    ///
    /// # Errors
    ///
    /// Whatever the inner writer gives.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.is_begun {
            self.lines.clear();
            self.add_head();
            self.seal.iter_mut().for_each(|seal| seal.take(&self.lines));
            self.out.write_all(&self.lines)?;
        }
        #[cfg(feature = "parquet")]
        self.end_rows()?;
        if let Some(seal) = self.seal.take() {
            self.out.write_all(&seal.close())?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

fn add_line(line: &mut Vec<u8>, format: Format, name: &[u8], checksum: &Checksum) {
    match format {
        Format::GnuBinary => gnu::write(line, name, checksum, b'*'),
        Format::Bsd => bsd::write(line, name, checksum),
        Format::Go => go::write(line, name, checksum),
        _ => gnu::write(line, name, checksum, b' '),
    }
}

impl Unsayable {
    /// What it was that a manifest could not say, if that is what the error of a [`Writer`] is about.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Unsayable> {
        error.get_ref()?.downcast_ref().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::{Algorithm, Checksums, Digest};
    use crate::facts::Facts;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f";

    fn line(format: Format, end: LineEnd, name: &[u8]) -> Vec<u8> {
        let digest = Digest::from(std::array::from_fn(|index| index as u8));
        let mut manifest = Writer::new(Vec::new(), Layout::from(format).end(end));
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

    /// A file of 3 bytes with an MD5 and a SHA-1 of zeros.
    fn two() -> Hashed {
        let zeros = |one: Algorithm| Checksum::new(one, &vec![0; one.length()]).unwrap();
        let both: Checksums = [Algorithm::Sha1, Algorithm::Md5].map(zeros).into_iter().collect();
        Hashed::new(both).with_facts(Facts { size: Some(3), mtime_ns: Some(-5), ctime_ns: None, inode: Some(7) })
    }

    fn whole(format: Format, names: &[&[u8]]) -> String {
        let algorithms = two().checksums().algorithms();
        let mut manifest = Writer::new(Vec::new(), Layout::from(format).algorithms(algorithms));
        names.iter().for_each(|name| manifest.write(name, &two()).unwrap());
        String::from_utf8(manifest.finish().unwrap())
            .unwrap()
            .replace(&"0".repeat(40), "SHA1")
            .replace(&"0".repeat(32), "MD5")
    }

    #[test]
    fn several_checksums_of_a_file() {
        assert_eq!(whole(Format::Gnu, &[b"a", b"b\n"]), "MD5  a\nSHA1  a\n\\MD5  b\\n\n\\SHA1  b\\n\n");
        assert_eq!(whole(Format::Bsd, &[b"a"]), "MD5 (a) = MD5\nSHA1 (a) = SHA1\n");
        let head = "%%%% HASHDEEP-1.0\n%%%% size,md5,sha1,filename\n## Written by md5all\n## \n";
        assert_eq!(whole(Format::Hashdeep, &[b"a,b"]), [head, "3,MD5,SHA1,a,b\n"].concat());
        assert_eq!(whole(Format::Hashdeep, &[]), head);
        let head = "path,size,mtime_ns,ctime_ns,inode,md5,sha1\r\n";
        let rows = "a,3,-5,,7,MD5,SHA1\r\n\"a,\"\"b\"\"\",3,-5,,7,MD5,SHA1\r\n";
        assert_eq!(whole(Format::Csv, &[b"a", b"a,\"b\""]), [head, rows].concat());
        assert_eq!(whole(Format::Csv, &[]), head);
        let rest = r#""size":3,"mtime_ns":-5,"inode":7,"md5":"MD5","sha1":"SHA1"}"#;
        let first = [r#"{"path":"a\"\n",""#, &rest[1..], "\n"].concat();
        let second = [r#"{"path_base64":"/w==",""#, &rest[1..], "\n"].concat();
        assert_eq!(whole(Format::Ndjson, &[b"a\"\n", b"\xff"]), [first, second].concat());
        assert_eq!(whole(Format::Ndjson, &[]), "");
    }

    #[test]
    fn names_that_csv_cannot_carry_are_escaped_behind_a_backslash() {
        let field = |name: &[u8]| {
            let text = String::from_utf8(line(Format::Csv, LineEnd::Newline, name)).unwrap();
            let row = text.split("\r\n").nth(1).unwrap().to_owned();
            row.strip_suffix(&format!(",,,,,{HEX}")).unwrap().to_owned()
        };
        assert_eq!(field(b"a\\b"), r"a\b");
        assert_eq!(field(b"\\b"), r"\\\b");
        assert_eq!(field(b"a\nb\rc\\"), r"\a\nb\rc\\");
        assert_eq!(field("ä\u{1}".as_bytes()), "ä\u{1}");
        assert_eq!(field(b"\xc3\xa4\xff,"), "\"\\ä\\xff,\"");
    }

    #[test]
    fn bags_encode_exactly_three_bytes() {
        for byte in (1..=255).filter(|byte| !b" \t*".contains(byte)) {
            let encoded = match byte {
                b'\n' => b"%0A".to_vec(),
                b'\r' => b"%0D".to_vec(),
                b'%' => b"%25".to_vec(),
                other => vec![other],
            };
            let expected = [HEX.as_bytes(), b"  ", &encoded, b"\n"].concat();
            assert_eq!(line(Format::Bagit, LineEnd::Newline, &[byte]), expected, "byte {byte}");
        }
    }

    /// What cannot be said is told, and nothing else is lost by it: the head comes with the next.
    #[test]
    fn what_a_format_cannot_say_is_an_error_of_one_file() {
        let rows: [(Format, &[u8], Hashed, Unsayable); 5] = [
            (Format::Hashdeep, b"a\nb", two(), Unsayable::LineBreak),
            (Format::Hashdeep, b"a\r", two(), Unsayable::LineBreak),
            (Format::Hashdeep, b"a", Hashed::new(two().checksums().clone()), Unsayable::NoSize),
            (Format::Hashdeep, b"a", Hashed::new(Digest::from([0; 16])).with_facts(two().facts()), {
                Unsayable::NoDigest(Algorithm::Sha1)
            }),
            (Format::Bagit, b" a", two(), Unsayable::Margin),
        ];
        for (format, name, hashed, unsayable) in rows {
            let algorithms = two().checksums().algorithms();
            let mut manifest = Writer::new(Vec::new(), Layout::from(format).algorithms(algorithms));
            let error = manifest.write(name, &hashed).unwrap_err();
            assert_eq!((error.kind(), Unsayable::of(&error)), (io::ErrorKind::InvalidInput, Some(unsayable)));
            manifest.write(b"b", &two()).unwrap();
            let text = String::from_utf8(manifest.finish().unwrap()).unwrap();
            assert_eq!(text.replace(&"0".repeat(40), "SHA1").replace(&"0".repeat(32), "MD5"), whole(format, &[b"b"]));
        }
        assert_eq!(Unsayable::of(&io::Error::other("full")), None);
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
