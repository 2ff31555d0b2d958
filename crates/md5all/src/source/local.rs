//! The local file system, asked in the order that costs least.
//!
//! Everything is opened relative to an open directory, so no path is ever too
//! long for a system call, and no part of one can be swapped for a symbolic
//! link between two calls. What an entry is, the listing says itself where the
//! file system tells (`d_type`); where it does not, or where a link is to be
//! followed, one `stat` an entry is the price. What else there is to know about
//! a file is asked once it is open. How it is read is `content`'s affair.

use std::fs::Metadata;
use std::io::Read as _;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use errgroup::Context;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, openat, statat};
use rustix::io::Errno;

use crate::source::{Content, Device, Devices, Handle, Links, Root, Rules, Wait};

use crate::error::{Operation, Reason};
use crate::facts::Facts;
use crate::listing::{Kind, Listing};
use crate::skip::Skip;
use crate::source::atime::Traceless;
use crate::source::content::{self, Opened, Stamp};
use crate::source::descriptors::{Counted, Descriptors, is_want};

/// What a name is relative to.
#[derive(Clone, Debug)]
pub(crate) enum Base {
    /// The working directory: roots are.
    WorkingDirectory,
    /// An open directory: all that is found in it.
    Directory(Arc<Folder>),
}

/// A directory that is open.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    pub(crate) id: FileId,
    /// What it lies on, and what is in it, but for other mounts.
    pub(crate) device: Arc<Device>,
    traceless: Traceless,
    /// Last, for it says that the descriptor is free.
    _counted: Counted,
}

/// How the walk opens directories.
#[derive(Clone, Debug)]
pub(crate) struct Directories {
    pub(crate) devices: Devices,
    pub(crate) descriptors: Arc<Descriptors>,
    /// What ends waiting for a descriptor.
    pub(crate) ctx: Context,
}

/// What tells one file from another, whatever they are called: the device and
/// the inode number. Made from a file's [`Metadata`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    pub(crate) device: u64,
    inode: u64,
}

/// Lists directories, one after the other, through one buffer.
#[derive(Debug)]
pub(crate) struct Lister {
    links: Links,
    /// What the system fills; held to be used again.
    buffer: Vec<u8>,
}

impl Base {
    /// How a file listed relative to this is got at.
    pub(crate) fn handle(&self) -> Handle {
        match self {
            Base::WorkingDirectory => Handle::Named,
            Base::Directory(folder) => Handle::Listed(Arc::clone(folder)),
        }
    }

    /// What it lies on, if it is open.
    pub(crate) fn device(&self) -> Option<&Arc<Device>> {
        match self {
            Base::WorkingDirectory => None,
            Base::Directory(folder) => Some(&folder.device),
        }
    }
}

impl AsFd for Base {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Base::WorkingDirectory => CWD,
            Base::Directory(folder) => folder.fd.as_fd(),
        }
    }
}

impl FileId {
    pub(crate) fn new(device: u64, inode: u64) -> FileId {
        FileId { device, inode }
    }

    pub(crate) fn from_stat(stat: &rustix::fs::Stat) -> FileId {
        // The fields have other widths, and signs, on other systems.
        #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
        FileId { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
    }

    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }
}

