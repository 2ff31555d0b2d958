//! Reads `.gitignore` files: those of the directories a walk comes to, and those above its roots.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::io::Errno;

use crate::ignore::{GIT, Ignore, NAME};
use crate::listing::Listing;
use crate::source::local::{self, Folder};

/// No file of rules is longer, in bytes.
const MOST: usize = 1 << 20;

/// What is said in a directory that was listed so, if that counts; `root` is its name if it is a root.
///
/// # Errors
///
/// A file could not be read.
pub(crate) fn of(folder: &Folder, listing: &Listing, root: Option<&[u8]>) -> Result<Option<Ignore>, Errno> {
    let has = |name: &[u8]| (0..listing.len()).any(|index| listing.name(index) == name);
    let is_top = has(GIT);
    let mut rules = match root.filter(|_| !is_top) {
        Some(root) => above(root)?,
        None => Ignore::default(),
    };
    rules.is_top = is_top;
    if has(NAME)
        && let Some(text) = local::read_small(Some(folder), NAME, MOST)?
    {
        rules.add(&text, None, 0);
    }
    Ok(Some(rules).filter(|rules| !rules.is_empty()))
}

/// What is said above a root, as far as it is in a repository.
fn above(root: &[u8]) -> Result<Ignore, Errno> {
    let mut rules = Ignore::default();
    let whole = std::fs::canonicalize(OsStr::from_bytes(root));
    let whole = whole.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let is_top = |above: &&Path| above.join(OsStr::from_bytes(GIT)).symlink_metadata().is_ok();
    let Some(top) = whole.ancestors().skip(1).find(is_top) else { return Ok(rules) };
    let directories: Vec<_> = whole.ancestors().skip(1).take_while(|above| above.starts_with(top)).collect();
    rules.prefix = below(top, &whole);
    for directory in directories.into_iter().rev() {
        let path = directory.join(OsStr::from_bytes(NAME));
        if let Some(text) = local::read_small(None, path.as_os_str().as_bytes(), MOST)? {
            rules.add(&text, Some(path), below(directory, &whole).len());
        }
    }
    Ok(rules)
}

/// The path of a directory below another, with a `/` behind it.
fn below(above: &Path, whole: &Path) -> Vec<u8> {
    let mut below = whole.strip_prefix(above).map_or(Vec::new(), |below| below.as_os_str().as_bytes().to_vec());
    below.push(b'/');
    below
}
