//! MD5: many files at once in every worker, each in a lane of its own.
//!
//! A worker takes files for as long as it has free lanes and there are any, and
//! waits only with empty hands, so that no file that is begun is held up by one
//! that has yet to be found. It reads wherever a lane has nothing left to hash,
//! as long as that is in memory; what is not, it leaves to the readers. Where it
//! could read on in one of several files while another worker has at least two
//! fewer, and there is nothing new, it hands that file over.

use std::sync::Arc;

use errgroup::{Ticket, Tickets};
use md5_lanes::{Job, Lanes, Md5, Turn};

use crate::algorithm::{Checksums, Digest};
use crate::digest::aliases::Claim;
use crate::digest::alone;
use crate::digest::balance::Seat;
use crate::digest::outbox::Outbox;
use crate::digest::readers::{Buffer, Readers, Wish};
use crate::digest::state::{Others, State};
use crate::digest::{Beginning, Opening, Terms};
use crate::directory::{PathBuffer, Place};
use crate::entry::{Entry, Found, Part};
use crate::error::{Error, Reason};
use crate::facts::Facts;
use crate::progress::{Progress, Tally};
use crate::record::{Hashed, Outcome, Record};
use crate::source::{Content, Wait};

/// So many files are left to readers at a time: to wake one for each costs more than it does to open it.
const MANY: usize = 64;

/// So many files fill the lanes of any vector unit.
const ENOUGH: usize = 16;

/// A worker: hashes every entry that it is handed.
///
/// # Errors
///
/// [`Error::Stopped`] once the pipeline has no more use for the results; and
/// the first failure, if that is what the caller wants to stop at.
pub(crate) fn work(tickets: &mut Tickets<Entry, Record>, terms: &Terms, readers: &Arc<Readers>) -> Result<(), Error> {
    let result = play(Hand::new(tickets, terms, readers));
    // Where all went well, nothing waits any more. A worker that slept when the end came has no error to tell of.
    if result.is_err() || terms.ctx.is_cancelled() {
        terms.aliases.clear();
        readers.close();
    }
    result
}

fn play(mut hand: Hand<'_>) -> Result<(), Error> {
    let mut lanes = Lanes::new();
    while hand.wait()? {
        let _held = hand.terms.descriptors.hold();
        lanes.run(|turn| hand.play(turn));
        hand.end_round()?;
    }
    Ok(())
}

/// What a worker has in hand.
struct Hand<'worker> {
    tickets: &'worker mut Tickets<Entry, Record>,
    terms: &'worker Terms,
    readers: &'worker Arc<Readers>,
    /// What the worker has waited for, or must come to with empty hands.
    first: Option<(Ticket<Record>, Entry)>,
    /// What is read to its end when nothing else is in hand: what may block for as long as it likes, and what needs no
    /// lane. All that was read of it is hashed.
    aside: Option<(Md5, Reading)>,
    /// Where the others see how many files are in lanes here.
    seat: Seat<'worker>,
    /// How many files are in lanes.
    held: usize,
    /// Whether there was nothing new to begin with, when it was asked for last.
    dry: bool,
    /// Buffers without a file.
    buffers: Vec<Buffer>,
    /// Where paths are put together to be looked up.
    paths: PathBuffer,
    /// Where what is hashed is counted.
    tally: Option<Arc<Tally>>,
    /// What is done.
    outbox: Outbox,
    /// What is to be read by others.
    wishes: Vec<Wish>,
    /// What ends the worker.
    failure: Option<Error>,
}

/// A file that is being hashed.
struct Reading {
    ticket: Ticket<Record>,
    place: Place,
    /// What is still to be read, or vouched for; `None` if all is in the buffer.
    content: Option<Box<Content>>,
    /// What is known of it, if all was in the buffer and that is wanted.
    facts: Option<Box<Facts>>,
    buffer: Buffer,
    /// How much of the buffer is to be hashed.
    filled: usize,
    /// What is computed beside the MD5, or in its place.
    others: Option<Box<Others>>,
    /// That other names of the file may wait for it.
    claim: Option<Box<Claim>>,
}

impl AsRef<[u8]> for Reading {
    fn as_ref(&self) -> &[u8] {
        self.buffer.filled(self.filled)
    }
}

impl Reading {
    /// Reads on, and says whether that was the end; `None` if it would have to be waited for.
    fn read(&mut self) -> Result<Option<bool>, Reason> {
        let Some(content) = &mut self.content else { return Ok(Some(true)) };
        let Some((filled, last)) = content.read_on(self.buffer.room(), Wait::No)? else { return Ok(None) };
        self.filled = filled;
        Ok(Some(last))
    }

