//! What has become of a tree since it was listed: [`audit`].
//!
//! One pass: the tree is hashed by the workers that hash trees, and every file is held against the manifest as it comes.
//! What is certain is told at once, in the order of names; what needs the whole is told at the end, again in order. The
//! memory is the manifest, and the names that it lacks. What is said of it, and what the shell is told, is for others.

use std::collections::HashSet;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::Duration;

use errgroup::{Context, Pipeline};

use crate::absence::Lookout;
use crate::catalog::{Catalog, Entered};
use crate::comparison::{Absence, Compared, Comparison, Fate, Lack, Rest, Unread};
use crate::directory::PathBuffer;
use crate::error::{Error, Operation, Reason, Unfit};
use crate::listed::Listed;
use crate::naming::Naming;
use crate::options::Options;
use crate::record::{Hashed, Outcome, Record};
use crate::selection::Selection;
use crate::skip::Skip;
use crate::source::Root;
use crate::trees::hash_trees;

/// Holds the tree below `root` against a manifest: one [`Compared`] for every file that is in one of them.
///
/// Names are taken as they stand if each of them lies below `root`, and else as relative to it; without a root, it is the
/// longest directory that all names share ([`Listed::root`]). Of `options`, the roots, [`Options::algorithms`] (they are
/// those of the manifest), [`Options::unordered`] and [`Options::fail_fast`] mean nothing here. Who does not want to be told of the manifest itself excludes it.
///
/// With [`Options::selection`], what it leaves out of the tree is told as [`Fate::LeftOut`], and what it would leave out of the
/// names in the manifest is not compared at all: it is neither missing nor what another file was ([`Audit::not_selected`]).
///
/// Work begins at once, in the background, and goes on only as fast as items are taken. The iterator blocks until the
/// next is there. Cancelling `ctx`, or dropping the iterator, stops the workers before their next read; one that is
/// blocked in a read is waited for.
///
/// # Errors
///
/// The last item is [`Error::Stopped`] when `ctx` is cancelled, and the first is [`Error::Scarce`] if there is too little
/// to work with, or [`Error::Unfit`] if the selection goes by more than names.
///
/// # Examples
///
/// ```
/// use errgroup::Context;
/// use md5all::manifest::{Format, LineEnd};
/// use md5all::{Fate, Listed, Options, Root, audit};
///
/// # let dir = tempfile::tempdir()?;
/// # let (tree, list) = (dir.path().join("tree"), dir.path().join("list"));
/// # std::fs::create_dir(&tree)?;
/// # std::fs::write(tree.join("new name"), "abc")?;
/// std::fs::write(&list, "900150983cd24fb0d6963f7d28e17f72  old name\n")?;
///
/// let ctx = Context::background();
/// let listed = Listed::read(&ctx, &Root::from(list), Format::Gnu, LineEnd::Newline)?;
/// for compared in audit(&ctx, listed, Some(&tree), Options::new([""; 0])) {
///     let compared = compared?;
///     assert_eq!(compared.name, b"new name");
///     assert!(matches!(compared.fate, Fate::Moved { from } if from == b"old name"));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn audit(ctx: &Context, listed: Listed, root: Option<&Path>, options: Options) -> Audit {
    let naming = listed.naming(root);
    let options = listed.as_listed(options);
    Audit::of_tree(ctx, Held::of(listed), naming, options)
}

/// What [`audit`] and [`diff`](crate::diff()) give.
#[derive(Debug)]
#[must_use = "dropping it cancels the audit"]
pub struct Audit {
    /// What is to be told before anything comes.
    ahead: std::vec::IntoIter<Compared>,
    stage: Stage,
    /// What was passed over and is in no manifest.
    skipped: Vec<Skip>,
    /// How many entries of manifests are not compared, since they are not selected.
    not_selected: u64,
}

/// How far it is.
#[derive(Debug)]
enum Stage {
    Walking(Pipeline<Record, Error>, Box<Tree>, Box<Held>),
    Listing(Box<Listing>, Box<Held>),
    /// With the names of the tree that was walked, if one was.
    Telling(Box<Rest>, Option<Naming>),
    Refused(Unfit),
    Over,
}

