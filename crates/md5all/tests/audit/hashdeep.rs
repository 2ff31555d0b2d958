//! The same edits, audited by hashdeep: where we say the same, and where not, by name.

use std::collections::BTreeMap;

use crate::harness::{finish, found};
use crate::stage::Stage;
use crate::stage::Step::{self, Copy, Remove, Rename, Rot, Write};

/// What hashdeep says of a name; it may say several things.
type Told = BTreeMap<String, Vec<String>>;

fn by_hashdeep(stage: &Stage) -> Option<(Told, Option<i32>)> {
    let mut audit = found("hashdeep")?;
    audit.current_dir(stage.dir.path()).args(["-c", "md5", "-r", "-l", "-a", "-vvv", "-k", "known", "t"]);
    let run = finish(&mut audit);
    let code = run.code;
    let mut told = Told::new();
    for line in run.text().lines().filter(|line| line.starts_with("t/")) {
        let (name, words) = line.split_once(": ").expect("a name and what is said of it");
        told.entry(name.to_owned()).or_default().push(words.to_owned());
    }
    Some((told, code))
}

fn by_us(stage: &Stage, list: &str) -> (Told, Option<i32>) {
    let run = stage.run(&format!("audit {list} t -v"));
    let code = run.code;
    let mut told = Told::new();
    for line in run.text().lines().filter(|line| !line.starts_with("summary: ")) {
        let (word, names) = line.split_once(": ").expect("a word and a name");
        let (from, name) = names.split_once(" -> ").map_or((None, names), |(from, name)| (Some(from), name));
        let words = match (word, from) {
            ("ok", _) => "Ok".to_owned(),
            ("new", _) => "No match".to_owned(),
            ("missing", _) => "Known file not used".to_owned(),
            ("moved", Some(from)) => format!("Moved from {from}"),
            (other, from) => [other, from.unwrap_or("")].join(" ").trim().to_owned(),
        };
        told.entry(name.to_owned()).or_default().push(words);
    }
    (told, code)
}

const TREE: [Step; 5] =
    [Write("t/a", "one"), Write("t/b", "two"), Write("t/d/x", "three"), Write("t/d/y", "four"), Write("t/empty", "")];

/// A situation, and of which names the two say different things: the name, what hashdeep says, and what we say.
type Row = (&'static [Step], &'static [(&'static str, &'static str, &'static str)]);

const ROWS: [Row; 10] = [
    (&[], &[]),
    (&[Write("t/n", "six")], &[]),
    (&[Remove("t/a")], &[]),
    (&[Rename("t/a", "t/n")], &[]),
    (&[Rename("t/d", "t/e")], &[]),
    (&[Write("t/n", "six"), Remove("t/b"), Rename("t/a", "t/d/a")], &[]),
    // A changed file is one thing, and not a new one beside a missing one.
    (&[Write("t/a", "ONE!")], &[("t/a", "No match, Known file not used", "changed")]),
    (&[Rot("t/a", "eno")], &[("t/a", "No match, Known file not used", "changed")]),
    // A copy has not moved: the file is still there.
    (&[Copy("t/a", "t/n")], &[("t/n", "Moved from t/a", "copied t/a")]),
    // One empty file is as good as another.
    (&[Copy("t/empty", "t/n")], &[("t/n", "Moved from t/empty", "No match")]),
];

#[test]
fn hashdeep_says_the_same_but_for_what_is_named_here() {
    for (steps, different) in ROWS {
        let stage = Stage::new(&TREE);
        stage.list();
        let Some(mut known) = found("hashdeep") else { return };
        let known = finish(known.current_dir(stage.dir.path()).args(["-c", "md5", "-r", "-l", "t"]));
        std::fs::write(stage.path("known"), known.stdout).unwrap();
        stage.play(steps);
        let (mut ours, code) = by_us(&stage, "list");
        let (over_theirs, code_over_theirs) = by_us(&stage, "known");
        assert_eq!((&over_theirs, code_over_theirs), (&ours, code), "{steps:?}");
        let Some((mut theirs, their_code)) = by_hashdeep(&stage) else { return };
        assert_eq!(code == Some(0), their_code == Some(0), "{steps:?}");
        for (name, they, we) in different {
            assert_eq!(theirs.remove(*name).map(|words| words.join(", ")), Some((*they).to_owned()), "{steps:?}");
            assert_eq!(ours.remove(*name).map(|words| words.join(", ")), Some((*we).to_owned()), "{steps:?}");
        }
        assert_eq!(ours, theirs, "{steps:?}");
    }
}
