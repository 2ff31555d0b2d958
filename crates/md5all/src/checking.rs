//! `--check`, as it is told: verdicts to standard output, what is wrong to standard error, word for word as GNU's
//! `md5sum -c` tells it.
//!
//! Both streams come in the order in which one alone would: what is said on the one is written before anything is said on
//! the other. What is found is the library's affair. In JSON, verdicts are objects, malformed lines and what is wrong with
//! lists among them, and standard error is what it is without.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use errgroup::Context;
use md5all::manifest::on_one_line;
use md5all::{Algorithm, Finding, Operation, Reason, Root, Verdict, check_lists};
use serde::Serialize;

use crate::cli::{Check, Voice};
use crate::exit::Exit;
use crate::failure::{Failure, say};
use crate::interrupt::{self, Leftover};
use crate::json::{self, Last, Name, Problem};
use crate::output::Output;
use crate::pouring::{Taker, pour};
use crate::run::raise_descriptor_limit;
use crate::shell;
use crate::terminal::{When, colour};

/// Does what the command line asks for, and says what to exit with.
pub(crate) fn run(check: Check) -> Exit {
    // GNU's have none.
    colour(When::Never);
    verify(check).unwrap_or_else(Failure::report).as_gnu()
}

fn verify(check: Check) -> Result<Exit, Failure> {
    raise_descriptor_limit();
    let (ctx, cancel) = Context::background().with_cancel();
    let leftover = interrupt::listen(cancel).map_err(Failure::Signals)?;
    let mut report = Report::new(&check, leftover)?;
    let mut options = check.options.clone();
    let mut shown = check.showing.begin(&mut options);
    pour(&mut check_lists(&ctx, check.format, options), &mut report, || shown.say_notes())?;
    let exit = report.finish()?;
    shown.sum_up();
    Ok(exit)
}

/// Takes verdicts, one after the other.
struct Report<'a> {
    check: &'a Check,
    out: BufWriter<Output>,
    /// Of the list that is being read.
    tally: Tally,
    /// Of all lists.
    sum: Tally,
    /// Whether all is well so far.
    is_well: bool,
}

/// What a list came to.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Tally {
    #[serde(rename = "ok")]
    same: u64,
    #[serde(rename = "failed")]
    different: u64,
    unreadable: u64,
    /// Not there, which is asked to be passed over.
    missing: u64,
    malformed: u64,
    /// Lists that are not what was sealed; told if there are any.
    #[serde(skip_serializing_if = "json::is_none")]
    broken_seals: u64,
    /// Lists that could not be read, or not to their end; told if there are any.
    #[serde(skip_serializing_if = "json::is_none")]
    unreadable_lists: u64,
}

/// What a file is, in two languages.
#[derive(Clone, Copy)]
struct Word {
    text: &'static str,
    json: &'static str,
}

/// A line of a list, as JSON has it.
#[derive(Serialize)]
struct Object<'a> {
    check: &'static str,
    #[serde(flatten)]
    path: Option<Name<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(flatten)]
    list: Name<'a>,
    line: u64,
}

impl Word {
    const OK: Word = Word { text: "OK", json: "ok" };
    const FAILED: Word = Word { text: "FAILED", json: "failed" };
    const UNREADABLE: Word = Word { text: "FAILED open or read", json: "unreadable" };
}

impl<'a> Report<'a> {
    /// A thousand lines or so with each call to the system.
    const BUFFER: usize = 128 * 1024;

