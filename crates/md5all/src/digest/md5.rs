//! MD5, one file after the other.
//!
//! One stream a worker. Hashing many files at once, each in a lane of its own,
//! is a loop over the same tickets that holds more than one of them.

use errgroup::Tickets;
use md5_lanes::Md5;

use crate::digest::{Digest, Terms};
use crate::entry::{Entry, Outcome, Record};
use crate::error::Error;
use crate::source::Content;

/// Large enough that the calls to read a big file cost nothing beside hashing
/// it, small enough to stay in a core's second-level cache.
const BUFFER: usize = 128 * 1024;

/// A worker: hashes every entry that it is handed.
///
/// # Errors
///
/// [`Error::Stopped`] once the pipeline has no more use for the results; and
/// the first failure, if that is what the caller wants to stop at.
pub(crate) fn work(tickets: &mut Tickets<Entry, Record>, terms: &Terms) -> Result<(), Error> {
    let mut buffer = vec![0; BUFFER];
    for (ticket, Entry { place, found }) in tickets {
        let outcome = match terms.open(&place, found) {
            Ok(content) => hash(content, &mut buffer, terms)?,
            Err(outcome) => outcome,
        };
        ticket.send(terms.settle(Record::new(place, outcome))?)?;
    }
    Ok(())
}

/// Reads a file to its end, however it ends.
fn hash(mut content: Content, buffer: &mut [u8], terms: &Terms) -> Result<Outcome, Error> {
    let mut md5 = Md5::new();
    loop {
        terms.go_on()?;
        match content.read(buffer) {
            Ok(0) => return Ok(seal(&content, md5)),
            Ok(count) => md5.update(&buffer[..count]),
            Err(reason) => return Ok(Outcome::Failed(reason)),
        }
    }
}

/// There is a digest only of what was one and the same file from first to last.
fn seal(content: &Content, md5: Md5) -> Outcome {
    match content.verify() {
        Ok(()) => Outcome::Hashed(Digest::from(md5.finalize())),
        Err(reason) => Outcome::Failed(reason),
    }
}
