//! Directories that are mounted when somebody opens them, and so are not opened by a walk that merely found them.
//!
//! Such places are served by autofs: the subdirectories of an *indirect* map's mount, and the mount of a *direct* map
//! itself. Which of the latter there are is read from the table of mounts once, at the start. What a network file system
//! mounts by itself where its server goes from one disk to the next is part of the tree. Nothing here opens anything.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use crate::directory::Place;
use crate::source::local::{self, Base};
use crate::source::mounts;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Automounts {
    /// What the mounts of direct maps are called, without the way there.
    names: HashSet<OsString>,
    /// The numbers of the devices that these mounts are.
    direct: HashSet<(u32, u32)>,
    /// The same of the mounts of indirect maps.
    indirect: HashSet<(u32, u32)>,
}

impl Automounts {
    /// Those that there are now.
    pub(crate) fn now() -> Automounts {
        let mut automounts = Automounts::default();
        for mount in mounts::table().into_iter().filter(|mount| mount.kind == "autofs") {
            if mount.is_direct {
                automounts.names.extend(mount.point.file_name().map(OsString::from));
                automounts.direct.insert(mount.number);
            } else {
                automounts.indirect.insert(mount.number);
            }
        }
        automounts
    }

    /// Whether the directory at `place` would be mounted if it were opened. Asks the system only where that may be; a
    /// root is to be mounted, for somebody named it.
    pub(crate) fn is_one(&self, base: &Base, place: &Place) -> bool {
        let Some(above) = base.device() else { return false };
        let above = (rustix::fs::major(above.id()), rustix::fs::minor(above.id()));
        let is_in_map = self.indirect.contains(&above);
        if !is_in_map && !self.names.contains(std::ffi::OsStr::from_bytes(place.name())) {
            return false;
        }
        // A place that is mounted already lies on what is mounted there.
        local::device_unmounted(base, place.name())
            .is_some_and(|device| self.direct.contains(&device) || (is_in_map && device == above))
    }
}
