//! A tree that somebody else changes all the time while it is read.
//!
//! Files come, grow, shrink, go, change places and become directories, links and FIFOs, as fast as one thread can. It
//! notes, before each change, what a name will hold; so each digest that is printed can be looked up.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use tempfile::TempDir;

use crate::harness::*;
use crate::stopped::Random;

/// Enough to be in the midst of it.
const NAMES: usize = 200;

/// How often it is gone through: each way several times.
const ROUNDS: usize = 18;

/// Ways to go through it.
const WAYS: [&[&str]; 6] = [
    &["t"],
    &["-j", "1", "t"],
    &["-j", "8", "--unordered", "t"],
    &["-L", "t"],
    &["--io", "hdd", "t"],
    &["--io", "net", "--io-depth", "3", "t"],
];

/// One that changes a tree, and knows what was in it.
struct Storm {
    /// Where files are made before they come into the tree.
    beside: PathBuf,
    tree: PathBuf,
    random: Random,
    /// What each name holds, if it is a file.
    now: HashMap<usize, Vec<u8>>,
    /// What each name held, ever: its digests.
    ever: HashMap<String, HashSet<String>>,
    /// Contents of more than one read, with their digests.
    large: Vec<(Vec<u8>, String)>,
    changes: u64,
}

impl Storm {
    fn new(dir: &TempDir) -> Storm {
        let (tree, beside) = (dir.path().join("t"), dir.path().join("beside"));
        fs::create_dir_all(&beside).unwrap();
        (0..8).for_each(|index| fs::create_dir_all(tree.join(index.to_string())).unwrap());
        let large = (0..4u8).map(|index| vec![index; 90_000 + 40_000 * usize::from(index)]);
        let large = large.map(|contents| (contents.clone(), md5(&contents))).collect();
        let (now, ever) = (HashMap::new(), HashMap::new());
        let mut storm = Storm { beside, tree, random: Random(3), now, ever, large, changes: 0 };
        (0..NAMES).for_each(|name| storm.write(name));
        storm
    }

    /// Below `t`.
    fn name(name: usize) -> String {
        format!("{}/{name}", name % 8)
    }

    fn path(&self, name: usize) -> PathBuf {
        self.tree.join(Storm::name(name))
    }

    fn pick(&mut self, below: usize) -> usize {
        (self.random.next() * below as f64) as usize
    }

    /// From now on, `name` may be found to hold this.
    fn note(&mut self, name: usize, contents: &[u8]) {
        self.note_digest(Storm::name(name), md5(contents));
    }

    fn note_digest(&mut self, name: String, digest: String) {
        self.ever.entry(name).or_default().insert(digest);
    }

    /// What can be written at one go, so that nobody ever finds half of it.
    fn words(&mut self) -> Vec<u8> {
        let length = 1 + self.pick(2_000);
        let start = self.changes;
        (start..).flat_map(u64::to_le_bytes).take(length).collect()
    }

    fn clear(&mut self, name: usize) {
        let path = self.path(name);
        self.now.remove(&name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(path).unwrap(),
            Ok(_) => fs::remove_file(path).unwrap(),
            Err(_) => {}
        }
    }

    fn write(&mut self, name: usize) {
        self.clear(name);
        let words = self.words();
        self.note(name, b"");
        self.note(name, &words);
        File::create(self.path(name)).unwrap().write_all(&words).unwrap();
        self.now.insert(name, words);
    }

    fn append(&mut self, name: usize) {
        let Some(mut contents) = self.now.remove(&name) else { return };
        let more = self.words();
        contents.extend_from_slice(&more);
        if contents.len() > 4_000 {
            return self.write(name); // what spans pages may be found in parts
        }
        self.note(name, &contents);
        File::options().append(true).open(self.path(name)).unwrap().write_all(&more).unwrap();
        self.now.insert(name, contents);
    }

    /// Cuts it short, or makes it longer by zeros.
    fn resize(&mut self, name: usize) {
        let Some(mut contents) = self.now.remove(&name) else { return };
        contents.resize(self.pick(4_000), 0);
        self.note(name, &contents);
        File::options().write(true).open(self.path(name)).unwrap().set_len(contents.len() as u64).unwrap();
        self.now.insert(name, contents);
    }