    /// Whether an MD5 is wanted.
    fn has_md5(&self) -> bool {
        self.others.as_ref().is_none_or(|others| others.with_md5)
    }

    /// Hashes what is in the buffer by all that has no lanes.
    fn update_others(&mut self) {
        if let Some(others) = &mut self.others {
            others.update(self.buffer.filled(self.filled));
        }
    }

    fn is_stream(&self) -> bool {
        self.content.as_ref().is_some_and(|content| !content.is_regular())
    }

    /// Says whether what was read was one and the same file.
    fn verify(&self) -> Result<(), Reason> {
        self.content.as_ref().map_or(Ok(()), |content| content.verify())
    }
}

impl<'worker> Hand<'worker> {
    fn new(
        tickets: &'worker mut Tickets<Entry, Record>,
        terms: &'worker Terms,
        readers: &'worker Arc<Readers>,
    ) -> Self {
        let tally = terms.progress.as_ref().map(Progress::tally);
        Hand {
            tickets,
            terms,
            readers,
            first: None,
            aside: None,
            seat: terms.balance.seat(),
            held: 0,
            dry: false,
            buffers: Vec::new(),
            paths: PathBuffer::default(),
            outbox: Outbox::new(terms.journal.clone(), tally.clone()),
            wishes: Vec::new(),
            tally,
            failure: None,
        }
    }

    /// Waits for an entry, or for what another worker leaves to this one; says
    /// whether there is any.
    fn wait(&mut self) -> Result<bool, Error> {
        self.keep_nothing()?;
        // With many away, one comes back before long, and until then nothing new is wanted.
        while self.first.is_none() && self.readers.are_full() {
            self.terms.go_on()?;
            self.first = self.tickets.help();
        }
        self.first = self.first.take().or_else(|| self.tickets.next()).or_else(|| self.tickets.help());
        self.gather();
        Ok(self.first.is_some())
    }

    /// Lets readers run while that brings more, since many files are hashed for the price of one.
    fn gather(&self) {
        let is_from_readers = matches!(&self.first, Some((_, Entry { found: Found::Read(_), .. })));
        let mut last = self.tickets.handed_over();
        while is_from_readers && last < ENOUGH {
            std::thread::yield_now();
            let now = self.tickets.handed_over();
            if now <= last {
                return;
            }
            last = now;
        }
    }

    /// Does what is to be done where a lane has nothing to hash.
    fn play(&mut self, turn: Turn<Reading>) -> Option<Job<Reading>> {
        if self.failure.is_some() {
            return None;
        }
        self.follow(turn).unwrap_or_else(|error| {
            self.failure = Some(error);
            None
        })
    }

    fn follow(&mut self, turn: Turn<Reading>) -> Result<Option<Job<Reading>>, Error> {
        let job = match turn {
            Turn::Idle => None,
            Turn::Part(md5, reading) => self.go_on(md5, reading)?,
            Turn::Digest(digest, reading) => {
                self.seal(reading, digest)?;
                None
            }
        };
        if job.is_some() { Ok(job) } else { self.begin() }
    }

