//! How trees are read: the options that everything has which hashes trees.

use std::num::NonZeroUsize;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use md5all::{Cache, Devices, Links, Mode, Options, Root};

use super::showing::Meanwhile;
use crate::showing::Showing;

/// How to read.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Reading")]
pub(super) struct Reading {
    /// Files to read and hash at the same time [default: one a core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = None::<&str>)]
    jobs: Option<u16>,

    /// Follow symbolic links, not only those that are named
    #[arg(short = 'L', long, help_heading = "Selection")]
    dereference: bool,

    /// Skip directories on other file systems
    #[arg(short = 'x', long, help_heading = "Selection")]
    one_file_system: bool,

    /// How the devices below PATH are read: as each is best, or all as one of these
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = mode_parser(), hide_short_help = true)]
    io: Io,

    /// Reads that are under way at once on each device [default: 64; hdd: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), hide_short_help = true)]
    io_depth: Option<u16>,

    /// Leave the system's cache of files as it was: keep nothing in memory that was not there
    #[arg(long, hide_short_help = true)]
    no_cache: bool,

    /// The most memory to use, such as 64M: fewer files and records at a time [default: what is of use]
    #[arg(long, value_name = "SIZE", value_parser = memory, hide_short_help = true)]
    memory: Option<usize>,

    /// Say how each device is read, and at the end what it came to
    #[arg(short, long, hide_short_help = true, help_heading = "Output")]
    pub(super) verbose: bool,

    #[command(flatten)]
    meanwhile: Meanwhile,
}

/// How devices are read: `None` is as each is best.
type Io = Option<Mode>;

fn mode_parser() -> impl TypedValueParser<Value = Io> {
    let names = ["auto"].into_iter().chain(Mode::ALL.map(Mode::name));
    PossibleValuesParser::new(names).map(|name| Mode::by_name(&name))
}

impl Reading {
    /// What is shown meanwhile.
    pub(super) fn showing(&self) -> Showing {
        self.meanwhile.into_showing(self.verbose)
    }

    /// What it comes to for these roots.
    pub(super) fn into_options(self, roots: impl IntoIterator<Item = Root>) -> Options {
        let mut options = Options::new(roots);
        options.links = if self.dereference { Links::Follow } else { Links::Skip };
        options.one_file_system = self.one_file_system;
        options.cache = if self.no_cache { Cache::Leave } else { Cache::Use };
        options.memory = self.memory;
        let depth = self.io_depth.and_then(|depth| NonZeroUsize::new(depth.into()));
        options.devices = Devices::new(self.io, depth);
        if let Some(jobs) = self.jobs.and_then(|jobs| NonZeroUsize::new(jobs.into())) {
            options.jobs = jobs;
        }
        options
    }
}

/// A ceiling on memory that works.
fn memory(text: &str) -> Result<usize, String> {
    let least = Options::LEAST_MEMORY;
    let size = size(text).ok_or("not a size, such as 64M, 64MiB, 1G or a number of bytes")?;
    if size < least { Err(format!("the least that works is {}K", least.div_ceil(1024))) } else { Ok(size) }
}

/// A number of bytes, or of what its suffix says, in powers of 1024.
pub(super) fn size(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let shift = match suffix {
        "" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_powers_of_1024() {
        let rows = [
            ("0", Some(0)),
            ("17", Some(17)),
            ("1K", Some(1024)),
            ("2KiB", Some(2048)),
            ("16M", Some(16 << 20)),
            ("16MiB", Some(16 << 20)),
            ("3G", Some(3 << 30)),
            ("3GiB", Some(3 << 30)),
            ("", None),
            ("M", None),
            ("-1", None),
            ("1.5M", None),
            ("1m", None),
            ("1MB", None),
            ("1 M", None),
            ("99999999999999999999", None),
            ("17179869184G", None),
        ];
        for (text, bytes) in rows {
            assert_eq!(size(text), bytes, "{text:?}");
        }
    }
}
