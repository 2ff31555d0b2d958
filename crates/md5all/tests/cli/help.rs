//! Short help fits a screen, and long help tells all.

use std::fs::File;
use std::process::Stdio;

use crate::harness::{finish, join, md5all, tree};

/// All that has help of its own.
pub(crate) const COMMANDS: [&str; 10] =
    ["", "audit", "diff", "bag", "bag create", "bag verify", "etag", "update", "completions", "man"];

fn help(command: &str, flag: &str) -> String {
    let dir = tree(&[]);
    let words = command.split_whitespace().chain([flag]);
    finish(md5all(dir.path()).args(words).env("COLUMNS", "80")).clean()
}

#[test]
fn short_help_fits_a_screen() {
    for command in COMMANDS {
        let text = help(command, "-h");
        assert!(text.lines().count() <= 24, "{command}: {} lines\n{text}", text.lines().count());
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{command}\n{text}");
    }
}

#[test]
fn long_help_tells_all_with_examples_and_exit_status() {
    for command in COMMANDS {
        let (short, long) = (help(command, "-h"), help(command, "--help"));
        let flags = |text: &str| text.split_whitespace().filter(|word| word.starts_with("--")).count();
        assert!(flags(&long) >= flags(&short), "{command}");
        if command != "bag" {
            assert!(long.contains("\nExamples:\n"), "{command}\n{long}");
        }
        if !["bag", "completions", "man"].contains(&command) {
            assert!(long.contains("\nExit status: "), "{command}\n{long}");
        }
    }
}

#[test]
fn help_that_cannot_be_written_is_told_with_the_reason() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        return eprintln!("SKIPPED: there is no /dev/full here");
    };
    let dir = tree(&[]);
    for flag in ["-h", "--help", "--version"] {
        let mut program = md5all(dir.path());
        let out = full.try_clone().unwrap();
        let run = join(program.arg(flag).stdout(out).stderr(Stdio::piped()).spawn().unwrap());
        let message = "md5all: standard output: cannot write: No space left on device\n";
        assert_eq!((run.code, run.stderr.as_str()), (Some(2), message), "{flag}");
    }
}

#[test]
fn flags_stand_under_headings() {
    let long = help("", "--help");
    for heading in ["Output:", "Reading:", "Selection:", "Checking:", "Commands:", "Arguments:"] {
        assert!(long.lines().any(|line| line == heading), "{heading}\n{long}");
    }
}

#[test]
fn the_usage_names_every_subcommand() {
    let (short, long) = (help("", "-h"), help("", "--help"));
    let listed = long.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<_> =
        listed.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() >= 7, "{long}");
    assert!(short.contains(&format!("md5all {} ...", names.join("|"))), "{names:?}\n{short}");
}

#[test]
fn help_names_every_algorithm_and_format() {
    let long = help("", "--help").split_whitespace().collect::<Vec<_>>().join(" ");
    let algorithms = md5all::Algorithm::ALL.map(md5all::Algorithm::name);
    let formats = md5all::manifest::Format::ALL.map(md5all::manifest::Format::name);
    for name in algorithms.into_iter().chain(formats) {
        let is_told =
            [format!(" {name},"), format!(" {name} "), format!(" {name}.")].iter().any(|it| long.contains(it));
        assert!(is_told, "{name}");
    }
}

#[test]
fn help_is_as_wide_as_the_terminal() {
    let dir = tree(&[]);
    for (columns, most) in [("60", 60), ("80", 80), ("500", 100)] {
        let text = finish(md5all(dir.path()).arg("--help").env("COLUMNS", columns)).clean();
        let options = text.lines().take_while(|line| *line != "Examples:");
        let widest = options.map(|line| line.chars().count()).max();
        assert!(widest <= Some(most), "{columns}: {widest:?}");
    }
}
