//! Digests, and the workers that compute them: one file per algorithm, or family of them.
//!
//! A worker owns its loop over entries and its buffers, so that one which keeps
//! many files in flight at once has the same shape as one that reads file after
//! file. What a digest looks like in a manifest is `manifest`'s affair.

pub(crate) mod aliases;
pub(crate) mod alone;
pub(crate) mod balance;
mod blake3;
mod crc;
pub(crate) mod md5;
mod outbox;
pub(crate) mod readers;
mod sha1;
mod sha2;
pub(crate) mod state;
mod xxh3;

use std::ops::RangeInclusive;
use std::sync::Arc;

use errgroup::Context;
use rustix::io::Errno;

use crate::algorithm::Algorithms;
use crate::digest::aliases::{Aliases, Claim, Standing};
use crate::digest::alone::Permits;
use crate::digest::balance::Balance;
use crate::digest::state::State;
use crate::directory::{PathBuffer, Place, Said};
use crate::entry::{Begun, Found};
use crate::error::Error;
use crate::facts::Facts;
use crate::flight::Flight;
use crate::journal::Journal;
use crate::known::Known;
use crate::progress::Progress;
use crate::record::{Hashed, Outcome, Record};
use crate::skip::Skip;
use crate::source::content::Opened;
use crate::source::patience::Patience;
use crate::source::{Cache, Content, Descriptors, Devices, FileId, Handle, Links, Quiet, Rules, Wait, local};

/// What a worker keeps to, whatever it computes.
#[derive(Debug)]
pub(crate) struct Terms {
    /// Asked between two reads, so that one big file does not hold up the end.
    pub(crate) ctx: Context,
    pub(crate) links: Links,
    /// What every file is to have a checksum of, but for one that a list says something else of.
    pub(crate) algorithms: Algorithms,
    /// Whether the first failure is the end of everything.
    pub(crate) fail_fast: bool,
    /// How many files a worker may have open at the same time.
    pub(crate) lanes: usize,
    /// Files to pass over, whatever they are called.
    pub(crate) exclude: Vec<FileId>,
    /// What sizes files have that are read, if not all are.
    pub(crate) sizes: Option<Sizes>,
    /// When it all began, if that can be told.
    pub(crate) quiet: Option<Quiet>,
    /// What files lie on.
    pub(crate) devices: Devices,
    /// How many files each worker has.
    pub(crate) balance: Balance,
    /// How many files may be on their way to readers and back at the same time.
    pub(crate) away: usize,
    /// What reading does to the system's cache of files.
    pub(crate) cache: Cache,
    /// Whether what is known of files beside their contents is wanted.
    pub(crate) facts: bool,
    /// Where what is done is noted.
    pub(crate) journal: Option<Arc<Journal>>,
    /// Who is told how far it is.
    pub(crate) progress: Option<Progress>,
    /// What need not be read again.
    pub(crate) known: Vec<Arc<Known>>,
    /// The files that have several names.
    pub(crate) aliases: Arc<Aliases>,
    /// How many buffers readers may have.
    pub(crate) buffers: usize,
    /// Who may read ahead of one large file.
    pub(crate) alone: Permits,
    /// Who has descriptors.
    pub(crate) descriptors: Arc<Descriptors>,
}

/// What sizes files have that are read.
#[derive(Debug)]
pub(crate) struct Sizes {
    wanted: RangeInclusive<u64>,
    patience: Patience,
}

/// What became of something that was to be read.
#[derive(Debug)]
pub(crate) enum Opening {
    /// Some of it is there to be hashed.
    Read(Beginning),
    /// It would have to be waited for.
    Later(Found),
    /// It is being read under another name, and that has to be waited for.
    Shared(FileId, Found),
    /// There is no descriptor to open it with.
    Wanting(Found, Errno),
    /// There is nothing to hash.
    Settled(Outcome),
    /// It is what it was when it was hashed by an earlier run.
    TakenOver(Hashed),
}

