//! Files that were asked for by name, one after the other, in the order of whoever asks: a source beside the walk.
//!
//! Nothing is walked or sorted, and no name is left out. Names in a row that lie in one directory are opened relative to
//! it, which costs a third less than by whole paths; for that, the directory is opened once its second name comes.
//! Standard input can be read once, so from its second name on it is at its end. Where names come from is not known
//! here.

use std::sync::Arc;

use errgroup::Output;

use crate::directory::{Directory, Place, Said};
use crate::entry::{Entry, Found};
use crate::error::{Error, Reason};
use crate::listing::{Kind, Listing};
use crate::record::Outcome;
use crate::skip::Skip;
use crate::source::local::{self, Base, Directories, Folder};
use crate::source::{Handle, Links, Root, Wait};

/// A few names, and what is said of each, if anything is.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    listing: Listing,
    said: Vec<Said>,
}

/// The end of the pipeline where names go in.
pub(crate) struct Names<'a> {
    entries: &'a Output<Entry>,
    directories: Directories,
    /// The directory of the last name, up to its last slash.
    directory: Vec<u8>,
    near: Near,
    /// Whether standard input was asked for, and so is not there any more.
    pub(crate) standard_input_is_spent: bool,
}

/// What is known of the directory of the last name.
enum Near {
    /// One name lies in it.
    Once,
    Open(Arc<Folder>),
    /// It cannot be opened: whoever opens a file in it will say why.
    Closed,
}

/// A system call takes no longer path, with the NUL behind it.
const LONGEST_PATH: usize = 4096;

/// Sends all of `roots`, as names of files.
pub(crate) fn send_all(roots: Vec<Root>, directories: Directories, entries: &Output<Entry>) -> Result<(), Error> {
    let mut names = Names::new(entries, directories);
    for some in roots.chunks(Batch::ROOM) {
        let mut batch = Batch::default();
        some.iter().for_each(|root| batch.push_root(root));
        names.send(batch)?;
    }
    Ok(())
}

impl Batch {
    /// So many names are made ready before the first of them is sent.
    const ROOM: usize = 256;

    fn push_root(&mut self, root: &Root) {
        let kind = if *root == Root::StandardInput { Kind::StandardInput } else { Kind::File };
        self.listing.push(root.as_bytes(), kind, 0);
    }

    /// Adds what a list says; `name` is empty where it names no file.
    pub(crate) fn push(&mut self, name: &[u8], said: Said) {
        let kind = if name == b"-" { Kind::StandardInput } else { Kind::File };
        self.listing.push(name, kind, 0);
        self.said.push(said);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.listing.len() >= Self::ROOM
    }
}

impl Said {
    /// Whether there is a file to be read.
    fn is_to_be_read(&self) -> bool {
        matches!(self, Said::Checksums { .. })
    }
}

impl<'a> Names<'a> {
    pub(crate) fn new(entries: &'a Output<Entry>, directories: Directories) -> Names<'a> {
        Names { entries, directories, directory: Vec::new(), near: Near::Closed, standard_input_is_spent: false }
    }

    /// Sends all names of a batch, each as one entry.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] once nobody wants them any more.
    pub(crate) fn send(&mut self, batch: Batch) -> Result<(), Error> {
        let names = Directory::of_list(batch.listing, batch.said);
        for place in (0..).map_while(|index| names.place(index)) {
            if place.said().is_some() {
                self.weigh(&place)?;
            }
            self.send_light(place)?;
        }
        Ok(())
    }

    /// Sends one name, of which there may be any number.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub(crate) fn send_one(&mut self, place: Place) -> Result<(), Error> {
        self.weigh(&place)?;
        self.send_light(place)
    }

    fn send_light(&mut self, place: Place) -> Result<(), Error> {
        let found = self.find(&place);
        Ok(self.entries.send(Entry { place, found })?)
    }

    /// Sends that a list has ended, and why, if it was not for want of more lines.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub(crate) fn send_end(&mut self, reason: Option<Reason>) -> Result<(), Error> {
        let mut batch = Batch::default();
        batch.push(b"", Said::End);
        let names = Directory::of_list(batch.listing, batch.said);
        let Some(place) = names.place(0) else { unreachable!("one was pushed") };
        let outcome = reason.map_or(Outcome::Skipped(Skip::Nameless), Outcome::Failed);
        Ok(self.entries.send(Entry { place, found: Found::Settled(outcome) })?)
    }

    /// The queue counts entries, so what is long counts as several: then memory is bounded, however long the names in a
    /// list are. Whoever takes records passes over these; where all names are in memory anyway, there are none.
    fn weigh(&self, place: &Place) -> Result<(), Error> {
        /// Few names are longer, and 65,536 of these are little memory.
        const LIGHT: usize = 256;
        for _ in 0..place.name().len() / LIGHT {
            self.entries.send(Entry::passed(place.clone(), Skip::Nameless))?;
        }
        Ok(())
    }

    fn find(&mut self, place: &Place) -> Found {
        if place.said().is_some_and(|said| !said.is_to_be_read()) {
            return Found::Settled(Outcome::Skipped(Skip::Nameless));
        }
        Found::File(match place.kind() {
            Kind::StandardInput if self.standard_input_is_spent => Handle::Spent,
            Kind::StandardInput => {
                self.standard_input_is_spent = true;
                Handle::StandardInput
            }
            _ => self.handle(place.name()),
        })
    }

    /// How the file of this name is got at.
    fn handle(&mut self, name: &[u8]) -> Handle {
        let (directory, base) = name.split_at(local::base_of(name));
        if self.directory != directory {
            self.directory.clear();
            self.directory.extend_from_slice(directory);
            self.near = Near::Once;
            if name.len() < LONGEST_PATH {
                return Handle::Named;
            }
        }
        if matches!(self.near, Near::Once) {
            let opened = open_directory(directory, &self.directories);
            self.near = opened.map_or(Near::Closed, |folder| Near::Open(Arc::new(folder)));
        }
        match &self.near {
            // Elsewhere nobody tells whether a FIFO that was opened without waiting has ever been written to.
            Near::Open(folder) if !base.is_empty() && cfg!(target_os = "linux") => Handle::Beside(Arc::clone(folder)),
            _ => Handle::Named,
        }
    }
}

/// Opens a directory, in as many steps as its path is too long for one.
fn open_directory(mut path: &[u8], directories: &Directories) -> Option<Folder> {
    let open = |base: &Base, path: &[u8]| directories.try_open(base, path, Links::Follow, Wait::Yes).ok();
    let mut base = Base::WorkingDirectory;
    while path.len() >= LONGEST_PATH {
        let end = path[..LONGEST_PATH - 1].iter().rposition(|&byte| byte == b'/')? + 1;
        base = Base::Directory(Arc::new(open(&base, &path[..end])?));
        path = &path[end..];
    }
    open(&base, if path.is_empty() { b"." } else { path })
}
