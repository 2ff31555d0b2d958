//! The line that says how far a run is: what it says, and what of that where there are few columns.
//!
//! Nothing is drawn here, and no clock is read.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use md5all::{Bottleneck, InFlight, Snapshot};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::quote::quote;
use crate::units::{clock, count, percent, rate, size, things};

/// How fast it goes: of late, not on the whole. Takes what there is at one moment after the other.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When it was looked at last, and how much there was; in seconds and bytes.
    last: Option<(f64, u64)>,
    /// Bytes a second, and what of that to believe: 0 at the beginning, 1 after a while.
    rate: f64,
    weight: f64,
}

/// All that there is to say at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// Files and bytes in all.
    pub(crate) whole: Option<(u64, u64)>,
    /// Bytes a second.
    pub(crate) rate: f64,
    pub(crate) left: Option<Duration>,
    pub(crate) bottleneck: Option<Bottleneck>,
    /// The file that takes longest, fit for one line, and how far that is.
    pub(crate) slowest: Option<(String, String)>,
}

impl Pace {
    /// What is three seconds old counts a third, roughly.
    const MEMORY: f64 = 3.0;

    /// How fast it is, when there is so much after so long a time.
    pub(crate) fn at(&mut self, elapsed: Duration, bytes: u64) -> f64 {
        let now = elapsed.as_secs_f64();
        let (then, before) = self.last.replace((now, bytes)).unwrap_or((0.0, 0));
        if now > then {
            let keep = (-(now - then) / Self::MEMORY).exp();
            self.rate = keep * self.rate + (1.0 - keep) * bytes.saturating_sub(before) as f64 / (now - then);
            self.weight = keep * self.weight + (1.0 - keep);
        }
        if self.weight > 0.0 { self.rate / self.weight } else { 0.0 }
    }
}

impl Line {
    /// How long a file is in flight before it is named: nobody could read names that change faster.
    const LONG: Duration = Duration::from_millis(500);

    /// What there is to say, at this rate.
    pub(crate) fn of(now: &Snapshot, rate: f64, bottleneck: Option<Bottleneck>) -> Line {
        let whole = now.whole.map(|whole| (whole.files, whole.bytes));
        let (files, bytes) = (now.files + now.failed, now.bytes + now.spared);
        let left = whole.and_then(|(_, all)| time_left(all.checked_sub(bytes)?, rate));
        let slowest = now.in_flight.first().filter(|file| file.elapsed >= Self::LONG).map(told);
        Line { files, bytes, whole, rate, left, bottleneck, slowest }
    }

    /// The line, in so many columns at most: what matters less is left out, and of the name its beginning is.
    pub(crate) fn text(&self, columns: usize) -> String {
        let shorter =
            [self.all(), self.without_cause(), self.without_files(), self.pace(), self.little(), self.least()];
        for parts in &shorter {
            let text = parts.join(", ");
            let Some(left) = columns.checked_sub(text.width()) else { continue };
            match &self.slowest {
                None => return text,
                Some((name, state)) => {
                    let room = left.checked_sub(2 + state.width()).filter(|room| *room >= LEAST_NAME.min(name.width()));
                    if let Some(room) = room {
                        return format!("{text}: {}{state}", end_of(name, room));
                    }
                }
            }
        }
        beginning_of(&self.least().join(", "), columns)
    }

    fn all(&self) -> Vec<String> {
        let cause = self.bottleneck.map(|cause| format!("held up by {cause}"));
        self.without_cause().into_iter().chain(cause).collect()
    }

    fn without_cause(&self) -> Vec<String> {
        let files = match self.whole {
            Some((all, _)) if all >= self.files => format!("{} of {}", count(self.files), things(all, "file")),
            _ => things(self.files, "file"),
        };
        [files].into_iter().chain(self.without_files()).collect()
    }

    fn without_files(&self) -> Vec<String> {
        let bytes = match self.whole {
            Some((_, all)) if all >= self.bytes => format!("{} of {}", size(self.bytes), size(all)),
            _ => size(self.bytes),
        };
        [bytes].into_iter().chain(self.pace()).collect()
    }

    fn pace(&self) -> Vec<String> {
        let left = self.left.map(|left| format!("{} left", clock(left)));
        self.percent().into_iter().chain([rate(self.rate)]).chain(left).collect()
    }

    fn little(&self) -> Vec<String> {
        self.least().into_iter().chain([rate(self.rate)]).collect()
    }

    fn least(&self) -> Vec<String> {
        vec![self.percent().unwrap_or_else(|| size(self.bytes))]
    }

    fn percent(&self) -> Option<String> {
        match self.whole? {
            (_, all) if all >= self.bytes && all > 0 => Some(format!("{} %", percent(self.bytes, all))),
            _ => None,
        }
    }
}

/// Columns of a name below which it says nothing.
const LEAST_NAME: usize = 8;

/// A name, and how far it is.
fn told(file: &InFlight) -> (String, String) {
    let name = quote(file.path.as_os_str().as_bytes());
    let state = match file.size {
        Some(all) => format!(" {} %", percent(file.bytes, all)),
        None if file.bytes > 0 => format!(" {}", size(file.bytes)),
        None => String::new(),
    };
    (name, state)
}

