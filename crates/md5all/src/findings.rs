//! What audit and diff have found, as it is told: a line a file, and the summary.
//!
//! In text, a line is a word, what became of the file, and its name, escaped as in a list. Where there are two names, an
//! arrow stands between them, and one that a name holds is escaped as well, so that only one can be read. In JSON, a line
//! is an object. On a terminal, names that it would obey are quoted.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use md5all::manifest::on_one_line;
use md5all::{Compared, Fate, Lack, Root, Unread};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::{Failure, complain, note, say};
use crate::interrupt::Leftover;
use crate::json::{self, Last, Name, Problem, Verdict};
use crate::left_out::{self, LeftOut, explain};
use crate::output::Output;
use crate::pouring::Taker;
use crate::quote::{in_result, is_harmful, quote};
use crate::terminal::{Paint, is_quiet, on_stdout};
use crate::units::one_or_many;

/// Tells of files, one after the other, on standard output.
pub(crate) struct Findings {
    out: BufWriter<Output>,
    json: bool,
    /// Whether a terminal shows it.
    is_on_terminal: bool,
    /// Whether to tell of files that are well.
    verbose: bool,
    summary: Summary,
    left_out: LeftOut,
}

/// How many files came to what, in the order in which it is told.
#[derive(Debug, Default, Serialize)]
struct Summary {
    ok: u64,
    changed: u64,
    corrupt: u64,
    moved: u64,
    copied: u64,
    new: u64,
    missing: u64,
    unreadable: u64,
    incomparable: u64,
    outside: u64,
    /// Lines of manifests that say nothing.
    malformed: u64,
    /// What the selection leaves out of trees; told if it does.
    #[serde(skip_serializing_if = "json::is_none")]
    left_out: u64,
    /// Manifests that are not what was sealed; told if there are any.
    #[serde(skip_serializing_if = "json::is_none")]
    broken_seals: u64,
}

impl Findings {
    /// A thousand lines or so with each call to the system.
    const BUFFER: usize = 128 * 1024;

    pub(crate) fn new(leftover: Arc<Leftover>, json: bool, verbose: bool) -> Result<Findings, Failure> {
        let output = Output::open(None, leftover)?;
        let is_on_terminal = output.is_watched();
        Ok(Findings {
            out: output.buffered(Self::BUFFER),
            json,
            is_on_terminal,
            verbose,
            summary: Summary::default(),
            left_out: LeftOut::default(),
        })
    }

    /// What is wrong with a manifest: in JSON, it is an object as well.
    pub(crate) fn complain_of(&mut self, manifest: &Root, what: &dyn Display) -> Result<(), Failure> {
        let name: &[u8] = match manifest {
            Root::Path(path) => path.as_os_str().as_bytes(),
            Root::StandardInput => b"standard input",
        };
        complain(name, what);
        if self.json { json::write(&mut self.out, &Problem::new(name, what)).map_err(Failure::stdout) } else { Ok(()) }
    }

    /// Counts lines of a manifest that say nothing.
    pub(crate) fn add_malformed(&mut self, lines: u64) {
        self.summary.malformed += lines;
    }

    pub(crate) fn add_broken_seal(&mut self) {
        self.summary.broken_seals += 1;
    }

    /// Says how many entries of a manifest were not compared; and, if it was said of each, what of a tree was left out.
    pub(crate) fn say_not_selected(&self, entries: u64) {
        if self.verbose {
            self.left_out.say();
        }
        if entries > 0 {
            let (one, many) = ("entry of the manifest is", "entries of the manifest are");
            let were = if entries == 1 { "was" } else { "were" };
            note(format!("{} not selected, and {were} not compared", one_or_many(entries, one, many)));
        }
    }

    fn write_text(&mut self, name: &[u8], fate: &Fate) -> Result<(), Failure> {
        let names = match from(fate) {
            Some(from) if self.is_on_terminal && (is_harmful(from) || is_harmful(name)) => {
                format!("{} -> {}", quote(from), quote(name)).into_bytes().into()
            }
            Some(from) => pair(from, name),
            None => in_result(name, self.is_on_terminal),
        };
        let line = [&on_stdout(paint(fate), word(fate)), &b": "[..], &names, b"\n"].concat();
        self.out.write_all(&line).map_err(Failure::stdout)
    }

    fn write_json(&mut self, name: &[u8], fate: &Fate) -> Result<(), Failure> {
        let (path, from) = (Name::path(name), from(fate).map(Name::from));
        let reason = reason(fate).map(Cow::into_owned);
        json::write(&mut self.out, &Verdict { verdict: word(fate), path, from, reason }).map_err(Failure::stdout)
    }

