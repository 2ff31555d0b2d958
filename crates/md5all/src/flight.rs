//! Files *in flight*: those that are being opened or read, by name, for whoever looks on.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::directory::Place;

/// A file that is being read, or opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InFlight {
    /// Its path, as its record will have it.
    pub path: PathBuf,
    /// How many bytes of it were read.
    pub bytes: u64,
    /// How many there are in all; `None` if nobody can tell, or it is not open yet.
    pub size: Option<u64>,
    /// How long ago it was begun.
    pub elapsed: Duration,
}

/// All that are in flight.
#[derive(Default)]
pub(crate) struct Flights {
    /// By numbers that grow, so that the oldest comes first.
    files: Mutex<BTreeMap<u64, Arc<Flying>>>,
    /// The number of the next.
    next: AtomicU64,
}

/// That a file is in flight, until this is dropped.
pub(crate) struct Flight {
    flights: Arc<Flights>,
    number: u64,
    file: Arc<Flying>,
}

/// What is known of a file in flight. Relaxed: nothing is behind the numbers.
struct Flying {
    place: Place,
    since: Instant,
    bytes: AtomicU64,
    /// [`UNKNOWN`] if nobody can tell.
    size: AtomicU64,
}

const UNKNOWN: u64 = u64::MAX;

impl Flights {
    /// One more.
    pub(crate) fn begin(self: &Arc<Self>, place: &Place) -> Flight {
        let number = self.next.fetch_add(1, Relaxed);
        let (bytes, size) = (AtomicU64::new(0), AtomicU64::new(UNKNOWN));
        let file = Arc::new(Flying { place: place.clone(), since: Instant::now(), bytes, size });
        self.lock().insert(number, Arc::clone(&file));
        Flight { flights: Arc::clone(self), number, file }
    }

    /// What is in flight now, the oldest first.
    pub(crate) fn told(&self) -> Vec<InFlight> {
        let files: Vec<_> = self.lock().values().cloned().collect();
        files.iter().map(|file| file.told()).collect()
    }

    /// Nothing panics while it is held but for want of memory.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Flying>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// It is open, and so large.
    pub(crate) fn has_size(&self, size: Option<u64>) {
        self.file.size.store(size.unwrap_or(UNKNOWN), Relaxed);
    }

    /// So many bytes more of it were read, by one of several who read it.
    pub(crate) fn has_read(&self, bytes: u64) {
        self.file.bytes.fetch_add(bytes, Relaxed);
    }

    /// So many bytes of it were read in all.
    pub(crate) fn has_come_to(&self, bytes: u64) {
        self.file.bytes.store(bytes, Relaxed);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let landed = self.flights.lock().remove(&self.number);
        drop(landed); // not under the lock: its place may be the last of a long path
    }
}

impl Flying {
    fn told(&self) -> InFlight {
        let (bytes, size) = (self.bytes.load(Relaxed), self.size.load(Relaxed));
        // One that grows has more than it had.
        let size = (size != UNKNOWN && size >= bytes && size > 0).then_some(size);
        InFlight { path: self.place.path(), bytes, size, elapsed: self.since.elapsed() }
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Flight").field(&self.number).finish()
    }
}
