//! A tree in a directory, listed, then changed by steps, then audited.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::{Run, fifo, md5, plant, run};

/// One step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A file with these contents.
    Write(&'static str, &'static str),
    /// The same, of the same size, with the time of modification that it had.
    Rot(&'static str, &'static str),
    Rename(&'static str, &'static str),
    Copy(&'static str, &'static str),
    Remove(&'static str),
    RemoveTree(&'static str),
    Directory(&'static str),
    Fifo(&'static str),
    /// A link, and where it leads.
    Link(&'static str, &'static str),
}

/// A directory to work in.
pub(crate) struct Stage {
    pub(crate) dir: TempDir,
}

impl Stage {
    pub(crate) fn new(steps: &[Step]) -> Stage {
        let stage = Stage { dir: tempfile::tempdir().expect("a temporary directory") };
        stage.play(steps);
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn play(&self, steps: &[Step]) {
        steps.iter().for_each(|step| self.step(*step));
    }

    fn step(&self, step: Step) {
        let path = |name| self.path(name);
        match step {
            Step::Write(name, contents) => plant(self.dir.path(), OsStr::new(name), contents.as_bytes()),
            Step::Rot(name, contents) => {
                let before = fs::metadata(path(name)).expect("a file");
                assert_eq!(before.len(), contents.len() as u64, "{name} stays as long as it is");
                fs::write(path(name), contents).expect("a file");
                let file = File::options().write(true).open(path(name)).expect("a file");
                file.set_modified(before.modified().expect("a time")).expect("own file");
            }
            Step::Rename(from, to) => {
                fs::create_dir_all(path(to).parent().expect("a directory")).expect("directories");
                fs::rename(path(from), path(to)).expect("it can be renamed");
            }
            Step::Copy(from, to) => drop(fs::copy(path(from), path(to)).expect("it can be copied")),
            Step::Remove(name) => fs::remove_file(path(name)).expect("it can be removed"),
            Step::RemoveTree(name) => fs::remove_dir_all(path(name)).expect("it can be removed"),
            Step::Directory(name) => fs::create_dir_all(path(name)).expect("directories"),
            Step::Fifo(name) => fifo(&path(name)),
            Step::Link(name, target) => symlink(target, path(name)).expect("a link"),
        }
    }

    /// Lists `t` in `list`.
    pub(crate) fn list(&self) {
        self.run("t -o list").clean();
    }

    /// Writes a list, in which `{contents}` stands for the MD5 of these contents.
    pub(crate) fn write_list(&self, name: &str, text: &str) {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (contents, behind) = behind.split_once('}').expect("what is opened is closed");
            filled += before;
            filled += &md5(contents.as_bytes());
            rest = behind;
        }
        fs::write(self.path(name), filled + rest).expect("a list");
    }

    /// Runs the program, with the words of a line as arguments.
    pub(crate) fn run(&self, line: &str) -> Run {
        run(self.dir.path(), &line.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs it, and compares: lines but for the summary, and the exit status.
    pub(crate) fn check(&self, line: &str, lines: &[&str], code: i32) {
        let run = self.run(line);
        let (stderr, found) = (run.stderr.clone(), run.code);
        let text = run.text();
        let told: Vec<_> = text.lines().filter(|line| !line.starts_with("summary: ")).collect();
        assert_eq!((&told[..], found), (lines, Some(code)), "{line}\n{text}{stderr}");
    }
}
