//! What files lie on, and so how they are best asked for.
//!
//! A read that has to wait costs a device's latency, and latency is hidden by asking for much at once: of a solid-state
//! disk, and of whatever is at the other end of a network. A disk that spins does one thing at a time, and does it
//! fastest in the order in which things lie. What is in memory already costs no latency at all.
//!
//! A device is told by its number (`st_dev`) and looked into once. How reads are put to it is for `digest::readers`.

use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::mounts::{self, Mount};
use super::patience::Patience;

/// How the devices below the roots are read.
///
/// A cheap handle: a clone tells of the same devices. Keep one to ask, during the run or after it, which were
/// [met](Self::met).
#[derive(Clone, Debug, Default)]
pub struct Devices {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// What is asked for; `None` if it is for each device to say.
    mode: Option<Mode>,
    depth: Option<NonZeroUsize>,
    known: Mutex<Vec<Arc<Device>>>,
    /// Whether one of them is far away.
    some_are_far: AtomicBool,
    /// For what has not been opened, so that its device is not known.
    unknown: OnceLock<Arc<Device>>,
}

/// A way to read a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Many reads at once, in the order in which files are found.
    Ssd,
    /// One read at a time, in the order of inode numbers among those that wait.
    Hdd,
    /// Many reads at once, and no file is opened by those who hash: even that may take long.
    Net,
    /// Nothing is on a device: reads do not wait.
    Memory,
}

/// A device that was met, and how it is read.
#[derive(Debug)]
pub struct Device {
    id: u64,
    mode: Mode,
    depth: usize,
    mount: Option<Mount>,
    kind: Kind,
    /// Whether it can say that a read would have to wait, as far as is known.
    tells: AtomicBool,
    /// Whether the last files were found in memory.
    patience: Patience,
    /// Whether it can read without keeping what was read in memory, as far as is known.
    forgets: AtomicBool,
}

impl Mode {
    /// Every mode that can be asked for.
    pub const ALL: [Mode; 3] = [Mode::Ssd, Mode::Hdd, Mode::Net];

    /// What it is called on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mode::Ssd => "ssd",
            Mode::Hdd => "hdd",
            Mode::Net => "net",
            Mode::Memory => "memory",
        }
    }

    /// The mode that is called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// How many reads are best under way at once: on a virtual disk, 100,000 small files took 2.1 s with 16 readers, 1.9
    /// with 64 and 1.7 with 128.
    fn depth(self) -> usize {
        match self {
            Mode::Ssd | Mode::Net => 64,
            Mode::Hdd => 1,
            Mode::Memory => 4,
        }
    }
}

impl Devices {
    /// All read in this mode, but for what is in memory anyway, and with so many reads at once; `None` leaves it to each
    /// device.
    #[must_use]
    pub fn new(mode: Option<Mode>, depth: Option<NonZeroUsize>) -> Devices {
        Devices { shared: Arc::new(Shared { mode, depth, ..Shared::default() }) }
    }

    /// The devices that were met so far, in the order in which they were.
    #[must_use]
    pub fn met(&self) -> Vec<Arc<Device>> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The device number `id`, on which `file` lies.
    pub(crate) fn of(&self, file: &OwnedFd, id: u64) -> Arc<Device> {
        let mut known = self.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = known.iter().find(|device| device.id == id) {
            return Arc::clone(device);
        }
        let device = Arc::new(self.shared.look_into(file, id));
        self.shared.some_are_far.fetch_or(device.is_far(), Relaxed);
        known.push(Arc::clone(&device));
        device
    }

    /// Whether the device with this number was met.
    pub(crate) fn have_met(&self, id: u64) -> bool {
        let known = self.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|device| device.id == id)
    }

    /// Whether a device that was met is far away. The walk meets those of all named files before any is opened.
    pub(crate) fn some_are_far(&self) -> bool {
        self.shared.some_are_far.load(Relaxed)
    }

    /// What stands for the device of a file that was named and has not been opened.
    pub(crate) fn unknown(&self) -> Arc<Device> {
        let shared = &self.shared;
        Arc::clone(shared.unknown.get_or_init(|| Arc::new(shared.device(0, Kind::default(), None))))
    }
}

/// What the type of its file system says about a device.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kind {
    /// What is on it is elsewhere, or some process serves it.
    is_far: bool,
    /// Times of files on it are told by this machine's clock.
    is_punctual: bool,
    /// What is on it is made up on reading.
    pub(super) is_made_up: bool,
    /// What is on it is in memory, or made up there.
    is_memory: bool,
}

impl Shared {
    fn look_into(&self, file: &OwnedFd, id: u64) -> Device {
        let mount = mounts::of(file);
        self.device(id, Kind::of(file), mount)
    }

    fn device(&self, id: u64, kind: Kind, mount: Option<Mount>) -> Device {
        let mode = match self.mode {
            _ if kind.is_memory => Mode::Memory,
            Some(mode) => mode,
            None if kind.is_far => Mode::Net,
            None if mount.as_ref().is_some_and(is_rotational) => Mode::Hdd,
            None => Mode::Ssd,
        };
        let depth = self.depth.map_or(mode.depth(), NonZeroUsize::get);
        let [tells, forgets] = [true; 2].map(AtomicBool::new);
        Device { id, mode, depth, mount, kind, tells, patience: Patience::default(), forgets }
    }
}

impl Device {
    /// How it is read.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How many reads of it may be under way at once.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Whether times of files on it are told by this machine's clock.
    pub(crate) fn is_punctual(&self) -> bool {
        self.kind.is_punctual
    }

