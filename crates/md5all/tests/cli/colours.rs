//! Colours, where they are wanted and can be seen, and nowhere else.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{Run, finish, found, md5all, run, tree};

/// `CI` counts too: where it is set, a terminal shows colours whatever it is called.
const ASKED: [&str; 5] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "CI"];

/// A tree that differs from its list, which also names a file that cannot be read.
fn place() -> TempDir {
    let dir = tree(&["t/a", "t/b"]);
    run(dir.path(), &["t", "-o", "list"]).clean();
    std::fs::write(dir.path().join("t/b"), "other").unwrap();
    dir
}

fn with(command: &mut Command, settings: &str) -> Run {
    for name in ASKED {
        command.env_remove(name);
    }
    for (name, value) in settings.split_whitespace().filter_map(|setting| setting.split_once('=')) {
        command.env(name, value);
    }
    finish(command)
}

fn is_coloured(text: &[u8]) -> bool {
    text.contains(&0x1b)
}

#[test]
fn what_is_no_terminal_gets_colours_only_when_they_are_forced() {
    let dir = place();
    for (settings, flag, expected) in [
        ("", "--color=auto", false),
        ("TERM=xterm", "--color=auto", false),
        ("CLICOLOR=1 TERM=xterm", "--color=auto", false),
        ("CLICOLOR_FORCE=1", "--color=auto", true),
        ("CLICOLOR_FORCE=1 NO_COLOR=1", "--color=auto", false),
        ("CLICOLOR_FORCE=1", "--color=never", false),
        ("NO_COLOR=1", "--color=always", true),
    ] {
        for arguments in [&["audit", "list"][..], &["diff", "list", "t"], &["--help"], &["--nonsense"], &["gone"]] {
            let ended = with(md5all(dir.path()).args(arguments).arg(flag), settings);
            let coloured = is_coloured(&ended.stdout) || is_coloured(ended.stderr.as_bytes());
            // What comes behind --help is not looked at by clap, but counts.
            assert_eq!(coloured, expected, "{settings} {arguments:?} {flag}: {ended:?}");
        }
    }
}

#[test]
fn a_terminal_gets_them_unless_somebody_objects() {
    let dir = place();
    for (settings, flag, expected) in [
        ("TERM=xterm", "auto", true),
        ("TERM=dumb", "auto", false),
        ("TERM=dumb CI=1", "auto", true),
        ("TERM=xterm NO_COLOR=1", "auto", false),
        ("TERM=xterm NO_COLOR=", "auto", true),
        ("TERM=xterm CLICOLOR=0", "auto", false),
        ("TERM=xterm", "never", false),
    ] {
        let Some(mut script) = found("script") else { return };
        let line = format!("{} audit list --color={flag}", env!("CARGO_BIN_EXE_md5all"));
        let ended = with(script.current_dir(dir.path()).args(["-qec", &line, "/dev/null"]), settings);
        assert!(!ended.stdout.is_empty());
        assert_eq!(is_coloured(&ended.stdout), expected, "{settings} {flag}: {ended:?}");
    }
}

#[test]
fn checks_and_gnus_names_have_none() {
    let dir = place();
    let force = "CLICOLOR_FORCE=1 TERM=xterm";
    let ended = with(md5all(dir.path()).args(["-c", "list", "--color=always"]), force);
    assert_eq!(ended.stderr, "md5all: WARNING: 1 computed checksum did NOT match\n");
    assert_eq!(ended.text(), "t/a: OK\nt/b: FAILED\n");
    for arguments in [&["-c", "--nonsense"][..], &["-c", "-j", "0", "list"], &["-c", "-z", "list"], &["-cx", "--tag"]] {
        let ended = with(md5all(dir.path()).args(arguments).arg("--color=always"), force);
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        assert!(!is_coloured(ended.stderr.as_bytes()), "{arguments:?}: {}", ended.stderr);
    }
    let tool = dir.path().join("md5sum");
    symlink(env!("CARGO_BIN_EXE_md5all"), &tool).unwrap();
    for arguments in [&["-c", "list"][..], &["gone"], &["--help"], &["--nonsense"]] {
        let ended = with(tool_at(&tool, dir.path()).args(arguments), force);
        assert!(!is_coloured(&ended.stdout) && !is_coloured(ended.stderr.as_bytes()), "{ended:?}");
    }
}

fn tool_at(tool: &Path, dir: &Path) -> Command {
    let mut command = Command::new(tool);
    command.current_dir(dir);
    command
}

#[test]
fn manifests_have_none() {
    let dir = place();
    assert!(!is_coloured(&with(md5all(dir.path()).args(["t", "--color=always"]), "").stdout));
}