impl From<&Metadata> for FileId {
    fn from(metadata: &Metadata) -> FileId {
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// What `name` is. A symbolic link is one only if it is not to be followed.
pub(crate) fn kind_of(base: &Base, name: &[u8], links: Links) -> Result<Kind, Errno> {
    let stat = statat(base, name, flags_of(links))?;
    Ok(kind(FileType::from_raw_mode(stat.st_mode)))
}

/// What a root is. What a file among them lies on is known from then on, so that whoever opens it knows whether that may
/// take long.
pub(crate) fn kind_of_root(name: &[u8], devices: &Devices) -> Result<Kind, Errno> {
    let stat = statat(CWD, name, AtFlags::empty())?;
    let id = FileId::from_stat(&stat);
    let kind = kind(FileType::from_raw_mode(stat.st_mode));
    if kind == Kind::File && !devices.have_met(id.device) {
        let fd = openat(CWD, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        // By what it is now, should another have taken its place.
        devices.of(&fd, FileId::from_stat(&fstat(&fd)?).device);
    }
    Ok(kind)
}

/// The number of the device on which a directory lies, which is not mounted for being asked; `None` if that is not
/// told.
#[cfg(target_os = "linux")]
pub(crate) fn device_unmounted(base: &Base, name: &[u8]) -> Option<(u32, u32)> {
    use rustix::fs::{StatxFlags, statx};
    let flags = AtFlags::NO_AUTOMOUNT | AtFlags::SYMLINK_NOFOLLOW;
    let found = statx(base, name, flags, StatxFlags::empty()).ok()?;
    Some((found.stx_dev_major, found.stx_dev_minor))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn device_unmounted(_base: &Base, _name: &[u8]) -> Option<(u32, u32)> {
    None
}

/// Whether a path leads to a FIFO, a socket or a device.
pub(crate) fn is_special(path: &[u8]) -> bool {
    kind_of(&Base::WorkingDirectory, path, Links::Follow) == Ok(Kind::Special)
}

impl Directories {
    /// Opens a directory for listing. Where there is no descriptor, waits for one, if any may be freed.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn open(&self, base: &Base, name: &[u8], links: Links) -> Result<Folder, Errno> {
        let own = usize::from(matches!(base, Base::Directory(_)));
        self.descriptors.open_directory(&self.ctx, own, || self.try_open(base, name, links, Wait::Yes))
    }

    /// Does what opens no more than one file and closes it. Where there is no descriptor, waits for one, if any may be freed
    /// but the `own` directories.
    ///
    /// # Errors
    ///
    /// What `open` says.
    pub(crate) fn patiently<T>(&self, own: usize, mut open: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
        self.descriptors.open_directory(&self.ctx, own, || self.at_once(&mut open))
    }

    /// The same, if there is a descriptor.
    ///
    /// # Errors
    ///
    /// What `open` says.
    pub(crate) fn at_once<T>(&self, open: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
        let opening = self.descriptors.opening()?;
        let opened = open();
        drop(opening);
        self.descriptors.freed();
        opened
    }

    /// Opens a directory for listing, if there is a descriptor.
    ///
    /// # Errors
    ///
    /// What the system says; `AGAIN` if it would have to wait, and must not.
    pub(crate) fn try_open(&self, base: &Base, name: &[u8], links: Links, wait: Wait) -> Result<Folder, Errno> {
        let _opening = self.descriptors.opening()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | no_follow(links);
        let fd = open_file(base.as_fd(), name, flags, wait)?;
        let stat = fstat(&fd)?;
        let id = FileId::from_stat(&stat);
        let device = match base {
            Base::Directory(above) if above.device.id() == id.device => Arc::clone(&above.device),
            _ => self.devices.of(&fd, id.device),
        };
        let traceless = Traceless::in_directory_of(stat.st_uid);
        Ok(Folder { fd, id, device, traceless, _counted: self.descriptors.count() })
    }
}

/// Whether what was listed there is this file, and shows no change: then it is what it was. One call, and nothing is
/// opened or read. Never where the answer may be one that was given before, as of a network's file system.
pub(crate) fn is_still(handle: &Handle, name: &[u8], links: Links, id: FileId, stamp: Stamp) -> bool {
    let Handle::Listed(folder) = handle else { return false };
    folder.device.is_punctual()
        && statat(&folder.fd, name, flags_of(links))
            .is_ok_and(|stat| FileId::from_stat(&stat) == id && Stamp::of(&stat) == stamp)
}

/// Which file is listed there, and what the system says of it; `None` if it is no regular file, or nothing can be said.
pub(crate) fn facts_at(folder: &Folder, name: &[u8], links: Links) -> Option<(FileId, Facts)> {
    let stat = statat(&folder.fd, name, flags_of(links)).ok()?;
    let id = FileId::from_stat(&stat);
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    is_file.then(|| (id, Stamp::of(&stat).facts(id.inode)))
}

/// A regular file, as far as whoever counts must know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    pub(crate) id: FileId,
    /// How many names it has.
    pub(crate) names: u64,
    pub(crate) size: u64,
}

/// What a handle leads to; `None` if it is no regular file, or nothing can be said.
pub(crate) fn measure(handle: &Handle, name: &[u8], links: Links) -> Option<Measure> {
    let stat = match handle {
        Handle::Listed(folder) | Handle::Beside(folder) => statat(&folder.fd, name, flags_of(links)),
        Handle::Named => statat(CWD, name, AtFlags::empty()),
        Handle::StandardInput | Handle::Spent => return None,
    };
    let stat = stat.ok().filter(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)?;
    // The fields have other widths, and signs, on other systems.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    let (names, size) = (stat.st_nlink as u64, stat.st_size as u64);
    Some(Measure { id: FileId::from_stat(&stat), names, size })
}

/// Opens a file as its handle wants it, and reads its beginning into `buffer`;
/// all of it, if there is room.
///
/// Blocks as files do if the rules say that it may, and on a FIFO that was asked
/// for by name and has no writer; on nothing else that was merely found. What is
/// [left](Handle::is_left_by) by those who do not wait is not to come here.
///
/// # Errors
///
/// The operation that failed, but for want of a descriptor ([`Opened::Wanting`]). A file that has become something else since it
/// was listed is none: it is passed over.
pub(crate) fn open(handle: &Handle, name: &[u8], rules: Rules<'_>, buffer: &mut [u8]) -> Result<Opened, Reason> {
    match handle {
        Handle::Listed(folder) => open_listed(folder, name, rules, buffer),
        Handle::Named => open_named(name, rules, buffer),
        Handle::Beside(folder) => open_beside(folder, name, rules, buffer),
        Handle::Spent => Ok(Opened::Whole(0, None)),
        Handle::StandardInput => match rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 0) {
            Ok(fd) => content::stream(fd, rules),
            Err(error) => not_opened(error, rules.wait),
        },
    }
}

/// What it means that the system did not open something: for now only, perhaps.
fn not_opened(error: Errno, wait: Wait) -> Result<Opened, Reason> {
    match error {
        Errno::AGAIN if wait == Wait::No => Ok(Opened::Later(None)),
        error if is_want(error) => Ok(Opened::Wanting(error)),
        error => Err(Reason::system(Operation::Open, error)),
    }
}

/// Opens what was asked for by name, whatever it is, without reading any of it.
///
/// Blocks on a FIFO that nobody writes to.
///
/// # Errors
///
/// The operation that failed.
pub(crate) fn open_root(root: &Root) -> Result<Content, Reason> {
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    let failed = |error| Reason::system(Operation::Open, error);
    match root {
        Root::Path(path) => Content::new(openat(CWD, path, flags, Mode::empty()).map_err(failed)?),
        Root::StandardInput => {
            Content::stream(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 0).map_err(failed)?)
        }
    }
}

