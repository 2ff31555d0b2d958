//! `md5all update`: what the library finds becomes lines for whoever looks on, a new manifest, and a sidecar.
//!
//! What was found corrupt is listed as it was, and in doubt: no later run takes it over. A manifest that has all facts in
//! columns of its own has no sidecar.
//!
//! Neither is touched unless it would say something else. As long as nothing differs, nothing is written; at the first
//! difference what came before it is, from the old manifest. The sidecar takes its place first: what it says counts only
//! for checksums that the manifest has, so that no interruption between the two does harm.

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, IntoInnerError, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use errgroup::Context;
use md5all::manifest::{Layout, Reader, Unsayable, Writer};
use md5all::{Attribute, Change, Hashed, Inventory, Operation, Rule, Sidecar, Skip, Status, update};
use serde::Serialize;

use crate::auditing::{NO_DIRECTORY, is_no_directory};
use crate::cli::Update;
use crate::companions::{self, Diary, sidecar_of};
use crate::exit::Exit;
use crate::failure::{Failure, complain, note, say};
use crate::interrupt;
use crate::json::{self, Last, Name, Verdict};
use crate::left_out::{self, LeftOut, explain};
use crate::output::Output;
use crate::quote::{in_result, quote};
use crate::run::raise_descriptor_limit;
use crate::sink::Passed;
use crate::terminal::{Paint, hush, is_quiet, on_stdout};
use crate::units::things;

/// A few hundred lines with each call to the system.
const BUFFER: usize = 32 * 1024;

/// Does what the command line asks for, and says what to exit with.
pub(crate) fn run(task: Update) -> Exit {
    let json = task.json;
    bring_up_to_date(task).unwrap_or_else(|failure| failure.report_in(json))
}

fn bring_up_to_date(task: Update) -> Result<Exit, Failure> {
    hush(task.showing.quiet);
    raise_descriptor_limit();
    let (ctx, cancel) = Context::background().with_cancel();
    let leftover = interrupt::listen(cancel).map_err(Failure::Signals)?;
    if let Some(root) = task.root.as_deref().filter(|root| is_no_directory(root)) {
        refuse(root, &NO_DIRECTORY, task.json)?;
        return Ok(Exit::Usage);
    }
    let sidecar = sidecar_of(&task.manifest);
    let (listed, layout, is_in_accord) = match read(&task, &sidecar)? {
        Ok(all) => all,
        Err(unusable) => {
            refuse(&task.manifest, &unusable, task.json)?;
            return Ok(Exit::Incomplete);
        }
    };
    if task.root.is_none() {
        note(format!("the tree is {}", quote(listed.root().as_os_str().as_bytes())));
    }

    if listed.is_mixed() {
        let root = quote(listed.root().as_os_str().as_bytes());
        note(format!("some names, but not all, begin with {root}: all are taken as relative to it"));
    }
    let new_manifest = Output::open(Some(task.manifest.clone()), Arc::clone(&leftover))?;
    let stdout = Output::open(None, Arc::clone(&leftover))?;
    let is_on_terminal = stdout.is_watched();
    let mut stdout = stdout.buffered(BUFFER);
    let keeps_facts = layout.keeps_facts();
    let new_sidecar = (!keeps_facts).then(|| Output::open(Some(sidecar.clone()), leftover)).transpose()?;
    let mut options = task.options;
    options.exclude = new_manifest.files();
    options.exclude.extend(match &new_sidecar {
        Some(new_sidecar) => new_sidecar.files(),
        None => companions::own_files(&task.manifest)?,
    });
    let (diary, known) = Diary::begin(&task.manifest, task.resume, listed.algorithms())?;
    let known = diary.serve(known, &mut options)?;
    let mut shown = task.showing.begin(&mut options);

    let mut manifest = Rewrite::new(&listed, new_manifest, |out| Ok(Writer::new(out, layout)))?;
    let mut facts = new_sidecar.map(|new| Rewrite::new(&listed, new, Sidecar::new)).transpose()?;
    if let Some(facts) = facts.as_mut().filter(|_| !is_in_accord) {
        facts.begin(0)?;
    }
    let (prune, verbose, json) = (task.prune, task.showing.verbose, task.json);
    let mut tally = Tally { prune, verbose, json, is_on_terminal, ..Tally::default() };
    let mut attributes = task.xattr.then(Attributes::default);
    let skipped = update(&ctx, &listed, options, task.verify, |mut change: Change<'_>| {
        let known = change.before.as_ref().map(Hashed::facts);
        attributes.iter_mut().for_each(|attributes| attributes.take(&mut change));
        tally.take(&change, &mut stdout).map_err(Failure::stdout)?;
        let now = change.to_list(task.prune);
        let is_same = change.before.as_ref().map(Hashed::checksums) == now.as_ref().map(Hashed::checksums);
        let has_same_facts = known == now.as_ref().map(Hashed::facts);
        let unsayable = manifest.take(&change, now.as_ref(), is_same && (has_same_facts || !layout.has_facts()))?;
        if let Some(unsayable) = unsayable {
            tally.unreadable += 1;
            complain(change.name, &format!("no line: {unsayable}"));
        }
        facts.iter_mut().try_for_each(|facts| facts.take(&change, now.as_ref(), is_same && has_same_facts).map(drop))
    })?;
    let is_other = tally.is_of_another_tree();
    if !is_other {
        facts.map_or(Ok(()), Rewrite::commit)?;
        manifest.commit()?;
    }
    diary.end();
    attributes.iter().for_each(Attributes::say);
    shown.say_notes();
    Passed::of(&skipped).say();
    if task.showing.verbose {
        companions::say_taken_over(listed.taken_over() + known.taken_over());
        tally.left_out.say();
    }
    if is_other {
        stdout.flush().map_err(Failure::stdout)?;
        refuse(listed.root(), &ANOTHER_TREE, json)?;
    } else {
        tally.sum_up(&mut stdout).map_err(Failure::stdout)?;
    }
    shown.sum_up();
    Ok(if is_other { Exit::Incomplete } else { tally.exit() })
}