    fn new(check: &'a Check, leftover: Arc<Leftover>) -> Result<Report<'a>, Failure> {
        let out = Output::open(None, leftover)?.buffered(Self::BUFFER);
        Ok(Report { check, out, tally: Tally::default(), sum: Tally::default(), is_well: true })
    }

    /// One line about a file.
    fn tell(&mut self, verdict: &Verdict, word: Word, reason: Option<&Reason>) -> Result<(), Failure> {
        if self.check.voice == Voice::Status {
            return Ok(());
        }
        let name = verdict.name();
        if self.check.json {
            return self.write(&Object {
                check: word.json,
                path: Some(Name::path(name)),
                reason: reason.map(Reason::to_string),
                list: Name::list(self.list_name(verdict.list())),
                line: verdict.line(),
            });
        }
        let out = &mut self.out;
        // GNU's: a name is escaped as in a list, but only if it would break the line.
        let name = if name.contains(&b'\n') { on_one_line(name) } else { name.into() };
        let parts = [&name, &b": "[..], word.text.as_bytes(), b"\n"];
        parts.into_iter().try_for_each(|part| out.write_all(part)).map_err(Failure::stdout)
    }

    /// One line on standard error, after all that was said on standard output before.
    fn complain(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.flush()?;
        say(text);
        Ok(())
    }

    /// One line of JSON.
    fn write(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        json::write(&mut self.out, object).map_err(Failure::stdout)
    }

    /// What is wrong with a list: in JSON, it is an object as well.
    fn complain_of(&mut self, list: usize, what: &str) -> Result<(), Failure> {
        let name = self.list_name(list);
        self.complain(&about(name, what.as_bytes()))?;
        if self.check.json { self.write(&Problem::new(name, &what)) } else { Ok(()) }
    }

    fn unreadable(&mut self, verdict: &Verdict, reason: &Reason) -> Result<(), Failure> {
        if self.check.ignore_missing && reason.kind() == io::ErrorKind::NotFound {
            self.tally.missing += 1;
            return Ok(());
        }
        self.tally.unreadable += 1;
        self.complain(&about(verdict.name(), reason.cause().as_bytes()))?;
        self.tell(verdict, Word::UNREADABLE, Some(reason))
    }

    fn malformed(&mut self, verdict: &Verdict) -> Result<(), Failure> {
        self.tally.malformed += 1;
        if self.check.json && self.check.voice != Voice::Status {
            let (list, line) = (Name::list(self.list_name(verdict.list())), verdict.line());
            self.write(&Object { check: "malformed", path: None, reason: None, list, line })?;
        }
        if self.check.voice != Voice::Warn {
            return Ok(());
        }
        let list = shell::quote(self.list_name(verdict.list()));
        let (line, tag) = (verdict.line(), self.check.options.only.unwrap_or(Algorithm::Md5).tag());
        let text = [&list, format!(": {line}: improperly formatted {tag} checksum line").as_bytes()].concat();
        self.complain(&text)
    }

    /// The list could not be read, or is not what was sealed: what it said so far is no whole.
    fn broken(&mut self, list: usize, reason: &Reason) -> Result<(), Failure> {
        self.is_well = false;
        if let Reason::Seal(_) = reason {
            self.end(list)?;
            self.sum.broken_seals += 1;
        } else {
            self.sum.unreadable_lists += 1;
        }
        self.sum.add(std::mem::take(&mut self.tally));
        let cause = match reason {
            Reason::System { operation: Operation::Read, .. } => "read error".to_owned(),
            reason => reason.cause(),
        };
        self.complain_of(list, &cause)
    }

    fn end(&mut self, list: usize) -> Result<(), Failure> {
        let tally = std::mem::take(&mut self.tally);
        self.is_well &= tally.is_well(self.check);
        self.sum.add(tally);
        if !tally.has_entries() {
            return self.complain_of(list, "no properly formatted checksum lines found");
        }
        if self.check.voice == Voice::Status {
            return Ok(());
        }
        for warning in tally.warnings() {
            self.complain(format!("WARNING: {warning}").as_bytes())?;
        }
        if self.check.ignore_missing && tally.same == 0 {
            self.complain_of(list, "no file was verified")?;
        }
        Ok(())
    }

    fn list_name(&self, list: usize) -> &'a [u8] {
        use std::os::unix::ffi::OsStrExt;
        match &self.check.options.roots[list] {
            Root::Path(path) => path.as_os_str().as_bytes(),
            Root::StandardInput => b"standard input",
        }
    }

    fn finish(mut self) -> Result<Exit, Failure> {
        if self.check.json {
            let summary = self.sum;
            self.write(&Last { summary })?;
        }
        self.flush()?;
        Ok(if self.is_well { Exit::Success } else { Exit::Differs })
    }
}

impl Taker<Verdict> for Report<'_> {
    fn take(&mut self, verdict: &Verdict) -> Result<(), Failure> {
        match verdict.finding() {
            Finding::Same => {
                self.tally.same += 1;
                if self.check.voice != Voice::Quiet { self.tell(verdict, Word::OK, None) } else { Ok(()) }
            }
            Finding::Different(_) => {
                self.tally.different += 1;
                self.tell(verdict, Word::FAILED, None)
            }
            Finding::Unreadable(reason) => self.unreadable(verdict, reason),
            Finding::Malformed => self.malformed(verdict),
            Finding::End => self.end(verdict.list()),
            Finding::Broken(reason) => self.broken(verdict.list(), reason),
            other => unreachable!("a finding that nobody knows of: {other:?}"),
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::stdout)
    }
}

impl Tally {
    fn add(&mut self, other: Tally) {
        let Tally { same, different, unreadable, missing, malformed, broken_seals, unreadable_lists } = other;
        self.same += same;
        self.different += different;
        self.unreadable += unreadable;
        self.missing += missing;
        self.malformed += malformed;
        self.broken_seals += broken_seals;
        self.unreadable_lists += unreadable_lists;
    }

    fn has_entries(&self) -> bool {
        self.same + self.different + self.unreadable + self.missing > 0
    }

    fn is_well(&self, check: &Check) -> bool {
        let is_strict = !check.strict || self.malformed == 0;
        self.same > 0 && self.different + self.unreadable == 0 && is_strict
    }

    fn warnings(&self) -> impl Iterator<Item = String> {
        let count = |count: u64, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            more => Some(format!("{more} {many}")),
        };
        [
            count(self.malformed, "line is improperly formatted", "lines are improperly formatted"),
            count(self.unreadable, "listed file could not be read", "listed files could not be read"),
            count(self.different, "computed checksum did NOT match", "computed checksums did NOT match"),
        ]
        .into_iter()
        .flatten()
    }
}

/// A message about one path.
pub(crate) fn about(path: &[u8], what: &[u8]) -> Vec<u8> {
    [&shell::quote(path), &b": "[..], what].concat()
}
