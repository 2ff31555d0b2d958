//! Runs that are cut short, by `kill -9` or otherwise, and those that go on from there.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::thread;

use rustix::process::{Signal, kill_process};
use tempfile::TempDir;

use crate::harness::*;
use crate::settled::*;

/// What workers have in hand and in their outboxes: 64 lanes and 64 records, for each of two.
const IN_FLIGHT: u64 = 2 * (64 + 64);

/// Files of many sizes, old enough.
fn many(count: u32) -> TempDir {
    let dir = in_memory();
    for index in 0..count {
        let contents = index.to_le_bytes().repeat((index as usize * 7919) % 5_000);
        plant(dir.path(), format!("t/{}/{index}", index % 7).as_ref(), &contents);
    }
    settle(dir.path());
    dir
}

fn journal(dir: &Path) -> std::path::PathBuf {
    dir.join("list.journal")
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

/// So many whole lines, but for the header.
fn entries(dir: &Path) -> u64 {
    let text = fs::read(journal(dir)).unwrap_or_default();
    (text.iter().filter(|&&byte| byte == b'\n').count() as u64).saturating_sub(1)
}

/// Starts a run and kills it once its journal has grown to so many bytes; says whether it was still running.
fn killed_at(dir: &Path, arguments: &[&str], bytes: u64) -> bool {
    let mut child = md5all(dir).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    loop {
        if size(&journal(dir)) >= bytes {
            kill_process(pid(&child), Signal::KILL).unwrap();
            let status = child.wait().unwrap();
            return status.code().is_none();
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        thread::yield_now();
    }
}

fn taken_over(run: &Run) -> u64 {
    let line = run.stderr.lines().find(|line| line.contains("taken over")).unwrap_or_else(|| panic!("{run:?}"));
    line.split(' ').nth(1).unwrap().replace(',', "").parse().unwrap()
}

/// Moments up to `whole`, spread by a generator that begins anywhere, and says where.
fn moments(whole: u64) -> impl Iterator<Item = u64> {
    let mut state = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("seed {state}");
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % whole
    })
}

/// How often a run is killed, each time at another moment.
const MOMENTS: usize = 50;

#[test]
fn killed_at_any_moment_it_goes_on_from_there() {
    const FILES: u32 = 1_500;
    let dir = many(FILES);
    let expected = run(dir.path(), &["t"]).clean();
    run(dir.path(), &["-o", "list", "t"]).clean();
    let whole = 160 * u64::from(FILES);
    let mut kills = 0;
    for (round, moment) in moments(whole * 3 / 4).take(MOMENTS).enumerate() {
        let is_new = round % 2 == 0;
        if is_new {
            fs::remove_file(dir.path().join("list")).ok();
        } else {
            fs::write(dir.path().join("list"), "old\n").unwrap();
        }
        let killed = killed_at(dir.path(), &["-o", "list", "t"], moment.max(1));
        if !killed {
            assert_eq!(list(dir.path()), expected, "round {round}");
            continue;
        }
        kills += 1;
        match is_new {
            true => assert!(!dir.path().join("list").exists(), "round {round}"),
            false => assert_eq!(list(dir.path()), "old\n", "round {round}"),
        }
        let finished = entries(dir.path());
        // Half of them are killed once more on the way.
        if round % 4 < 2 {
            killed_at(dir.path(), &["-o", "list", "--resume", "t"], size(&journal(dir.path())) + moment / 4);
            if dir.path().join("list").exists() && list(dir.path()) == expected {
                continue;
            }
        }
        let known = entries(dir.path());
        assert!(known >= finished, "round {round}: {known} of {finished}");
        let ended = run(dir.path(), &["-o", "list", "--resume", "-v", "t"]);
        assert_eq!(ended.code, Some(0), "round {round}: {ended:?}");
        assert_eq!(taken_over(&ended), known, "round {round}");
        assert_eq!(list(dir.path()), expected, "round {round}");
        assert!(!journal(dir.path()).exists());
    }
    assert!(kills >= MOMENTS / 2, "only {kills} of {MOMENTS} were killed in time");
}

/// An update that reads everything, finds a file new and another gone, and leaves what it found in one piece or not at all.
#[test]
fn an_update_killed_at_any_moment_goes_on_from_there() {
    const FILES: u32 = 1_000;
    let dir = many(FILES);
    run(dir.path(), &["-o", "list", "t"]).clean();
    let before = list(dir.path());
    fs::write(dir.path().join("t/0/new"), "new").unwrap();
    fs::remove_file(dir.path().join("t/0/7")).unwrap();
    settle(dir.path());
    let expected = oracle(dir.path(), "t");
    let mut kills = 0;
    for (round, moment) in moments(160 * u64::from(FILES) * 3 / 4).take(MOMENTS).enumerate() {
        fs::write(dir.path().join("list"), &before).unwrap();
        fs::remove_file(dir.path().join("list.facts")).ok();
        if !killed_at(dir.path(), &["update", "--prune", "list", "t"], moment.max(1)) {
            assert_eq!(list(dir.path()), expected, "round {round}");
            continue;
        }
        kills += 1;
        // Perhaps it had just put the new one in its place.
        let left = list(dir.path());
        assert!(left == before || left == expected, "round {round}");
        let known = entries(dir.path());
        let ended = run(dir.path(), &["update", "--prune", "--resume", "-v", "list", "t"]);
        assert_eq!(ended.code, Some(0), "round {round}: {ended:?}");
        assert!(taken_over(&ended) >= known, "round {round}: {known}, {ended:?}");
        assert_eq!(list(dir.path()), expected, "round {round}");
        assert!(!journal(dir.path()).exists());
    }
    assert!(kills >= MOMENTS / 2, "only {kills} of {MOMENTS} were killed in time");
}