/// Why nothing is written where nothing was found.
const ANOTHER_TREE: &str =
    "none of the files that are listed is below it: is it the tree that was listed? The manifest is as it was";

/// Says why there is no going on with what lies at a path: in JSON, it is an object as well.
fn refuse(path: &Path, why: &dyn Display, json: bool) -> Result<(), Failure> {
    let path = path.as_os_str().as_bytes();
    complain(path, why);
    if json { json::tell(path, why).map_err(Failure::stdout) } else { Ok(()) }
}

type Old = Result<(Inventory, Layout, bool), md5all::Unusable>;

/// The manifest and what the sidecar has to say of it; and whether that is just what it says.
fn read(task: &Update, sidecar: &Path) -> Result<Old, Failure> {
    let fail = |path: &Path, operation, error| Failure::output(path.to_owned(), operation, error);
    let file = File::open(&task.manifest).map_err(|error| fail(&task.manifest, Operation::Open, error))?;
    #[cfg(feature = "parquet")]
    let same = file.try_clone().map_err(|error| fail(&task.manifest, Operation::Open, error))?;
    let input = BufReader::with_capacity(1 << 17, file);
    let reader = match task.format {
        Some(format) => Reader::new(input, format, task.end).refusing_nul(),
        None => Reader::detect(input, task.end).refusing_nul(),
    };
    #[cfg(feature = "parquet")]
    let reader = reader.or_rows_of(&same).map_err(|error| fail(&task.manifest, Operation::Read, error))?;
    let mut reader = reader;
    let mut listed = match Inventory::read(&mut reader, task.root.as_deref()) {
        Ok(listed) => listed,
        Err(unusable) => return Ok(Err(unusable)),
    };
    let layout = Layout::from(reader.format().unwrap_or_default())
        .end(task.end)
        .algorithms(listed.algorithms())
        .seal(listed.is_sealed());
    let facts = if layout.keeps_facts() { None } else { companions::open_sidecar(sidecar)? };
    let is_in_accord = match facts {
        Some(facts) => listed.add_facts(facts).map_err(|error| fail(sidecar, Operation::Read, error))?,
        None => true,
    };
    Ok(Ok((listed, layout, is_in_accord)))
}

/// The attributes of files, read and written; those that could not be are counted, and the first of them is told.
#[derive(Debug, Default)]
struct Attributes {
    failed: u64,
}

impl Attributes {
    /// What has changed as the list has it, and not as its attribute has it, is corrupt; whatever else was read gets one.
    fn take(&mut self, change: &mut Change<'_>) {
        let Some(path) = change.path.map(|path| Path::new(OsStr::from_bytes(path))) else { return };
        let hashed = match change.finding {
            Status::Changed(now) if Attributes::find_corrupt(path, change.before.as_mut(), now) => {
                change.finding = Status::Corrupt(now);
                return;
            }
            Status::New(now) | Status::Same(now) | Status::Changed(now) => now,
            _ => return,
        };
        let Some(attribute) = Attribute::of(hashed) else { return };
        if let Err(error) = attribute.write(path, hashed) {
            self.failed += 1;
            if self.failed == 1 {
                complain(change.name, &format!("cannot write its attribute {}: {error}", Attribute::NAME));
            }
        }
    }