    /// A large file takes its place at once.
    fn replace(&mut self, name: usize) {
        let which = self.pick(self.large.len());
        let (contents, digest) = self.large[which].clone();
        self.clear_directory(name);
        self.note_digest(Storm::name(name), digest);
        self.now.remove(&name);
        fs::write(self.beside.join("large"), contents).unwrap();
        fs::rename(self.beside.join("large"), self.path(name)).unwrap();
    }

    fn exchange(&mut self, name: usize) {
        let other = self.pick(NAMES);
        let Some(contents) = self.now.get(&name).filter(|_| other != name).cloned() else { return };
        self.clear_directory(other);
        self.note(other, &contents);
        fs::rename(self.path(name), self.path(other)).unwrap();
        self.now.remove(&name);
        self.now.insert(other, contents);
    }

    fn clear_directory(&mut self, name: usize) {
        if self.path(name).is_dir() {
            self.clear(name);
        }
    }

    fn become_directory(&mut self, name: usize) {
        self.clear(name);
        let words = self.words();
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        for contents in [&b""[..], &words] {
            self.note_digest(format!("{}/in", Storm::name(name)), md5(contents));
        }
        fs::write(path.join("in"), words).unwrap();
    }

    fn become_link(&mut self, name: usize) {
        self.clear(name);
        let to = ["../0/0", "..", "nowhere", "/dev/null"][self.pick(4)];
        symlink(to, self.path(name)).unwrap();
    }

    fn blow(&mut self) {
        let name = self.pick(NAMES);
        self.changes += 1;
        match self.pick(10) {
            0 | 1 => self.write(name),
            2 => self.append(name),
            3 => self.resize(name),
            4 => self.replace(name),
            5 => self.exchange(name),
            6 => self.clear(name),
            7 => self.become_directory(name),
            8 => self.become_link(name),
            _ => {
                self.clear(name);
                fifo(&self.path(name));
            }
        }
    }
}

/// What a run printed: names, without those that only a link leads to, and digests.
fn printed(run: &Run, is_followed: bool) -> Vec<(String, String)> {
    let text = std::str::from_utf8(&run.stdout).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    let lines = text.lines().map(|line| {
        let (digest, rest) = line.split_at(32);
        assert!(digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{line}");
        let name = rest.strip_prefix("  t/").unwrap_or_else(|| panic!("{line}"));
        (name.to_owned(), digest.to_owned())
    });
    lines.filter(|_| !is_followed).collect()
}

/// Runs the program again and again in the storm, and gives what it printed.
fn runs(dir: &Path, rounds: usize) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for way in WAYS.iter().cycle().take(rounds) {
        let ended = run(dir, way);
        assert!(matches!(ended.code, Some(0 | 2)), "{way:?} {ended:?}");
        assert!(!ended.stdout.is_empty());
        let is_message = |line: &str| line.starts_with("md5all: t/") || line.starts_with("md5all: skipped ");
        assert!(ended.stderr.lines().all(is_message), "{way:?} {}", ended.stderr);
        assert_eq!(ended.stderr.lines().any(|line| line.starts_with("md5all: t/")), ended.code == Some(2));
        all.extend(printed(&ended, way.contains(&"-L")));
    }
    all
}

fn check(dir: &TempDir) {
    let mut storm = Storm::new(dir);
    let over = AtomicBool::new(false);
    let (storm, lines) = thread::scope(|scope| {
        let blowing = scope.spawn(|| {
            while !over.load(Relaxed) {
                storm.blow();
            }
            storm
        });
        let lines = scope.spawn(|| runs(dir.path(), ROUNDS)).join();
        over.store(true, Relaxed);
        (blowing.join().unwrap(), lines.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    eprintln!("{} lines during {} changes", lines.len(), storm.changes);
    // How many of either there are is for the scheduler: a file that is changed faster than it is read has no line.
    assert!(storm.changes > 100 && lines.len() > ROUNDS, "{} changes, {} lines", storm.changes, lines.len());
    for (name, digest) in lines {
        let held = storm.ever.get(&name).unwrap_or_else(|| panic!("{name} was never there"));
        assert!(held.contains(&digest), "{name} never held what has the digest {digest}");
    }
}

#[test]
fn every_digest_is_of_what_a_file_held_once_on_disk() {
    check(&tempfile::tempdir().unwrap());
}

#[test]
fn every_digest_is_of_what_a_file_held_once_in_memory() {
    check(&roomy());
}
