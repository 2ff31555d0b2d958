//! `md5all bag`: its arguments, and what they become.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueHint};
use md5all::{Algorithm, BagVersion, NewBag};

use super::showing::Meanwhile;
use super::{Task, algorithm_parser};
use crate::showing::Showing;

/// Bags, RFC 8493: directories that say what is in them
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make directories bags, where they stand; goes on with what was interrupted
    #[command(after_long_help = CREATE_EXAMPLES)]
    Create(Create),
    /// Say whether bags are what they say
    #[command(after_long_help = VERIFY_EXAMPLES)]
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Create {
    /// What is to be a bag
    #[arg(value_name = "DIR", required = true, value_hint = ValueHint::DirPath)]
    dirs: Vec<PathBuf>,

    /// What its manifests are by, as in md5,sha256 [default: sha512]
    ///
    /// A manifest each: one algorithm, or several with commas between them. Other programs know md5, sha1, sha256 and
    /// sha512.
    #[arg(short, long, value_name = "LIST", value_delimiter = ',', value_parser = algorithm_parser())]
    #[arg(hide_possible_values = true)]
    algorithm: Vec<Algorithm>,

    /// The version of the format
    #[arg(long, value_name = "VERSION", default_value = "1.0", value_parser = version_parser())]
    version_of: BagVersion,

    /// What bag-info.txt is to say as well; may be given several times
    #[arg(long, value_name = "LABEL=VALUE", value_parser = info)]
    info: Vec<(String, String)>,

    #[command(flatten)]
    telling: Telling,
}

#[derive(Debug, Args)]
struct Verify {
    /// What is to be verified
    #[arg(value_name = "BAG", required = true, value_hint = ValueHint::DirPath)]
    bags: Vec<PathBuf>,

    #[command(flatten)]
    telling: Telling,
}

/// What both have: how it is told, and how many read.
#[derive(Debug, Args)]
struct Telling {
    /// Tell in JSON: an object a line, and a summary
    #[arg(long)]
    json: bool,

    /// Only what is wrong: no line for bags that are valid, no progress and no summary
    #[arg(short, long)]
    quiet: bool,

    /// Files to read and hash at the same time [default: one a core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    #[command(flatten)]
    meanwhile: Meanwhile,
}

const CREATE_EXAMPLES: &str = "\
Examples:
  md5all bag create -a md5,sha512 archive-2026
  md5all bag create --info Source-Organization=Library archive-2026

Exit status: 0 if every DIR is a bag now; 1 if one was not made one, for what it is or holds; 2 if something could not be \
read or written; 3 if the command line makes no sense; 130 if interrupted.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  md5all bag verify archive-2025 archive-2026
  md5all bag verify --json archive-2026 | jq -r 'select(.finding) | .text'

Exit status: 0 if every BAG is valid; 1 if one is not; 2 if something could not be read, or is not supported; 3 if the \
command line makes no sense; 130 if interrupted.";

/// What to do with bags.
#[derive(Debug)]
pub(crate) enum Bags {
    /// To make them.
    Create { dirs: Vec<PathBuf>, bag: NewBag, json: bool, jobs: Option<NonZeroUsize>, showing: Showing },
    /// To verify them.
    Verify { bags: Vec<PathBuf>, json: bool, jobs: Option<NonZeroUsize>, showing: Showing },
}

impl Arguments {
    pub(super) fn into_task(self) -> Task {
        Task::Bag(match self.what {
            What::Create(Create { dirs, algorithm, version_of, info, telling }) => {
                let mut bag = NewBag::default().version(version_of).info(info);
                if !algorithm.is_empty() {
                    bag.algorithms = algorithm.into_iter().collect();
                }
                let (json, jobs, showing) = telling.into_parts();
                Bags::Create { dirs, bag, json, jobs, showing }
            }
            What::Verify(Verify { bags, telling }) => {
                let (json, jobs, showing) = telling.into_parts();
                Bags::Verify { bags, json, jobs, showing }
            }
        })
    }
}

impl Telling {
    /// Whether in JSON, how many read, and what is shown meanwhile.
    fn into_parts(self) -> (bool, Option<NonZeroUsize>, Showing) {
        let Telling { json, quiet, jobs, meanwhile } = self;
        let jobs = jobs.and_then(|jobs| NonZeroUsize::new(jobs.into()));
        (json, jobs, Showing { quiet, ..meanwhile.into_showing(false) })
    }
}

fn version_parser() -> impl TypedValueParser<Value = BagVersion> {
    PossibleValuesParser::new(BagVersion::ALL.map(BagVersion::name))
        .try_map(|name| BagVersion::by_name(&name).ok_or("no such version"))
}

fn info(text: &str) -> Result<(String, String), &'static str> {
    let (label, value) = text.split_once('=').ok_or("not a label, =, and a value")?;
    Ok((label.to_owned(), value.to_owned()))
}