/// What files that come are held against.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) comparison: Comparison,
    /// The tree that those who were known before are from, if it is one.
    pub(crate) origin: Option<Tree>,
}

/// A manifest that comes file by file, in the order of names.
#[derive(Debug)]
pub(crate) struct Listing {
    listed: Listed,
    order: std::vec::IntoIter<usize>,
}

/// A tree under comparison: what the walk of it does not tell.
#[derive(Debug)]
pub(crate) struct Tree {
    naming: Naming,
    /// The names, with a `/` at the end, of what was not entered, or not read: nobody knows what lies below.
    shut: HashSet<Vec<u8>>,
    /// Bytes of the longest of them.
    longest_shut: usize,
    /// The names of what was to be read and could not be, where all is read before anything is told.
    unread: HashSet<Vec<u8>>,
    paths: PathBuffer,
    /// The last name.
    name: Vec<u8>,
    lookout: Lookout,
    selection: Selection,
}

impl Audit {
    /// Of a tree.
    pub(crate) fn of_tree(ctx: &Context, mut held: Held, naming: Naming, options: Options) -> Audit {
        if let Err(unfit) = options.selection.is_by_name() {
            return Audit::begin(Stage::Refused(unfit), 0);
        }
        let tree = Tree::new(naming, &options);
        let not_selected = held.comparison.leave_out(|name| tree.leaves_out(name));
        let records = hash_trees(ctx, tree.options(options));
        Audit::begin(Stage::Walking(records, Box::new(tree), Box::new(held)), not_selected)
    }

    /// Of a manifest.
    pub(crate) fn of_list(held: Held, listed: Listed) -> Audit {
        let leaves_out = |number: &usize| {
            let origin = held.origin.as_ref();
            origin.is_some_and(|tree| tree.leaves_out(listed.files.name(*number)))
        };
        let mut order: Vec<_> = (0..listed.len()).filter(|number| !leaves_out(number)).collect();
        order.sort_by_key(|&number| listed.files.name(number));
        let not_selected = (listed.len() - order.len()) as u64;
        let listing = Box::new(Listing { listed, order: order.into_iter() });
        Audit::begin(Stage::Listing(listing, Box::new(held)), not_selected)
    }

    fn begin(stage: Stage, not_selected: u64) -> Audit {
        Audit { ahead: Vec::new().into_iter(), stage, skipped: Vec::new(), not_selected }
    }

    /// The same, behind what is known already.
    pub(crate) fn behind(self, ahead: Vec<Compared>) -> Audit {
        Audit { ahead: ahead.into_iter(), ..self }
    }

    /// What was passed over so far, and is in no manifest: special files, and directories that are not of this tree.
    #[must_use]
    pub fn skipped(&self) -> &[Skip] {
        &self.skipped
    }

    /// How many entries of a manifest are not compared, since they are not [selected](Options::selection).
    #[must_use]
    pub fn not_selected(&self) -> u64 {
        self.not_selected
    }

    /// Waits, for `timeout` at most, until the next item is there; says whether it is, or all have come. For a caller that
    /// has something to do before it waits for long, such as to flush.
    pub fn ready_within(&self, timeout: Duration) -> bool {
        match &self.stage {
            Stage::Walking(records, ..) if self.ahead.len() == 0 => records.ready_within(timeout),
            _ => true,
        }
    }

    /// Everything came: looks for what did not.
    fn turn(&mut self) {
        let (rest, naming) = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Walking(_, mut tree, held) => (held.comparison.end(|name| tree.absence(name)), Some(tree.naming)),
            Stage::Listing(_, held) => (held.comparison.end(|_| Absence::Missing), None),
            other => return self.stage = other,
        };
        self.stage = Stage::Telling(Box::new(rest), naming);
    }
}

