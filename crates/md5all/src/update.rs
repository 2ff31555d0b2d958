//! What has become of a tree since its manifest was written, for whoever keeps that up to date: [`update`].
//!
//! The walk and the manifest are both in the order of paths, so they are merged as they come: what is on one side only is
//! new, or missing. What is on both is read, or taken over if nothing shows a change since (see `known`). The memory is
//! that of the manifest. What becomes of an entry, and what is written where, is the caller's to say; and so is where facts
//! come from that are not in the manifest.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{self, BufRead};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use errgroup::Context;

use crate::algorithm::Algorithms;
use crate::catalog::{Catalog, Entered};
use crate::comparison::looks_untouched;
use crate::directory::PathBuffer;
use crate::error::{Error, Reason, system_text};
use crate::facts::Facts;
use crate::known::Known;
use crate::ledger;
use crate::manifest::{Flaw, Reader, Seal};
use crate::naming::{Naming, Survey, is_of_file, plain};
use crate::options::Options;
use crate::record::{Hashed, Outcome};
use crate::selection::{Rule, Selection};
use crate::skip::Skip;
use crate::source::Root;
use crate::trees::hash_trees;

/// All that a manifest lists, and the tree that it means.
#[derive(Debug)]
pub struct Inventory {
    known: Arc<Known>,
    algorithms: Algorithms,
    is_sealed: bool,
    naming: Naming,
    /// So many bytes of a walk's paths stand before plain names.
    strip: usize,
    /// What stands before plain names as the manifest spells them: that of the first.
    lead: Vec<u8>,
    /// The numbers of files in the order of paths; `None` if that is the order in which they came.
    order: Option<Vec<u32>>,
}

/// Why a manifest is not one to go by.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unusable {
    /// It could not be read.
    Unreadable(io::Error),
    /// This line, counted from 1, cannot be made out.
    Malformed(u64),
    /// This line, counted from 1, gives a file another checksum than one before it.
    Contradicted(u64),
    /// Its seal shows that it is not what was sealed; or it is [ambiguous](Flaw::Ambiguous).
    Broken(Flaw),
    /// There are more files than can be counted in 32 bits.
    Full,
}

/// What has become of one file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Change<'a> {
    /// Its name, as the manifest spells it or would spell it.
    pub name: &'a [u8],
    /// Where the walk has met it, if it has.
    pub path: Option<&'a [u8]>,
    /// What was found.
    pub finding: Status<'a>,
    /// What the manifest says of it, if it is listed.
    pub before: Option<Hashed>,
    /// How many files that are listed come before it in the order of paths.
    pub position: usize,
}

