//! Bags: directories that say of themselves what is in them, as RFC 8493 has it, in version 1.0 and 0.97.
//!
//! [`create_bag`] makes a directory one, [`verify_bag`] says whether one is what it says. What lies in a bag is hashed as
//! any tree is, all algorithms in one read. Fetching what a bag does not hold is not done here.

mod create;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod names;
mod survey;
mod tags;
mod verify;

use std::fmt;
use std::path::PathBuf;

use crate::algorithm::{Algorithm, Checksum};
use crate::error::{Error, Reason};

pub use create::{NewBag, create_bag};
pub use verify::{Bagged, verify_bag};

/// A version of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BagVersion {
    /// The last one before there was an RFC.
    V0_97,
    /// RFC 8493.
    #[default]
    V1_0,
}

/// What is no file that a bag could hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// A symbolic link.
    Link,
    /// A FIFO, a socket or a device.
    Special,
}

/// Something to be said of one file of a bag.
#[derive(Debug)]
#[non_exhaustive]
pub struct BagFinding {
    /// Its path below the bag, as bytes.
    pub path: Vec<u8>,
    /// What there is to be said.
    pub problem: BagProblem,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// The bag is valid all the same.
    Warning,
    /// The bag is not valid.
    Invalid,
    /// Nobody knows whether it is: something could not be read, or be understood.
    Unknown,
}

/// What may be said of a file of a bag.
#[derive(Debug)]
#[non_exhaustive]
pub enum BagProblem {
    /// It must be there, and is not.
    Missing,
    /// It is listed, and not there, for it has yet to be fetched.
    NotFetched,
    /// It is in the payload, and no manifest lists it.
    Unlisted,
    /// It is in the payload, and the manifest of this algorithm does not list it.
    NotInManifest(Algorithm),
    /// It has another checksum than a manifest says.
    Different {
        /// What the manifest says.
        listed: Checksum,
        /// What it has.
        found: Checksum,
    },
    /// A manifest lists it twice, with the same checksum, which RFC 8493 forbids, and those before it did not.
    Twice(Algorithm, BagVersion),
    /// A manifest lists it twice, with different checksums.
    Contradicted(Algorithm),
    /// A path in this file leads out of the bag, or may.
    Unsafe {
        /// The path as it stands.
        name: Vec<u8>,
    },
    /// It names a file that it may not name.
    OutOfPlace {
        /// The path.
        name: Vec<u8>,
    },
    /// A line that says nothing.
    Malformed {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The payload is not as large as it says.
    Oxum {
        /// Bytes and files, as it says.
        said: (u64, u64),
        /// Bytes and files that there are.
        found: (u64, u64),
    },
    /// It is no file that a bag could hold.
    Odd(Odd),
    /// It could not be read.
    Unreadable(Reason),
    /// What it is in, or by, is not known here.
    Unsupported(String),
    /// It begins with a byte-order mark.
    ByteOrderMark,
    /// It is listed under a name that is encoded otherwise than it should be.
    Encoding,
    /// It is listed under a name that only is the same once both are normalised.
    Normalisation,
    /// It is listed beside another one that some file systems would take for the same.
    Alike,
    /// It is listed with `./` before it.
    Dotted,
}

/// Why a directory was not made a bag.
#[derive(Debug)]
#[non_exhaustive]
pub enum BagError {
    /// It is one.
    IsBag(PathBuf),
    /// It holds something that a bag cannot.
    Odd(PathBuf, Odd),
    /// It holds a file whose name bags of this version cannot tell from another one: `%0A` in 0.97, say.
    Untellable(PathBuf),
    /// It lies where a bag that was begun, or is to be, has its own things, and was not put there by it: `.md5all-bag` and
    /// what is in it, or the place that something was moved away from.
    InTheWay(PathBuf),
    /// What `bag-info.txt` was to say is not fit for it.
    Info(String),
    /// Something could not be read or written, or the work was stopped.
    Other(Error),
}

impl BagVersion {
    /// Every version there is here.
    pub const ALL: [BagVersion; 2] = [BagVersion::V0_97, BagVersion::V1_0];

    /// What it is called: `0.97` or `1.0`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            BagVersion::V0_97 => "0.97",
            BagVersion::V1_0 => "1.0",
        }
    }

    /// The version that is called so.
    #[must_use]
    pub fn by_name(name: &str) -> Option<BagVersion> {
        BagVersion::ALL.into_iter().find(|version| version.name() == name)
    }
}

