//! What the selection has left out: how many, by what, and why each.
//!
//! Whoever asked for it knows, so it is said only with `-v`; but it is counted in any case.

use std::os::unix::ffi::OsStrExt;

use md5all::{Rule, Skip};
use serde::Serialize;

use crate::failure::note;
use crate::quote::quote;

/// How many files and directories were left out by what. A directory is one, with all that is in it.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct LeftOut {
    hidden: u64,
    globs: u64,
    ignored: u64,
    depth: u64,
    not_included: u64,
    size: u64,
}

impl LeftOut {
    pub(crate) fn count(&mut self, skip: Skip) {
        match skip {
            Skip::Hidden => self.hidden += 1,
            Skip::Glob => self.globs += 1,
            Skip::Ignored => self.ignored += 1,
            Skip::Depth => self.depth += 1,
            Skip::NotIncluded => self.not_included += 1,
            Skip::Size => self.size += 1,
            _ => {}
        }
    }

    /// As in `left out: 3 hidden, 1 by size`; nothing if there are none.
    pub(crate) fn say(self) {
        let counts = [
            (self.hidden, "hidden"),
            (self.globs, "by --exclude"),
            (self.ignored, "by .gitignore"),
            (self.depth, "by depth"),
            (self.not_included, "not included"),
            (self.size, "by size"),
        ];
        let told = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        let told: Vec<_> = told.collect();
        if !told.is_empty() {
            note(format!("left out: {}", told.join(", ")));
        }
    }
}

/// Says of one why it is left out.
pub(crate) fn explain(path: &[u8], skip: Skip, rule: Option<&Rule>) {
    note(format!("{}: left out: {}", quote(path), reason(skip, rule)));
}

/// Why something is left out.
pub(crate) fn reason(skip: Skip, rule: Option<&Rule>) -> String {
    match (skip, rule) {
        (Skip::Hidden, _) => "it is hidden".to_owned(),
        (Skip::Glob, Some(rule)) => format!("--exclude {rule}"),
        (Skip::Glob, None) => "--exclude".to_owned(),
        (Skip::Ignored, Some(rule)) => told(rule),
        (Skip::Ignored, None) => "a .gitignore".to_owned(),
        (Skip::Depth, _) => "it is too deep".to_owned(),
        (Skip::NotIncluded, _) => "it matches no --include".to_owned(),
        (Skip::Size, _) => "its size".to_owned(),
        (other, _) => format!("{other:?}"),
    }
}

/// A rule, fit for one line: what it says, and where, was written by whoever made the tree.
fn told(rule: &Rule) -> String {
    match rule {
        Rule::Line { file, number, text } => {
            format!("{}:{number}: {}", quote(file.as_os_str().as_bytes()), quote(text.as_bytes()))
        }
        rule => rule.to_string(),
    }
}
