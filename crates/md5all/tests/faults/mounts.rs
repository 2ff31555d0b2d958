//! Mounts that nobody else sees, and that are gone with the test, however it ends.
//!
//! A test that mounts runs on a thread with a mount namespace of its own, which the programs that it starts inherit.
//! Its mounts end with the last of them, and so do the loop devices beneath.

use std::fs::{self, File};
use std::io;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

use crate::harness::found;

/// A test, where it may mount as it likes; skipped, with a message, if it may not.
pub(crate) fn apart(test: impl FnOnce() + Send) {
    let ended = thread::scope(|scope| {
        let thread = scope.spawn(|| match leave() {
            Ok(()) => test(),
            Err(error) => eprintln!("SKIPPED: no mount namespace of its own: {error}"),
        });
        thread.join()
    });
    ended.unwrap_or_else(|panic| panic::resume_unwind(panic));
}

fn leave() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    // Or what is mounted here would show there as well.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
}

/// A file system at a place of its own.
#[derive(Debug)]
pub(crate) struct Mounted {
    point: PathBuf,
    /// Where all that belongs to it lies. Dropped after it is unmounted.
    _keep: TempDir,
}

impl Mounted {
    /// In memory, with room for so much.
    pub(crate) fn memory(bytes: usize) -> Mounted {
        let (keep, point) = place();
        let options = format!("size={bytes}");
        mount(Some("tmpfs"), &point, Some("tmpfs"), MsFlags::empty(), Some(options.as_str())).expect("a tmpfs");
        Mounted { point, _keep: keep }
    }

    /// In a file of so many MiB behind a loop device; `None`, with a message, if this machine cannot.
    pub(crate) fn on_loop(kind: &str, mebibytes: u64) -> Option<Mounted> {
        let mut make = found(&format!("mkfs.{kind}"))?;
        let (keep, point) = place();
        let image = keep.path().join("image");
        File::create(&image).expect("an image").set_len(mebibytes << 20).expect("a sparse file");
        let made = quiet(&mut make).arg("-q").arg(&image).status();
        assert!(made.expect("it starts").success(), "mkfs.{kind} fails");
        let mut mount = found("mount")?;
        let mounted = mount.args(["-o", "loop", "-t", kind]).args([&image, &point]).output().expect("mount starts");
        if !mounted.status.success() {
            eprintln!("SKIPPED: no {kind} here: {}", String::from_utf8_lossy(&mounted.stderr));
            return None;
        }
        Some(Mounted { point, _keep: keep })
    }

    /// What is in `lower`, where nothing of it is in `upper` or deleted there; `None`, with a message, if this machine
    /// cannot.
    pub(crate) fn overlay(lower: &Path, upper: &Path) -> Option<Mounted> {
        let (keep, point) = place();
        let [above, work] = ["above", "work"].map(|name| upper.join(name));
        [&above, &work].into_iter().for_each(|path| fs::create_dir(path).expect("a directory"));
        let options = format!("lowerdir={},upperdir={},workdir={}", lower.display(), above.display(), work.display());
        match mount(Some("overlay"), &point, Some("overlay"), MsFlags::empty(), Some(options.as_str())) {
            Ok(()) => Some(Mounted { point, _keep: keep }),
            Err(error) => {
                eprintln!("SKIPPED: no overlay here: {error}");
                None
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.point
    }

    /// The number of the loop device beneath.
    pub(crate) fn loop_number(&self) -> u32 {
        use std::os::unix::fs::MetadataExt;
        rustix::fs::minor(fs::metadata(&self.point).expect("it is mounted").dev())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        unmount(&self.point);
    }
}

/// One directory at another place as well.
pub(crate) fn bind(from: &Path, to: &Path) {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("a bind mount");
}

/// Takes away what is mounted here, at once, whoever is still using it.
pub(crate) fn unmount(point: &Path) {
    if let Err(error) = umount2(point, MntFlags::MNT_DETACH) {
        eprintln!("{}: cannot unmount: {error}", point.display());
    }
}

/// Gives up what a FUSE file system was asked. It stays mounted while somebody uses it, and answers nobody.
pub(crate) fn cut_off(point: &Path) {
    match umount2(point, MntFlags::MNT_FORCE) {
        Ok(()) | Err(nix::errno::Errno::EBUSY) => {}
        Err(error) => panic!("{}: cannot be cut off: {error}", point.display()),
    }
}

/// Forgets what was read from disks, so that it has to be read again.
pub(crate) fn drop_caches() -> io::Result<()> {
    rustix::fs::sync();
    fs::write("/proc/sys/vm/drop_caches", "3")
}

fn place() -> (TempDir, PathBuf) {
    let keep = tempfile::tempdir().expect("a temporary directory");
    let point = keep.path().join("mounted");
    fs::create_dir(&point).expect("a directory");
    (keep, point)
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}
