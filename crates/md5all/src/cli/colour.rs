//! `--color`: when there are colours. It counts for help and for refusals, too, so it is looked for before all else.

use std::ffi::OsString;

use clap::Arg;
use clap::builder::PossibleValuesParser;

use crate::terminal::{When, colour};

const FLAG: &str = "--color";

/// The flag, as it is declared.
pub(super) fn argument() -> Arg {
    Arg::new("color")
        .long("color")
        .value_name("WHEN")
        .value_parser(PossibleValuesParser::new(When::ALL.map(When::name)))
        .default_value(When::Auto.name())
        .hide_possible_values(true)
        .hide_short_help(true)
        .global(true)
        .help_heading("Output")
        .help("Colours: auto, always or never; auto asks NO_COLOR, CLICOLOR and the terminal; -c has none")
}

/// Does what the flag says, if it says anything.
pub(super) fn obey(arguments: impl IntoIterator<Item = OsString>) {
    if let Some(when) = asked(arguments) {
        colour(when);
    }
}

/// What the last of several says.
fn asked(arguments: impl IntoIterator<Item = OsString>) -> Option<When> {
    let mut arguments = arguments.into_iter().take_while(|argument| argument != "--");
    let mut asked = None;
    while let Some(argument) = arguments.next() {
        let name = match argument.to_str().and_then(|argument| argument.strip_prefix(FLAG)) {
            Some("") => arguments.next().and_then(|name| name.into_string().ok()),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => continue,
        };
        asked = When::ALL.into_iter().find(|when| Some(when.name()) == name.as_deref()).or(asked);
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_flag_says_when() {
        for (line, when) in [
            ("", None),
            ("a --color=always b", Some(When::Always)),
            ("--color never", Some(When::Never)),
            ("--color=always --color auto", Some(When::Auto)),
            ("--color=always --color=pink", Some(When::Always)),
            ("--color", None),
            ("-- --color=always", None),
            ("--colors=always", None),
        ] {
            assert_eq!(asked(line.split_whitespace().map(OsString::from)), when, "{line}");
        }
    }
}
