//! Records on their way out, sent several at a time.
//!
//! Whoever waits for records is woken by the first that it can take. Sent one by
//! one, each would wake it and let it sleep again; a switch costs more than a
//! small file's MD5. Here a worker keeps what it is done with until it is enough,
//! or until it goes on with something that may take long. When that is, is the
//! worker's to say.

use errgroup::Ticket;

use crate::entry::Record;
use crate::error::Error;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// In the order in which they were done.
    done: Vec<(Ticket<Record>, Record)>,
}

impl Outbox {
    /// A few hundred microseconds of small files.
    const ROOM: usize = 64;

    /// Puts a record to the others, and sends them if they are enough.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] once nobody wants records any more.
    pub(crate) fn put(&mut self, ticket: Ticket<Record>, record: Record) -> Result<(), Error> {
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
        for (ticket, record) in self.done.drain(..).rev() {
            ticket.send(record)?;
        }
        Ok(())
    }
}
