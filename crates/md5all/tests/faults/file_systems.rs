//! The same tree wherever it lies, hot or cold, however it is read: the same lines, which `md5sum` makes as well.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::*;
use crate::mounts::{Mounted, apart, drop_caches};
use crate::served::Served;

/// Every way to read a device, one worker and several.
const WAYS: [&[&str]; 7] = [
    &[],
    &["-j", "1"],
    &["--io", "ssd"],
    &["--io", "hdd"],
    &["--io", "net"],
    &["--io", "hdd", "--io-depth", "4"],
    &["--io", "net", "--io-depth", "1", "-j", "1"],
];

/// Sizes around those of blocks, pages and buffers; in directories, and with a hole.
fn fill(root: &Path) {
    let sizes = [0, 1, 55, 56, 64, 4_095, 4_096, 4_097, 65_535, 65_536, 65_537, 131_072, 300_001, 1_500_000];
    for (index, size) in sizes.into_iter().enumerate() {
        let bytes: Vec<u8> = (0..size).map(|at| (at * 7 + index) as u8).collect();
        plant(root, OsStr::new(&format!("t/{}/{size}", 9 - index % 3)), &bytes);
    }
    for index in 0..200 {
        plant(root, OsStr::new(&format!("t/small/{index}")), index.to_string().as_bytes());
    }
    plant(root, OsStr::new("t/hole"), b"x");
    fs::File::options().write(true).open(root.join("t/hole")).unwrap().set_len(200_000).unwrap();
}

/// All ways, with what was read forgotten before each if it is on a disk.
fn check(root: &Path, is_on_disk: bool) {
    let lines = oracle(root, "t");
    assert!(same_as_md5sum(root, &lines));
    for way in WAYS {
        let arguments = [way, &["t"]].concat();
        if is_on_disk {
            drop_caches().unwrap();
            assert_eq!(run(root, &arguments).clean(), lines, "cold, {way:?}");
        }
        assert_eq!(run(root, &arguments).clean(), lines, "{way:?}");
    }
}

/// That the oracle here is none of its own.
fn same_as_md5sum(root: &Path, lines: &str) -> bool {
    let Some(mut md5sum) = found("md5sum") else { return true };
    let names: Vec<&str> = lines.lines().map(|line| &line[34..]).collect();
    finish(md5sum.current_dir(root).args(names)).clean() == lines
}

/// Needs neither root nor mounts.
#[test]
fn however_a_device_is_read_the_lines_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    check(dir.path(), false);
}

fn check_disk(kind: &str, mebibytes: u64) {
    apart(|| {
        if let Some(disk) = Mounted::on_loop(kind, mebibytes) {
            fill(disk.path());
            check(disk.path(), true);
        }
    });
}

#[test]
fn ext4_hot_and_cold() {
    check_disk("ext4", 64);
}

#[test]
fn xfs_hot_and_cold() {
    check_disk("xfs", 320);
}

#[test]
fn btrfs_hot_and_cold() {
    check_disk("btrfs", 128);
}

/// It cannot say whether a read would have to wait.
#[test]
fn tmpfs() {
    apart(|| {
        let memory = Mounted::memory(16 << 20);
        fill(memory.path());
        check(memory.path(), false);
    });
}

/// Nor can this. Some files are from below, some above, and one is in both.
#[test]
fn an_overlay() {
    apart(|| {
        // Not on another overlay, as a container's own directories may be.
        let below = Mounted::memory(16 << 20);
        fill(below.path());
        let above = Mounted::memory(16 << 20);
        let Some(overlay) = Mounted::overlay(below.path(), above.path()) else { return };
        plant(overlay.path(), OsStr::new("t/small/7"), b"changed above");
        plant(overlay.path(), OsStr::new("t/small/new"), b"new");
        check(overlay.path(), false);
    });
}

#[test]
fn a_file_system_in_user_space() {
    apart(|| {
        let Some(served) = Served::new(&[]) else { return };
        let elsewhere = tempfile::tempdir().unwrap();
        fill(elsewhere.path());
        for entry in fs::read_dir(elsewhere.path().join("t")).unwrap() {
            let entry = entry.unwrap();
            fs::rename(entry.path(), served.behind(entry.file_name().to_str().unwrap())).unwrap();
        }
        check(served.dir(), false);
    });
}

/// What a device says of itself, told by `-v`: once each, however many files and ways there are.
#[test]
fn a_disk_that_spins_is_read_one_file_at_a_time() {
    apart(|| {
        let Some(disk) = Mounted::on_loop("ext4", 64) else { return };
        fill(disk.path());
        let lines = oracle(disk.path(), "t");
        let told = |how: &str| {
            let ended = run(disk.path(), &["-v", "t"]);
            assert_eq!(ended.code, Some(0));
            let wanted = format!(" on {} (ext4): {how}\n", disk.path().display());
            let (notes, summary) = ended.stderr.split_at(ended.stderr.find('\n').unwrap() + 1);
            assert!(notes.ends_with(&wanted) && summary.lines().count() == 1, "{}", ended.stderr);
            assert_eq!(ended.text(), lines);
        };
        let Some(says) = Says::of(disk.loop_number()) else { return };
        says.set("0");
        told("ssd, 64 reads at once");
        says.set("1");
        told("hdd, 1 read at once");
    });
}

/// What a loop device says, whether it spins: what the disk beneath says, until it is set.
struct Says {
    place: PathBuf,
    before: String,
}

impl Says {
    /// `None`, with a message, if it cannot be set.
    fn of(number: u32) -> Option<Says> {
        let place = PathBuf::from(format!("/sys/block/loop{number}/queue/rotational"));
        let set = fs::read_to_string(&place).and_then(|before| fs::write(&place, &before).map(|()| before));
        match set {
            Ok(before) => Some(Says { place, before }),
            Err(error) => {
                eprintln!("SKIPPED: {}: {error}", place.display());
                None
            }
        }
    }

    fn set(&self, what: &str) {
        fs::write(&self.place, what).unwrap_or_else(|error| panic!("{}: {error}", self.place.display()));
    }
}

impl Drop for Says {
    fn drop(&mut self) {
        if let Err(error) = fs::write(&self.place, &self.before) {
            eprintln!("{}: {error}", self.place.display());
        }
    }
}
