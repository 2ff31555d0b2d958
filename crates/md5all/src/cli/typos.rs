//! What was meant by a word that is no file: perhaps a subcommand, or what other programs have as one.

use std::env::args_os;
use std::io::ErrorKind;
use std::path::Path;

use clap::CommandFactory;
use md5all::Root;

use super::Arguments;

/// Of fewer letters than this a word may be anything.
const SHORTEST: usize = 3;

/// How much alike two words must be, of 1: as clap has it.
const ALIKE: f64 = 0.7;

/// Subcommands that others have, and what does the same here.
const ELSEWHERE: [(&str, &str); 4] = [
    ("help", "--help"),
    ("version", "--version"),
    ("check", "--check, or the subcommand 'audit'"),
    ("verify", "--check, or the subcommand 'audit' or 'bag verify'"),
];

/// What may have been meant by a word that is no file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// A subcommand, for certain.
    Subcommand(String),
    /// Something of the kind.
    Perhaps(String),
}

/// Says what may have been meant by the first thing to hash, if that is no file and the name of a subcommand almost.
pub(crate) fn meant(first: Option<&Root>) -> Option<Meant> {
    let Some(Root::Path(path)) = first else { return None };
    let word = path.to_str().filter(|word| !word.contains('/'))?;
    let is_gone = Path::new(word).symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound);
    if is_gone { hint(word) } else { None }
}

fn hint(word: &str) -> Option<Meant> {
    let perhaps = |what: &str| Some(Meant::Perhaps(format!("there is no {word} here; did you mean {what}?")));
    if let Some((_, here)) = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == word) {
        return perhaps(here);
    }
    // Behind this, a word is a file for certain.
    let is_told = args_os().any(|argument| argument == "--");
    match alike(word)? {
        subcommand if subcommand == word && !is_told => Some(Meant::Subcommand(format!(
            "there is no {word} here, and the subcommand '{word}' comes before all options"
        ))),
        subcommand => perhaps(&format!("the subcommand '{subcommand}'")),
    }
}

/// The subcommand that a word is most like.
fn alike(word: &str) -> Option<String> {
    if word.len() < SHORTEST {
        return None;
    }
    let command = Arguments::command();
    let likeness = |name: &str| strsim::jaro(word, name);
    let names = command.get_subcommands().map(|command| command.get_name());
    let best = names.max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
    (likeness(best) > ALIKE).then(|| best.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_almost_a_subcommand_is_told_and_nothing_else() {
        for (word, subcommand) in [
            ("udit", Some("audit")),
            ("aduit", Some("audit")),
            ("updat", Some("update")),
            ("difff", Some("diff")),
            ("etags", Some("etag")),
            ("completion", Some("completions")),
            ("photos", None),
            ("x", None),
            ("t", None),
        ] {
            assert_eq!(alike(word).as_deref(), subcommand, "{word}");
        }
    }
}