/// What a [`Change`] says. Exhaustive: who keeps a manifest must know what to do about each, and about a new one.
#[derive(Debug)]
pub enum Status<'a> {
    /// It is not listed.
    New(&'a Hashed),
    /// It is what the manifest says.
    Same(&'a Hashed),
    /// It has other contents than the manifest says.
    Changed(&'a Hashed),
    /// It has other contents, and yet its size and the time of its last modification are what they were, as an audit has
    /// it: to be listed, it would have to be believed. Whoever keeps what was known
    /// of it is to keep it [in doubt](Facts::in_doubt), so that no later update takes it over.
    Corrupt(&'a Hashed),
    /// It is listed, and no file any more.
    Missing,
    /// It could not be read. A directory that could not be listed is told so, too.
    Unreadable(&'a Reason),
    /// It is listed, and nobody has looked: it lies in a directory that could not be listed or was passed over.
    Unseen,
    /// It is listed, and does not lie below the root.
    Outside,
    /// It is not [selected](crate::Selection), and nobody has looked. If it is not listed, it is in the tree; a directory
    /// stands for all that is in it.
    LeftOut {
        /// Why not.
        skip: Skip,
        /// By what, where that is known and not all there is to say.
        rule: Option<Rule>,
    },
}

impl Change<'_> {
    /// What the manifest is to say of the file from now on; `None`: nothing. With `prune`, what is missing is dropped.
    ///
    /// What was found corrupt stays as it was listed, [in doubt](Facts::in_doubt); and what could not be read, or was not
    /// looked at, as it was: nobody knows better, or it is the last word on what the file should be.
    #[must_use]
    pub fn to_list(&self, prune: bool) -> Option<Hashed> {
        match self.finding {
            Status::New(now) | Status::Same(now) | Status::Changed(now) => Some(now.clone()),
            Status::Missing if prune => None,
            Status::Corrupt(_) => self.before.clone().map(|before| {
                let facts = before.facts().in_doubt();
                before.with_facts(facts)
            }),
            Status::Missing | Status::Unreadable(_) | Status::Unseen | Status::Outside | Status::LeftOut { .. } => {
                self.before.clone()
            }
        }
    }
}

impl Inventory {
    /// Reads a manifest. With no root, it is the longest directory that all names share.
    ///
    /// # Errors
    ///
    /// [`Unusable`]. A manifest that cannot be made out whole is none to replace by another.
    pub fn read(reader: &mut Reader<impl BufRead>, root: Option<&Path>) -> Result<Inventory, Unusable> {
        let mut files = Catalog::default();
        let (mut lead, mut is_sorted) = (Vec::new(), true);
        let mut algorithms = Algorithms::NONE;
        let root = root.map(|root| match &*plain(root.as_os_str().as_bytes()) {
            b"" => PathBuf::from("."),
            root => PathBuf::from(OsStr::from_bytes(root)),
        });
        let mut survey = Survey::new(root.as_deref());
        while let Some(line) = reader.read().map_err(Unusable::Unreadable)? {
            let number = line.number;
            let Some(entry) = line.entry.filter(|entry| is_of_file(entry.name)) else {
                let is_ambiguous = reader.is_ambiguous();
                return Err(if is_ambiguous { Unusable::Broken(Flaw::Ambiguous) } else { Unusable::Malformed(number) });
            };
            let name = plain(entry.name);
            if files.len() == 0 {
                lead = lead_of(entry.name, &name).to_vec();
            }
            match files.enter_with_room(&name, &entry.checksums, &entry.facts) {
                Entered::New(new) => {
                    survey.see(&name);
                    is_sorted &= new == 0 || files.name(new - 1) < files.name(new);
                }
                Entered::Completed(_) | Entered::Known(_) => {}
                Entered::Contradicted(_) => return Err(Unusable::Contradicted(number)),
                Entered::Full => return Err(Unusable::Full),
            }
            algorithms = algorithms.iter().chain(entry.checksums.algorithms().iter()).collect();
        }
        if algorithms.is_empty() {
            let columns = reader.columns();
            algorithms = if columns.is_empty() { Algorithms::default() } else { columns };
        }
        let is_sealed = match reader.seal() {
            Seal::Broken(flaw) => return Err(Unusable::Broken(flaw)),
            seal => seal == Seal::Whole,
        };
        // What was listed by its whole path has its place, and is brought up to date there.
        let naming = Some(survey.end()).filter(|naming| naming.strip().is_some());
        let naming = naming.unwrap_or_else(|| Naming::relative(root.as_deref().unwrap_or(Path::new("."))));
        let strip = naming.strip().unwrap_or_default(); // a root that is plain has one
        let order = (!is_sorted).then(|| in_order(&files));
        let known = Arc::new(Known::of(files, algorithms, strip));
        Ok(Inventory { known, algorithms, is_sealed, naming, strip, lead, order })
    }

    /// Adds what a sidecar says of files that have exactly the checksums that it repeats. Says whether that is all it says,
    /// and of every file.
    ///
    /// # Errors
    ///
    /// What the input gives. What was read by then holds.
    ///
    /// # Panics
    ///
    /// While an update goes on.
    pub fn add_facts(&mut self, sidecar: impl BufRead) -> io::Result<bool> {
        let known = Arc::get_mut(&mut self.known).expect("no update goes on");
        ledger::add_facts(sidecar, &mut known.files)
    }

    /// What files have checksums of.
    #[must_use]
    pub fn algorithms(&self) -> Algorithms {
        self.algorithms
    }

    /// Whether it is sealed, and as it was sealed.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// The tree that it means.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.naming.root()
    }

    /// Whether some of the names would lie below the root as they stand, but not all, and so none is taken so.
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        self.naming.is_mixed()
    }

    /// How many files are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many files were not opened, since nothing showed a change.
    #[must_use]
    pub fn taken_over(&self) -> u64 {
        self.known.taken_over()
    }

    /// What is listed at this position in the order of paths: the name, put together in `name`, and what is said of it.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn entry(&self, position: usize, name: &mut Vec<u8>) -> Hashed {
        let number = self.number(position);
        self.spell(self.known.files.name(number), name);
        self.before(number)
    }

    fn number(&self, position: usize) -> usize {
        self.order.as_ref().map_or(position, |order| order[position] as usize)
    }

    fn before(&self, number: usize) -> Hashed {
        let facts = self.known.files.facts(number);
        let facts = (facts != Facts::NONE).then(|| Box::new(facts));
        Hashed::new(self.known.files.checksums(number)).with(facts)
    }

    fn spell(&self, plain: &[u8], name: &mut Vec<u8>) {
        name.clear();
        if !plain.starts_with(b"/") {
            name.extend_from_slice(&self.lead);
        }
        name.extend_from_slice(plain);
    }
}