    /// Whether its attribute says that nobody has written to it; then it is known what it was.
    fn find_corrupt(path: &Path, before: Option<&mut Hashed>, now: &Hashed) -> bool {
        let Some(before) = before else { return false };
        let attribute = Attribute::read(path).ok().flatten();
        let is_corrupt = attribute.is_some_and(|attribute| attribute.contradicts(before.checksums(), now));
        if is_corrupt {
            *before = before.clone().with_facts(now.facts());
        }
        is_corrupt
    }

    fn say(&self) {
        if self.failed > 0 {
            say(format!("{} could not be given an attribute", things(self.failed, "file")));
        }
    }
}

/// A list that is written anew from the first difference on, and takes its place then.
struct Rewrite<'a, L> {
    listed: &'a Inventory,
    /// What it is called in messages.
    path: Option<PathBuf>,
    list: L,
    is_begun: bool,
}

/// What can be written anew.
trait List {
    fn write(&mut self, name: &[u8], hashed: &Hashed) -> io::Result<()>;
    /// The same of what is listed as it was, and may be in doubt.
    fn write_again(&mut self, name: &[u8], hashed: &Hashed) -> io::Result<()>;
    fn finish(self) -> io::Result<BufWriter<Output>>;
}

impl List for Writer<BufWriter<Output>> {
    fn write(&mut self, name: &[u8], hashed: &Hashed) -> io::Result<()> {
        Writer::write(self, name, hashed)
    }

    fn write_again(&mut self, name: &[u8], hashed: &Hashed) -> io::Result<()> {
        Writer::write(self, name, hashed)
    }

    fn finish(self) -> io::Result<BufWriter<Output>> {
        Writer::finish(self)
    }
}

impl List for Sidecar<BufWriter<Output>> {
    fn write(&mut self, name: &[u8], hashed: &Hashed) -> io::Result<()> {
        Sidecar::write(self, name, hashed)
    }

    fn write_again(&mut self, name: &[u8], hashed: &Hashed) -> io::Result<()> {
        if hashed.facts().are_in_doubt() { self.write_doubt(name, hashed) } else { Sidecar::write(self, name, hashed) }
    }

    fn finish(self) -> io::Result<BufWriter<Output>> {
        Sidecar::finish(self)
    }
}

impl<'a, L: List> Rewrite<'a, L> {
    fn new(
        listed: &'a Inventory,
        output: Output,
        make: impl FnOnce(BufWriter<Output>) -> io::Result<L>,
    ) -> Result<Rewrite<'a, L>, Failure> {
        let path = output.name().map(Path::to_owned);
        match make(output.buffered(1 << 17)) {
            Ok(list) => Ok(Rewrite { listed, path, list, is_begun: false }),
            Err(error) => Err(Failure::output(path, Operation::Write, error)),
        }
    }

    /// Takes what is to be listed next, if anything is; and whether that is what is listed already.
    /// Gives why the format has no line for it, if that is so.
    fn take(&mut self, change: &Change<'_>, now: Option<&Hashed>, is_same: bool) -> Result<Option<Unsayable>, Failure> {
        if is_same && !self.is_begun {
            return Ok(None);
        }
        self.begin(change.position)?;
        let Some(hashed) = now else { return Ok(None) };
        let written = match change.finding {
            Status::New(_) | Status::Same(_) | Status::Changed(_) => self.list.write(change.name, hashed),
            _ => self.list.write_again(change.name, hashed),
        };
        match written {
            Ok(()) => Ok(None),
            Err(error) => Unsayable::of(&error).map(Some).ok_or_else(|| self.cannot_write(error)),
        }
    }

    /// Writes what came before this position, if that has not been done.
    fn begin(&mut self, position: usize) -> Result<(), Failure> {
        if std::mem::replace(&mut self.is_begun, true) {
            return Ok(());
        }
        let mut name = Vec::new();
        for before in 0..position {
            let hashed = self.listed.entry(before, &mut name);
            self.list.write_again(&name, &hashed).map_err(|error| self.cannot_write(error))?;
        }
        Ok(())
    }

    /// Puts it in its place, if it says anything new.
    fn commit(self) -> Result<(), Failure> {
        if !self.is_begun {
            return Ok(());
        }
        let Rewrite { path, list, .. } = self;
        let put = |list: L| list.finish()?.into_inner().map_err(IntoInnerError::into_error)?.commit();
        put(list).map_err(|error| Failure::output(path, Operation::Write, error))
    }

    fn cannot_write(&self, error: io::Error) -> Failure {
        Failure::output(self.path.clone(), Operation::Write, error)
    }
}