    /// Begins with the next file, if there is one and a lane for it.
    fn begin(&mut self) -> Result<Option<Job<Reading>>, Error> {
        while self.held < self.terms.lanes && self.aside.is_none() {
            let Some((ticket, entry)) = self.take() else {
                self.keep_nothing()?; // it may be what is waited for
                break;
            };
            if entry.may_block() && self.held > 0 {
                self.first = Some((ticket, entry));
                break;
            }
            if let Some(job) = self.open(ticket, entry)? {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    fn take(&mut self) -> Option<(Ticket<Record>, Entry)> {
        if self.first.is_some() {
            return self.first.take();
        }
        // What was handed over is for whoever has the fewest.
        if self.tickets.handed_over() > 0 && self.seat.least_of_others() < self.held {
            return None;
        }
        let taken = if self.readers.are_full() { self.tickets.try_help() } else { self.tickets.try_next().ok() };
        self.dry = taken.is_none();
        taken
    }

    /// One more file, or one fewer.
    fn hold(&mut self, files: usize) {
        self.held = files;
        self.seat.holds(files);
    }

    /// Whether another worker is to go on with one of this one's files.
    fn has_too_many(&self) -> bool {
        self.held > 1
            && self.dry
            && self.seat.least_of_others().saturating_add(self.tickets.handed_over()).saturating_add(2) <= self.held
    }

    /// Opens a file, and begins to hash it; or leaves it to others, or sends what became of it.
    fn open(&mut self, ticket: Ticket<Record>, entry: Entry) -> Result<Option<Job<Reading>>, Error> {
        self.terms.go_on()?;
        // Though nobody waits here, another device may have its time.
        if self.wishes.first().is_some_and(|wish| !wish.is_on_device_of(&entry)) {
            self.readers.fetch(&mut self.wishes);
        }
        // Whatever may take as long as it likes is opened with empty hands.
        let wait = if entry.may_block() { Wait::Yes } else { Wait::No };
        if wait == Wait::Yes {
            self.keep_nothing()?;
            self.seat.is_away();
        }
        let Entry { place, found } = entry;
        if let Found::Read(part) = found {
            let Part { beginning, buffer, .. } = *part; // from here on it is the worker's
            return self.start(ticket, place, beginning, buffer);
        }
        let mut buffer = self.buffers.pop().unwrap_or_else(Buffer::new);
        match self.terms.open(&place, &mut self.paths, found, buffer.room(), wait) {
            Opening::Read(beginning) => return self.start(ticket, place, beginning, buffer),
            // Readers wait for a descriptor, too.
            Opening::Later(found) | Opening::Wanting(found, _) => self.fetch(ticket, Entry { place, found }),
            Opening::Shared(id, found) => {
                let (entry, courier) = (Entry { place, found }, self.tickets.courier());
                self.terms.aliases.wait(id, Wish { ticket, entry, courier, away: None });
            }
            Opening::TakenOver(hashed) => {
                self.hold(self.held);
                self.outbox.put_known(ticket, Record::new(place, Outcome::Hashed(hashed)))?;
            }
            Opening::Settled(outcome) => {
                self.hold(self.held);
                self.send(ticket, Record::new(place, outcome))?;
            }
        }
        self.keep(buffer);
        Ok(None)
    }

    /// Takes a file in hand of which the beginning is there.
    fn start(
        &mut self,
        ticket: Ticket<Record>,
        place: Place,
        beginning: Beginning,
        buffer: Buffer,
    ) -> Result<Option<Job<Reading>>, Error> {
        let Beginning { state: State { md5, others }, filled, last, content, facts, claim } = beginning;
        let reading = Reading { ticket, place, content, facts, buffer, filled, others, claim };
        self.count(filled);
        self.hold(self.held + 1);
        if reading.is_stream() {
            self.aside = Some((md5, reading));
            return Ok(None);
        }
        if filled == 0 && !last { self.read(md5, reading) } else { self.hash(md5, reading, last) }
    }

    /// Hashes what was read: the MD5 in a lane, and what else is wanted at once.
    ///
    /// Inlined, since with MD5 alone there is nothing to do here: as a call it costs a small file 80 instructions, 1 %.
    #[inline(always)]
    fn hash(&mut self, md5: Md5, reading: Reading, last: bool) -> Result<Option<Job<Reading>>, Error> {
        match reading.others {
            None => Ok(Some(Job { md5, data: reading, last })),
            Some(_) => self.hash_others(md5, reading, last),
        }
    }

    #[inline(never)]
    fn hash_others(&mut self, md5: Md5, mut reading: Reading, last: bool) -> Result<Option<Job<Reading>>, Error> {
        reading.update_others();
        if reading.has_md5() {
            return Ok(Some(Job { md5, data: reading, last }));
        }
        if last {
            self.seal(reading, md5.finalize())?;
        } else {
            self.aside = Some((md5, reading));
        }
        Ok(None)
    }

    /// Leaves to the readers what would have to be waited for.
    fn fetch(&mut self, ticket: Ticket<Record>, entry: Entry) {
        self.wishes.push(self.readers.wish(ticket, entry, self.tickets.courier()));
        if self.wishes.len() >= MANY {
            self.readers.fetch(&mut self.wishes);
        }
    }

    /// Sends what is done and leaves to the readers what is theirs, before anything that may take long.
    fn keep_nothing(&mut self) -> Result<(), Error> {
        self.readers.fetch(&mut self.wishes);
        self.outbox.empty()
    }

    fn keep(&mut self, buffer: Buffer) {
        if buffer.is_own() {
            self.buffers.push(buffer);
        }
    }

    /// Goes on with a file of which a part is hashed: here, or at a worker that has none.
    fn go_on(&mut self, mut md5: Md5, mut reading: Reading) -> Result<Option<Job<Reading>>, Error> {
        if self.has_too_many()
            && let Some(content) = reading.content.take()
        {
            let (ticket, entry) = self.let_go(content, md5, reading);
            self.tickets.hand_over(ticket, entry);
            return Ok(None);
        }
        self.keep_nothing()?; // a file that goes on, for however long, holds up nothing
        match self.read_ahead(&mut md5, &mut reading) {
            Ok(()) => self.read(md5, reading),
            Err(reason) => {
                self.finish(reading, Outcome::Failed(reason))?;
                Ok(None)
            }
        }
    }

    /// Goes on with a large file for as long as it is all that there is to do.
    fn read_ahead(&mut self, md5: &mut Md5, reading: &mut Reading) -> Result<(), Reason> {
        let is_alone = || self.tickets.is_anyone_idle() && self.terms.go_on().is_ok();
        if let Some(content) = &mut reading.content
            && self.held == 1
            && alone::is_worth_it(content)
            && let Some(_permit) = self.terms.alone.permit()
            && is_alone()
        {
            let mut state = State { md5: std::mem::take(md5), others: reading.others.take() };
            let done = alone::hash(content, &mut state, is_alone, |bytes| self.count(bytes));
            State { md5: *md5, others: reading.others } = state;
            done?;
        }
        Ok(())
    }

    /// So many bytes more were read, and are to be hashed.
    fn count(&self, bytes: usize) {
        if let Some(tally) = &self.tally {
            tally.hash(bytes as u64);
        }
    }

    /// Takes a file out of this worker's hand, to go on elsewhere.
    fn let_go(&mut self, content: Box<Content>, md5: Md5, reading: Reading) -> (Ticket<Record>, Entry) {
        let Reading { ticket, place, buffer, others, claim, .. } = reading;
        let found = self.terms.begun(content, State { md5, others }, claim);
        self.keep(buffer);
        self.hold(self.held - 1);
        (ticket, Entry { place, found })
    }

    /// Reads on in a file and hashes that, or has it read, or sends what kept it from being read.
    fn read(&mut self, md5: Md5, reading: Reading) -> Result<Option<Job<Reading>>, Error> {
        match self.advance(md5, reading)? {
            Some((md5, reading, last)) => self.hash(md5, reading, last),
            None => Ok(None),
        }
    }

    /// Reads on in a file, and says whether that was the end; or has it read, or sends what kept it from being read.
    fn advance(&mut self, md5: Md5, mut reading: Reading) -> Result<Option<(Md5, Reading, bool)>, Error> {
        self.terms.go_on()?;
        match reading.read() {
            Ok(Some(last)) => {
                self.count(reading.filled);
                Ok(Some((md5, reading, last)))
            }
            Ok(None) => {
                if let Some(content) = reading.content.take() {
                    let (ticket, entry) = self.let_go(content, md5, reading);
                    self.fetch(ticket, entry);
                }
                Ok(None)
            }
            Err(reason) => {
                self.finish(reading, Outcome::Failed(reason))?;
                Ok(None)
            }
        }
    }

    /// There are checksums only of what was one and the same file from first to
    /// last.
    fn seal(&mut self, mut reading: Reading, md5: md5_lanes::Digest) -> Result<(), Error> {
        let outcome = match reading.verify() {
            Ok(()) => {
                let facts = reading.facts.take().or_else(|| self.terms.facts_of(reading.content.as_deref()?));
                let checksums = match reading.others.take() {
                    None => Checksums::from(Digest::from(md5)),
                    Some(others) => others.finish_beside(md5),
                };
                Outcome::Hashed(Hashed::new(checksums).with(facts))
            }
            Err(reason) => Outcome::Failed(reason),
        };
        self.finish(reading, outcome)
    }

    fn finish(&mut self, reading: Reading, outcome: Outcome) -> Result<(), Error> {
        let Reading { ticket, place, content, buffer, claim, .. } = reading;
        drop(content); // closed before it is said that it is
        if let Some(claim) = claim {
            claim.settle(&outcome);
        }
        self.keep(buffer);
        self.hold(self.held - 1);
        self.send(ticket, Record::new(place, outcome))
    }

    fn send(&mut self, ticket: Ticket<Record>, record: Record) -> Result<(), Error> {
        self.terms.descriptors.freed();
        self.outbox.put(ticket, self.terms.settle(record)?)
    }

    /// With all lanes empty: ends if something went wrong, and reads what was
    /// put aside.
    fn end_round(&mut self) -> Result<(), Error> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        self.keep_nothing()?;
        let Some(aside) = self.aside.take() else { return Ok(()) };
        self.seat.is_away();
        self.read_through(aside)
    }

    /// Reads and hashes to the end, without a lane.
    fn read_through(&mut self, (mut md5, mut reading): (Md5, Reading)) -> Result<(), Error> {
        loop {
            if let Err(reason) = self.read_ahead(&mut md5, &mut reading) {
                return self.finish(reading, Outcome::Failed(reason));
            }
            let Some(next) = self.advance(md5, reading)? else { return Ok(()) };
            let last;
            (md5, reading, last) = next;
            reading.update_others();
            if reading.has_md5() {
                md5.update(reading.as_ref());
            }
            if last {
                return self.seal(reading, md5.finalize());
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::algorithm::Algorithms;
    use crate::digest::aliases::Aliases;
    use crate::digest::alone::Permits;
    use crate::digest::balance::Balance;
    use crate::source::{Cache, Descriptors, Devices, Links, Quiet, Root};
    use crate::walk::{self, Walk};
    use errgroup::{Context, Order, Pipeline};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    pub(crate) fn terms(workers: usize) -> Terms {
        Terms {
            ctx: Context::background(),
            links: Links::Skip,
            algorithms: Algorithms::default(),
            fail_fast: true,
            lanes: 64,
            exclude: Vec::new(),
            sizes: None,
            quiet: Quiet::now(),
            devices: Devices::default(),
            balance: Balance::new(workers),
            away: 1024,
            cache: Cache::Use,
            facts: false,
            journal: None,
            progress: None,
            known: Vec::new(),
            aliases: Aliases::new(1024),
            buffers: 1024,
            alone: Permits::new(workers),
            descriptors: Descriptors::new(31),
        }
    }

    /// One worker takes all files there are, before the other is there; that one asks for nothing new, and must be given
    /// its share, of files that were begun.
    #[test]
    fn no_worker_has_two_files_more_than_another() {
        const FILES: usize = 6;
        let dir = tempfile::tempdir().unwrap();
        for name in 0..FILES {
            std::fs::write(dir.path().join(name.to_string()), vec![name as u8; 3 << 20]).unwrap();
        }
        let found = Pipeline::source(&Context::background(), FILES, {
            let root = Root::from(dir.path());
            move |entries| Walk::new(&[root], walk::Terms::plain(Links::Skip)).send_all(entries)
        });
        let terms = Arc::new(terms(2));
        let readers = Readers::new(Arc::clone(&terms));
        let (workers, given) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&given);
        let records = found.ticketed(2, Order::Completion, move |tickets| {
            if workers.fetch_add(1, Ordering::Relaxed) == 0 {
                return work(tickets, &terms, &readers);
            }
            let seat = terms.balance.seat();
            let (mut mine, begun) = (Vec::new(), Instant::now());
            while mine.len() < FILES / 2 {
                let Some((ticket, entry)) = tickets.help() else {
                    // The other has not taken the first yet; had it kept all, it would be done long before this.
                    assert!(begun.elapsed() < Duration::from_secs(60), "nothing was handed over");
                    std::thread::yield_now();
                    continue;
                };
                assert!(matches!(entry.found, Found::Begun(_)), "{entry:?}");
                mine.push((ticket, entry));
                seat.holds(mine.len());
            }
            counted.store(mine.len(), Ordering::Relaxed);
            for (ticket, entry) in mine {
                let mut buffer = Buffer::new();
                let Entry { place, mut found } = entry;
                let checksums = loop {
                    let Opening::Read(Beginning { mut state, filled, last, content, claim, .. }) =
                        terms.open(&place, &mut PathBuffer::default(), found, buffer.room(), Wait::Yes)
                    else {
                        panic!("it can be read");
                    };
                    state.update(buffer.filled(filled));
                    if last {
                        break state.finish();
                    }
                    let content = content.expect("there is more");
                    found = terms.begun(content, state, claim);
                };
                ticket.send(Record::new(place, Outcome::Hashed(Hashed::new(checksums))))?;
            }
            Ok(())
        });
        let hashed =
            records.map(|record| record.unwrap()).filter(|record| matches!(record.outcome(), Outcome::Hashed(_)));
        assert_eq!(hashed.count(), FILES);
        assert_eq!(given.load(Ordering::Relaxed), FILES / 2);
    }
}
