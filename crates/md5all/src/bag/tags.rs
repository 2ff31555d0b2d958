//! A bag's tag files, line by line: in the encodings that bags have, ending as lines end anywhere.
//!
//! Names in UTF-8 are kept as bytes, whether they are text or not. Of other encodings, the names are those that the text
//! has in UTF-8.

use std::io::{self, BufRead, BufReader, Read};

use crate::bag::{BagProblem, BagVersion};

/// What a bag's tag files are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Latin1,
    /// Big-endian, unless it begins with a mark that says otherwise.
    Utf16,
    Utf16Le,
}

/// A line longer than this is none.
const LONGEST: u64 = 16 << 20;

const MARK: &[u8] = b"\xef\xbb\xbf";

impl Encoding {
    fn by_name(name: &str) -> Option<Encoding> {
        Some(match name.to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" | "US-ASCII" | "ASCII" => Encoding::Utf8,
            "ISO-8859-1" | "LATIN1" | "LATIN-1" => Encoding::Latin1,
            "UTF-16" | "UTF-16BE" => Encoding::Utf16,
            "UTF-16LE" => Encoding::Utf16Le,
            _ => return None,
        })
    }
}

/// Gives every line of a file, with its number; and says whether it began with a byte-order mark that it should not have.
///
/// # Errors
///
/// What the system says, and text that is none.
pub(super) fn lines(file: impl Read, encoding: Encoding, mut take: impl FnMut(u64, &[u8])) -> io::Result<bool> {
    let mut file = BufReader::with_capacity(64 * 1024, file);
    let text = match encoding {
        Encoding::Utf8 => return split(file, &mut take),
        Encoding::Latin1 => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            bytes.iter().map(|&byte| char::from(byte)).collect()
        }
        Encoding::Utf16 | Encoding::Utf16Le => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            from_utf16(&bytes, encoding)?
        }
    };
    split(text.as_bytes(), &mut take)?;
    Ok(false)
}

fn from_utf16(bytes: &[u8], encoding: Encoding) -> io::Result<String> {
    let (bytes, little) = match bytes {
        [0xff, 0xfe, rest @ ..] => (rest, true),
        [0xfe, 0xff, rest @ ..] => (rest, false),
        _ => (bytes, encoding == Encoding::Utf16Le),
    };
    let (pairs, rest) = bytes.as_chunks();
    let units = pairs.iter().map(|&pair| if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) });
    let text: Result<String, _> = char::decode_utf16(units).collect();
    let is_whole = rest.is_empty();
    text.ok().filter(|_| is_whole).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not UTF-16"))
}

/// Lines end with LF, CR, or both. One that ends with the file is one as well.
fn split(mut input: impl BufRead, take: &mut impl FnMut(u64, &[u8])) -> io::Result<bool> {
    let (mut number, mut line, mut marked) = (0, Vec::new(), false);
    loop {
        line.clear();
        if input.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(marked);
        }
        if line.len() as u64 == LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
        }
        let mut text = line.strip_suffix(b"\n").unwrap_or(&line);
        if number == 0 && text.starts_with(MARK) {
            (text, marked) = (&text[MARK.len()..], true);
        }
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        for part in text.split(|&byte| byte == b'\r') {
            number += 1;
            take(number, part);
        }
    }
}

/// What `bagit.txt` says: which version the bag has, and what its tag files are in. Two lines, and nothing else.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn declaration(file: impl Read) -> io::Result<Result<(BagVersion, Encoding), BagProblem>> {
    let mut all = Vec::new();
    let marked = lines(file, Encoding::Utf8, |_, line| {
        if all.len() < 3 {
            all.push(String::from_utf8_lossy(line).into_owned());
        }
    })?;
    if marked {
        return Ok(Err(BagProblem::Malformed { line: 1, what: "a byte-order mark, which bagit.txt must not have" }));
    }
    let malformed = |line, what| BagProblem::Malformed { line, what };
    let version = all.first().and_then(|line| line.strip_prefix("BagIt-Version:"));
    let Some(version) = version else { return Ok(Err(malformed(1, "not BagIt-Version: and a version"))) };
    let encoding = all.get(1).and_then(|line| line.strip_prefix("Tag-File-Character-Encoding:"));
    let Some(encoding) = encoding else {
        return Ok(Err(malformed(2, "not Tag-File-Character-Encoding: and an encoding")));
    };
    if all.len() > 2 {
        return Ok(Err(malformed(3, "more than two lines")));
    }
    let Some(known) = BagVersion::by_name(version.trim()) else {
        return Ok(Err(BagProblem::Unsupported(format!("version {}", version.trim().escape_debug()))));
    };
    let is_exact = [version, encoding].iter().all(|value| value.strip_prefix([' ', '\t']) == Some(value.trim()));
    if known >= BagVersion::V1_0 && !is_exact {
        return Ok(Err(malformed(1, "not exactly one blank before the value")));
    }
    Ok(Encoding::by_name(encoding.trim())
        .map(|encoding| (known, encoding))
        .ok_or_else(|| BagProblem::Unsupported(format!("encoding {}", encoding.trim().escape_debug()))))
}