/// Between listing and opening, a file may have become a FIFO (which must not
/// block: `NONBLOCK`), a terminal (which must not become ours: `NOCTTY`) or a
/// link (`NOFOLLOW`).
fn open_listed(folder: &Folder, name: &[u8], rules: Rules<'_>, buffer: &mut [u8]) -> Result<Opened, Reason> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | no_follow(rules.links);
    match open_traceless(folder.fd.as_fd(), name, flags, rules.wait, &folder.traceless) {
        Ok(fd) => content::begin_listed(fd, &folder.device, rules, buffer),
        Err(Errno::LOOP) if rules.links == Links::Skip => Ok(Opened::Passed(Skip::Symlink)),
        // How a socket, or a device without a driver, answers to being opened.
        Err(Errno::NXIO | Errno::NODEV) => Ok(Opened::Passed(Skip::Special)),
        Err(error) => {
            if error == Errno::AGAIN && rules.wait == Wait::No {
                folder.device.patience().lose();
            }
            not_opened(error, rules.wait)
        }
    }
}

/// As by its whole path, with less to look up. What is no regular file must not block here: it is waited for
/// where it is read.
fn open_beside(folder: &Folder, path: &[u8], rules: Rules<'_>, buffer: &mut [u8]) -> Result<Opened, Reason> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match open_traceless(folder.fd.as_fd(), &path[base_of(path)..], flags, rules.wait, &folder.traceless) {
        Ok(fd) => content::begin_expected(fd, &folder.device, rules, buffer, |content| {
            Opened::Begun(Box::new(content.hasty()), 0)
        }),
        Err(error) => not_opened(error, rules.wait),
    }
}