/// How long so much takes; `None` if it would take for ever.
fn time_left(bytes: u64, rate: f64) -> Option<Duration> {
    const LONGEST: f64 = 1e9;
    let seconds = bytes as f64 / rate;
    (seconds < LONGEST).then(|| Duration::from_secs_f64(seconds.ceil()))
}

/// As much of the end as there is room for: that is what names differ in.
fn end_of(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |character: &char| take(&mut left, *character);
    let kept: Vec<char> = text.chars().rev().take_while(fits).collect();
    ["…".chars().collect(), kept.into_iter().rev().collect::<String>()].concat()
}

fn beginning_of(text: &str, columns: usize) -> String {
    let mut left = columns;
    text.chars().take_while(|character| take(&mut left, *character)).collect()
}

/// Takes the columns of a character, if there are so many.
fn take(left: &mut usize, character: char) -> bool {
    let rest = left.checked_sub(character.width().unwrap_or(0));
    *left = rest.unwrap_or(0);
    rest.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line {
            files: 1234,
            bytes: 2_310_000_000,
            whole: Some((115_040, 5_060_000_000)),
            rate: 512e6,
            left: Some(Duration::from_secs(6)),
            bottleneck: Some(Bottleneck::Hashing),
            slowest: Some(("some/where/deep/name".to_owned(), " 12 %".to_owned())),
        }
    }

    #[test]
    fn what_matters_less_gives_way_as_columns_get_fewer() {
        let rows = [
            (
                120,
                "1,234 of 115,040 files, 2.31 GB of 5.06 GB, 45 %, 512 MB/s, 0:06 left, held up by hashing: some/where/deep/name 12 %",
            ),
            (
                110,
                "1,234 of 115,040 files, 2.31 GB of 5.06 GB, 45 %, 512 MB/s, 0:06 left, held up by hashing: …ere/deep/name 12 %",
            ),
            (79, "2.31 GB of 5.06 GB, 45 %, 512 MB/s, 0:06 left: some/where/deep/name 12 %"),
            (50, "45 %, 512 MB/s, 0:06 left: …e/where/deep/name 12 %"),
            (30, "45 %, 512 MB/s: …eep/name 12 %"),
            (19, "45 %: …ep/name 12 %"),
            (18, "45 %"),
            (3, "45 "),
            (0, ""),
        ];
        for (columns, text) in rows {
            let shown = line().text(columns);
            assert!(shown.width() <= columns, "{columns}: {shown}");
            assert_eq!(shown, text, "{columns}");
        }
    }

    #[test]
    fn every_width_is_kept_to_whatever_a_name_is_made_of() {
        let names = [
            "plain",
            "größer/als/gedacht",
            "漢字で書かれた/長い名前のファイル",
            "e\u{301}e\u{301}e\u{301}/x",
            "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀",
        ];
        for name in names {
            for whole in [None, Some((115_040, 5_060_000_000)), Some((1, 1))] {
                let line = Line { slowest: Some((name.to_owned(), String::new())), whole, ..line() };
                for columns in 0..200 {
                    let text = line.text(columns);
                    assert!(text.width() <= columns, "{columns}: {text:?} has {}", text.width());
                }
            }
        }
    }

    #[test]
    fn before_the_whole_is_known_there_is_no_of() {
        let line = Line { whole: None, left: None, bottleneck: None, slowest: None, ..line() };
        assert_eq!(line.text(79), "1,234 files, 2.31 GB, 512 MB/s");
        let empty = Line::default();
        assert_eq!(empty.text(79), "0 files, 0 B, 0 B/s");
    }

    /// A tree that grew meanwhile, or a pipe.
    #[test]
    fn what_is_more_than_the_whole_is_told_without_it() {
        let line = Line { bytes: 6_000_000_000, left: None, bottleneck: None, slowest: None, ..line() };
        assert_eq!(line.text(79), "1,234 of 115,040 files, 6.00 GB, 512 MB/s");
    }

    #[test]
    fn the_pace_is_that_of_late() {
        let mut pace = Pace::default();
        let at = |tenths: u64| Duration::from_millis(100 * tenths);
        for tenths in 0..=100 {
            let rate = pace.at(at(tenths), 100 * tenths);
            assert!(tenths == 0 || (rate - 1000.0).abs() < 1.0, "{rate} B/s after {tenths}");
        }
        let halfway = (101..=121).map(|tenths| pace.at(at(tenths), 10_000)).last().unwrap();
        assert!((400.0..600.0).contains(&halfway), "{halfway}");
        let stuck = (122..=400).map(|tenths| pace.at(at(tenths), 10_000)).last().unwrap();
        assert!(stuck < 1.0, "{stuck}");
        // Asked twice at the same moment, it does not divide by nothing.
        assert_eq!(pace.at(at(400), 20_000), stuck);
    }

    #[test]
    fn what_takes_for_ever_has_no_end() {
        assert_eq!(time_left(1000, 100.0), Some(Duration::from_secs(10)));
        assert_eq!(time_left(0, 100.0), Some(Duration::ZERO));
        assert_eq!(time_left(1, 0.0), None);
        assert_eq!(time_left(0, 0.0), None);
        assert_eq!(time_left(u64::MAX, 1.0), None);
    }
}
