//! What lies below a directory and is no file: links and special files, which a bag cannot hold. One look at each
//! directory, and none at any file but to ask whether it may be read.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use errgroup::Context;
use rustix::fs::{Access, access};

use crate::bag::Odd;
use crate::error::{Error, Operation, Reason};

/// What was come across.
#[derive(Debug)]
pub(super) enum Remark {
    Odd(Odd),
    /// It is a file.
    File,
    /// It cannot be listed, or read.
    Closed(Reason),
}

/// Looks through all that is below a directory, and remarks on what is not as it should be, by the path below it; on all
/// files, and whether they may be read, if that is asked for.
///
/// # Errors
///
/// [`Error::Stopped`] if the context is cancelled.
pub(super) fn survey(
    ctx: &Context,
    root: &Path,
    asks_for_files: bool,
    mut remark: impl FnMut(&[u8], Remark),
) -> Result<(), Error> {
    let mut directories = vec![PathBuf::new()];
    while let Some(below) = directories.pop() {
        ctx.check()?;
        let mut note = |path: &Path, what| remark(path.as_os_str().as_bytes(), what);
        let closed = |operation, error| Remark::Closed(Reason::system(operation, error));
        let entries = match fs::read_dir(root.join(&below)) {
            Ok(entries) => entries,
            Err(error) => {
                note(&below, closed(Operation::OpenDirectory, error));
                continue;
            }
        };
        for entry in entries {
            let (path, kind) = match entry.and_then(|entry| Ok((below.join(entry.file_name()), entry.file_type()?))) {
                Ok(found) => found,
                Err(error) => {
                    note(&below, closed(Operation::List, error));
                    break;
                }
            };
            if kind.is_symlink() {
                note(&path, Remark::Odd(Odd::Link));
            } else if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
                note(&path, Remark::Odd(Odd::Special));
            } else if kind.is_dir() {
                directories.push(path);
            } else if asks_for_files {
                let readable = access(root.join(&path), Access::READ_OK);
                note(&path, readable.map_or_else(|error| closed(Operation::Open, error.into()), |()| Remark::File));
            }
        }
    }
    Ok(())
}
