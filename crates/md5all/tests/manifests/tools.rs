//! Our manifests read by the programs whose formats they are, and theirs by ours.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use crate::harness::{finish, found, plant, roomy, run};

const NAMES: [&[u8]; 7] = [b"plain", b"a,b", b"\"q\"", b" lead", b"tail ", b"\xff\xfe", b"#hash"];

fn field() -> tempfile::TempDir {
    let dir = roomy();
    for name in NAMES {
        plant(&dir.path().join("t"), OsStr::from_bytes(name), name);
    }
    dir
}

/// `hashdeep`, to be run in a directory; says so if it is not here.
fn hashdeep(dir: &Path) -> Option<Command> {
    let mut command = found("hashdeep")?;
    command.current_dir(dir);
    Some(command)
}

#[test]
fn hashdeep_audits_what_we_write() {
    let dir = field();
    run(dir.path(), &["--format", "hashdeep", "-o", "list", "t"]).clean();
    let audit = |expected| {
        let Some(mut command) = hashdeep(dir.path()) else { return };
        let ended = finish(command.args(["-l", "-r", "-a", "-v", "-k", "list", "t"]));
        let text = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(expected), ""), "{text}");
        let matched = format!("Files matched: {}\n", if expected == 0 { NAMES.len() } else { NAMES.len() - 1 });
        assert!(text.contains(&matched), "{text}");
    };
    audit(0);
    fs::write(dir.path().join("t/plain"), "other").unwrap();
    audit(1);
}

#[test]
fn what_hashdeep_writes_is_checked() {
    let dir = field();
    for algorithms in ["md5", "md5,sha256", "tiger,md5,whirlpool", "md5,sha1,sha256,tiger,whirlpool"] {
        let Some(mut command) = hashdeep(dir.path()) else { return };
        let list = finish(command.args(["-l", "-r", "-c", algorithms, "t"]));
        assert_eq!(list.code, Some(0));
        fs::write(dir.path().join("list"), &list.stdout).unwrap();
        let checked = run(dir.path(), &["-c", "list"]);
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{algorithms}");
        assert_eq!(checked.stdout.split(|&byte| byte == b'\n').count(), NAMES.len() + 1);
    }
}
