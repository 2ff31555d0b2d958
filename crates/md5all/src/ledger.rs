//! Lines that say all that is known of a file: what a sidecar and a journal are made of.
//!
//! A line is `size mtime_ns ctime_ns inode checksums path`, with one blank between them; the checksums are
//! `md5:d41d…,sha256:…`, and of the path the three bytes that would break a line are escaped as in GNU's manifests. It is
//! read as strictly as it is written, for what is read here decides that a file is not. The rules:
//!
//! 1. A line without an end is none: whoever wrote it was cut short.
//! 2. So is one with a NUL, which is what a power failure leaves in place of what was written.
//! 3. What has not all four facts is not written: nobody could go by it.
//! 4. But for a file in doubt, one that was found corrupt: a `-` stands for its change time. Nothing is taken over by that,
//!    and what the other facts are is known when it is read again.
//!
//! Lines that begin with `#` are for people. Who believes what of a ledger is for others to say.

use std::io::{self, BufRead, Read, Write};

use crate::algorithm::{Algorithm, Checksum, Checksums};
use crate::catalog::Catalog;
use crate::facts::Facts;
use crate::manifest::{LONGEST_LINE, escape, needs_escape, unescape};
use crate::naming::plain;
use crate::record::Hashed;

/// Adds the line of a file; none, if that would be of no use. Says whether there is one.
pub(crate) fn write(line: &mut Vec<u8>, path: &[u8], checksums: &Checksums, facts: &Facts) -> bool {
    facts.ctime_ns.is_some() && write_any(line, path, checksums, facts)
}

/// The same, of a file that may be in doubt.
fn write_any(line: &mut Vec<u8>, path: &[u8], checksums: &Checksums, facts: &Facts) -> bool {
    let Facts { size: Some(size), mtime_ns: Some(mtime_ns), ctime_ns, inode: Some(inode) } = *facts else {
        return false;
    };
    write_number(line, size);
    write_signed(line, mtime_ns);
    match ctime_ns {
        Some(ctime_ns) => write_signed(line, ctime_ns),
        None => line.extend_from_slice(IN_DOUBT),
    }
    write_number(line, inode);
    write_checksums(line, checksums);
    line.push(b' ');
    if needs_escape(path) {
        let mut escaped = Vec::new();
        escape(&mut escaped, path);
        line.extend_from_slice(&escaped);
    } else {
        line.extend_from_slice(path);
    }
    line.push(b'\n');
    true
}

pub(crate) fn write_checksums(line: &mut Vec<u8>, checksums: &Checksums) {
    for (index, checksum) in checksums.iter().enumerate() {
        line.extend_from_slice(if index == 0 { b"" } else { b"," });
        line.extend_from_slice(checksum.algorithm().name().as_bytes());
        line.push(b':');
        checksum.write_hex(line);
    }
}

/// What stands for the change time of a file in doubt.
const IN_DOUBT: &[u8] = b"- ";

/// What a line says, without its end; `None` if it is not what [`write`] writes.
fn parse<'a>(line: &'a [u8], unescaped: &'a mut Vec<u8>) -> Option<(&'a [u8], Checksums, Facts)> {
    let (size, rest) = number(line)?;
    let (mtime_ns, rest) = signed(rest)?;
    let (ctime_ns, rest) = match rest.strip_prefix(IN_DOUBT) {
        Some(rest) => (None, rest),
        None => signed(rest).map(|(ctime_ns, rest)| (Some(ctime_ns), rest))?,
    };
    let (inode, rest) = number(rest)?;
    let blank = rest.iter().position(|&byte| byte == b' ')?;
    let checksums = parse_checksums(&rest[..blank])?;
    let facts = Facts { size: Some(size), mtime_ns: Some(mtime_ns), ctime_ns, inode: Some(inode) };
    let path = &rest[blank + 1..];
    if path.is_empty() || path.contains(&0) {
        return None;
    }
    if !needs_escape(path) {
        return Some((path, checksums, facts));
    }
    unescape(unescaped, path)?;
    Some((unescaped, checksums, facts))
}

pub(crate) fn parse_checksums(text: &[u8]) -> Option<Checksums> {
    let one = |text: &[u8]| {
        let colon = text.iter().position(|&byte| byte == b':')?;
        let algorithm = Algorithm::by_name(std::str::from_utf8(&text[..colon]).ok()?)?;
        let digits = &text[colon + 1..];
        if digits.len() == 2 * algorithm.length() { Checksum::parse(algorithm, digits) } else { None }
    };
    if !text.contains(&b',') {
        return one(text).map(Checksums::from); // the most usual, without an allocation
    }
    text.split(|&byte| byte == b',').map(one).collect()
}

