//! What is not read, what is read once, and what is left as it was.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use rustix::fs::{Advice, fadvise};
use rustix::process::geteuid;
use tempfile::TempDir;

use crate::harness::*;

/// What the program reads at its start: itself and its libraries.
const START: u64 = 1 << 20;

/// Data in three places of a large file.
#[test]
fn holes_are_hashed_but_not_read() {
    // Without optimization, a second or two.
    const SIZE: u64 = (24 << 20) + 77;
    let dir = tree(&[]);
    let path = dir.path().join("sparse");
    let file = File::create(&path).unwrap();
    file.set_len(SIZE).unwrap();
    for offset in [0, SIZE / 3, SIZE - 7] {
        file.write_all_at(b"data", offset).unwrap();
    }
    let Some(mut md5sum) = found("md5sum") else { return };
    let expected = finish(md5sum.arg("sparse").current_dir(&dir)).clean();
    let (ran, read) = run_counted(dir.path(), &["sparse"]);
    assert_eq!(ran.clean(), expected);
    assert!(read < START + (1 << 20), "{read} bytes were read");
}

#[test]
fn a_thousand_names_of_a_file_are_one_read() {
    const SIZE: u64 = 1 << 20;
    let dir = roomy();
    let contents: Vec<u8> = (0..SIZE).map(|at| ((at * at) >> 7) as u8).collect();
    plant(dir.path(), OsStr::new("t/a/0"), &contents);
    fs::create_dir(dir.path().join("t/b")).unwrap();
    for index in 1..1_000 {
        let name = format!("t/{}/{index}", if index % 2 == 0 { "a" } else { "b" });
        fs::hard_link(dir.path().join("t/a/0"), dir.path().join(name)).unwrap();
    }
    let digest = md5(&contents);
    let mut names: Vec<_> = (0..1_000).map(|at| format!("t/{}/{at}", if at % 2 == 0 { "a" } else { "b" })).collect();
    names.sort();
    let expected: String = names.iter().map(|name| format!("{digest}  {name}\n")).collect();
    for flags in [&["t"][..], &["-L", "t"], &["t/a", "t/b"], &["--no-cache", "t"], &["--io", "net", "t"]] {
        let (ran, read) = run_counted(dir.path(), &[&["-j", "2"], flags].concat());
        assert!(ran.clean() == expected, "{flags:?}");
        // Both workers, or as many readers as there are on something far, may have begun before one was first.
        let begun = if flags.contains(&"net") { 64 } else { 2 };
        assert!(read < START + SIZE + begun * 65_536, "{flags:?}: {read} bytes were read");
    }
}