/// What is to be hashed of a file.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// What was before.
    pub(crate) state: State,
    /// So many bytes of the buffer.
    pub(crate) filled: usize,
    /// Whether that is the end.
    pub(crate) last: bool,
    /// What they were read from; `None` if they are all there is, and vouched for.
    pub(crate) content: Option<Box<Content>>,
    /// What is known of a file that is all there, if that is wanted.
    pub(crate) facts: Option<Box<Facts>>,
    /// That other names of it may wait for it.
    pub(crate) claim: Option<Box<Claim>>,
}

impl Terms {
    /// Opens what was found, or goes on with it, and reads into `buffer`; or says at once what becomes of it.
    pub(crate) fn open(
        &self,
        place: &Place,
        paths: &mut PathBuffer,
        found: Found,
        buffer: &mut [u8],
        wait: Wait,
    ) -> Opening {
        match found {
            Found::File(handle) if handle.is_left_by(wait, &self.devices) => Opening::Later(Found::File(handle)),
            Found::File(handle) => match self.sizes.as_ref().map(|sizes| sizes.has(self, place, &handle, wait)) {
                Some(None) => Opening::Later(Found::File(handle)),
                Some(Some(false)) => Opening::Settled(Outcome::Skipped(Skip::Size)),
                None | Some(Some(true)) => self.open_selected(place, paths, handle, buffer, wait),
            },
            Found::Begun(begun) => go_on(*begun, buffer, wait),
            Found::Read(_) => unreachable!("a worker takes it apart with its buffer"),
            Found::TakenOver(hashed) => Opening::TakenOver(hashed),
            Found::Settled(outcome) => Opening::Settled(outcome),
        }
    }

    fn open_selected(
        &self,
        place: &Place,
        paths: &mut PathBuffer,
        handle: Handle,
        buffer: &mut [u8],
        wait: Wait,
    ) -> Opening {
        // Whoever waits may wait for long.
        let flight = if wait != Wait::No { self.flight(place) } else { None };
        match self.take_over(place, paths, &handle, wait) {
            Some(None) => Opening::Later(Found::File(handle)),
            Some(Some(hashed)) => Opening::TakenOver(hashed),
            None => self.open_file(place, handle, buffer, wait, flight),
        }
    }

    /// What a file has that was listed, and is what it was when it was hashed before. `Some(None)`: that would have to be
    /// waited for.
    fn take_over(&self, place: &Place, paths: &mut PathBuffer, handle: &Handle, wait: Wait) -> Option<Option<Hashed>> {
        let Handle::Listed(folder) = handle else { return None };
        if self.known.is_empty() || folder.device.is_made_up() {
            return None;
        }
        let path = paths.path(place);
        let mut candidates = self
            .known
            .iter()
            .filter_map(|known| known.find(path).map(|(number, facts)| (known, number, facts)))
            .peekable();
        let (known, ..) = candidates.peek()?;
        if wait == Wait::No && known.patience().is_out() {
            return Some(None);
        }
        let (id, found) = known.patience().ask(|| local::facts_at(folder, place.name(), self.links.at(place)))?;
        if self.exclude.contains(&id) {
            return None;
        }
        let (known, number, facts) = candidates.find(|(.., facts)| *facts == found)?;
        Some(Some(known.take_over(number, facts)))
    }

    /// What a file is to have a checksum of: what its list says of it can only be compared by that.
    fn wanted(&self, place: &Place) -> Algorithms {
        match place.said() {
            Some(Said::Checksums { checksums, .. }) => checksums.algorithms(),
            _ => self.algorithms,
        }
    }