/// All that is in a small file, in a directory or by its path; `None` if there is none of that name, or it is no regular
/// file. A symbolic link is none.
///
/// # Errors
///
/// What the system says; `FBIG` if it is longer than `most`.
pub(crate) fn read_small(folder: Option<&Folder>, name: &[u8], most: usize) -> Result<Option<Vec<u8>>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let fd = match open_file(folder.map_or(CWD, |folder| folder.fd.as_fd()), name, flags, Wait::Yes) {
        Ok(fd) => fd,
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::NODEV) => return Ok(None),
        Err(error) => return Err(error),
    };
    if FileType::from_raw_mode(fstat(&fd)?.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let mut text = Vec::new();
    let read = std::fs::File::from(fd).take(most as u64 + 1).read_to_end(&mut text);
    read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    if text.len() > most { Err(Errno::FBIG) } else { Ok(Some(text)) }
}

/// How many bytes a listed file has, by what the file system says; `None` if it is no regular file, or nothing can be said.
pub(crate) fn size_at(folder: &Folder, name: &[u8], links: Links) -> Option<u64> {
    let stat = statat(&folder.fd, name, flags_of(links)).ok()?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    // The field has another sign on other systems.
    #[allow(clippy::unnecessary_cast)]
    is_file.then_some(stat.st_size as u64)
}

/// Where the last part of a path begins, behind its last slash.
pub(crate) fn base_of(path: &[u8]) -> usize {
    path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1)
}

/// Opens a file so that to read it leaves its access time alone, if that is allowed.
fn open_traceless(
    base: BorrowedFd<'_>,
    name: &[u8],
    flags: OFlags,
    wait: Wait,
    traceless: &Traceless,
) -> Result<OwnedFd, Errno> {
    let flag = traceless.flag();
    match open_file(base, name, flags | flag, wait) {
        Err(Errno::PERM) if !flag.is_empty() => {
            traceless.is_refused();
            open_file(base, name, flags, wait)
        }
        opened => opened,
    }
}

