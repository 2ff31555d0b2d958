//! What holds up the rest of a run: found from what each stage did and what it waited for.

use std::fmt;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use errgroup::{Figures, StageFigures};
use rustix::time::{ClockId, clock_gettime};

/// What a run waits for most: [`Progress::bottleneck`](crate::Progress::bottleneck).
///
/// Its `Display` says it in words, as what follows "held up by".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bottleneck {
    /// Listing directories, or whoever else says which files there are.
    Listing,
    /// Reading files: the workers wait for what they lie on.
    Reading,
    /// The workers compute all the time.
    Hashing,
    /// Whoever takes the records.
    Output,
}

/// A pipeline of a source, workers and a consumer.
pub(crate) struct Watched {
    pub(crate) figures: Figures,
    /// What holds up the rest where the source does.
    pub(crate) source: Bottleneck,
}

/// How long each kind of stage was at it, over all pipelines, and how long it might have been.
#[derive(Clone, Copy, Debug, Default)]
struct Shares {
    lasted: Duration,
    listing: Duration,
    opening: Duration,
    working: Duration,
    /// How long all workers, and all cores, were there to work.
    could_work: Duration,
    could_compute: Duration,
    output: Duration,
}

/// Finds it, given the processor time that it all took.
///
/// Whoever is busy for at least half of the time holds up the others. A worker counts as busy while it reads, too; so if
/// all are, and yet the cores are not, it is reading that they are busy with. If nobody is, all wait for readers.
pub(crate) fn find(pipelines: &[Watched], computed: Duration) -> Option<Bottleneck> {
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    let mut shares = Shares::default();
    pipelines.iter().for_each(|pipeline| shares.add(&pipeline.figures.stages(), pipeline.source, cores));
    shares.find(computed)
}

/// How much processor time the process has used.
pub(crate) fn computed() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

impl Shares {
    /// Adds a pipeline: its source, its workers, its consumer.
    fn add(&mut self, stages: &[StageFigures], first: Bottleneck, cores: usize) {
        let [source, workers, consumer] = stages else { return };
        let lasted = consumer.busy + consumer.waited_for_input;
        let times = |count: usize| lasted * u32::try_from(count).unwrap_or(u32::MAX);
        self.lasted += lasted;
        match first {
            Bottleneck::Listing => self.listing += source.busy,
            _ => self.opening += source.busy,
        }
        self.working += workers.busy;
        self.could_work += times(workers.workers);
        self.could_compute += times(workers.workers.min(cores));
        self.output += consumer.busy;
    }

    fn find(&self, computed: Duration) -> Option<Bottleneck> {
        if self.lasted.is_zero() {
            return None;
        }
        let share = |part: Duration, whole: Duration| part.as_secs_f64() / whole.as_secs_f64();
        let work = if share(computed, self.could_compute) >= 0.5 { Bottleneck::Hashing } else { Bottleneck::Reading };
        let busy = [
            (share(self.working, self.could_work), work),
            (share(self.output, self.lasted), Bottleneck::Output),
            (share(self.listing, self.lasted), Bottleneck::Listing),
            (share(self.opening, self.lasted), Bottleneck::Reading),
        ];
        let (most, found) = busy.into_iter().max_by(|(one, _), (other, _)| one.total_cmp(other))?;
        Some(if most < 0.5 { Bottleneck::Reading } else { found })
    }
}

impl fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Bottleneck::Listing => "listing directories",
            Bottleneck::Reading => "the disk",
            Bottleneck::Hashing => "hashing",
            Bottleneck::Output => "whoever reads the output",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With seconds of ten: of listing, of two workers each, of output; and the processor time of all.
    fn check(listing: u64, working: u64, output: u64, computed: u64, expected: Bottleneck) {
        let seconds = Duration::from_secs;
        let shares = Shares {
            lasted: seconds(10),
            listing: seconds(listing),
            opening: Duration::ZERO,
            working: seconds(2 * working),
            could_work: seconds(20),
            could_compute: seconds(20),
            output: seconds(output),
        };
        let found = shares.find(seconds(computed));
        assert_eq!(found, Some(expected), "{listing} {working} {output} {computed}");
    }

    #[test]
    fn whoever_is_busy_most_of_the_time_holds_up_the_others() {
        check(1, 10, 1, 18, Bottleneck::Hashing);
        check(10, 2, 1, 10, Bottleneck::Listing);
        check(2, 3, 10, 6, Bottleneck::Output);
    }

    #[test]
    fn where_nobody_computes_it_is_reading() {
        check(1, 10, 1, 2, Bottleneck::Reading);
        check(1, 2, 1, 2, Bottleneck::Reading);
    }

    #[test]
    fn before_anything_is_known_nothing_is_said() {
        assert_eq!(find(&[], Duration::ZERO), None);
    }
}