impl Iterator for Audit {
    type Item = Result<Compared, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(compared) = self.ahead.next() {
            return Some(Ok(compared));
        }
        loop {
            let came = match &mut self.stage {
                Stage::Walking(records, tree, held) => {
                    records.next().map(|record| Ok(tree.compare(&record?, held, &mut self.skipped)))
                }
                Stage::Listing(listing, held) => listing.next(held).map(Ok),
                Stage::Telling(rest, naming) => {
                    return rest.next().map(|compared| Ok(locate(compared, naming.as_ref())));
                }
                Stage::Refused(unfit) => Some(Err((*unfit).into())),
                Stage::Over => return None,
            };
            match came {
                Some(Ok(None)) => {}
                Some(Ok(Some(compared))) => return Some(Ok(compared)),
                Some(Err(error)) => {
                    self.stage = Stage::Over;
                    return Some(Err(error));
                }
                None => self.turn(),
            }
        }
    }
}

impl Held {
    /// What a manifest says.
    pub(crate) fn of(listed: Listed) -> Held {
        Held { comparison: Comparison::new(listed.files, &listed.contradicted), origin: None }
    }

    /// Takes a file that came; what became of it, if that is certain and has not been told.
    fn meet(&mut self, name: &[u8], hashed: &Hashed) -> Option<Fate> {
        match self.absence_before(name) {
            None | Some(Absence::Missing) => self.comparison.meet(name, hashed),
            Some(Absence::Replaced) => Some(Fate::Changed),
            Some(Absence::Outside) => Some(Fate::Outside),
            Some(Absence::Unreadable(unread)) => Some(Fate::Unreadable(unread)),
        }
        .filter(|_| !self.was_told(name))
    }

    /// What a file that came now came to; if it could not be read before, where that was.
    fn tell(&self, name: &[u8], fate: Fate) -> Compared {
        let compared = Compared { name: name.to_vec(), fate, path: None };
        locate(compared, self.origin.as_ref().map(|tree| &tree.naming))
    }

    /// Why a name was not known before, if it was not, and there is a tree to be asked.
    fn absence_before(&mut self, name: &[u8]) -> Option<Absence> {
        if self.comparison.knows(name) { None } else { self.origin.as_mut().map(|tree| tree.absence(name)) }
    }

    /// Whether it has been said that the file could not be read before.
    fn was_told(&self, name: &[u8]) -> bool {
        self.origin.as_ref().is_some_and(|tree| tree.unread.contains(name))
    }
}

impl Listing {
    /// The next file of the list, and what it comes to, if that is certain.
    fn next(&mut self, held: &mut Held) -> Option<Option<Compared>> {
        let number = self.order.next()?;
        let files = &self.listed.files;
        let name = files.name(number);
        let hashed = Hashed::new(files.checksums(number)).with_facts(files.facts(number));
        let fate = if self.listed.contradicted.contains(&number) {
            held.comparison.tell(name);
            Some(Fate::Incomparable(Lack::Contradicted))
        } else {
            held.meet(name, &hashed)
        };
        Some(fate.map(|fate| held.tell(name, fate)))
    }
}

impl Tree {
    pub(crate) fn new(naming: Naming, options: &Options) -> Tree {
        Tree {
            lookout: Lookout::new(naming.walked().len(), options.links),
            selection: options.selection.clone(),
            naming,
            shut: HashSet::new(),
            longest_shut: 0,
            unread: HashSet::new(),
            paths: PathBuffer::default(),
            name: Vec::new(),
        }
    }

    /// How its files are to be hashed.
    pub(crate) fn options(&self, options: Options) -> Options {
        let roots = vec![Root::from(self.naming.root())];
        options.roots(roots).unordered(false).fail_fast(false).facts(true)
    }

    /// Whether the file of this name is not selected, if it lies below the root.
    fn leaves_out(&self, name: &[u8]) -> bool {
        !self.selection.is_everything()
            && self.naming.below(name).is_some_and(|below| self.selection.leaves_out_file(below).is_some())
    }

