//! Files that change, grow, go and are replaced, at the very moment between two questions of the program.
//!
//! The file system holds one answer back until the test has changed the real file behind it: what another machine does
//! to a file on a network's file system.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::time::UNIX_EPOCH;

use crate::harness::*;
use crate::mounts::apart;
use crate::served::{Ask, Fault, Served};

/// More than one read.
const LARGE: usize = 300_000;

/// What somebody does to a file.
type Deed = fn(&Path);

/// What becomes of `t/x`, a large file, if `meddle` is done to it while the answer to `ask` is awaited.
fn meddled(ask: Ask, meddle: impl Fn(&Path)) -> Option<Run> {
    let served = Served::new(&["a", "x", "z"])?;
    let path = served.behind("x");
    fs::write(&path, vec![b'x'; LARGE]).unwrap();
    // So that a change in the same tick of the clock still shows.
    File::options().write(true).open(&path).unwrap().set_modified(UNIX_EPOCH).unwrap();
    served.fault("x", ask, Fault::Hold);
    let child = md5all(served.dir()).arg("t").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    served.wait_held(1);
    meddle(&path);
    served.release();
    Some(join(child))
}

/// At the first read, and at one in the middle.
fn check_changed(meddle: Deed) {
    apart(|| {
        for at in [0, 150_000] {
            let Some(ended) = meddled(Ask::Read(at), meddle) else { return };
            assert_eq!(ended.code, Some(2), "{ended:?}");
            assert_eq!(ended.stderr, "md5all: t/x: file changed while it was read\n", "at {at}");
            assert_eq!(ended.names(), ["t/a", "t/z"]);
        }
    });
}

#[test]
fn a_file_cut_short_while_it_is_read() {
    check_changed(|path| File::options().write(true).open(path).unwrap().set_len(100).unwrap());
}

#[test]
fn a_file_emptied_while_it_is_read() {
    check_changed(|path| drop(File::create(path).unwrap()));
}

#[test]
fn a_file_that_grows_while_it_is_read() {
    check_changed(|path| File::options().append(true).open(path).unwrap().write_all(b"more").unwrap());
}

#[test]
fn a_file_rewritten_while_it_is_read() {
    check_changed(|path| File::options().write(true).open(path).unwrap().write_all(b"other").unwrap());
}

/// What is read is whole, and was there; but its change time moves when it loses its name, and nothing tells that from
/// a change of what is in it.
#[test]
fn a_file_replaced_while_it_is_read() {
    check_changed(|path| {
        let new = path.with_file_name("new");
        fs::write(&new, "new").unwrap();
        fs::rename(new, path).unwrap();
    });
}

/// As above.
#[test]
fn a_file_deleted_while_it_is_read() {
    check_changed(|path| fs::remove_file(path).unwrap());
}

#[test]
fn a_file_that_disappears_before_it_is_opened() {
    apart(|| {
        let Some(ended) = meddled(Ask::Look, |path| fs::remove_file(path).unwrap()) else { return };
        assert_eq!(ended.stderr, "md5all: t/x: cannot open: No such file or directory\n");
        assert_eq!(ended.code, Some(2));
        assert_eq!(ended.names(), ["t/a", "t/z"]);
    });
}

/// What was listed as a file and is something else when it is opened is passed over, as it would have been.
#[test]
fn a_file_that_becomes_something_else_before_it_is_opened() {
    const SPECIAL: &str = "md5all: skipped 1 special file (FIFO, socket or device)\n";
    let rows: [(Deed, &str); 3] =
        [(fifo, SPECIAL), (|path| fs::create_dir(path).unwrap(), SPECIAL), (|path| symlink("a", path).unwrap(), "")];
    apart(|| {
        for (index, (make, message)) in rows.into_iter().enumerate() {
            let become_it = |path: &Path| {
                fs::remove_file(path).unwrap();
                make(path);
            };
            let Some(ended) = meddled(Ask::Look, become_it) else { return };
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), message), "row {index}");
            assert_eq!(ended.names(), ["t/a", "t/z"], "row {index}");
        }
    });
}

/// Another file by the time that it is opened: that one is hashed.
#[test]
fn a_file_replaced_before_it_is_opened() {
    apart(|| {
        let replace = |path: &Path| {
            fs::remove_file(path).unwrap();
            fs::write(path, "new").unwrap();
        };
        let Some(ended) = meddled(Ask::Look, replace) else { return };
        assert!(ended.clean().contains(&format!("{}  t/x\n", md5(b"new"))));
    });
}

/// A directory that has become something else, or gone, by the time that it is opened.
#[test]
fn a_directory_that_changes_before_it_is_opened() {
    let rows: [(Deed, i32, &str); 3] = [
        (|_| {}, 2, "md5all: t/d: cannot open directory: No such file or directory\n"),
        (|path| symlink("a", path).unwrap(), 0, ""),
        (|path| fs::write(path, "now a file").unwrap(), 0, ""),
    ];
    apart(|| {
        for (index, (make, code, message)) in rows.into_iter().enumerate() {
            let Some(served) = Served::new(&["a", "d/e", "z"]) else { return };
            served.fault("d", Ask::Look, Fault::Hold);
            let child = md5all(served.dir()).arg("t").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            served.wait_held(1);
            fs::remove_dir_all(served.behind("d")).unwrap();
            make(&served.behind("d"));
            served.release();
            let ended = join(child);
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(code), message), "row {index}");
            let names = ended.names();
            assert_eq!(names.contains(&"t/d".to_owned()), index == 2, "row {index}");
            assert!(names.contains(&"t/a".to_owned()) && names.contains(&"t/z".to_owned()));
        }
    });
}

/// What was said of a file some time ago, by a server on a network, says nothing of what is in it now.
#[test]
fn a_file_of_two_names_is_read_by_each_where_a_change_need_not_show() {
    apart(|| {
        let Some(served) = Served::new(&["a"]) else { return };
        fs::hard_link(served.behind("a"), served.behind("b")).unwrap();
        served.let_names_be_remembered();
        let ended = run(served.dir(), &["--io-depth", "1", "t"]);
        assert_eq!(ended.clean(), format!("{0}  t/a\n{0}  t/b\n", md5(b"a")));
        assert_eq!(served.reads(), 2);
    });
}
