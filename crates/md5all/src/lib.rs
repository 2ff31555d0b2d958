//! Checksums of whole trees: exact, deterministic, bounded in memory, honest
//! about what could not be read.
//!
//! | to get | call |
//! |---|---|
//! | a map from path to digest, or the first error | [`md5_all`] |
//! | one record after the other, problems included, sorted | [`hash_trees`] |
//! | the same for files that are named one by one | [`hash_files`] |
//! | the same for a list of any length, of files and directories | [`hash_named`] |
//! | some of the files in trees: by globs, `.gitignore`, depth, size | [`Selection`] |
//! | what has become of the files in a list | [`check_lists`] |
//! | what has become of a tree since it was listed | [`Listed`], [`audit`] |
//! | how two trees or manifests differ | [`diff`](diff()) |
//! | what a manifest has to say now | [`Inventory`], [`update`] |
//! | a file that is replaced whole or not at all | [`Replacement`] |
//! | a run that goes on where another was stopped | [`Journal`], [`Known`] |
//! | the ETags that S3 would have of files | [`etags`] |
//! | a bag of a directory, RFC 8493; whether it is one | [`create_bag`], [`verify_bag`] |
//! | lines that `md5sum -c` understands | [`manifest::Writer`] |
//! | what the lines of a manifest say | [`manifest::Reader`] |
//! | how far any of these is, meanwhile | [`Progress`] |
//!
//! What is read, and how, is [`Options`]:
//!
//! ```
//! use std::time::Duration;
//!
//! use errgroup::Context;
//! use md5all::{Algorithm, Links, Options, Outcome, hash_trees};
//!
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! # std::fs::write(dir.join("abc"), "abc")?;
//! let (ctx, _cancel) = Context::background().with_timeout(Duration::from_secs(60));
//! let options = Options::new([dir]).algorithms([Algorithm::Md5, Algorithm::Sha256]).links(Links::Follow);
//! for record in hash_trees(&ctx, options) {
//!     let record = record?; // fails if the time is over
//!     match record.outcome() {
//!         Outcome::Hashed(hashed) => println!("{}: {:?}", record.path().display(), hashed.checksums()),
//!         Outcome::Failed(reason) => eprintln!("{}: {reason}", record.path().display()),
//!         _ => {} // passed over: a FIFO, say
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Everything runs in one [`errgroup::Pipeline`]: a walker, which yields paths
//! in sorted order while it walks, and workers that read and hash. This crate
//! starts no thread of its own. A [`Context`](errgroup::Context) ends it early, by hand or by a deadline, and so does dropping
//! the iterator: either way all tasks have ended when that is gone.
//!
//! There is an example to read and run for each: `cargo run --example hash`, and `check`, `audit`, `diff`, `update`, `resume`,
//! `deadline`, `etag`, `bag`.
//!
//! # Features
//!
//! `cli`, which is on unless you say otherwise, is the program of the same name and what it needs: `clap` and `signal-hook`. Who
//! uses the library does without: `md5all = { version = "0.1", default-features = false }`. `parquet` adds manifests in that
//! format.
//!
//! # What happens to odd files
//!
//! | a | below a root | as a root |
//! |---|---|---|
//! | FIFO, socket or device | skipped; never opened for long enough to block | read |
//! | symbolic link | skipped, or followed ([`Links::Follow`]) | followed |
//! | file that cannot be read | [`Outcome::Failed`] | the same |
//! | file that changes while it is read | [`Outcome::Failed`], as far as its size and times show | the same |
//! | file under `/proc`, whose size says 0 | read to its end | the same |
//!
//! Names are bytes, of any value and in paths of any length and depth.

#![forbid(unsafe_code)]

mod absence;
mod algorithm;
mod attribute;
mod audit;
mod bag;
mod bottleneck;
mod catalog;
mod census;
mod check;
mod comparison;
mod diff;
mod digest;
mod directory;
mod entry;
mod error;
mod etag;
mod facts;
mod flight;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod ignore;
mod journal;
mod known;
mod ledger;
mod listed;
mod listing;
pub mod manifest;
mod named;
mod names;
mod naming;
mod options;
mod order;
mod progress;
mod record;
mod replacement;
mod selection;
mod shares;
mod skip;
mod source;
mod trees;
mod update;
mod walk;

pub use algorithm::{Algorithm, Algorithms, Checksum, Checksums, Digest};
pub use attribute::Attribute;
pub use audit::{Audit, audit};
pub use bag::{BagError, BagFinding, BagProblem, BagVersion, Bagged, Grade, NewBag, Odd, create_bag, verify_bag};
pub use bottleneck::Bottleneck;
pub use census::Whole;
pub use check::{Finding, Verdict, Verdicts, check_lists};
pub use comparison::{Compared, Fate, Lack, Unread};
pub use diff::{Side, diff};
pub use directory::PathBuffer;
pub use error::{Error, Operation, Reason, Scarce, Unfit};
pub use etag::{ETag, ETags, NoETag, Tagged, Upload, Uploads, etags};
pub use facts::Facts;
pub use flight::InFlight;
pub use journal::Journal;
pub use known::Known;
pub use ledger::Sidecar;
pub use listed::Listed;
pub use named::NameList;
pub use options::Options;
pub use progress::{Progress, Snapshot, Ticker};
pub use record::{Hashed, Outcome, Record};
pub use replacement::{Placed, Replacement};
pub use selection::{BadGlob, Rule, Selection};
pub use skip::Skip;
pub use source::{Cache, Device, Devices, FileId, Links, Mode, Root};
pub use trees::{hash_files, hash_named, hash_trees, md5_all};
pub use update::{Change, Inventory, Status, Unusable, update};