/// The worker is held up by a FIFO after the first name.
#[test]
fn a_file_that_changes_between_its_names_is_read_again() {
    for change in [false, true] {
        let dir = tree(&["a/x"]);
        fs::create_dir(dir.path().join("z")).unwrap();
        fs::hard_link(dir.path().join("a/x"), dir.path().join("z/y")).unwrap();
        fifo(&dir.path().join("m"));
        let mut command = md5all(dir.path());
        command.args(["-j", "1", "a", "m", "z"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let mut writer = open_writer(&dir.path().join("m"));
        if change {
            fs::write(dir.path().join("z/y"), "new").unwrap();
        }
        writer.write_all(b"go on").unwrap();
        drop(writer);
        let last = if change { &b"new"[..] } else { b"a/x" };
        let expected = format!("{}  a/x\n{}  m\n{}  z/y\n", md5(b"a/x"), md5(b"go on"), md5(last));
        assert_eq!(join(child).clean(), expected);
    }
}

/// Few files with many names, so that workers come to the same one at the same time.
#[test]
fn names_met_at_the_same_time_come_out_right_each_time() {
    let dir = roomy();
    for file in 0..8 {
        let contents = vec![file as u8; 1 + file * 40_000];
        plant(dir.path(), OsStr::new(&format!("t/0/{file}")), &contents);
        for directory in 1..12 {
            fs::create_dir_all(dir.path().join(format!("t/{directory}"))).unwrap();
            let name = format!("t/{directory}/{file}");
            fs::hard_link(dir.path().join(format!("t/0/{file}")), dir.path().join(name)).unwrap();
        }
    }
    let expected = oracle(dir.path(), "t");
    for round in 0..100 {
        let how = ["ssd", "net"][round % 2];
        assert_eq!(run(dir.path(), &["-j", "4", "--io", how, "t"]).clean(), expected, "round {round}");
    }
}

#[test]
fn what_cannot_be_read_cannot_under_another_name() {
    let dir = tree(&["t/a", "t/z"]);
    fs::hard_link(dir.path().join("t/a"), dir.path().join("t/b")).unwrap();
    fs::set_permissions(dir.path().join("t/a"), Permissions::from_mode(0o000)).unwrap();
    let Some((_program, mut command)) = unprivileged(dir.path()) else { return };
    let ended = finish(command.arg("t"));
    assert_eq!(ended.code, Some(2));
    let line = |name| format!("md5all: t/{name}: cannot open: Permission denied\n");
    assert_eq!(ended.stderr, line("a") + &line("b"));
    assert_eq!(ended.names(), ["t/z"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Files, each with its names in some directories, some of which are roots of their own.
    #[test]
    fn trees_with_many_names_agree_with_the_oracle(
        files in prop::collection::vec((0..200_000_usize, prop::collection::vec(0..4_usize, 1..6)), 1..8),
        jobs in 1..4_usize,
    ) {
        let dir = roomy();
        for directory in 0..4 {
            fs::create_dir_all(dir.path().join(format!("t/{directory}"))).unwrap();
        }
        for (file, (size, places)) in files.iter().enumerate() {
            let first = format!("t/{}/{file}.0", places[0]);
            plant(dir.path(), OsStr::new(&first), &vec![file as u8; *size]);
            for (index, place) in places.iter().enumerate().skip(1) {
                fs::hard_link(dir.path().join(&first), dir.path().join(format!("t/{place}/{file}.{index}"))).unwrap();
            }
        }
        let jobs = jobs.to_string();
        prop_assert_eq!(run(dir.path(), &["-j", &jobs, "t/3", "t/1", "t/0", "t/2"]).clean(), oracle(dir.path(), "t"));
    }
}

/// Pages of the page cache, in bytes, as `fincore` counts them.
fn cached(path: &Path) -> Option<u64> {
    let mut fincore = found("fincore")?;
    let told = finish(fincore.args(["-bnr", "-o", "RES"]).arg(path)).clean();
    Some(told.trim().parse().expect("a number"))
}

/// Writes a file of which nothing is in memory, but for what lies before `hot`.
fn half_cold(path: &Path, size: usize, hot: u64) {
    let mut file = File::options().create(true).truncate(true).read(true).write(true).open(path).unwrap();
    file.write_all(&(0..size).map(|at| (at / 3) as u8).collect::<Vec<_>>()).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let file = File::open(path).unwrap();
    fadvise(file.as_fd(), 0, None, Advice::Random).unwrap();
    file.take(hot).read_to_end(&mut Vec::new()).unwrap();
}

/// For sizes of one read and of many, and what is in memory of them before.
fn check_cache(dir: &Path) {
    const PART: u64 = 256 << 10;
    for (size, hot) in [(5_000, 0), (5_000, 5_000), (3 << 20, 0), (3 << 20, PART), (3 << 20, 3 << 20)] {
        // The system may let go of anything at any time, and on a busy machine does: once in fifty here, with nobody
        // near the file. So what is wrong must be so each time.
        let failures: Vec<_> = (0..10).map_while(|_| check_file(dir, size, hot).err()).collect();
        assert!(failures.len() < 10, "{failures:?}");
    }
}

/// Says what is not as it was.
fn check_file(dir: &Path, size: usize, hot: u64) -> Result<(), String> {
    let path = dir.join("file");
    half_cold(&path, size, hot);
    let Some(before) = cached(&path) else { return Ok(()) };
    let expected = hot.next_multiple_of(4096);
    if before != expected {
        return Err(format!("{} keeps {before} bytes of {size} in memory, not {expected}", dir.display()));
    }
    let lines = run(dir, &["--no-cache", "."]).clean();
    let after = cached(&path);
    assert_eq!(lines, format!("{}  ./file\n", md5(&fs::read(&path).unwrap())));
    let message = || format!("{size} bytes, {hot} of them hot, in {}: {after:?} after", dir.display());
    if after == Some(before) { Ok(()) } else { Err(message()) }
}

#[test]
fn the_cache_is_left_as_it_was() {
    let dir = tree(&[]);
    check_cache(dir.path());
}

#[test]
fn the_cache_is_left_as_it_was_on_other_file_systems() {
    for kind in ["ext4", "xfs", "btrfs"] {
        if let Some(mount) = Mounted::image(kind) {
            check_cache(mount.path());
        }
    }
}

/// When these were last read, as far as it shows.
fn access_times(paths: &[PathBuf]) -> Vec<(i64, i64)> {
    paths.iter().map(|path| fs::metadata(path).unwrap()).map(|file| (file.atime(), file.atime_nsec())).collect()
}

/// Where each read would show.
#[test]
fn access_times_are_left_as_they_were() {
    let Some(mount) = Mounted::tmpfs("strictatime") else { return };
    let paths: Vec<_> = ["a", "b", "c"].iter().map(|name| mount.path().join(name)).collect();
    for path in &paths {
        fs::write(path, "some").unwrap();
        let file = File::options().write(true).open(path).unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        file.set_times(fs::FileTimes::new().set_accessed(long_ago)).unwrap();
    }
    let before = access_times(&paths);
    assert_eq!(run(mount.path(), &["."]).names().len(), 3);
    let lines = run(mount.path(), &["a", "b", "c"]).clean();
    let mut list = tempfile::NamedTempFile::new().unwrap();
    list.write_all(lines.as_bytes()).unwrap();
    assert_eq!(run(mount.path(), &["-c", list.path().to_str().unwrap()]).clean(), "a: OK\nb: OK\nc: OK\n");
    assert_eq!(access_times(&paths), before);

    // Who may not ask for it reads all the same, and shows.
    let Some((_program, mut command)) = unprivileged(mount.path()) else { return };
    assert_eq!(finish(command.args([".", "a"])).names().len(), 4);
    assert_ne!(access_times(&paths), before);
}

/// A file system that is unmounted at the end, whatever the end is.
struct Mounted(TempDir);

impl Mounted {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn tmpfs(options: &str) -> Option<Mounted> {
        Mounted::mount(&["-t", "tmpfs", "-o", options, "none"])
    }

    /// One of its own kind, in a file.
    fn image(kind: &str) -> Option<Mounted> {
        let mut mkfs = found(&format!("mkfs.{kind}"))?;
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(400 << 20).unwrap();
        let made = mkfs.arg("-q").arg(image.path()).output().unwrap();
        if !made.status.success() {
            eprintln!("SKIPPED: no {kind} could be made: {}", String::from_utf8_lossy(&made.stderr));
            return None;
        }
        Mounted::mount(&["-o", "loop", image.path().to_str().unwrap()])
    }

    fn mount(arguments: &[&str]) -> Option<Mounted> {
        if !geteuid().is_root() {
            eprintln!("SKIPPED: only root can mount");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(arguments).arg(dir.path()).output().unwrap();
        if !mounted.status.success() {
            eprintln!("SKIPPED: cannot mount: {}", String::from_utf8_lossy(&mounted.stderr));
            return None;
        }
        Some(Mounted(dir))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: what is still open in it, should a test have failed, is not to keep it.
        let unmounted = Command::new("umount").arg("-l").arg(self.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.path().display());
        }
    }
}
