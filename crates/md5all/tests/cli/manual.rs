//! Manual pages: one of the program, and one of each subcommand.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::harness::{finish, found, names_in, run, tree};
use crate::help::COMMANDS;

/// All pages, as they are installed.
fn pages() -> (TempDir, Vec<PathBuf>) {
    let dir = tree(&[]);
    run(dir.path(), &["man", "--dir", "."]).clean();
    let pages = names_in(dir.path()).into_iter().map(|name| dir.path().join(name)).collect();
    (dir, pages)
}

#[test]
fn each_command_has_a_page() {
    let (dir, pages) = pages();
    let mut expected: Vec<_> = COMMANDS
        .iter()
        .map(|command| ["md5all"].into_iter().chain(command.split_whitespace()).collect::<Vec<_>>().join("-") + ".1")
        .collect();
    expected.sort();
    assert_eq!(names_in(dir.path()), expected);
    for (command, name) in COMMANDS.iter().map(|it| (it, ["md5all"].into_iter().chain(it.split_whitespace()))) {
        let words: Vec<_> = ["man"].into_iter().chain(command.split_whitespace()).collect();
        let page = run(dir.path(), &words).clean();
        let file = dir.path().join(name.collect::<Vec<_>>().join("-") + ".1");
        assert_eq!(page, fs::read_to_string(file).unwrap(), "{command}");
    }
    assert!(!pages.is_empty());
}

#[test]
fn a_page_tells_of_every_flag_of_long_help() {
    let (dir, _) = pages();
    let help = run(dir.path(), &["--help"]).clean();
    let page = fs::read_to_string(dir.path().join("md5all.1")).unwrap().replace("\\-", "-");
    for flag in help.split_whitespace().filter(|word| word.len() > 3 && word.starts_with("--")) {
        let flag = flag.trim_end_matches(|c: char| !c.is_ascii_lowercase());
        assert!(page.contains(flag), "{flag}");
    }
}

#[test]
fn no_flag_is_without_a_word() {
    let (_dir, pages) = pages();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line == ".TP" {
                let (flag, told) = (lines.next().unwrap(), lines.next().unwrap_or_default());
                assert!(!told.is_empty() && !told.starts_with('.'), "{}: {flag}", page.display());
            }
        }
    }
}

#[test]
fn groff_and_mandoc_find_nothing_wrong() {
    let (_dir, pages) = pages();
    for page in &pages {
        if let Some(mut groff) = found("groff") {
            finish(groff.args(["-man", "-ww", "-Tutf8", "-z"]).arg(page)).clean();
        }
        if let Some(mut mandoc) = found("mandoc") {
            let ended = finish(mandoc.args(["-Tlint", "-Wwarning"]).arg(page));
            let text = ended.text();
            assert!(text.lines().all(is_no_matter), "{text}");
        }
    }
}

/// What clap's generator does not know: that a space needs no line break after it.
fn is_no_matter(line: &str) -> bool {
    line.contains("skipping paragraph macro")
}

#[test]
fn man_shows_it() {
    let (_dir, pages) = pages();
    let Some(mut man) = found("man") else { return };
    let page = pages.iter().find(|page| page.ends_with(Path::new("md5all.1"))).expect("it is there");
    let text = finish(man.arg("-l").arg(page).env("MANPAGER", "cat").env("COLUMNS", "80")).text();
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    for section in ["NAME", "SYNOPSIS", "OPTIONS", "SUBCOMMANDS", "EXAMPLES", "EXIT STATUS"] {
        assert!(lines.contains(&section), "{section}\n{text}");
    }
    let example = "md5all -c photos/MD5SUMS                check it, as md5sum does";
    assert!(lines.iter().any(|line| line.trim_start() == example), "examples stand as they are: {text}");
}

#[test]
fn a_subcommand_that_is_none_has_no_page() {
    let dir = tree(&[]);
    let ended = run(dir.path(), &["man", "bag", "burn"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.starts_with("md5all: there is no subcommand 'bag burn'\n"), "{}", ended.stderr);
}
