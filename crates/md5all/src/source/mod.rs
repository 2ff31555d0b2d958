//! Where files come from: listing directories and opening what is in them.
//!
//! [`local`] asks the operating system; [`content`] is one opened file, read to
//! its end and then vouched for; [`quiet`] is why a small one need not be looked
//! at twice; [`device`] is what it all lies on; [`descriptors`] is what is
//! done when there are none; [`patience`], when an answer takes long; [`atime`], [`cache`] and [`holes`] are what is left
//! as it was, and what is not read. None knows what is done with the bytes. A further kind of source is one more file
//! here and one more [`Handle`].

mod atime;
mod cache;
pub(crate) mod content;
pub(crate) mod descriptors;
pub(crate) mod device;
mod handle;
mod holes;
pub(crate) mod local;
pub(crate) mod mounts;
pub(crate) mod patience;
pub(crate) mod quiet;
mod root;

pub use cache::Cache;
pub(crate) use content::Content;
pub(crate) use descriptors::Descriptors;
pub use device::{Device, Devices, Mode};
pub(crate) use handle::Handle;
pub use local::FileId;
pub(crate) use quiet::Quiet;
pub use root::Root;

/// What opening keeps to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) links: Links,
    /// Files to pass over, whatever they are called.
    pub(crate) exclude: &'a [FileId],
    /// Since when a file must have been left alone to be looked at once only; `None`: look twice at each.
    pub(crate) quiet: Option<&'a Quiet>,
    /// What files may lie on.
    pub(crate) devices: &'a Devices,
    /// Whether what would have to wait for a device is to wait.
    pub(crate) wait: Wait,
    /// What reading does to the system's cache of files.
    pub(crate) cache: Cache,
    /// Since when a file must have been left alone for its facts to be told whole; `None`: nobody wants them.
    pub(crate) facts: Option<&'a Quiet>,
}

/// What to do where a device would have to be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Say so, as far as the system can tell, and do nothing.
    No,
    /// Wait until it is open, and then no longer.
    ToOpen,
    /// Wait.
    Yes,
}

/// Which reads are made. A file may be waited for until it is open, and then no longer: a read has no such third way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Of what is in memory; where the device would have to be waited for, they say so and do nothing.
    Ready,
    /// All.
    All,
}

/// What to do about symbolic links below the roots.
///
/// One that is a root is followed either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// Pass over them, without a word, as `find -type f` does.
    #[default]
    Skip,
    /// Follow them; a link that leads to a directory above itself is a failure,
    /// and so is one that leads nowhere.
    Follow,
}

#[cfg(test)]
impl<'a> Rules<'a> {
    /// What nothing else is asked of.
    pub(crate) fn plain(devices: &'a Devices) -> Rules<'a> {
        Rules {
            links: Links::Skip,
            exclude: &[],
            quiet: None,
            devices,
            wait: Wait::Yes,
            cache: Cache::Use,
            facts: None,
        }
    }
}
