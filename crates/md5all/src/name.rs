//! What the program is called, which says what is expected of it: as `md5sum` or `sha256sum`, all that GNU's does.

use std::env::args_os;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::LazyLock;

use md5all::Algorithm;

/// The name that the process was started under.
#[derive(Debug)]
pub(crate) struct Name {
    /// What messages begin with.
    pub(crate) text: Vec<u8>,
    /// What it computes as one of GNU's tools, if it is to be one in everything.
    pub(crate) tool: Option<Algorithm>,
}

static NAME: LazyLock<Name> = LazyLock::new(|| {
    let called = args_os().next().unwrap_or_default();
    let tool = Path::new(&called).file_name().and_then(tool);
    // GNU's tools call themselves what they were called.
    Name { text: if tool.is_some() { called.into_vec() } else { b"md5all".to_vec() }, tool }
});

/// What the tool of this name computes, if it is one of GNU's that are much the same. `b2sum` has other digests, and
/// `b3sum`, which is not GNU's, other words and flags.
fn tool(name: &OsStr) -> Option<Algorithm> {
    match name.as_encoded_bytes() {
        b"md5sum" => Some(Algorithm::Md5),
        b"sha1sum" => Some(Algorithm::Sha1),
        b"sha256sum" => Some(Algorithm::Sha256),
        b"sha512sum" => Some(Algorithm::Sha512),
        _ => None,
    }
}

/// The name of this process.
pub(crate) fn name() -> &'static Name {
    &NAME
}
