//! MD5 of one message, fast. Many at once are to come.

#![forbid(unsafe_code)]

mod compress;
mod kernel;
mod lanes;
mod many;
mod one;
mod padding;
mod stream;
mod vector;
mod wide;

pub use kernel::Kernel;
pub use lanes::{Job, Lanes, Turn};
pub use many::md5_many;
pub use stream::{Digest, Md5, md5};
