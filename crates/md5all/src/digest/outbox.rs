//! Records on their way out, sent several at a time.
//!
//! Whoever waits for records is woken by the first that it can take. Sent one by
//! one, each would wake it and let it sleep again; a switch costs more than a
//! small file's MD5. Here a worker keeps what it is done with until it is enough,
//! or until it goes on with something that may take long. When that is, is the
//! worker's to say. What is sent is in the journal by then, if there is one.

use std::sync::Arc;

use errgroup::Ticket;

use crate::directory::PathBuffer;
use crate::error::Error;
use crate::journal::Journal;
use crate::ledger;
use crate::progress::Tally;
use crate::record::{Outcome, Record};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Outbox {
    /// In the order in which they were done.
    done: Vec<(Ticket<Record>, Record)>,
    journal: Option<Arc<Journal>>,
    /// Where what is done is counted.
    tally: Option<Arc<Tally>>,
    /// What goes there.
    lines: Vec<u8>,
    paths: PathBuffer,
}

impl Outbox {
    /// A few hundred microseconds of small files.
    const ROOM: usize = 64;

    pub(crate) fn new(journal: Option<Arc<Journal>>, tally: Option<Arc<Tally>>) -> Outbox {
        Outbox { done: Vec::new(), journal, tally, lines: Vec::new(), paths: PathBuffer::default() }
    }

    /// Puts a record to the others, and sends them if they are enough.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] once nobody wants records any more.
    pub(crate) fn put(&mut self, ticket: Ticket<Record>, record: Record) -> Result<(), Error> {
        if self.journal.is_some()
            && let Outcome::Hashed(hashed) = record.outcome()
        {
            ledger::write(&mut self.lines, record.path_bytes(&mut self.paths), hashed.checksums(), &hashed.facts());
        }
        self.push(ticket, record)
    }

    /// The same with what an earlier run knew.
    ///
    /// # Errors
    ///
    /// As for [`put`](Self::put).
    pub(crate) fn put_known(&mut self, ticket: Ticket<Record>, record: Record) -> Result<(), Error> {
        if let Some(tally) = &self.tally
            && let Outcome::Hashed(hashed) = record.outcome()
        {
            tally.spare(hashed.facts().size.unwrap_or_default());
        }
        self.push(ticket, record)
    }

    fn push(&mut self, ticket: Ticket<Record>, record: Record) -> Result<(), Error> {
        if let Some(tally) = &self.tally {
            tally.count(record.outcome());
        }
        self.done.push((ticket, record));
        if self.done.len() < Self::ROOM { Ok(()) } else { self.empty() }
    }

    /// Sends all that there is, the latest first: so it is the last one sent that is next in order, and nobody is woken
    /// for the others.
    ///
    /// # Errors
    ///
    /// As for [`put`](Self::put).
    pub(crate) fn empty(&mut self) -> Result<(), Error> {
        self.journal.iter().for_each(|journal| journal.append(&self.lines));
        self.lines.clear();
        for (ticket, record) in self.done.drain(..).rev() {
            ticket.send(record)?;
        }
        Ok(())
    }
}
