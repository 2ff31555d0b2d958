//! Paths on a terminal: one line, whatever bytes they hold.
//!
//! A path of printable characters is shown as it is. Any other is shown in the
//! shell's `$'…'` notation, which can be pasted back: `$'two\nlines\377'`.
//! Manifests have their own, reversible, escaping: not this one. Results have that of manifests, unless they are shown on a
//! terminal and would do something to it.

use std::borrow::Cow;
use std::fmt::Write;

use md5all::manifest::on_one_line;

/// `path`, fit for one line.
pub(crate) fn quote(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) if is_plain(text) => text.to_owned(),
        _ => in_notation(path),
    }
}

/// A name in a line of results: escaped as in a list, which can be undone; on a terminal, quoted if that is not enough.
pub(crate) fn in_result(name: &[u8], is_on_terminal: bool) -> Cow<'_, [u8]> {
    if is_on_terminal && is_harmful(name) { quote(name).into_bytes().into() } else { on_one_line(name) }
}

/// Whether a terminal would obey it, if it is no more than escaped as in a list.
pub(crate) fn is_harmful(name: &[u8]) -> bool {
    let is_obeyed = |character| is_deceptive(character) && !matches!(character, '\n' | '\r');
    std::str::from_utf8(name).map_or(true, |text| text.chars().any(is_obeyed))
}

/// A path that looks like the notation is written in it, lest it be misread.
fn is_plain(text: &str) -> bool {
    !text.starts_with("$'") && !text.chars().any(is_deceptive)
}

/// Control characters, and those that turn the direction of what follows them.
fn is_deceptive(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns
}

fn in_notation(path: &[u8]) -> String {
    let mut quoted = String::from("$'");
    for chunk in path.utf8_chunks() {
        for character in chunk.valid().chars() {
            push(&mut quoted, character);
        }
        push_bytes(&mut quoted, chunk.invalid());
    }
    quoted.push('\'');
    quoted
}

fn push(quoted: &mut String, character: char) {
    match character {
        '\n' => quoted.push_str("\\n"),
        '\r' => quoted.push_str("\\r"),
        '\t' => quoted.push_str("\\t"),
        '\\' => quoted.push_str("\\\\"),
        '\'' => quoted.push_str("\\'"),
        deceptive if is_deceptive(deceptive) => {
            push_bytes(quoted, deceptive.encode_utf8(&mut [0; 4]).as_bytes());
        }
        plain => quoted.push(plain),
    }
}

/// Three octal digits each: of `\x` a shell would take on hex digits that
/// merely follow.
fn push_bytes(quoted: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(quoted, "\\{byte:03o}").expect("a String takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_as_in_a_list_but_for_what_a_terminal_would_obey() {
        let rows: [(&[u8], &[u8], &[u8]); 5] = [
            (b"a b", b"a b", b"a b"),
            (b"two\nlines", b"\\two\\nlines", b"\\two\\nlines"),
            (b"\x1b[2J", b"\x1b[2J", br"$'\033[2J'"),
            (b"\x9b2J", b"\x9b2J", br"$'\2332J'"),
            ("a\u{202e}b".as_bytes(), "a\u{202e}b".as_bytes(), br"$'a\342\200\256b'"),
        ];
        for (name, in_a_file, on_terminal) in rows {
            assert_eq!(*in_result(name, false), *in_a_file, "{name:?}");
            assert_eq!(*in_result(name, true), *on_terminal, "{name:?}");
        }
    }

    fn check(path: &[u8], shown: &str) {
        assert_eq!(quote(path), shown, "{path:?}");
    }

    #[test]
    fn printable_paths_are_shown_as_they_are() {
        for path in ["a b", "it's", "back\\slash", "größe", "$HOME", "-"] {
            check(path.as_bytes(), path);
        }
    }

    #[test]
    fn others_are_one_line_that_a_shell_takes_back() {
        check(b"two\nlines", r"$'two\nlines'");
        check(b"\x1b[31m", r"$'\033[31m'");
        check(b"gr\xf6\xdfe", r"$'gr\366\337e'");
        check("ö\t'\\\r\u{85}".as_bytes(), r"$'ö\t\'\\\r\302\205'");
        check("to\u{202e}fdp".as_bytes(), r"$'to\342\200\256fdp'");
        check(b"$'quoted'", r"$'$\'quoted\''");
    }
}
