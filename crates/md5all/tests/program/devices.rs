//! Trees that lie on several file systems.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use crate::harness::*;

/// A shell that may mount in a namespace of its own, where nothing outlives it; `None`, with a message, if there is no
/// way to have one.
fn shell(dir: &Path, script: &str) -> Option<Command> {
    if !geteuid().is_root() {
        eprintln!("SKIPPED: only root may mount");
        return None;
    }
    let mut unshare = found("unshare")?;
    let may = unshare.args(["--mount", "true"]).output().expect("unshare starts");
    if !may.status.success() {
        eprintln!("SKIPPED: no mount namespace of its own: {}", String::from_utf8_lossy(&may.stderr));
        return None;
    }
    let mut unshare = found("unshare")?;
    unshare.current_dir(dir).stdin(Stdio::null());
    unshare.args(["--mount", "sh", "-e", "-c", script, env!("CARGO_BIN_EXE_md5all")]);
    Some(unshare)
}

#[test]
fn one_file_system_is_kept_to_below_each_root() {
    let dir = tree(&["t/a/f", "t/b/f", "t/g", "t/over", "t/z"]);
    let script = "mount -t tmpfs none t/b; mkdir t/b/c; echo x >t/b/c/h; mount --bind t/g t/over; exec \"$0\"";
    for (flags, expected, note) in [
        ("-x t", &["t/a/f", "t/g", "t/over", "t/z"][..], "md5all: skipped 1 directory on other file systems\n"),
        ("-x --io net t", &["t/a/f", "t/g", "t/over", "t/z"], "md5all: skipped 1 directory on other file systems\n"),
        (
            "--one-file-system t t/b",
            &["t/a/f", "t/g", "t/over", "t/z", "t/b/c/h"],
            "md5all: skipped 1 directory on other file systems\n",
        ),
        ("t", &["t/a/f", "t/b/c/h", "t/g", "t/over", "t/z"], ""),
    ] {
        let Some(mut shell) = shell(dir.path(), &format!("{script} {flags}")) else { return };
        let run = finish(&mut shell);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), note), "{flags}");
        assert_eq!(run.names(), expected, "{flags}");
    }
}

/// What serves the mounts is the shell's process group, which answers nobody: who asks for a mount hangs.
#[test]
fn what_would_be_mounted_is_skipped() {
    if !fs::read_to_string("/proc/filesystems").is_ok_and(|kinds| kinds.contains("\tautofs\n")) {
        eprintln!("SKIPPED: no autofs in this kernel");
        return;
    }
    let dir = tree(&["t/a", "t/direct/x", "t/indirect/x", "t/z"]);
    let served = "mkfifo pipe; exec 3<>pipe; \
        group=$(ps -o pgid= $$ | tr -d ' '); options=fd=3,pgrp=$group,minproto=5,maxproto=5; \
        mount -i -t autofs -o $options,direct none t/direct; \
        mount -i -t autofs -o $options,indirect none t/indirect; mkdir t/indirect/one t/indirect/two; \
        setsid --wait \"$0\"";
    for flags in ["t", "--io net t", "-L t"] {
        let Some(mut shell) = shell(dir.path(), &format!("{served} {flags}")) else { return };
        let run = finish(&mut shell);
        fs::remove_file(dir.path().join("pipe")).unwrap();
        assert_eq!(run.stderr, "md5all: skipped 3 automount points\n", "{flags}");
        assert_eq!(run.names(), ["t/a", "t/z"], "{flags}");
    }
}

/// The only worker waits for somebody to write to the FIFO, and the other device has one of its own.
#[test]
fn a_root_that_hangs_does_not_hold_up_one_on_another_device() {
    let (disk, memory) = (tree(&["t/a", "t/b"]), roomy());
    if fs::metadata(disk.path()).unwrap().dev() == fs::metadata(memory.path()).unwrap().dev() {
        eprintln!("SKIPPED: there is only one device here");
        return;
    }
    let path = memory.path().join("fifo");
    fifo(&path);
    let mut command = md5all(disk.path());
    command.args(["-j", "1", "--unordered"]).arg(&path).arg("t").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);

    let mut writer = open_writer(&path);
    let mut others: Vec<_> = lines.by_ref().take(2).collect();
    others.sort_by(|a, b| a[34..].cmp(&b[34..]));
    assert_eq!(others, [format!("{}  t/a", md5(b"t/a")), format!("{}  t/b", md5(b"t/b"))]);
    writer.write_all(b"late").unwrap();
    drop(writer);
    assert_eq!(lines.collect::<Vec<_>>(), [format!("{}  {}", md5(b"late"), path.display())]);
    assert_eq!(join(child).code, Some(0));
}

/// The names of the roots say nothing of where they lie.
#[test]
fn roots_on_several_devices_are_printed_in_the_order_of_their_paths() {
    let dir = tree(&["a/1", "a/2", "a.b/1", "c/1", "d"]);
    let script = "for point in b e; do mkdir $point; mount -t tmpfs none $point; echo x >$point/1; done; \
        exec \"$0\" e d c b a a.b";
    let Some(mut shell) = shell(dir.path(), script) else { return };
    let run = finish(&mut shell);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(run.names(), ["a.b/1", "a/1", "a/2", "b/1", "c/1", "d", "e/1"]);
}