impl BagProblem {
    /// How much it matters.
    #[must_use]
    pub fn grade(&self) -> Grade {
        match self {
            BagProblem::Unreadable(_) | BagProblem::Unsupported(_) => Grade::Unknown,
            BagProblem::ByteOrderMark
            | BagProblem::Encoding
            | BagProblem::Normalisation
            | BagProblem::Alike
            | BagProblem::Dotted
            | BagProblem::Twice(_, BagVersion::V0_97) => Grade::Warning,
            _ => Grade::Invalid,
        }
    }

    /// A word for it that does not change, for programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            BagProblem::Missing => "missing",
            BagProblem::NotFetched => "not-fetched",
            BagProblem::Unlisted => "unlisted",
            BagProblem::NotInManifest(_) => "not-in-manifest",
            BagProblem::Different { .. } => "different",
            BagProblem::Twice(..) => "twice",
            BagProblem::Contradicted(_) => "contradicted",
            BagProblem::Unsafe { .. } => "unsafe",
            BagProblem::OutOfPlace { .. } => "out-of-place",
            BagProblem::Malformed { .. } => "malformed",
            BagProblem::Oxum { .. } => "oxum",
            BagProblem::Odd(_) => "odd",
            BagProblem::Unreadable(_) => "unreadable",
            BagProblem::Unsupported(_) => "unsupported",
            BagProblem::ByteOrderMark => "byte-order-mark",
            BagProblem::Encoding => "encoding",
            BagProblem::Normalisation => "normalisation",
            BagProblem::Alike => "alike",
            BagProblem::Dotted => "dotted",
        }
    }
}

impl fmt::Display for BagProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BagProblem::Missing => f.write_str("missing"),
            BagProblem::NotFetched => f.write_str("not there: it has yet to be fetched"),
            BagProblem::Unlisted => f.write_str("in no manifest"),
            BagProblem::NotInManifest(algorithm) => write!(f, "not in manifest-{}.txt", algorithm.name()),
            BagProblem::Different { listed, found } => {
                write!(f, "{} is {}, not {}", listed.algorithm().name(), found.hex(), listed.hex())
            }
            BagProblem::Twice(algorithm, _) => write!(f, "listed twice, by {}", algorithm.name()),
            BagProblem::Contradicted(algorithm) => {
                write!(f, "listed twice, with different digests, by {}", algorithm.name())
            }
            BagProblem::Unsafe { name } => write!(f, "names what may lie outside of the bag: {:?}", Lossy(name)),
            BagProblem::OutOfPlace { name } => write!(f, "names what it may not name: {:?}", Lossy(name)),
            BagProblem::Malformed { line, what } => write!(f, "line {line}: {what}"),
            BagProblem::Oxum { said, found } => write!(
                f,
                "Payload-Oxum says {} bytes in {} files, and there are {} in {}",
                said.0, said.1, found.0, found.1
            ),
            BagProblem::Odd(odd) => odd.fmt(f),
            BagProblem::Unreadable(reason) => reason.fmt(f),
            BagProblem::Unsupported(what) => write!(f, "not supported: {what}"),
            BagProblem::ByteOrderMark => f.write_str("begins with a byte-order mark"),
            BagProblem::Encoding => f.write_str("listed without the percent-encoding that it should have"),
            BagProblem::Normalisation => f.write_str("listed under another Unicode normalisation of its name"),
            BagProblem::Alike => f.write_str("has a name that some file systems take for that of another one"),
            BagProblem::Dotted => f.write_str("listed with ./ before it"),
        }
    }
}

/// Bytes as text that is shown in quotes.
struct Lossy<'a>(&'a [u8]);

impl fmt::Debug for Lossy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Odd::Link => "a symbolic link, which a bag cannot hold",
            Odd::Special => "a FIFO, socket or device, which a bag cannot hold",
        })
    }
}

impl fmt::Display for BagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BagError::IsBag(path) => write!(f, "{}: is a bag already", path.display()),
            BagError::Odd(path, odd) => write!(f, "{}: {odd}", path.display()),
            BagError::Untellable(path) => {
                write!(f, "{}: a name that bags before version 1.0 cannot tell from another one", path.display())
            }
            BagError::InTheWay(path) => write!(f, "{}: in the way of the bag that is to be made here", path.display()),
            BagError::Info(what) => f.write_str(what),
            BagError::Other(error) => error.fmt(f),
        }
    }
}

// No source, for the text names the cause already.
impl std::error::Error for BagError {}

impl From<Error> for BagError {
    fn from(error: Error) -> BagError {
        BagError::Other(error)
    }
}