/// What a name in the manifest has before its plain spelling, if all names may have it: `./`, once or more often.
fn lead_of<'a>(name: &'a [u8], plain: &[u8]) -> &'a [u8] {
    let lead = name.strip_suffix(plain).unwrap_or_default();
    let is_here = lead.len().is_multiple_of(2) && lead.chunks(2).all(|step| step == b"./");
    if is_here && !plain.is_empty() && !plain.starts_with(b"/") { lead } else { b"" }
}

fn in_order(files: &Catalog) -> Vec<u32> {
    let mut order: Vec<u32> = (0..files.len() as u32).collect();
    order.sort_unstable_by_key(|&number| files.name(number as usize));
    order
}

/// Walks the tree that a manifest means, and tells of each file what has become of it, in the order of paths.
///
/// With `verify`, all files are read; without, those that facts say may have changed. [`Options::roots`],
/// [`Options::algorithms`], [`Options::unordered`], [`Options::fail_fast`] and [`Options::facts`] mean nothing here. What [`Options::known`] has
/// beside the manifest is believed with and without `verify`.
///
/// Blocks until all is told, and gives what was passed over and is not listed: special files, and directories on other file
/// systems or that would be mounted. Cancelling `ctx` ends it early.
///
/// # Errors
///
/// What `each` gives, and [`Error::Stopped`] when `ctx` is cancelled. [`Error::Unfit`] if [`Options::selection`] goes by more
/// than names.
pub fn update<E: From<Error>>(
    ctx: &Context,
    listed: &Inventory,
    options: Options,
    verify: bool,
    each: impl FnMut(Change<'_>) -> Result<(), E>,
) -> Result<Vec<Skip>, E> {
    options.selection.is_by_name().map_err(Error::Unfit)?;
    let selection = options.selection.clone();
    let root = listed.root().to_owned();
    let mut options = Options {
        roots: vec![Root::Path(root.clone())],
        unordered: false,
        fail_fast: false,
        facts: true,
        algorithms: listed.algorithms,
        ..options
    };
    if !verify {
        options.known.push(Arc::clone(&listed.known));
    }
    let mut merge = Merge {
        listed,
        selection: &selection,
        each,
        position: 0,
        unseen: HashSet::new(),
        longest_unseen: 0,
        no_root: false,
        skipped: Vec::new(),
        name: Vec::new(),
    };
    let mut paths = PathBuffer::default();
    for record in hash_trees(ctx, options) {
        let record = record?;
        let path = record.path_bytes(&mut paths);
        merge.no_root |= path == root.as_os_str().as_bytes() && !matches!(record.outcome(), Outcome::Hashed(_));
        let name = path.get(listed.strip..).unwrap_or_default();
        match record.outcome() {
            Outcome::Skipped(skip) if skip.is_by_selection() => {
                merge.leave_out(name, *skip, selection.rule(&record))?
            }
            outcome => merge.take(path, name, outcome)?,
        }
    }
    merge.pass(|_| true)?;
    Ok(merge.skipped)
}

/// Two lists in the same order.
struct Merge<'a, F> {
    listed: &'a Inventory,
    selection: &'a Selection,
    each: F,
    /// How many files that are listed were told of.
    position: usize,
    /// Plain names at which, and below which, nobody knows what there is.
    unseen: HashSet<Vec<u8>>,
    /// Bytes of the longest of them.
    longest_unseen: usize,
    /// The same, of the root.
    no_root: bool,
    /// What was passed over and is not listed.
    skipped: Vec<Skip>,
    /// A name as it is spelt.
    name: Vec<u8>,
}