    /// What one record of the walk comes to, if that is certain.
    fn compare(&mut self, record: &Record, held: &mut Held, skipped: &mut Vec<Skip>) -> Option<Compared> {
        let comparison = &mut held.comparison;
        let name = self.naming.name_of(record.path_bytes(&mut self.paths), &mut self.name);
        let fate = match record.outcome() {
            Outcome::Hashed(hashed) => held.meet(name, hashed)?,
            Outcome::Failed(reason) => {
                comparison.tell(name);
                shut(&mut self.shut, &mut self.longest_shut, name);
                return Some(unreadable(record, reason, self.naming.shown(name)));
            }
            Outcome::Skipped(Skip::Special | Skip::Symlink) if comparison.tell(name) => Fate::Changed,
            Outcome::Skipped(Skip::Excluded) if comparison.tell(name) => Fate::Incomparable(Lack::Excluded),
            Outcome::Skipped(skip) if skip.is_by_selection() => {
                Fate::LeftOut { skip: *skip, rule: self.selection.rule(record) }
            }
            Outcome::Skipped(skip) => {
                if matches!(skip, Skip::OtherFileSystem | Skip::Automount) {
                    shut(&mut self.shut, &mut self.longest_shut, name);
                }
                skipped.push(*skip);
                return None;
            }
        };
        Some(held.tell(name, fate))
    }

    /// Hashes all of it: what it has, and what could not be read.
    ///
    /// # Errors
    ///
    /// As for [`hash_trees`].
    pub(crate) fn collect(&mut self, ctx: &Context, options: Options) -> Result<(Catalog, Vec<Compared>), Error> {
        let (mut files, mut unread) = (Catalog::default(), Vec::new());
        for record in hash_trees(ctx, self.options(options)) {
            let record = record?;
            let name = self.naming.name_of(record.path_bytes(&mut self.paths), &mut self.name);
            match record.outcome() {
                Outcome::Hashed(hashed) => {
                    if files.enter(name, hashed.checksums(), &hashed.facts()) == Entered::Full {
                        let reason =
                            Reason::system(Operation::Read, io::Error::other("more files than can be counted"));
                        return Err(Error::Entry { path: record.path(), reason });
                    }
                }
                Outcome::Failed(reason) => {
                    shut(&mut self.shut, &mut self.longest_shut, name);
                    self.unread.insert(name.to_vec());
                    unread.push(unreadable(&record, reason, self.naming.shown(name)));
                }
                Outcome::Skipped(Skip::OtherFileSystem | Skip::Automount) => {
                    shut(&mut self.shut, &mut self.longest_shut, name)
                }
                Outcome::Skipped(_) => {}
            }
        }
        Ok((files, unread))
    }

    /// Why a name did not come.
    pub(crate) fn absence(&mut self, name: &[u8]) -> Absence {
        let mut buffer = Vec::new();
        let Some(path) = self.naming.path_of(name, &mut buffer) else { return Absence::Outside };
        if self.is_shut(name) {
            return Absence::Unreadable(Unread::Unlisted);
        }
        self.lookout.look(path)
    }

    /// Whether the walk did not get to where a name would lie.
    fn is_shut(&self, name: &[u8]) -> bool {
        // No longer beginning can be among them, and a name may be long.
        let most = self.longest_shut.min(name.len());
        let ends = || name[..most].iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at + 1);
        !self.shut.is_empty() && [0].into_iter().chain(ends()).any(|end| self.shut.contains(&name[..end]))
    }
}

/// What could not be read, and where that was.
fn unreadable(record: &Record, reason: &Reason, name: &[u8]) -> Compared {
    let path = Some(record.path().into_os_string().into_vec());
    Compared { name: name.to_vec(), fate: Fate::Unreadable(Unread::Failed(reason.again())), path }
}

/// The same, with where it was to be read, if it could not be.
fn locate(compared: Compared, naming: Option<&Naming>) -> Compared {
    let Some(naming) = naming.filter(|_| matches!(compared.fate, Fate::Unreadable(_))) else { return compared };
    let path = naming.path_of(&compared.name, &mut Vec::new()).map(<[u8]>::to_vec);
    Compared { path, ..compared }
}

/// Notes that nobody knows what lies below a name.
fn shut(names: &mut HashSet<Vec<u8>>, longest: &mut usize, name: &[u8]) {
    let name = with_slash(name);
    *longest = name.len().max(*longest);
    names.insert(name);
}

/// A name as those of all that lie below begin; nothing stays nothing.
fn with_slash(name: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if matches!(name, [] | [.., b'/']) { b"" } else { b"/" };
    [name, slash].concat()
}
