//! A directory, mounted read-only as if it were at the other end of a network: every request takes a delay, and as many
//! as are under way at once take one delay altogether.
//!
//! What stands for a network file system of the better kind: names and attributes hold for a second, listings bring the
//! attributes along where they are wanted, the pages of a file are kept while it is open and asked for anew by the next
//! `open`, a close waits for nothing. There is no bandwidth to run out of, no fault and no write. Linux only.

mod lag;
mod mirror;

use std::io;
use std::path::Path;
use std::time::Duration;

use fuser::{BackgroundSession, Config, MountOption};

use mirror::Mirror;

/// A mount; dropping it unmounts too, but tells no error.
#[derive(Debug)]
pub struct Distant {
    session: BackgroundSession,
}

impl Distant {
    /// Mounts `source` on the directory `point`, each request taking `delay`.
    ///
    /// # Errors
    ///
    /// What keeps `source` from being read or `point` from being mounted on: mostly that this user may not mount, or that
    /// there is no `/dev/fuse`.
    pub fn mount(source: &Path, point: &Path, delay: Duration) -> io::Result<Distant> {
        let mirror = Mirror::new(source, delay)?;
        let mut config = Config::default();
        config.mount_options =
            vec![MountOption::FSName("distant".into()), MountOption::Subtype("distant".into()), MountOption::RO];
        Ok(Distant { session: fuser::spawn_mount(mirror, point, &config)? })
    }

    /// Unmounts, and waits until what was asked has been answered.
    ///
    /// # Errors
    ///
    /// `EBUSY` while a file is open there or a process is at home there; and how serving it ended, if not well.
    pub fn unmount(self) -> io::Result<()> {
        self.session.umount_and_join()
    }
}
