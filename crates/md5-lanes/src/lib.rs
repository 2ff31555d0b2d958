//! MD5 of one message, fast. Many at once are to come.

#![forbid(unsafe_code)]

mod compress;
mod one;
mod padding;
mod stream;

pub use stream::{Digest, Md5, md5};