    /// Tells the summary, and what to exit with.
    pub(crate) fn finish(mut self) -> Result<Exit, Failure> {
        let summary = std::mem::take(&mut self.summary);
        if self.json {
            json::write(&mut self.out, &Last { summary: &summary }).map_err(Failure::stdout)?;
        } else if !is_quiet() {
            writeln!(self.out, "{summary}").map_err(Failure::stdout)?;
        }
        self.flush()?;
        summary.explain();
        Ok(summary.exit())
    }
}

impl Taker<Compared> for Findings {
    /// Tells of one file; and why nobody can say what became of it, on standard error.
    fn take(&mut self, Compared { name, fate, path, .. }: &Compared) -> Result<(), Failure> {
        *self.summary.count(fate) += 1;
        if is_worth_a_message(fate)
            && let Some(reason) = reason(fate)
        {
            self.flush()?;
            complain(path.as_ref().unwrap_or(name), &reason);
        }
        if let Fate::LeftOut { skip, .. } = fate {
            self.left_out.count(*skip);
        }
        match fate {
            Fate::Ok | Fate::LeftOut { .. } if !self.verbose => Ok(()),
            Fate::LeftOut { skip, rule } if !self.json => {
                explain(name, *skip, rule.as_ref());
                Ok(())
            }
            fate if self.json => self.write_json(name, fate),
            fate => self.write_text(name, fate),
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::stdout)
    }
}

impl Summary {
    fn count(&mut self, fate: &Fate) -> &mut u64 {
        match fate {
            Fate::Ok => &mut self.ok,
            Fate::Changed => &mut self.changed,
            Fate::Corrupt => &mut self.corrupt,
            Fate::Moved { .. } => &mut self.moved,
            Fate::Copied { .. } => &mut self.copied,
            Fate::New => &mut self.new,
            Fate::Missing => &mut self.missing,
            Fate::Unreadable(_) => &mut self.unreadable,
            Fate::Incomparable(_) => &mut self.incomparable,
            Fate::Outside => &mut self.outside,
            Fate::LeftOut { .. } => &mut self.left_out,
            other => unreachable!("a fate that nobody knows of: {other:?}"),
        }
    }

    /// Whether it was looked for files, and not one of them was found where it was.
    fn is_of_another_tree(&self) -> bool {
        let found = self.ok + self.changed + self.corrupt + self.unreadable + self.incomparable;
        found == 0 && self.moved + self.missing > 0
    }

    /// Says once what may be so of all files.
    fn explain(&self) {
        if self.is_of_another_tree() {
            note("not one file is where it was: is it the same tree?");
        }
        let files = |count| one_or_many(count, "file is", "files are");
        if self.outside > 0 {
            say(format!("{} listed that would not lie below the root", files(self.outside)));
        }
        if self.incomparable > 0 {
            say(format!("{} listed with too little to compare", files(self.incomparable)));
        }
    }

    fn exit(&self) -> Exit {
        let unknown = self.unreadable + self.incomparable + self.outside + self.malformed + self.broken_seals;
        let different = self.changed + self.corrupt + self.moved + self.copied + self.new + self.missing;
        match (unknown, different) {
            (0, 0) => Exit::Success,
            (0, _) => Exit::Differs,
            _ => Exit::Incomplete,
        }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Summary { ok, changed, corrupt, moved, copied, new, missing, .. } = self;
        let Summary { unreadable, incomparable, outside, malformed, .. } = self;
        write!(
            f,
            "summary: {ok} ok, {changed} changed, {corrupt} corrupt, {moved} moved, {copied} copied, {new} new, "
        )?;
        write!(f, "{missing} missing, {unreadable} unreadable, {incomparable} incomparable, {outside} outside, ")?;
        write!(f, "{malformed} malformed")?;
        if self.left_out > 0 { write!(f, ", {} left out", self.left_out) } else { Ok(()) }
    }
}

fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Ok => "ok",
        Fate::Changed => "changed",
        Fate::Corrupt => "corrupt",
        Fate::Moved { .. } => "moved",
        Fate::Copied { .. } => "copied",
        Fate::New => "new",
        Fate::Missing => "missing",
        Fate::Unreadable(_) => "unreadable",
        Fate::Incomparable(_) => "incomparable",
        Fate::Outside => "outside",
        Fate::LeftOut { .. } => "left out",
        other => unreachable!("a fate that nobody knows of: {other:?}"),
    }
}