    /// What the file at `place` is opened by.
    fn rules(&self, place: &Place, wait: Wait) -> Rules<'_> {
        Rules {
            links: self.links.at(place),
            exclude: &self.exclude,
            quiet: self.quiet.as_ref(),
            devices: &self.devices,
            wait,
            cache: self.cache,
            facts: self.quiet.as_ref().filter(|_| self.facts),
        }
    }

    /// That a file is being opened or read, for whoever looks on.
    fn flight(&self, place: &Place) -> Option<Box<Flight>> {
        self.progress.as_ref().map(|progress| progress.flight(place))
    }

    fn open_file(
        &self,
        place: &Place,
        handle: Handle,
        buffer: &mut [u8],
        wait: Wait,
        flight: Option<Box<Flight>>,
    ) -> Opening {
        let (wanted, rules) = (self.wanted(place), self.rules(place, wait));
        match self.aliases.look_up(place, &handle, wanted) {
            Standing::BeingRead(id) => return Opening::Shared(id, Found::File(handle)),
            Standing::Read(id, stamp, result) if local::is_still(&handle, place.name(), rules.links, id, stamp) => {
                return Opening::Settled(result.map_or_else(Outcome::Failed, Outcome::Hashed));
            }
            _ => {}
        }
        let state = State::new(wanted);
        let (content, filled) = match local::open(&handle, place.name(), rules, buffer) {
            Ok(Opened::Whole(filled, facts)) => {
                return Opening::Read(Beginning { state, filled, last: true, content: None, facts, claim: None });
            }
            Ok(Opened::Begun(content, filled)) => (content, Some(filled)),
            Ok(Opened::Later(Some(content))) => (content, None),
            Ok(Opened::Later(None)) => return Opening::Later(Found::File(handle)),
            Ok(Opened::Wanting(error)) => return Opening::Wanting(Found::File(handle), error),
            Ok(Opened::Passed(skip)) => return Opening::Settled(Outcome::Skipped(skip)),
            Err(reason) => return Opening::Settled(Outcome::Failed(reason)),
        };
        let content = content.in_flight(flight.or_else(|| self.flight(place)));
        let claim = match self.aliases.claim(&content, wanted) {
            Standing::Nothing => None,
            Standing::Claimed(claim) => Some(claim),
            Standing::BeingRead(id) => return Opening::Shared(id, Found::File(handle)),
            Standing::Read(_, _, result) => {
                return Opening::Settled(result.map_or_else(Outcome::Failed, Outcome::Hashed));
            }
        };
        match filled {
            Some(filled) => {
                let last = content.is_complete();
                Opening::Read(Beginning { state, filled, last, content: Some(content), facts: None, claim })
            }
            None => Opening::Later(self.begun(content, state, claim)),
        }
    }

    /// A file that goes on elsewhere.
    pub(crate) fn begun(&self, content: Box<Content>, state: State, claim: Option<Box<Claim>>) -> Found {
        Found::Begun(Box::new(Begun { content, state, claim, held: self.descriptors.hold() }))
    }

    /// What is known of a file that was read to its end, if that is wanted.
    pub(crate) fn facts_of(&self, content: &Content) -> Option<Box<Facts>> {
        self.quiet.as_ref().filter(|_| self.facts).and_then(|quiet| content.facts(quiet))
    }

    /// Nothing, while there is a reason to go on.
    pub(crate) fn go_on(&self) -> Result<(), Error> {
        Ok(self.ctx.check()?)
    }

    /// The record, or the end of everything.
    pub(crate) fn settle(&self, record: Record) -> Result<Record, Error> {
        if self.fail_fast { record.into_result() } else { Ok(record) }
    }
}

impl Sizes {
    pub(crate) fn new(wanted: RangeInclusive<u64>) -> Sizes {
        Sizes { wanted, patience: Patience::default() }
    }

    /// Whether a file that was listed has such a size; so has what is no file any more, and what was asked for by name.
    /// `None`: that would have to be waited for.
    fn has(&self, terms: &Terms, place: &Place, handle: &Handle, wait: Wait) -> Option<bool> {
        let Handle::Listed(folder) = handle else { return Some(true) };
        if wait == Wait::No && self.patience.is_out() {
            return None;
        }
        let size = self.patience.ask(|| local::size_at(folder, place.name(), terms.links.at(place)));
        Some(size.is_none_or(|size| self.wanted.contains(&size)))
    }
}

/// Reads on in a file.
fn go_on(begun: Begun, buffer: &mut [u8], wait: Wait) -> Opening {
    let Begun { mut content, state, claim, held } = begun;
    match content.read_on(buffer, wait) {
        Ok(Some((filled, last))) => {
            Opening::Read(Beginning { state, filled, last, content: Some(content), facts: None, claim })
        }
        Ok(None) => Opening::Later(Found::Begun(Box::new(Begun { content, state, claim, held }))),
        Err(reason) => {
            claim.into_iter().for_each(|claim| claim.fail(&reason));
            Opening::Settled(Outcome::Failed(reason))
        }
    }
}
