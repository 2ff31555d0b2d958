//! `md5all audit`: a tree held against a manifest, and told.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use errgroup::Context;
use md5all::{FileId, Listed, Operation, Root, audit};

use crate::cli::Audit;
use crate::companions::{Found, find_sidecar, own_files, sidecar_of};
use crate::exit::Exit;
use crate::failure::{Failure, note};
use crate::findings::Findings;
use crate::interrupt;
use crate::pouring::{Taker, pour};
use crate::quote::quote;
use crate::run::raise_descriptor_limit;
use crate::showing::Shown;
use crate::sink::Passed;
use crate::terminal::hush;

/// Does what the command line asks for, and says what to exit with.
pub(crate) fn run(task: Audit) -> Exit {
    let json = task.json;
    compare(task).unwrap_or_else(|failure| failure.report_in(json))
}

fn compare(task: Audit) -> Result<Exit, Failure> {
    hush(task.showing.quiet);
    raise_descriptor_limit();
    let (ctx, cancel) = Context::background().with_cancel();
    let leftover = interrupt::listen(cancel).map_err(Failure::Signals)?;
    let mut findings = Findings::new(leftover, task.json, task.showing.verbose)?;
    let mut listed = Listed::read(&ctx, &task.manifest, task.format, task.end)?;
    add_facts(&mut listed, &task.manifest)?;
    if !say_malformed(&task.manifest, &listed, &mut findings)? {
        return Ok(Exit::Incomplete);
    }
    if let Some(root) = task.root.as_ref().filter(|root| is_no_directory(root)) {
        findings.complain_of(&Root::Path(root.clone()), &NO_DIRECTORY)?;
        findings.flush()?;
        return Ok(Exit::Usage);
    }
    let root = task.root.unwrap_or_else(|| say_root(&listed));
    if listed.is_mixed(&root) {
        let root = quote(root.as_os_str().as_bytes());
        note(format!("some names, but not all, begin with {root}: all are taken as relative to it"));
    }
    let mut options = task.options.exclude(beside(&task.manifest)?);
    let shown = task.showing.begin(&mut options);
    tell(audit(&ctx, listed, Some(&root), options), findings, shown)
}

/// Adds what the manifest's sidecar knows, if it has one: what is corrupt can only be told by that.
pub(crate) fn add_facts(listed: &mut Listed, manifest: &Root) -> Result<(), Failure> {
    let Root::Path(path) = manifest else { return Ok(()) };
    let sidecar = sidecar_of(path);
    match find_sidecar(&sidecar)? {
        Found::Sidecar(facts) => {
            listed.add_facts(facts).map_err(|error| Failure::output(sidecar, Operation::Read, error))
        }
        Found::Nothing | Found::Strange => Ok(()),
    }
}

/// Tells all that was found.
pub(crate) fn tell(mut audit: md5all::Audit, mut findings: Findings, mut shown: Shown) -> Result<Exit, Failure> {
    pour(&mut audit, &mut findings, || shown.say_notes())?;
    findings.flush()?;
    Passed::of(audit.skipped()).say();
    findings.say_not_selected(audit.not_selected());
    let exit = findings.finish()?;
    shown.sum_up();
    Ok(exit)
}

/// Says what is wrong with a manifest; whether there is something to go by.
pub(crate) fn say_malformed(manifest: &Root, listed: &Listed, findings: &mut Findings) -> Result<bool, Failure> {
    if let Some(flaw) = listed.flaw() {
        findings.add_broken_seal();
        findings.complain_of(manifest, &flaw)?;
    }
    let Some(first) = listed.first_malformed() else { return Ok(true) };
    findings.add_malformed(listed.malformed());
    let what = match listed.malformed() {
        _ if listed.is_empty() => "no properly formatted checksum lines found".to_owned(),
        1 => format!("line {first} is malformed"),
        lines => format!("{lines} lines are malformed, the first of them is line {first}"),
    };
    findings.complain_of(manifest, &what)?;
    Ok(!listed.is_empty())
}

/// What is said of a root that is a file, say.
pub(crate) const NO_DIRECTORY: &str = "the tree must be a directory";

/// Whether a root is a file, say, below which no name can lie.
pub(crate) fn is_no_directory(root: &Path) -> bool {
    fs::metadata(root).is_ok_and(|found| !found.is_dir())
}

/// Says which root the names have.
fn say_root(listed: &Listed) -> PathBuf {
    let root = listed.root();
    note(format!("the tree is taken to be {}", quote(root.as_os_str().as_bytes())));
    root
}

/// The manifest, and what is kept beside it: nothing that was made of the tree is new in it.
///
/// # Errors
///
/// What the system says.
pub(crate) fn beside(manifest: &Root) -> Result<Vec<FileId>, Failure> {
    let Root::Path(path) = manifest else { return Ok(Vec::new()) };
    Ok(regular_id(path).into_iter().chain(own_files(path)?).collect())
}

/// The file, if it is one that a walk could come across and read.
fn regular_id(path: &Path) -> Option<FileId> {
    fs::metadata(path).ok().filter(|metadata| metadata.is_file()).map(|metadata| FileId::from(&metadata))
}
