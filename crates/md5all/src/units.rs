//! Numbers as people read them: counts, sizes, rates and times.

use std::time::Duration;

/// With a comma after each thousand: `115,040`.
pub(crate) fn count(number: u64) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", count(number / 1000), number % 1000) }
}

/// A number of things: `1 file`, `2 files`.
pub(crate) fn things(number: u64, what: &str) -> String {
    one_or_many(number, what, &format!("{what}s"))
}

/// The same of what does not just take an s: `1 file was`, `2 files were`.
pub(crate) fn one_or_many(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Bytes in powers of 1000, in three digits: `5.06 GB`.
pub(crate) fn size(bytes: u64) -> String {
    scaled(bytes as f64, 3)
}

/// Bytes a second, in two digits or what there is before the point: `4.6 GB/s`, `120 MB/s`.
pub(crate) fn rate(bytes: f64) -> String {
    format!("{}/s", scaled(bytes, 2))
}

/// Seconds, with tenths as long as those mean something: `1.1 s`, `315 s`.
pub(crate) fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 99.95 { format!("{seconds:.1} s") } else { format!("{} s", count(seconds.round() as u64)) }
}

/// As a clock has it: `0:05`, `1:02:03`; days, if it is so many that hours do not matter.
pub(crate) fn clock(time: Duration) -> String {
    let all = time.as_secs();
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        1..100 => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => things(hours / 24, "day"),
    }
}

/// A part of a whole, rounded down: all is not done before all is done.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(percent.min(100)).unwrap_or(100)
}

fn scaled(bytes: f64, digits: usize) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut number, mut unit) = (bytes, 0);
    // As it will be shown: 999.7 kB is 1.00 MB.
    while unit + 1 < UNITS.len() && number.round() >= 1000.0 {
        number /= 1000.0;
        unit += 1;
    }
    let before = if number >= 99.95 { 3 } else { 1 + usize::from(number >= 9.995) };
    let behind = if unit == 0 { 0 } else { digits.saturating_sub(before) };
    format!("{number:.behind$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        let rows = [(0, "0"), (999, "999"), (1000, "1,000"), (115_040, "115,040"), (1_002_003, "1,002,003")];
        for (number, shown) in rows {
            assert_eq!(count(number), shown);
        }
        assert_eq!([things(0, "file"), things(1, "file"), things(2, "file")], ["0 files", "1 file", "2 files"]);
        let were = |number| one_or_many(number, "was", "were");
        assert_eq!([were(0), were(1), were(2000)], ["0 were", "1 was", "2,000 were"]);
    }

    #[test]
    fn sizes_have_three_digits() {
        let rows = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (5_060_000_000, "5.06 GB"),
            (9_994_000, "9.99 MB"),
            (9_996_000, "10.0 MB"),
            (99_940_000, "99.9 MB"),
            (99_960_000, "100 MB"),
            (999_499_999, "999 MB"),
            (999_500_000, "1.00 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, shown) in rows {
            assert_eq!(size(bytes), shown, "{bytes}");
        }
    }

    #[test]
    fn rates_have_two() {
        let rows = [(0.0, "0 B/s"), (4.6e9, "4.6 GB/s"), (46e6, "46 MB/s"), (460e3, "460 kB/s"), (12.7, "13 B/s")];
        for (bytes, shown) in rows {
            assert_eq!(rate(bytes), shown);
        }
    }

    #[test]
    fn times_are_as_a_clock_has_them() {
        let rows = [(0, "0:00"), (5, "0:05"), (75, "1:15"), (3600, "1:00:00"), (3723, "1:02:03"), (500_000, "5 days")];
        for (time, shown) in rows {
            assert_eq!(clock(Duration::from_secs(time)), shown);
        }
        assert_eq!(seconds(Duration::from_millis(1149)), "1.1 s");
        assert_eq!(seconds(Duration::from_millis(99_960)), "100 s");
        assert_eq!(seconds(Duration::from_secs(3000)), "3,000 s");
    }

    #[test]
    fn nothing_is_whole_before_it_is() {
        let rows = [(0, 0, 0), (1, 2, 50), (999, 1000, 99), (2, 2, 100), (3, 2, 100), (u64::MAX, u64::MAX, 100)];
        for (part, whole, shown) in rows {
            assert_eq!(percent(part, whole), shown, "{part} of {whole}");
        }
    }
}
