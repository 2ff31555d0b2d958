//! What the program is called, which says what is expected of it: as `md5sum`, all that GNU's does.

use std::env::args_os;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::LazyLock;

/// The name that the process was started under.
#[derive(Debug)]
pub(crate) struct Name {
    /// What messages begin with.
    pub(crate) text: Vec<u8>,
    /// Whether everything is to be GNU's.
    pub(crate) is_md5sum: bool,
}

static NAME: LazyLock<Name> = LazyLock::new(|| {
    let called = args_os().next().unwrap_or_default();
    let is_md5sum = Path::new(&called).file_name().is_some_and(|name| name == "md5sum");
    // GNU's tools call themselves what they were called.
    Name { text: if is_md5sum { called.into_vec() } else { b"md5all".to_vec() }, is_md5sum }
});

/// The name of this process.
pub(crate) fn name() -> &'static Name {
    &NAME
}
