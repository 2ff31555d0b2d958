//! Names in messages as GNU's tools show them: quoted for a shell where a shell would want that, and else as they are.
//!
//! `quote` does the same for md5all's own messages, with less noise. This one is for those messages that are GNU's to
//! the letter.

use std::env::var;

/// `name`, as GNU's `quotef` shows it in the locale that the environment asks for.
pub(crate) fn quote(name: &[u8]) -> Vec<u8> {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(|name| var(name).ok()).find(|it| !it.is_empty());
    quote_in(name, locale.is_some_and(|locale| is_utf8(&locale)))
}

fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// A part of a name.
#[derive(Clone, Copy)]
enum Piece<'a> {
    Printable(&'a [u8]),
    /// A byte that cannot be shown.
    Byte(u8),
}

fn quote_in(name: &[u8], utf8: bool) -> Vec<u8> {
    let pieces: Vec<_> = if utf8 { characters(name) } else { bytes(name) };
    if !name.is_empty() && pieces.iter().enumerate().all(|(index, piece)| piece.is_plain(index, name)) {
        return name.to_vec();
    }
    let quotes_only = |(index, piece): (usize, &Piece<'_>)| piece.is_plain_in_double_quotes(index, name);
    if name.contains(&b'\'') && pieces.iter().enumerate().all(quotes_only) {
        return [b"\"", name, b"\""].concat();
    }
    in_single_quotes(&pieces)
}

fn characters(name: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    for chunk in name.utf8_chunks() {
        for (at, character) in chunk.valid().char_indices() {
            let bytes = &chunk.valid().as_bytes()[at..at + character.len_utf8()];
            if character.is_control() {
                pieces.extend(bytes.iter().copied().map(Piece::Byte));
            } else {
                pieces.push(Piece::Printable(bytes));
            }
        }
        pieces.extend(chunk.invalid().iter().copied().map(Piece::Byte));
    }
    pieces
}

fn bytes(name: &[u8]) -> Vec<Piece<'_>> {
    let piece = |byte: &'_ [u8]| matches!(byte, [b' '..=b'~']);
    name.chunks(1).map(|byte| if piece(byte) { Piece::Printable(byte) } else { Piece::Byte(byte[0]) }).collect()
}

impl Piece<'_> {
    /// Whether a shell, and whoever reads the message, would take it as it stands without quotes.
    fn is_plain(&self, index: usize, name: &[u8]) -> bool {
        match self {
            Piece::Byte(_) => false,
            Piece::Printable(b"#" | b"~") => index != 0,
            Piece::Printable(b"{" | b"}") => name.len() != 1,
            Piece::Printable([byte]) => !b" !\"$&\\'()*;<=>?[^`|:".contains(byte),
            Piece::Printable(_) => true,
        }
    }

    fn is_plain_in_double_quotes(&self, index: usize, name: &[u8]) -> bool {
        match self {
            Piece::Printable(b"'" | b" " | b":") => true,
            Piece::Printable(b"#" | b"~") => index == 0,
            Piece::Printable(b"{" | b"}" | b"\\") => false,
            piece => piece.is_plain(index, name),
        }
    }
}

/// `'…'`, and `$'…'` for what cannot be shown.
fn in_single_quotes(pieces: &[Piece<'_>]) -> Vec<u8> {
    let mut quoted = b"'".to_vec();
    let mut escaping = false;
    for piece in pieces {
        match piece {
            Piece::Byte(byte) => {
                if !escaping {
                    quoted.extend_from_slice(b"'$'");
                }
                escaping = true;
                escape(&mut quoted, *byte);
            }
            Piece::Printable(bytes) => {
                // A quote ends the quotes by itself.
                if escaping && *bytes != b"'" {
                    quoted.extend_from_slice(b"''");
                }
                escaping = false;
                quoted.extend_from_slice(if *bytes == b"'" { b"'\\''" } else { bytes });
            }
        }
    }
    quoted.push(b'\'');
    quoted
}

fn escape(quoted: &mut Vec<u8>, byte: u8) {
    let letter = match byte {
        0x07 => b'a',
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0b => b'v',
        0x0c => b'f',
        b'\r' => b'r',
        _ => return quoted.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
    };
    quoted.extend_from_slice(&[b'\\', letter]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn check(name: &[u8], shown: &str) {
        assert_eq!(String::from_utf8(quote_in(name, true)).unwrap(), shown, "{name:?}");
    }

    #[test]
    fn names_are_quoted_where_a_shell_wants_it() {
        check(b"plain", "plain");
        check(b"", "''");
        check(b"a b", "'a b'");
        check(b"it's", "\"it's\"");
        check(b"it's $", r"'it'\''s $'");
        check(b"a\nb", r"'a'$'\n''b'");
        check("ö".as_bytes(), "ö");
        check(b"\xff", r"''$'\377'");
    }

    /// What GNU's own says that it cannot find, in the same locale.
    fn shown_by_md5sum(names: &[Vec<u8>], locale: &str) -> Option<Vec<Vec<u8>>> {
        use std::os::unix::ffi::OsStrExt;
        let names = names.iter().map(|name| std::ffi::OsStr::from_bytes(name));
        let output = Command::new("md5sum").env("LC_ALL", locale).arg("--").args(names).output().ok()?;
        let lines = output.stderr.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let shown = |line: &[u8]| {
            let line = line.strip_prefix(b"md5sum: ")?.strip_suffix(b": No such file or directory")?;
            Some(line.to_vec())
        };
        lines.map(shown).collect()
    }

    #[test]
    fn every_byte_is_quoted_as_md5sum_quotes_it() {
        let dir = tempfile::tempdir().unwrap();
        std::env::set_current_dir(dir.path()).unwrap();
        let mut names = vec![b"\xc3\xa4".to_vec(), b"\xe2\x82".to_vec(), b"\xc2\x85'".to_vec(), b"'\n'".to_vec()];
        for byte in (1..=255).filter(|&byte| byte != b'/' && byte != b'.') {
            names.extend([&[b'x', byte, b'y'][..], &[byte, b'y'], b"'z", b"\nz"].map(<[u8]>::to_vec));
            names.extend([&[byte][..], &[byte, b'\''], &[b'\'', byte], &[b'\n', byte, b'\n']].map(<[u8]>::to_vec));
        }
        // GNU's loses the beginning of its own notation where a quote stands between two that cannot be shown.
        names.retain(|name| name != b"-" && name != b"\n'\n" && name != b"'\n'");
        for (locale, utf8) in [("C", false), ("C.UTF-8", true)] {
            let Some(shown) = shown_by_md5sum(&names, locale) else {
                eprintln!("SKIPPED: there is no md5sum of GNU here to compare with");
                return;
            };
            assert_eq!(shown.len(), names.len());
            for (name, shown) in names.iter().zip(shown) {
                let ours = quote_in(name, utf8);
                let text = String::from_utf8_lossy(&shown);
                assert_eq!(ours, shown, "{name:?} in {locale}: {} and not {text}", String::from_utf8_lossy(&ours));
            }
        }
    }
}