/// How many files were found to be what.
#[derive(Debug, Default, Serialize)]
struct Tally {
    same: u64,
    new: u64,
    changed: u64,
    corrupt: u64,
    missing: u64,
    unreadable: u64,
    outside: u64,
    /// How many of those that are listed are not selected, and so are as they were.
    not_selected: u64,
    /// What was left out, listed or not.
    left_out: LeftOut,
    /// Whether entries of those that are missing are dropped.
    prune: bool,
    /// Whether to say of each why it is left out.
    #[serde(skip)]
    verbose: bool,
    #[serde(skip)]
    json: bool,
    /// Whether a terminal shows what is told.
    #[serde(skip)]
    is_on_terminal: bool,
}

/// What is told of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Word {
    verdict: &'static str,
    text: &'static str,
    paint: Paint,
}

impl Tally {
    /// Counts a file, and says what there is to say of it.
    fn take(&mut self, change: &Change<'_>, out: &mut impl Write) -> io::Result<()> {
        let word = |verdict, paint| Word { verdict, text: verdict, paint };
        let (count, word) = match change.finding {
            Status::Same(_) => {
                self.same += 1;
                return Ok(());
            }
            Status::New(_) => (&mut self.new, word("new", Paint::Cyan)),
            Status::Changed(_) => (&mut self.changed, word("changed", Paint::Yellow)),
            Status::Corrupt(_) => (&mut self.corrupt, word("corrupt", Paint::Red)),
            Status::Missing => (&mut self.missing, word("missing", Paint::Red)),
            Status::Unreadable(reason) => {
                out.flush()?;
                complain(change.path.unwrap_or(change.name), reason);
                (&mut self.unreadable, word("unreadable", Paint::Magenta))
            }
            Status::Unseen => (&mut self.unreadable, word("unreadable", Paint::Magenta)),
            Status::Outside => {
                (&mut self.outside, Word { text: "not below the root", ..word("outside", Paint::Magenta) })
            }
            Status::LeftOut { skip, ref rule } => {
                return self.leave_out(change, skip, rule.as_ref(), out);
            }
        };
        *count += 1;
        if self.json {
            let (path, reason) = (Name::path(change.name), reason(change));
            return json::write(out, &Verdict { verdict: word.verdict, path, from: None, reason });
        }
        let name = in_result(change.name, self.is_on_terminal);
        out.write_all(&[&on_stdout(word.paint, word.text), &b": "[..], &name, b"\n"].concat())
    }

    fn sum_up(&self, out: &mut impl Write) -> io::Result<()> {
        if self.json {
            json::write(out, &Last { summary: self })?;
        } else if !is_quiet() {
            self.write_text(out)?;
        }
        out.flush()
    }

    fn leave_out(
        &mut self,
        change: &Change<'_>,
        skip: Skip,
        rule: Option<&Rule>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        self.not_selected += u64::from(change.before.is_some());
        self.left_out.count(skip);
        if self.verbose && self.json {
            let (path, reason) = (Name::path(change.name), Some(left_out::reason(skip, rule)));
            return json::write(out, &Verdict { verdict: "left out", path, from: None, reason });
        }
        if self.verbose {
            explain(change.name, skip, rule);
        }
        Ok(())
    }

    /// As in `summary: 3 the same, 1 new, 2 missing (kept)`.
    fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let missing = if self.prune { "missing (dropped)" } else { "missing (kept)" };
        let counts = [
            (self.new, "new"),
            (self.changed, "changed"),
            (self.corrupt, "corrupt"),
            (self.missing, missing),
            (self.unreadable, "unreadable"),
            (self.outside, "not below the root"),
            (self.not_selected, "not selected (kept)"),
        ];
        write!(out, "summary: {} the same", self.same)?;
        for (count, what) in counts.into_iter().filter(|&(count, _)| count > 0) {
            write!(out, ", {count} {what}")?;
        }
        writeln!(out)
    }

    /// Whether something would be added or dropped, and nothing was found of what is listed.
    fn is_of_another_tree(&self) -> bool {
        let found = self.same + self.changed + self.corrupt;
        let looked_for = self.missing + self.outside;
        found == 0 && looked_for > 0 && (self.new > 0 || self.prune && self.missing > 0)
    }

    fn exit(&self) -> Exit {
        match self {
            tally if tally.unreadable + tally.outside > 0 => Exit::Incomplete,
            tally if tally.corrupt > 0 || tally.missing > 0 && !tally.prune => Exit::Differs,
            _ => Exit::Success,
        }
    }
}

/// Why nobody can say what became of it, in the words of an audit.
fn reason(change: &Change<'_>) -> Option<String> {
    match change.finding {
        Status::Unreadable(reason) => Some(reason.to_string()),
        Status::Unseen => Some("a directory above it was not listed".to_owned()),
        Status::Outside => Some("not below the root".to_owned()),
        _ => None,
    }
}