/// `AGAIN` if it would have to wait, and must not.
#[cfg(target_os = "linux")]
fn open_file(base: BorrowedFd<'_>, name: &[u8], flags: OFlags, wait: Wait) -> Result<OwnedFd, Errno> {
    use rustix::fs::{ResolveFlags, openat2};
    /// Set where there is no `openat2` (before Linux 5.6), or it knows nothing of `CACHED` (before 5.12), or is forbidden.
    static PLAIN: AtomicBool = AtomicBool::new(false);
    if wait == Wait::No && !PLAIN.load(Relaxed) {
        match openat2(base, name, flags, Mode::empty(), ResolveFlags::CACHED) {
            // A file may give the last one as well, and then gives it again.
            Err(Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
                let probe = openat2(CWD, c".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::CACHED);
                PLAIN.store(!matches!(probe, Ok(_) | Err(Errno::AGAIN)), Relaxed);
            }
            opened => return opened,
        }
    }
    match openat(base, name, flags, Mode::empty()) {
        Err(Errno::AGAIN) if wait != Wait::No => open_leased(base, name, flags),
        opened => opened,
    }
}

/// Opens a file on which somebody has a lease (see `fcntl(2)`), as file servers have for their clients. It is theirs until
/// they give it up, or are made to: who opens it with `NONBLOCK` is sent away, and who opens it without waits that long.
/// So first it is held without being opened, and seen to be a file: a FIFO would make us wait for ever.
#[cfg(target_os = "linux")]
fn open_leased(base: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let held = openat(base, name, flags | OFlags::PATH, Mode::empty())?;
    if FileType::from_raw_mode(fstat(&held)?.st_mode) != FileType::RegularFile {
        return Err(Errno::AGAIN);
    }
    let path = format!("/proc/self/fd/{}", held.as_raw_fd());
    openat(CWD, path, flags.difference(OFlags::NONBLOCK | OFlags::NOFOLLOW), Mode::empty())
}

/// Nobody tells whether it would have to wait.
#[cfg(not(target_os = "linux"))]
fn open_file(base: BorrowedFd<'_>, name: &[u8], flags: OFlags, _wait: Wait) -> Result<OwnedFd, Errno> {
    openat(base, name, flags, Mode::empty())
}

fn open_named(name: &[u8], rules: Rules<'_>, buffer: &mut [u8]) -> Result<Opened, Reason> {
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    match open_traceless(CWD, name, flags, rules.wait, &Traceless::named()) {
        Ok(fd) => content::begin(fd, rules, buffer),
        Err(error) => not_opened(error, rules.wait),
    }
}

fn flags_of(links: Links) -> AtFlags {
    match links {
        Links::Skip => AtFlags::SYMLINK_NOFOLLOW,
        Links::Follow => AtFlags::empty(),
    }
}

fn no_follow(links: Links) -> OFlags {
    match links {
        Links::Skip => OFlags::NOFOLLOW,
        Links::Follow => OFlags::empty(),
    }
}

fn kind(file_type: FileType) -> Kind {
    match file_type {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Unknown => Kind::Unknown,
        _ => Kind::Special,
    }
}

impl Lister {
    /// Room for a thousand names or so with each call to the system.
    const BUFFER: usize = 32 * 1024;

    pub(crate) fn new(links: Links) -> Lister {
        Lister { links, buffer: Vec::with_capacity(Self::BUFFER) }
    }

    /// The names in an open directory, in the order of paths; and what kept the
    /// listing from being whole, if anything did.
    pub(crate) fn list(&mut self, folder: &Arc<Folder>) -> (Listing, Option<Reason>) {
        self.go_on(folder, Listing::default())
    }

    /// The same for a directory that was begun, with the names that it gave.
    pub(crate) fn go_on(&mut self, folder: &Arc<Folder>, mut listing: Listing) -> (Listing, Option<Reason>) {
        let end = self.read(folder, &mut listing, usize::MAX);
        listing.sort();
        (listing, end.and_then(Result::err))
    }

    /// The first names, of little more than `most` bytes; and, if these are all, how the listing ended: then they are in
    /// the order of paths.
    pub(crate) fn begin(&mut self, folder: &Arc<Folder>, most: usize) -> (Listing, Option<Result<(), Reason>>) {
        let mut listing = Listing::default();
        let end = self.read(folder, &mut listing, most);
        if end.is_some() {
            listing.sort();
        }
        (listing, end)
    }

    /// Reads names until the end, which it gives, or until there are too many.
    fn read(&mut self, folder: &Arc<Folder>, listing: &mut Listing, most: usize) -> Option<Result<(), Reason>> {
        let base = Base::Directory(Arc::clone(folder));
        let links = self.links;
        let end = read_names(&folder.fd, &mut self.buffer, |name, listed, inode| {
            match settle(&base, name, kind(listed), links) {
                Kind::Symlink => {}
                kind => listing.push(name, kind, inode),
            }
            listing.bytes() < most
        });
        Some(end?.map_err(|error| Reason::system(Operation::List, error)))
    }
}

/// What a listed name is, asking the system if the listing did not say, or said
/// that it is a link which is to be followed.
///
/// When asking fails the kind is unknown, and the walk will ask once more.
fn settle(base: &Base, name: &[u8], listed: Kind, links: Links) -> Kind {
    match (listed, links) {
        (Kind::Unknown, _) | (Kind::Symlink, Links::Follow) => kind_of(base, name, links).unwrap_or(Kind::Unknown),
        (known, _) => known,
    }
}

/// Calls `each` with every name but `.` and `..`, what the directory itself says
/// that it is, and its inode number. Gives how the listing ended; `None` if `each`
/// had enough before: what comes next, another call gives.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn read_names(
    directory: &OwnedFd,
    buffer: &mut Vec<u8>,
    mut each: impl FnMut(&[u8], FileType, u64) -> bool,
) -> Option<Result<(), Errno>> {
    let mut entries = rustix::fs::RawDir::new(directory, buffer.spare_capacity_mut());
    let mut wants_more = true;
    // What the system has given is not given again.
    while wants_more || !entries.is_buffer_empty() {
        match entries.next() {
            None => return Some(Ok(())),
            Some(Err(error)) => return Some(Err(error)),
            Some(Ok(entry)) => {
                let name = entry.file_name().to_bytes();
                if !matches!(name, b"." | b"..") {
                    wants_more = each(name, entry.file_type(), entry.ino());
                }
            }
        }
    }
    None
}

