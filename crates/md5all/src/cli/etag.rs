//! The command line of `md5all etag`.

use std::ffi::OsString;
use std::num::{NonZeroU64, NonZeroUsize};

use clap::{Args, ValueHint};
use md5all::{ETag, Options, Uploads};

use super::showing::Meanwhile;
use super::{Task, root, size};
use crate::showing::Showing;

/// S3's ETags of local files, or the size of the parts that an ETag is of
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Files; - is standard input
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<OsString>,

    /// The size of a part, such as 16M or 16MiB; with --match, one to try first [default: 8M]
    #[arg(long, value_name = "SIZE", value_parser = part_size)]
    part_size: Option<NonZeroU64>,

    /// Files smaller than this are put in one request; 0 means none [default: the size of a part]
    #[arg(long, value_name = "SIZE", value_parser = bytes, conflicts_with_all = ["single", "etag"])]
    threshold: Option<u64>,

    /// Files of any size are put in one request
    #[arg(long, conflicts_with_all = ["part_size", "etag"])]
    single: bool,

    /// Find the size of parts that gives this ETag, of those that are usual
    #[arg(long = "match", value_name = "ETAG")]
    etag: Option<ETag>,

    /// Tell in JSON: an object a line, and one for the summary
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// No progress, no summary, and with --match no message for files that the ETag is not of
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,

    /// Say at the end what it came to, and what held it up
    #[arg(short, long, hide_short_help = true, help_heading = "Output")]
    verbose: bool,

    /// Workers [default: one a core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    #[command(flatten)]
    meanwhile: Meanwhile,
}

/// What `aws s3 cp` takes.
const USUAL: NonZeroU64 = NonZeroU64::new(8 << 20).unwrap();

const EXAMPLES: &str = "\
Examples:
  md5all etag disk.img                          as aws s3 cp would upload it
  md5all etag --part-size 64M disk.img          in parts of 64 MiB
  md5all etag --match 9b2cf535f27731c974343645a3985328-12 disk.img

Exit status: 0 if every file was read; 2 if something was not; 3 if the command line makes no sense; 130 if interrupted.
With --match: 0 if the ETag is of one of the files, 1 if of none; 2 if something was not read.";

/// What `md5all etag` is to do.
#[derive(Debug)]
pub(crate) struct Tags {
    /// The roots are the files.
    pub(crate) options: Options,
    pub(crate) uploads: Uploads,
    pub(crate) json: bool,
    /// What is shown meanwhile. If it is quiet, nobody wants to be told of files that the ETag is not of.
    pub(crate) showing: Showing,
}

impl Arguments {
    pub(super) fn into_task(self) -> Task {
        let uploads = self.uploads();
        let jobs = self.jobs.and_then(|jobs| NonZeroUsize::new(jobs.into()));
        let files = Options::new(self.files.into_iter().map(root));
        Task::Tag(Tags {
            options: jobs.into_iter().fold(files, Options::jobs),
            uploads,
            json: self.json,
            showing: Showing { quiet: self.quiet, ..self.meanwhile.into_showing(self.verbose) },
        })
    }

    fn uploads(&self) -> Uploads {
        if let Some(etag) = self.etag {
            return Uploads::Like { etag, first: self.part_size.into_iter().collect() };
        }
        let part_size = self.part_size.unwrap_or(USUAL);
        let threshold = if self.single { u64::MAX } else { self.threshold.unwrap_or(part_size.get()) };
        Uploads::Planned { part_size, threshold }
    }
}

fn bytes(text: &str) -> Result<u64, &'static str> {
    let size = size(text).and_then(|size| u64::try_from(size).ok());
    size.ok_or("not a size, such as 64M, 64MiB, 1G or a number of bytes")
}

fn part_size(text: &str) -> Result<NonZeroU64, &'static str> {
    NonZeroU64::new(bytes(text)?).ok_or("a part has at least one byte")
}