/// How the word is shown.
fn paint(fate: &Fate) -> Paint {
    match fate {
        Fate::Ok => Paint::Green,
        Fate::Corrupt | Fate::Missing => Paint::Red,
        Fate::Changed => Paint::Yellow,
        Fate::Moved { .. } | Fate::Copied { .. } | Fate::New => Paint::Cyan,
        _ => Paint::Magenta,
    }
}

/// The other name.
fn from(fate: &Fate) -> Option<&[u8]> {
    match fate {
        Fate::Moved { from } | Fate::Copied { from } => Some(from),
        _ => None,
    }
}

/// Whether it is said of the file itself why nobody can say what became of it, and not of all that are like it.
fn is_worth_a_message(fate: &Fate) -> bool {
    matches!(
        fate,
        Fate::Unreadable(Unread::Failed(_) | Unread::Unmet) | Fate::Incomparable(Lack::Contradicted | Lack::Excluded)
    )
}

/// Why nobody can say what became of it.
fn reason(fate: &Fate) -> Option<Cow<'static, str>> {
    Some(match fate {
        Fate::Unreadable(Unread::Failed(reason)) => reason.to_string().into(),
        Fate::Unreadable(Unread::Unlisted) => "a directory above it was not listed".into(),
        Fate::Unreadable(Unread::Unmet) => "it is there, but was not met".into(),
        Fate::Incomparable(Lack::Contradicted) => "listed with contradicting checksums".into(),
        Fate::Incomparable(Lack::NoCommonAlgorithm) => "no algorithm in common".into(),
        Fate::Incomparable(Lack::Excluded) => "it is the manifest, or lies beside it".into(),
        Fate::Outside => "not below the root".into(),
        Fate::LeftOut { skip, rule } => left_out::reason(*skip, rule.as_ref()).into(),
        _ => return None,
    })
}

/// Two names on one line. If either would break it, or holds an arrow, both are escaped, and the line of names begins with
/// a backslash: then arrows of theirs are `-\>`.
fn pair(from: &[u8], to: &[u8]) -> Cow<'static, [u8]> {
    const ARROW: &[u8] = b" -> ";
    let is_odd = |name: &[u8]| name.windows(2).any(|two| two == b"->") || matches!(on_one_line(name), Cow::Owned(_));
    if !is_odd(from) && !is_odd(to) {
        return [from, ARROW, to].concat().into();
    }
    let escaped = |name: &[u8]| match on_one_line(name) {
        Cow::Owned(line) => break_arrows(&line[1..]),
        Cow::Borrowed(name) => break_arrows(name),
    };
    [b"\\", &escaped(from)[..], ARROW, &escaped(to)].concat().into()
}

fn break_arrows(name: &[u8]) -> Vec<u8> {
    let mut broken = Vec::with_capacity(name.len());
    for &byte in name {
        if byte == b'>' && broken.last() == Some(&b'-') {
            broken.push(b'\\');
        }
        broken.push(byte);
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a reader makes of a pair.
    fn parse(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let (is_escaped, line) = line.strip_prefix(b"\\").map_or((false, line), |line| (true, line));
        let at = line.windows(4).position(|four| four == b" -> ")?;
        let undo = |name: &[u8]| {
            let mut plain = Vec::new();
            let mut bytes = name.iter();
            while let Some(&byte) = bytes.next() {
                plain.push(match byte {
                    b'\\' if is_escaped => match bytes.next()? {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        other => *other,
                    },
                    byte => byte,
                });
            }
            Some(plain)
        };
        Some((undo(&line[..at])?, undo(&line[at + 4..])?))
    }

    #[test]
    fn pairs_are_plain_where_they_can_be() {
        let rows: [(&[u8], &[u8], &[u8]); 6] = [
            (b"a", b"b", b"a -> b"),
            (b"a-", b">b", b"a- -> >b"),
            (b"a -> b", b"c", b"\\a -\\> b -> c"),
            (b"a ->", b"b", b"\\a -\\> -> b"),
            (b"a\nb", b"c", b"\\a\\nb -> c"),
            (b"a", b"back\\", b"\\a -> back\\\\"),
        ];
        for (from, to, line) in rows {
            assert_eq!(*pair(from, to), *line);
        }
    }

    proptest! {
        #[test]
        fn only_one_pair_can_be_read(from in "[-> a\\\\\n\r]{1,8}", to in "[-> a\\\\\n\r]{1,8}") {
            let line = pair(from.as_bytes(), to.as_bytes());
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(parse(&line), Some((from.into_bytes(), to.into_bytes())));
        }
    }
}