/// The last file is one that takes for ever, so that all others are done when it is killed, or nearly all.
#[test]
fn no_more_is_lost_than_was_in_flight() {
    const FILES: u32 = 2_000;
    let dir = many(FILES);
    endless(&dir.path().join("t/zzz"));
    settle(dir.path());
    let header = 90;
    let mut child = md5all(dir.path()).args(["-o", "list", "t"]).stderr(Stdio::null()).spawn().unwrap();
    while entries(dir.path()) < u64::from(FILES) && size(&journal(dir.path())) < header + 200 * u64::from(FILES) {
        assert!(child.try_wait().unwrap().is_none(), "it takes for ever");
        thread::yield_now();
    }
    kill_process(pid(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    let finished = entries(dir.path());
    assert!(finished + IN_FLIGHT >= u64::from(FILES), "{finished} of {FILES}");
    fs::remove_file(dir.path().join("t/zzz")).unwrap();
    let ended = run(dir.path(), &["-o", "list", "--resume", "-v", "t"]);
    assert_eq!(taken_over(&ended), finished);
    assert_eq!(list(dir.path()), run(dir.path(), &["t"]).clean());
}

/// A directory with a journal of an interrupted run, and how many files that has.
fn interrupted(signal: Signal) -> (TempDir, u64) {
    let dir = many(500);
    endless(&dir.path().join("t/zzz"));
    settle(dir.path());
    let child = md5all(dir.path()).args(["-o", "list", "t"]).stderr(Stdio::piped()).spawn().unwrap();
    while entries(dir.path()) < 300 {
        thread::yield_now();
    }
    kill_process(pid(&child), signal).unwrap();
    join(child);
    fs::remove_file(dir.path().join("t/zzz")).unwrap();
    let finished = entries(dir.path());
    (dir, finished)
}

#[test]
fn after_ctrl_c_it_goes_on_as_well() {
    let (dir, finished) = interrupted(Signal::INT);
    let ended = run(dir.path(), &["-o", "list", "--resume", "-v", "t"]);
    assert_eq!((ended.code, taken_over(&ended)), (Some(0), finished));
    assert_eq!(list(dir.path()), oracle(dir.path(), "t"));
}

#[test]
fn without_resume_the_journal_begins_anew_and_that_is_said() {
    let (dir, finished) = interrupted(Signal::KILL);
    let ended = run(dir.path(), &["-o", "list", "t"]);
    let said = format!("md5all: list.journal: what an interrupted run has left ({finished} files) is dropped\n");
    assert_eq!((ended.code, ended.stderr), (Some(0), said));
    assert_eq!(list(dir.path()), oracle(dir.path(), "t"));
    assert_eq!(names_in(dir.path()), ["list", "t"]);
}

#[test]
fn what_has_changed_since_is_read_again() {
    let (dir, finished) = interrupted(Signal::KILL);
    for index in 0..100 {
        fs::write(dir.path().join(format!("t/{}/{index}", index % 7)), "changed").unwrap();
    }
    let ended = run(dir.path(), &["-o", "list", "--resume", "-v", "t"]);
    let taken = taken_over(&ended);
    assert!(finished - 100 <= taken && taken < finished, "{taken} of {finished}");
    assert_eq!(list(dir.path()), oracle(dir.path(), "t"));
}

#[test]
fn a_journal_cut_anywhere_is_as_good_as_what_is_whole_of_it() {
    let (dir, _) = interrupted(Signal::KILL);
    let all = fs::read(journal(dir.path())).unwrap();
    let expected = oracle(dir.path(), "t");
    for cut in (0..all.len()).step_by(all.len() / 40 + 1).chain(all.len() - 5..all.len()) {
        fs::write(journal(dir.path()), &all[..cut]).unwrap();
        let known = entries(dir.path());
        let ended = run(dir.path(), &["-o", "list", "--resume", "-v", "t"]);
        assert_eq!((ended.code, taken_over(&ended)), (Some(0), known), "{cut} bytes");
        assert_eq!(list(dir.path()), expected, "{cut} bytes");
    }
}

#[test]
fn an_update_that_was_cut_short_goes_on_too() {
    let dir = many(1_000);
    run(dir.path(), &["-o", "list", "t"]).clean();
    let before = list(dir.path());
    endless(&dir.path().join("t/zzz"));
    fs::write(dir.path().join("t/0/new"), "new").unwrap();
    settle(dir.path());
    assert!(killed_at(dir.path(), &["update", "list", "t"], 60_000));
    assert_eq!(list(dir.path()), before);
    fs::remove_file(dir.path().join("t/zzz")).unwrap();
    let known = entries(dir.path());
    assert!(known >= 300, "{known}");
    let ended = run(dir.path(), &["update", "--resume", "-v", "list", "t"]);
    assert_eq!((ended.code, taken_over(&ended)), (Some(0), known));
    assert_eq!(ended.text(), "new: t/0/new\nsummary: 1000 the same, 1 new\n");
    assert_eq!(list(dir.path()), oracle(dir.path(), "t"));
    assert!(!journal(dir.path()).exists());
}

#[test]
fn a_file_of_that_name_that_is_no_journal_is_left_alone() {
    let dir = many(3);
    File::create(journal(dir.path())).unwrap();
    fs::write(journal(dir.path()), "dear diary\n").unwrap();
    let ended = run(dir.path(), &["-o", "list", "t"]);
    let message = "md5all: list.journal: cannot create: it exists and is no journal of md5all\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), message));
    assert_eq!(fs::read_to_string(journal(dir.path())).unwrap(), "dear diary\n");
    assert_eq!(names_in(dir.path()), ["list.journal", "t"]);
}