/// A number and the blank behind it, and what follows.
pub(crate) fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let blank = text.iter().take(21).position(|&byte| byte == b' ').filter(|&blank| blank > 0)?;
    let mut value = 0_u64;
    for &byte in &text[..blank] {
        let digit = byte.wrapping_sub(b'0');
        value = value.checked_mul(10)?.checked_add(u64::from(digit)).filter(|_| digit < 10)?;
    }
    Some((value, &text[blank + 1..]))
}

pub(crate) fn signed(text: &[u8]) -> Option<(i64, &[u8])> {
    match text.strip_prefix(b"-") {
        None => number(text).and_then(|(value, rest)| Some((i64::try_from(value).ok()?, rest))),
        Some(text) => number(text).and_then(|(value, rest)| Some((0_i64.checked_sub_unsigned(value)?, rest))),
    }
}

/// Digits and a blank.
pub(crate) fn write_number(line: &mut Vec<u8>, mut value: u64) {
    let mut digits = [b' '; 21];
    let mut start = 20;
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break line.extend_from_slice(&digits[start..]);
        }
    }
}

pub(crate) fn write_signed(line: &mut Vec<u8>, value: i64) {
    if value < 0 {
        line.push(b'-');
    }
    write_number(line, value.unsigned_abs());
}

/// Reads a ledger, line by line, in memory that does not grow with it.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    input: R,
    line: Vec<u8>,
    path: Vec<u8>,
    /// Bytes of all whole lines so far, whatever they say.
    whole: u64,
    /// Lines that were not understood.
    malformed: u64,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(input: R) -> Reader<R> {
        Reader { input, line: Vec::new(), path: Vec::new(), whole: 0, malformed: 0 }
    }

    /// What the next line says that can be understood: path, checksums and facts. `None` at the end.
    ///
    /// # Errors
    ///
    /// What the input gives.
    pub(crate) fn read(&mut self) -> io::Result<Option<(&[u8], Checksums, Facts)>> {
        loop {
            self.line.clear();
            self.input.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', &mut self.line)?;
            if self.line.pop() != Some(b'\n') {
                return Ok(None);
            }
            self.whole += self.line.len() as u64 + 1;
            if self.line.first() == Some(&b'#') {
                continue;
            }
            // Twice, since what is borrowed across a loop is borrowed for good.
            if parse(&self.line, &mut self.path).is_some() {
                break;
            }
            self.malformed += 1;
        }
        Ok(parse(&self.line, &mut self.path))
    }

    /// Up to where there are whole lines.
    pub(crate) fn whole(&self) -> u64 {
        self.whole
    }

    /// How many lines were not understood so far.
    pub(crate) fn malformed(&self) -> u64 {
        self.malformed
    }
}

/// Writes a ledger, line by line.
#[derive(Debug)]
pub struct Sidecar<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Sidecar<W> {
    /// The first line, by which a sidecar is told from a file that somebody else needs.
    pub const HEADER: &[u8] = b"# md5all's facts: size mtime_ns ctime_ns inode checksums path\n";

    /// One that goes to `out`.
    ///
    /// # Errors
    ///
    /// Whatever `out` gives.
    pub fn new(mut out: W) -> io::Result<Sidecar<W>> {
        out.write_all(Self::HEADER)?;
        Ok(Sidecar { out, line: Vec::new() })
    }

    /// Writes what is known of a file; nothing, if nobody could go by it.
    ///
    /// # Errors
    ///
    /// Whatever the inner writer gives.
    pub fn write(&mut self, name: &[u8], hashed: &Hashed) -> io::Result<()> {
        self.line.clear();
        write(&mut self.line, name, hashed.checksums(), &hashed.facts());
        self.out.write_all(&self.line)
    }

