//! With few descriptors, everything is still hashed; with too few, that is said.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use rustix::fs::{Mode, OFlags, mkdirat, openat};
use tempfile::TempDir;

use crate::harness::*;

/// The least limit that the documentation promises to work with, if nothing but the three standard ones is handed down.
const PROMISED: usize = 16;

/// That, with what is handed down to programs here.
static LEAST: LazyLock<usize> = LazyLock::new(|| {
    let listed = finish(Command::new("ls").arg("/proc/self/fd")).clean();
    // The three, and that of the listing itself.
    PROMISED + listed.lines().count() - 4
});

/// Trees that want descriptors, each in its own way, and what they come to with as many as there are.
struct Trees {
    dir: TempDir,
    rows: Vec<(&'static str, Vec<String>, String)>,
}

static TREES: LazyLock<Trees> = LazyLock::new(|| {
    let dir = roomy();
    wide(dir.path());
    deep(dir.path(), 200);
    let many = named(dir.path());
    let rows = [("wide", vec!["wide".into()]), ("deep", vec!["deep".into()]), ("named", many)];
    let rows = rows.map(|(name, roots)| {
        let lines = run(dir.path(), &borrowed(&roots)).clean();
        assert!(lines.lines().count() > 200, "{name}");
        (name, roots, lines)
    });
    Trees { rows: rows.into(), dir }
});

/// Many directories with little in each, so that each entry in a queue holds another; and some files for many reads.
fn wide(root: &Path) {
    for index in 0..300 {
        let name = format!("wide/{}/{index}/f", index % 7);
        plant(root, OsStr::new(&name), name.as_bytes());
    }
    for index in 0..9 {
        plant(root, OsStr::new(&format!("wide/large/{index}")), &vec![index; 140_000]);
    }
}

/// A file on each level, most of which are met on the way back up.
fn deep(root: &Path, levels: usize) {
    let mut at: OwnedFd = File::open(root).unwrap().into();
    let mut go_down = |name: &str| {
        mkdirat(&at, name, Mode::from_raw_mode(0o700)).unwrap();
        at = openat(&at, name, OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap();
        let file = openat(&at, "z", OFlags::CREATE | OFlags::WRONLY, Mode::from_raw_mode(0o600)).unwrap();
        std::io::Write::write_all(&mut File::from(file), name.as_bytes()).unwrap();
    };
    go_down("deep");
    (0..levels).for_each(|level| go_down(&format!("{level}")));
}

/// Files and directories, each named on the command line.
fn named(root: &Path) -> Vec<String> {
    (0..300)
        .map(|index| {
            let name = format!("named-{index}");
            let file = if index % 3 == 0 { format!("{name}/f") } else { name.clone() };
            plant(root, OsStr::new(&file), file.as_bytes());
            name
        })
        .collect()
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// The program with a limit that it cannot raise.
fn limited(dir: &Path, limit: usize) -> Command {
    let mut shell = Command::new("sh");
    shell.current_dir(dir).args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\"")]);
    shell.arg(env!("CARGO_BIN_EXE_md5all"));
    shell
}

fn limits() -> impl Iterator<Item = usize> {
    [*LEAST, 20, 24, 32, 64].into_iter().filter(|limit| *limit >= *LEAST)
}

fn check(limit: usize, flags: &[&str]) {
    let Trees { dir, rows } = &*TREES;
    for (name, roots, lines) in rows {
        let ended = finish(limited(dir.path(), limit).args(flags).args(roots));
        assert_eq!(&ended.clean(), lines, "{name} with {limit} descriptors and {flags:?}");
    }
}

#[test]
fn few_are_enough_for_every_tree() {
    for limit in limits() {
        for jobs in ["1", "2", "16"] {
            check(limit, &["-j", jobs]);
        }
    }
}

/// Every open is left to the readers.
#[test]
fn few_are_enough_where_everything_is_waited_for() {
    for limit in limits() {
        for depth in ["1", "64"] {
            check(limit, &["--io", "net", "--io-depth", depth]);
        }
    }
}

#[test]
fn few_are_enough_to_write_a_file() {
    let Trees { dir, rows } = &*TREES;
    let (_, roots, lines) = &rows[0];
    let out = tempfile::tempdir().unwrap();
    let list = out.path().join("list");
    let ended = finish(limited(dir.path(), *LEAST).arg("-o").arg(&list).args(roots));
    assert_eq!(ended.clean(), "");
    assert_eq!(&fs::read_to_string(list).unwrap(), lines);
}

/// Whatever the limit is, it is said or everything is there.
#[test]
fn too_few_are_said_and_nothing_is_begun() {
    let Trees { dir, rows } = &*TREES;
    let (_, roots, lines) = &rows[0];
    let mut said = 0;
    for limit in *LEAST - 9..=*LEAST {
        let ended = finish(limited(dir.path(), limit).args(roots));
        if ended.code == Some(0) {
            assert_eq!(&ended.clean(), lines);
            continue;
        }
        assert!(limit < *LEAST, "{ended:?}");
        assert_eq!((ended.code, ended.stdout.len()), (Some(3), 0), "{limit}: {ended:?}");
        let line = format!(
            "md5all: too few files may be open: the limit is {limit} (ulimit -n), and the least that works is "
        );
        assert!(ended.stderr.starts_with(&line), "{ended:?}");
        said += 1;
    }
    assert!(said > 0);
}
