//! Signals at any moment: the manifest is the old one, or the new one whole, and nothing else is left behind.

use std::ffi::OsStr;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use errgroup::Context;
use md5all::{Devices, Options, hash_trees};
use rustix::process::{Signal, kill_process};
use tempfile::TempDir;

use crate::harness::*;
use crate::mounts::apart;
use crate::served::{Ask, Fault, Served};

const MOMENTS: u32 = 50;

const FILES: usize = 1_000;

/// Long enough to be met in the middle.
fn thousands() -> TempDir {
    let dir = roomy();
    for index in 0..FILES {
        plant(dir.path(), OsStr::new(&format!("t/{}/{index}", index % 31)), index.to_string().as_bytes());
    }
    fs::create_dir(dir.path().join("out")).unwrap();
    dir
}

/// One run, with a signal after so long. Whether it came before the end.
fn interrupted(dir: &Path, signal: Signal, after: Duration, whole: &str) -> bool {
    let list = dir.join("out/list");
    let old = fs::read_to_string(&list).ok();
    let mut command = md5all(dir);
    let mut child = command.args(["-o", "out/list", "t"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    thread::sleep(after); // the moment is what is tested
    if child.try_wait().unwrap().is_none() {
        kill_process(pid(&child), signal).unwrap();
    }
    let ended = child.wait_with_output().unwrap();

    let new = fs::read_to_string(&list).ok();
    assert!(new == old || new.as_deref() == Some(whole), "{signal:?} after {after:?}: half a manifest");
    let code = ended.status.code();
    match signal {
        Signal::KILL => assert!(code == Some(0) || ended.status.signal() == Some(9), "{ended:?}"),
        // Before it listens, the signal does what it does to any process.
        _ => assert!(matches!(code, Some(0 | 130)) || ended.status.signal().is_some(), "{ended:?}"),
    }
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{signal:?} after {after:?}");
    if code == Some(0) {
        assert_eq!(new.as_deref(), Some(whole));
    }
    code != Some(0)
}

fn check(signals: [Signal; 2], seed: u64) {
    let dir = thousands();
    let begun = Instant::now();
    run(dir.path(), &["-o", "out/list", "t"]).clean();
    let usual = begun.elapsed();
    let whole = fs::read_to_string(dir.path().join("out/list")).unwrap();
    assert_eq!(whole.lines().count(), FILES);

    let mut random = Random(seed);
    let mut met = 0;
    for moment in 0..MOMENTS {
        let list = dir.path().join("out/list");
        match moment % 4 {
            0 | 1 => fs::write(&list, "old\n").unwrap(),
            _ => drop(fs::remove_file(&list)),
        }
        let after = usual.mul_f64(1.2 * random.next());
        met += u32::from(interrupted(dir.path(), signals[moment as usize % 2], after, &whole));
        check_left(&dir.path().join("out"), signals == [Signal::KILL; 2] && moment % 4 < 2, &whole);
    }
    eprintln!("{met} of {MOMENTS} signals came before the end; seed {seed}, a run takes {usual:?}");
    assert!(met > 0, "no signal ever came in time");
}

/// Nothing is left beside the manifest and its journal; but if an old one was to be replaced, and nobody could clean up, it may be the
/// new one, whole, on its way there.
fn check_left(place: &Path, may_be_on_its_way: bool, whole: &str) {
    for name in names_in(place).into_iter().filter(|name| name != "list") {
        let path = place.join(&name);
        if name == "list.journal" {
            fs::remove_file(path).unwrap();
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(may_be_on_its_way && name.starts_with(".md5all-") && text == whole, "{name} is left");
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn an_interrupt_at_any_moment_leaves_the_old_manifest_or_the_new() {
    check([Signal::INT, Signal::TERM], 1);
}

/// What is written has no name until it is whole, so there is nothing to clean up, and nobody to do it.
#[test]
fn a_kill_at_any_moment_leaves_the_old_manifest_or_the_new() {
    check([Signal::KILL, Signal::KILL], 2);
}

/// As in Marsaglia, Xorshift RNGs (2003): from 0 to 1, the same every time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// One read hangs, all others wait for it to come back, and the workers sleep: then nobody wants any of it any more. What
/// is left is told by what everything refers to that is open or to be opened: the device.
///
/// The one test here that hashes in this process: the threads of its groups are in the namespace of its mounts.
#[test]
fn a_run_that_was_cancelled_keeps_nothing_once_its_reads_have_come_back() {
    apart(|| {
        let names: Vec<String> = (0..500).map(|index| format!("{}/{index}", index % 50)).collect();
        let Some(served) = Served::new(&names.iter().map(String::as_str).collect::<Vec<_>>()) else { return };
        served.fault("0/0", Ask::Read(0), Fault::Hold);
        let devices = Devices::new(None, NonZeroUsize::new(1));
        let (ctx, cancel) = Context::background().with_cancel();
        let records = hash_trees(&ctx, Options::new([served.dir().join("t")]).devices(devices.clone()));
        served.wait_held(1);
        let device = Arc::downgrade(devices.met().last().expect("it was met"));
        drop(devices);
        cancel.cancel();
        drop(records);
        assert!(device.upgrade().is_some(), "it is still being read");
        served.release();
        let deadline = Instant::now() + Duration::from_secs(60);
        while device.upgrade().is_some() {
            assert!(Instant::now() < deadline, "something is kept");
            thread::yield_now();
        }
    });
}
