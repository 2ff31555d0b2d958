//! Checksums of whole trees.

#![forbid(unsafe_code)]

mod digest;
mod directory;
mod entry;
mod error;
mod listing;
pub mod manifest;
mod source;
mod walk;

pub use digest::Digest;
pub use directory::PathBuffer;
pub use entry::{Outcome, Record, Skip};
pub use error::{Error, Operation, Reason};
pub use source::{FileId, Links};
pub use walk::Root;
