//! What shells are told completes what there is.

use std::fs;
use std::process::Command;

use crate::harness::{finish, found, run, tree};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

#[test]
fn every_shell_is_told_of_every_flag_of_long_help() {
    let dir = tree(&[]);
    let help = run(dir.path(), &["--help"]).clean();
    let flags: Vec<_> = help.split_whitespace().filter(|word| is_flag(word)).collect();
    assert!(flags.len() > 20);
    for shell in SHELLS {
        let text = run(dir.path(), &["completions", shell]).clean();
        for flag in &flags {
            // fish writes `-l output`.
            let is_told = text.contains(flag)
                || text.contains(&format!("-l {} ", &flag[2..]))
                || text.contains(&format!("-l {}\n", &flag[2..]));
            assert!(is_told, "{shell}: {flag}");
        }
    }
}

fn is_flag(word: &str) -> bool {
    word.len() > 3 && word.starts_with("--") && word[2..].chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// Calls what was defined for `md5all` as bash itself would.
const BASH: &str = r#"
source <("$0" completions bash)
function=$(complete -p md5all) || exit 1
function=${function#*-F }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
${function%% *} "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

#[test]
fn bash_completes_flags_values_and_subcommands() {
    for (line, expected) in [
        (&["md5all", "--outp"][..], &["--output"][..]),
        (&["md5all", "aud"], &["audit"]),
        (&["md5all", "audit", "--js"], &["--json"]),
        (&["md5all", "--color", "a"], &["auto", "always"]),
        (&["md5all", "bag", "cr"], &["create"]),
        (&["md5all", "bag", "create", "--version-of", ""], &["0.97", "1.0"]),
        (&["md5all", "completions", "z"], &["zsh"]),
        (&["md5all", "--format", "=", "nd"], &["ndjson"]),
        (&["md5all", "audit", "--progress", "=", "al"], &["always"]),
        (&["md5all", "-a", "md5,sha2"], &["md5,sha256"]),
        (&["md5all", "bag", "create", "-a", "sha2"], &["sha256"]),
        (&["md5all", "-ash"], &["-asha1", "-asha256", "-asha512"]),
        (&["md5all", "-amd5,sha2"], &["-amd5,sha256"]),
        (&["md5all", "-L", "-amd5,sha2"], &["-amd5,sha256"]),
        (&["md5all", "bag", "create", "-amd5,sha2"], &["-amd5,sha256"]),
        (&["md5all", "man", "up"], &["update"]),
        (&["md5all", "man", "bag", "cr"], &["create"]),
        (&["md5all", "bag", ""], &["create", "verify"]),
        (&["md5all", "a"], &["audit", "a,b"]),
        // With nothing of its own to offer, bash offers files.
        (&["md5all", "a,"], &["a,b"]),
        (&["md5all", "audit", ""], &[]),
        (&["md5all", "audit", "list", ""], &[]),
        (&["md5all", "bag", "create", ""], &[]),
        (&["md5all", "a,b", ""], &[]),
        (&["md5all", "-L", "a"], &[]),
    ] {
        let Some(mut bash) = found("bash") else { return };
        let dir = tree(&["a,b"]);
        let ended = finish(bash.current_dir(dir.path()).args(["-c", BASH, env!("CARGO_BIN_EXE_md5all")]).args(line));
        assert_eq!(ended.stderr, "", "{line:?}");
        let text = ended.text();
        let told: Vec<_> = text.split_whitespace().collect();
        assert_eq!(told, expected, "{line:?}");
    }
}

#[test]
fn fish_completes_flags_values_and_subcommands() {
    for (line, expected) in [
        ("md5all --outp", "--output"),
        ("md5all aud", "audit"),
        ("md5all audit --js", "--json"),
        ("md5all --color=al", "--color=always"),
        ("md5all bag cr", "create"),
        ("md5all audit li", "list"),
        ("md5all etag li", "list"),
        ("md5all man up", "update"),
        ("md5all man bag cr", "create"),
        ("md5all completions z", "zsh"),
    ] {
        let Some(mut fish) = found("fish") else { return };
        let home = tree(&["list"]);
        let script = format!("'{}' completions fish | source; complete -C '{line}'", env!("CARGO_BIN_EXE_md5all"));
        let text =
            finish(fish.current_dir(home.path()).args(["--no-config", "-c", &script]).env("HOME", home.path())).text();
        assert!(text.lines().any(|told| told.split('\t').next() == Some(expected)), "{line}: {text}");
    }
}

/// Its completions want a terminal; its grammar does not.
#[test]
fn zsh_takes_the_grammar() {
    let Some(mut zsh) = found("zsh") else { return };
    let dir = tree(&[]);
    let file = dir.path().join("_md5all");
    fs::write(&file, run(dir.path(), &["completions", "zsh"]).stdout).unwrap();
    finish(zsh.arg("-n").arg(&file)).clean();
}

#[test]
fn powershell_takes_the_grammar() {
    let Some(mut shell) = found("pwsh") else { return };
    let dir = tree(&[]);
    let file = dir.path().join("md5all.ps1");
    fs::write(&file, run(dir.path(), &["completions", "powershell"]).stdout).unwrap();
    finish(shell.args(["-NoProfile", "-File"]).arg(&file)).clean();
}

#[test]
fn a_reader_that_has_gone_is_no_panic() {
    let script = "\"$0\" completions bash | true; \"$0\" man | true";
    let ended = finish(Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_md5all")]));
    assert_eq!(ended.stderr, "");
}