    /// Whether what is said of files on it may be what was said some time ago: they are elsewhere, however it is read.
    pub(crate) fn is_hearsay(&self) -> bool {
        self.kind.is_far
    }

    /// Whether what is on it is made up on reading, as in `/proc`: a file's size and times say nothing of its contents then.
    pub(crate) fn is_made_up(&self) -> bool {
        self.kind.is_made_up
    }

    /// Whether to open a file on it, or to read it, may take long though it is in memory here.
    pub(crate) fn is_far(&self) -> bool {
        self.mode == Mode::Net
    }

    /// Whether files on it are worth opening before their turn: it does many things at once, and begins to read what it is
    /// asked for without anybody waiting for it.
    pub(crate) fn opens_ahead(&self) -> bool {
        self.mode == Mode::Ssd && self.tells()
    }

    /// Whether directories on it are worth listing before their turn: not if it does one thing at a time, and not if
    /// they are in memory.
    pub(crate) fn is_listed_ahead(&self) -> bool {
        self.depth > 1 && self.mode != Mode::Memory
    }

    /// Whether it can say that a read would have to wait.
    pub(crate) fn tells(&self) -> bool {
        self.tells.load(Relaxed)
    }

    /// It cannot.
    pub(crate) fn does_not_tell(&self) {
        self.tells.store(false, Relaxed);
    }

    /// Whether the next files on it are worth trying to open without waiting.
    pub(crate) fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Whether a read of it can be asked to keep nothing in memory that was not there.
    pub(crate) fn forgets(&self) -> bool {
        self.forgets.load(Relaxed)
    }

    /// It cannot.
    pub(crate) fn does_not_forget(&self) {
        self.forgets.store(false, Relaxed);
    }
}

#[cfg(test)]
impl Device {
    /// One of this number, on which times of files are told by this machine's clock.
    pub(crate) fn punctual(id: u64) -> Arc<Device> {
        let kind = Kind { is_punctual: true, ..Kind::default() };
        Arc::new(Shared::default().device(id, kind, None))
    }
}

/// As in `/dev/vda1 on / (ext4): ssd, 64 reads at once`.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mount {
            Some(mount) => write!(f, "{mount}")?,
            None => write!(f, "device {}:{}", rustix::fs::major(self.id), rustix::fs::minor(self.id))?,
        }
        let reads = if self.depth == 1 { "read" } else { "reads" };
        write!(f, ": {}, {} {reads} at once", self.mode.name(), self.depth)
    }
}

impl Kind {
    #[cfg(target_os = "linux")]
    pub(super) fn of(file: &OwnedFd) -> Kind {
        /// ext2 to ext4, XFS, Btrfs, F2FS and tmpfs: of the kernel's own, stamped by its clock.
        const PUNCTUAL: [i64; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994];
        /// NFS, SMB (three numbers), FUSE, Ceph, 9P, AFS (two), Coda, Lustre, GPFS, and what VirtualBox shares.
        const FAR: [i64; 13] = [
            0x6969,
            0x517b,
            0xff53_4d42,
            0xfe53_4d42,
            0x6573_5546,
            0x00c3_6400,
            0x0102_1997,
            0x5346_414f,
            0x6b41_4653,
            0x7375_7245,
            0x0bd0_0bd3,
            0x4750_4653,
            0x786f_4256,
        ];
        /// /proc, /sys, debugfs, tracefs, securityfs, both cgroup file systems and configfs, as `statfs(2)` and the
        /// kernel's `magic.h` have them.
        const MADE_UP: [i64; 8] =
            [0x9fa0, 0x6265_6572, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0x0027_e0eb, 0x6367_7270, 0x6265_6570];
        /// tmpfs and ramfs.
        const MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];
        let Ok(found) = rustix::fs::fstatfs(file) else { return Kind::default() };
        #[allow(clippy::unnecessary_cast, clippy::useless_conversion)] // narrower on other processors
        let number = found.f_type as i64;
        let is_made_up = MADE_UP.contains(&number);
        Kind {
            is_far: FAR.contains(&number),
            is_punctual: PUNCTUAL.contains(&number),
            is_made_up,
            is_memory: is_made_up || MEMORY.contains(&number),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn of(_file: &OwnedFd) -> Kind {
        Kind::default()
    }
}

/// Whether the block device that is mounted spins, as `/sys` says; a device of several (Btrfs) by the one that was
/// named to mount it.
///
/// What a hypervisor shows says that it spins, mostly, whatever is behind it: that is not believed.
fn is_rotational(mount: &Mount) -> bool {
    let Some((major, minor)) = mount.device() else { return false };
    let Ok(device) = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")) else { return false };
    // A partition is a directory in that of its disk.
    let disk = if device.join("queue").exists() { device.as_path() } else { device.parent().unwrap_or(&device) };
    fs::read(disk.join("queue/rotational")).is_ok_and(|text| text.starts_with(b"1")) && !is_emulated(disk)
}

/// Whether a disk, a directory below `/sys/devices`, is one that a hypervisor made.
fn is_emulated(disk: &Path) -> bool {
    /// As they introduce themselves: QEMU and KVM, VMware, Hyper-V and Azure, VirtualBox, Xen.
    const VENDORS: [&str; 5] = ["QEMU", "VMware", "Msft", "VBOX", "XEN"];
    let is_virtio = disk.components().any(|part| {
        let name = part.as_os_str().as_encoded_bytes();
        name.starts_with(b"virtio") || name.starts_with(b"vbd-") || name.starts_with(b"nvme")
    });
    let vendor = fs::read_to_string(disk.join("device/vendor")).unwrap_or_default();
    is_virtio || VENDORS.iter().any(|known| vendor.trim().eq_ignore_ascii_case(known))
}