/// What `bag-info.txt` says of the payload: bytes and files, if it does. Malformed lines go to `problem`.
///
/// # Errors
///
/// What the system says.
pub(super) fn oxum(
    file: impl Read,
    encoding: Encoding,
    mut problem: impl FnMut(BagProblem),
) -> io::Result<Option<(u64, u64)>> {
    let mut oxum = None;
    let mut begun = false;
    let marked = lines(file, encoding, |number, line| {
        let malformed = |what| BagProblem::Malformed { line: number, what };
        match line {
            [] => {}
            [b' ' | b'\t', rest @ ..] if rest.trim_ascii().is_empty() || begun => {}
            [b' ' | b'\t', ..] => problem(malformed("it goes on with what was not begun")),
            _ => match line.iter().position(|&byte| byte == b':') {
                None | Some(0) => problem(malformed("no label with a colon")),
                Some(colon) => {
                    begun = true;
                    let value = line[colon + 1..].trim_ascii();
                    if line[..colon].eq_ignore_ascii_case(b"Payload-Oxum") {
                        match parse_oxum(value) {
                            _ if oxum.is_some() => problem(malformed("Payload-Oxum is there twice")),
                            None => problem(malformed("Payload-Oxum is not two numbers with a dot between")),
                            said => oxum = said,
                        }
                    }
                }
            },
        }
    })?;
    if marked {
        problem(BagProblem::ByteOrderMark);
    }
    Ok(oxum)
}

fn parse_oxum(value: &[u8]) -> Option<(u64, u64)> {
    let (bytes, files) = str::from_utf8(value).ok()?.split_once('.')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    Some((number(bytes)?, number(files)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], encoding: Encoding) -> Vec<String> {
        let mut all = Vec::new();
        lines(bytes, encoding, |_, line| all.push(String::from_utf8(line.to_vec()).unwrap())).unwrap();
        all
    }

    #[test]
    fn lines_end_with_lf_cr_or_both() {
        for text in ["a\nb\nc", "a\nb\nc\n", "a\rb\rc\r", "a\r\nb\r\nc\r\n", "a\nb\rc\r\n", "\u{feff}a\nb\nc"] {
            assert_eq!(read(text.as_bytes(), Encoding::Utf8), ["a", "b", "c"], "{text:?}");
        }
        assert_eq!(read(b"", Encoding::Utf8), [""; 0]);
        assert_eq!(read(b"\n\n", Encoding::Utf8), ["", ""]);
    }

    #[test]
    fn names_in_other_encodings_are_those_of_the_text() {
        assert_eq!(read(b"gr\xf6\xdfe\n", Encoding::Latin1), ["größe"]);
        let units = |bytes: fn(u16) -> [u8; 2]| "größe\n𝄞".encode_utf16().flat_map(bytes).collect::<Vec<_>>();
        assert_eq!(read(&units(u16::to_be_bytes), Encoding::Utf16), ["größe", "𝄞"]);
        assert_eq!(read(&units(u16::to_le_bytes), Encoding::Utf16Le), ["größe", "𝄞"]);
        let marked = [b"\xff\xfe", &units(u16::to_le_bytes)[..]].concat();
        assert_eq!(read(&marked, Encoding::Utf16), ["größe", "𝄞"]);
        assert!(from_utf16(b"\0a\xd8\0", Encoding::Utf16).is_err() && from_utf16(b"\0", Encoding::Utf16).is_err());
    }
}