    /// Writes what is known of a file in doubt, with or without a change time: it will be read, whatever its facts are.
    ///
    /// # Errors
    ///
    /// Whatever the inner writer gives.
    pub fn write_doubt(&mut self, name: &[u8], hashed: &Hashed) -> io::Result<()> {
        self.line.clear();
        write_any(&mut self.line, name, hashed.checksums(), &hashed.facts().in_doubt());
        self.out.write_all(&self.line)
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

/// Adds what a sidecar says of files that have exactly the checksums that it repeats. Says whether that is all it says, and
/// of every file.
///
/// # Errors
///
/// What the input gives. What was read by then holds.
pub(crate) fn add_facts(sidecar: impl BufRead, files: &mut Catalog) -> io::Result<bool> {
    let mut lines = Reader::new(sidecar);
    let (mut is_all, mut next, mut believed) = (true, 0, 0);
    while let Some((name, checksums, facts)) = lines.read()? {
        let name = plain(name);
        // Mostly they come in the manifest's order.
        let is_next = next < files.len() && *files.name(next) == *name;
        let found = if is_next { Some(next) } else { files.find(&name) };
        match found.filter(|&number| files.checksums(number) == checksums) {
            Some(number) => {
                files.set_facts(number, &facts);
                next = number + 1;
                believed += 1;
            }
            None => is_all = false,
        }
    }
    Ok(is_all && lines.malformed() == 0 && believed <= files.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const LINE: &str = "1 -2 3 4 md5:000102030405060708090a0b0c0d0e0f a b";

    fn read(text: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = Reader::new(text);
        let mut paths = Vec::new();
        while let Some((path, ..)) = reader.read().unwrap() {
            paths.push(path.to_vec());
        }
        paths
    }

    #[test]
    fn a_line_is_understood_whole_or_not_at_all() {
        let whole = format!("{LINE}\n");
        assert_eq!(read(whole.as_bytes()), [b"a b"]);
        for end in 0..whole.len() {
            assert!(read(&whole.as_bytes()[..end]).is_empty(), "{end} bytes");
        }
        for bad in ["x", " ", "18446744073709551616", "-1", "", "1\0"] {
            assert!(read(whole.replacen('1', bad, 1).as_bytes()).is_empty(), "{bad:?}");
        }
        for (good, bad) in
            [("a b", "a\0b"), ("a b", "a\\tb"), ("md5:", "md4:"), ("0f", "0"), ("0f", "0g"), (" a b", "")]
        {
            assert!(read(whole.replace(good, bad).as_bytes()).is_empty(), "{bad:?}");
        }
        assert_eq!(read(format!("nonsense\n# {LINE}\n{LINE}\n{LINE}").as_bytes()).len(), 1);
    }

    #[test]
    fn what_has_no_change_time_has_no_line() {
        let checksums = Checksums::from(Checksum::new(Algorithm::Md5, &[0; 16]).unwrap());
        let whole = Facts { size: Some(1), mtime_ns: Some(2), ctime_ns: Some(3), inode: Some(4) };
        let mut line = Vec::new();
        assert!(!write(&mut line, b"a", &checksums, &Facts { ctime_ns: None, ..whole }) && line.is_empty());
        assert!(write(&mut line, b"a", &checksums, &whole) && !line.is_empty());
    }

    #[test]
    fn what_is_in_doubt_has_a_line_without_a_change_time() {
        let checksums = Checksums::from(Checksum::new(Algorithm::Md5, &[0; 16]).unwrap());
        let whole = Facts { size: Some(1), mtime_ns: Some(2), ctime_ns: Some(3), inode: Some(4) };
        let mut sidecar = Sidecar::new(Vec::new()).unwrap();
        sidecar.write_doubt(b"a", &Hashed::new(checksums.clone()).with_facts(whole)).unwrap();
        sidecar.write_doubt(b"b", &Hashed::new(checksums.clone()).with_facts(Facts { inode: None, ..whole })).unwrap();
        let text = sidecar.finish().unwrap();
        let mut reader = Reader::new(&text[..]);
        assert_eq!(reader.read().unwrap(), Some((&b"a"[..], checksums, whole.in_doubt())));
        assert!(reader.read().unwrap().is_none());
        assert_eq!(reader.malformed(), 0);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            path in vec(1_u8.., 1..40),
            numbers in any::<(u64, i64, i64, u64)>(),
            set in 1_u8..,
            byte in any::<u8>(),
        ) {
            let chosen = Algorithm::ALL.into_iter().filter(|&one| set & 1 << one as u8 != 0);
            let checksums: Checksums =
                chosen.map(|one| Checksum::new(one, &vec![byte; one.length()]).unwrap()).collect();
            let (size, mtime_ns, ctime_ns, inode) = numbers;
            let facts = Facts { size: Some(size), mtime_ns: Some(mtime_ns), ctime_ns: Some(ctime_ns), inode: Some(inode) };
            let mut text = Vec::new();
            prop_assert!(write(&mut text, &path, &checksums, &facts));
            prop_assert_eq!(text.iter().filter(|&&byte| byte == b'\n').count(), 1);
            let mut reader = Reader::new(&text[..]);
            prop_assert_eq!(reader.read().unwrap(), Some((&path[..], checksums, facts)));
            prop_assert_eq!((reader.whole(), reader.malformed()), (text.len() as u64, 0));
        }

        #[test]
        fn any_text_is_read_to_its_end(text in vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&text[..]);
            while reader.read().unwrap().is_some() {}
        }
    }
}