impl<F> Merge<'_, F> {
    /// Takes what the walk has come to.
    fn take<E>(&mut self, path: &[u8], name: &[u8], outcome: &Outcome) -> Result<(), E>
    where
        F: FnMut(Change<'_>) -> Result<(), E>,
    {
        self.pass(|listed| listed < name)?;
        match outcome {
            Outcome::Hashed(hashed) => match self.next(name) {
                None => self.tell(name, Some(path), Status::New(hashed), None),
                Some(before) => {
                    let finding = compare(&before, hashed);
                    self.tell(name, Some(path), finding, Some(before))
                }
            },
            Outcome::Failed(reason) => {
                self.longest_unseen = self.longest_unseen.max(name.len());
                self.unseen.insert(name.to_vec());
                let before = self.next(name);
                self.tell(name, Some(path), Status::Unreadable(reason), before)
            }
            Outcome::Skipped(skip) => {
                // What has another kind than these is no file any more: if it is listed, it is missing, when its turn comes.
                if matches!(skip, Skip::OtherFileSystem | Skip::Automount | Skip::Excluded) {
                    self.longest_unseen = self.longest_unseen.max(name.len());
                    self.unseen.insert(name.to_vec());
                }
                let is_told = matches!(skip, Skip::Special | Skip::OtherFileSystem | Skip::Automount);
                if is_told && !self.is_next(name) {
                    self.skipped.push(*skip);
                }
                Ok(())
            }
        }
    }

    /// Takes what the walk has come to and is not selected.
    fn leave_out<E>(&mut self, name: &[u8], skip: Skip, rule: Option<Rule>) -> Result<(), E>
    where
        F: FnMut(Change<'_>) -> Result<(), E>,
    {
        self.pass(|listed| listed < name)?;
        let before = self.next(name);
        self.tell(name, None, Status::LeftOut { skip, rule }, before)
    }

    /// What is listed next, if it has this name.
    fn next(&self, name: &[u8]) -> Option<Hashed> {
        self.is_next(name).then(|| self.listed.before(self.listed.number(self.position)))
    }

    fn is_next(&self, name: &[u8]) -> bool {
        let Merge { listed, position, .. } = *self;
        position < listed.len() && listed.known.files.name(listed.number(position)) == name
    }

    /// Tells of what is listed next, as long as it is so; the walk has not come across it.
    fn pass<E>(&mut self, is_so: impl Fn(&[u8]) -> bool) -> Result<(), E>
    where
        F: FnMut(Change<'_>) -> Result<(), E>,
    {
        let listed = self.listed;
        while self.position < listed.len() {
            let number = listed.number(self.position);
            let name = listed.known.files.name(number);
            if !is_so(name) {
                break;
            }
            let finding = match listed.naming.below(name) {
                None => Status::Outside,
                Some(below) => match self.selection.leaves_out_file(below) {
                    Some(skip) => Status::LeftOut { skip, rule: None },
                    None if self.is_unseen(name) => Status::Unseen,
                    None => Status::Missing,
                },
            };
            self.tell(name, None, finding, Some(listed.before(number)))?;
        }
        Ok(())
    }

    fn is_unseen(&self, name: &[u8]) -> bool {
        // No longer beginning can be among them, and a name may be long.
        let most = (self.longest_unseen + 1).min(name.len());
        let above = name[..most].iter().enumerate().filter(|&(_, &byte)| byte == b'/').map(|(at, _)| &name[..at]);
        self.no_root || (!self.unseen.is_empty() && above.chain([name]).any(|name| self.unseen.contains(name)))
    }

    fn tell<E>(
        &mut self,
        plain: &[u8],
        path: Option<&[u8]>,
        finding: Status<'_>,
        before: Option<Hashed>,
    ) -> Result<(), E>
    where
        F: FnMut(Change<'_>) -> Result<(), E>,
    {
        match finding {
            // The root itself: where names are relative to it, it has none.
            Status::Unreadable(_) if plain.is_empty() => {
                self.name.clear();
                self.name.extend_from_slice(self.listed.naming.shown(plain));
            }
            _ => self.listed.spell(plain, &mut self.name),
        }
        let position = self.position;
        self.position += usize::from(before.is_some());
        (self.each)(Change { name: &self.name, path, finding, before, position })
    }
}

/// What a file is, by what it was.
fn compare<'a>(before: &Hashed, hashed: &'a Hashed) -> Status<'a> {
    match before.checksums().agree(hashed.checksums()) {
        Some(true) if !before.facts().differ_in_size(&hashed.facts()) => Status::Same(hashed),
        _ if looks_untouched(&before.facts(), &hashed.facts()) => Status::Corrupt(hashed),
        _ => Status::Changed(hashed),
    }
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unusable::Unreadable(error) => write!(f, "cannot read: {}", system_text(error)),
            Unusable::Malformed(line) => write!(f, "line {line} is improperly formatted"),
            Unusable::Contradicted(line) => write!(f, "line {line} contradicts one before it"),
            Unusable::Broken(flaw) => flaw.fmt(f),
            Unusable::Full => f.write_str("there are too many files"),
        }
    }
}

impl std::error::Error for Unusable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Unusable::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}
