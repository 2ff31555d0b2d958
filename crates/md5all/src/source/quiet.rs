//! Why a file that has long been left alone need be looked at only once.
//!
//! Whether a file changed while it was read is seen by comparing what `fstat`
//! says before and after. But a change always sets the change time of the file,
//! and nothing can set that back but a clock that is set back. So what `fstat`
//! says *after* can be enough: if the change time lies before the moment the
//! file was opened, nothing has changed since, and it would have said the same
//! before. That holds only
//!
//! 1. where the clock that stamps files is this machine's: on file systems of
//!    the kernel's own, not on a network's, nor one that some process serves;
//! 2. with a margin for how roughly files are stamped: by the kernel's tick, and
//!    in whole seconds on an ext4 with small inodes;
//! 3. as long as that clock was not set back by as much as the margin, which
//!    shows beside the one that nobody can set.
//!
//! Where one of these fails, or the file is newer, it is looked at twice. Nothing
//! here reads a file.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::facts::nanoseconds;
use crate::source::content::Stamp;

/// A moment before anything was opened, less a margin.
#[derive(Debug)]
pub(crate) struct Quiet {
    /// The same moment on two clocks: one that stamps files, and one that cannot be set.
    begun: (SystemTime, Instant),
    /// Files changed before this, in seconds since 1970, have not been changed since.
    until: i64,
    /// The moment itself, in nanoseconds since 1970.
    began_ns: i64,
}

impl Quiet {
    /// Ten times the largest tick of those that stamp files.
    const MARGIN: Duration = Duration::from_secs(10);

    /// Ten times the largest tick of a kernel that stamps more finely than in seconds: 100 times a second.
    const TICK: Duration = Duration::from_millis(100);

    /// As of now; `None` if the clock shows a year before 1970, and so cannot be right.
    pub(crate) fn now() -> Option<Quiet> {
        let begun = (SystemTime::now(), Instant::now());
        let until = begun.0.checked_sub(Self::MARGIN)?.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let began_ns = i64::try_from(begun.0.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()?;
        Some(Quiet { begun, until: i64::try_from(until).ok()?, began_ns })
    }

    /// Whether a file that is like this now has been so since before it was opened.
    pub(crate) fn vouches_for(&self, stamp: &Stamp) -> bool {
        stamp.changed.0 < self.until && self.clock_went_on(Self::MARGIN)
    }

    /// Whether a change after the file was read would have to show in its times: both lie so long before the moment that
    /// no change since can have been stamped the same.
    pub(crate) fn would_show_a_change(&self, stamp: &Stamp, is_punctual: bool) -> bool {
        let is_fine = is_punctual && stamp.changed.1 != 0;
        let margin = if is_fine { Self::TICK } else { Self::MARGIN };
        let latest = nanoseconds(stamp.modified.max(stamp.changed));
        latest.is_some_and(|latest| latest < self.began_ns - margin.as_nanos() as i64) && self.clock_went_on(margin)
    }

    /// Whether the clock was not set back since, by as much as would matter beside this margin.
    fn clock_went_on(&self, margin: Duration) -> bool {
        let (then, since) = self.begun;
        SystemTime::now() + margin / 2 >= then + since.elapsed()
    }
}

#[cfg(test)]
impl Quiet {
    /// One that takes any file for old.
    pub(crate) fn for_ever() -> Quiet {
        Quiet { until: i64::MAX, began_ns: i64::MAX, ..Quiet::now().unwrap() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn seconds(time: SystemTime) -> i64 {
        time.duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
    }

    fn changed(seconds: i64) -> Stamp {
        Stamp { size: 1, modified: (0, 0), changed: (seconds, 999_999_999) }
    }

    #[test]
    fn only_files_older_than_the_margin_are_vouched_for() {
        let quiet = Quiet::now().unwrap();
        let last = seconds(quiet.begun.0 - Quiet::MARGIN);
        assert!(quiet.vouches_for(&changed(0)));
        assert!(quiet.vouches_for(&changed(last - 1)));
        assert!(!quiet.vouches_for(&changed(last)));
        assert!(!quiet.vouches_for(&changed(seconds(quiet.begun.0))));
        assert!(!quiet.vouches_for(&changed(seconds(quiet.begun.0 + HOUR))));
    }

    #[test]
    fn a_change_would_show_if_the_file_was_left_alone_for_longer_than_a_tick() {
        let quiet = Quiet::now().unwrap();
        let ago = |margin: Duration, more: i64| {
            let time = quiet.began_ns - margin.as_nanos() as i64 - more;
            (time.div_euclid(1_000_000_000), time.rem_euclid(1_000_000_000))
        };
        let of = |modified, changed| Stamp { size: 1, modified, changed };
        let long_ago = (1_000_000_000, 1);
        let fine = |time: (i64, i64)| (time.0, time.1 | 1);
        let rows = [
            (long_ago, fine(ago(Quiet::TICK, 2)), true, true),
            (long_ago, fine(ago(Quiet::TICK, -2)), true, false),
            (fine(ago(Quiet::TICK, -2)), long_ago, true, false),
            (long_ago, fine(ago(Quiet::TICK, 2)), false, false),
            (long_ago, fine(ago(Quiet::MARGIN, 2)), false, true),
            // Whole seconds are a tick of a second or two.
            (long_ago, (ago(2 * Quiet::TICK, 0).0, 0), true, false),
            // Whoever sets the other time may set it to a whole second.
            ((1_000_000_000, 0), fine(ago(2 * Quiet::TICK, 0)), true, true),
            (long_ago, (ago(Quiet::MARGIN, 0).0 - 1, 0), true, true),
            (long_ago, (i64::MAX, 1), true, false),
        ];
        for (row, (modified, changed, is_punctual, shows)) in rows.into_iter().enumerate() {
            assert_eq!(quiet.would_show_a_change(&of(modified, changed), is_punctual), shows, "row {row}");
        }
        let set_back = Quiet { begun: (quiet.begun.0 + Quiet::TICK, quiet.begun.1), ..quiet };
        assert!(!set_back.would_show_a_change(&of(long_ago, long_ago), true));
    }

    #[test]
    fn nothing_is_vouched_for_once_the_clock_was_set_back() {
        let now = Quiet::now().unwrap();
        let begun = |real| Quiet { begun: (real, now.begun.1), ..Quiet::for_ever() };
        let old = changed(0);
        assert!(begun(now.begun.0).vouches_for(&old));
        assert!(begun(now.begun.0 + Quiet::MARGIN / 4).vouches_for(&old), "put right by a little");
        assert!(begun(now.begun.0 - HOUR).vouches_for(&old), "set forward");
        assert!(!begun(now.begun.0 + Quiet::MARGIN).vouches_for(&old), "set back");
    }
}