/// As above, through `readdir`, which keeps a buffer of its own and wants one
/// more descriptor; and always to the end.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn read_names(
    directory: &OwnedFd,
    _buffer: &mut Vec<u8>,
    mut each: impl FnMut(&[u8], FileType, u64) -> bool,
) -> Option<Result<(), Errno>> {
    let entries = match rustix::fs::Dir::read_from(directory) {
        Ok(entries) => entries,
        Err(error) => return Some(Err(error)),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error)),
        };
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            each(name, entry.file_type(), entry.ino());
        }
    }
    Some(Ok(()))
}

#[cfg(test)]
impl Directories {
    /// Whose devices and descriptors are nobody else's.
    pub(crate) fn plain() -> Directories {
        Directories { devices: Devices::default(), descriptors: Descriptors::new(31), ctx: Context::background() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Quiet;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use tempfile::TempDir;

    fn open_at(path: &Path) -> Arc<Folder> {
        let name = path.as_os_str().as_bytes();
        Arc::new(Directories::plain().open(&Base::WorkingDirectory, name, Links::Skip).unwrap())
    }

    fn fifo(path: &Path) {
        rustix::fs::mkfifoat(CWD, path, Mode::from_raw_mode(0o600)).unwrap();
    }

    /// Every kind of thing, named after itself.
    fn zoo() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "x").unwrap();
        fs::create_dir(at("directory")).unwrap();
        fifo(&at("fifo"));
        UnixListener::bind(at("socket")).unwrap();
        symlink("file", at("link to file")).unwrap();
        symlink("directory", at("link to directory")).unwrap();
        symlink("fifo", at("link to fifo")).unwrap();
        symlink("nowhere", at("broken link")).unwrap();
        dir
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_is_taken_for_what_it_was_only_where_the_answer_is_this_machines() {
        let dir = zoo();
        let is_still = |dir: &Path, name: &str| {
            let stat = statat(CWD, dir.join(name), AtFlags::empty()).unwrap();
            let handle = Handle::Listed(open_at(dir));
            super::is_still(&handle, name.as_bytes(), Links::Skip, FileId::from_stat(&stat), Stamp::of(&stat))
        };
        let folder = open_at(dir.path());
        assert_eq!(is_still(dir.path(), "file"), folder.device.is_punctual());
        assert!(!is_still(Path::new("/proc"), "version"));
    }

    fn listed(links: Links) -> Vec<(String, Kind)> {
        let dir = zoo();
        let (listing, failure) = Lister::new(links).list(&open_at(dir.path()));
        assert!(failure.is_none());
        (0..listing.len())
            .map(|index| {
                let name = String::from_utf8_lossy(listing.name(index)).into_owned();
                (name, listing.kind(index))
            })
            .collect()
    }

    fn check(links: Links, rows: &[(&str, Kind)]) {
        let rows: Vec<_> = rows.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        assert_eq!(listed(links), rows);
    }

    #[test]
    fn links_are_left_out_or_followed() {
        check(
            Links::Skip,
            &[("directory", Kind::Directory), ("fifo", Kind::Special), ("file", Kind::File), ("socket", Kind::Special)],
        );
        check(
            Links::Follow,
            &[
                ("broken link", Kind::Unknown),
                ("directory", Kind::Directory),
                ("fifo", Kind::Special),
                ("file", Kind::File),
                ("link to directory", Kind::Directory),
                ("link to fifo", Kind::Special),
                ("link to file", Kind::File),
                ("socket", Kind::Special),
            ],
        );
    }

    /// What `settle` makes of a file system that tells no types.
    #[test]
    fn an_unknown_type_is_asked_for() {
        let dir = zoo();
        let base = Base::Directory(open_at(dir.path()));
        let ask = |name: &str, links| settle(&base, name.as_bytes(), Kind::Unknown, links);
        assert_eq!(ask("file", Links::Skip), Kind::File);
        assert_eq!(ask("link to file", Links::Skip), Kind::Symlink);
        assert_eq!(ask("link to file", Links::Follow), Kind::File);
        assert_eq!(ask("gone", Links::Skip), Kind::Unknown);
    }

    /// As if each had been a file when it was listed; with what is told before a file is read, and what is told after.
    #[test]
    fn what_is_no_file_any_more_is_passed_over_without_blocking() {
        let dir = zoo();
        let handle = Handle::Listed(open_at(dir.path()));
        let forever = Quiet::for_ever();
        let devices = Devices::default();
        for (quiet, wait) in [(None, Wait::No), (Some(&forever), Wait::No), (Some(&forever), Wait::Yes)] {
            let passed = |name: &str, links| {
                let rules = Rules { links, quiet, wait, ..Rules::plain(&devices) };
                let opened = match open(&handle, name.as_bytes(), rules, &mut [0; 10]) {
                    // A link whose access time is due is one that the system looks up with more care.
                    Ok(Opened::Later(None)) => {
                        open(&handle, name.as_bytes(), Rules { wait: Wait::Yes, ..rules }, &mut [0; 10])
                    }
                    opened => opened,
                };
                match opened {
                    Ok(Opened::Passed(skip)) => Some(skip),
                    Ok(_) => None,
                    Err(reason) => panic!("{name}: {reason}"),
                }
            };
            assert_eq!(passed("fifo", Links::Skip), Some(Skip::Special));
            assert_eq!(passed("socket", Links::Skip), Some(Skip::Special));
            assert_eq!(passed("directory", Links::Skip), Some(Skip::Special));
            assert_eq!(passed("link to file", Links::Skip), Some(Skip::Symlink));
            assert_eq!(passed("link to fifo", Links::Follow), Some(Skip::Special));
            assert_eq!(passed("link to file", Links::Follow), None);
            assert_eq!(passed("file", Links::Skip), None);
        }
    }

    #[test]
    fn a_file_that_is_gone_is_an_error() {
        let dir = zoo();
        let handle = Handle::Listed(open_at(dir.path()));
        let devices = Devices::default();
        let reason = open(&handle, b"gone", Rules::plain(&devices), &mut []).unwrap_err();
        assert_eq!(reason.to_string(), "cannot open: No such file or directory");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_listing_that_breaks_off_says_so() {
        let dir = zoo();
        let inner = dir.path().join("directory");
        let fd = open_at(&inner);
        fs::remove_dir(&inner).unwrap();
        let (listing, failure) = Lister::new(Links::Skip).list(&fd);
        assert_eq!(listing.len(), 0);
        assert_eq!(failure.unwrap().to_string(), "cannot list directory: No such file or directory");
    }
}
