//! `md5all completions` and `md5all man`: texts that are made of the flags as they are declared, and so are never behind.
//!
//! They are made when they are asked for: what is not asked for costs no time.

use std::io;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, Args, Command, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Task, command, md5sum};
use crate::exit::Exit;

/// Print what a shell needs to complete md5all's command line
#[derive(Args, Debug)]
#[command(after_long_help = INSTALL)]
pub(super) struct Completions {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", hide_possible_values = true, value_parser = shell_parser())]
    shell: Shell,
}

/// Print the manual page, or that of a subcommand
#[derive(Args, Debug)]
#[command(after_long_help = PAGES)]
pub(super) struct Manual {
    /// Such as audit, or bag create [default: md5all itself]
    #[arg(value_name = "SUBCOMMAND")]
    of: Vec<String>,

    /// Write all pages to DIR
    #[arg(long, value_name = "DIR", conflicts_with = "of", help_heading = "Output", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

const INSTALL: &str = "\
Examples:
  bash:        source <(md5all completions bash)                # in ~/.bashrc
  zsh:         md5all completions zsh > \"${fpath[1]}/_md5all\"
  fish:        md5all completions fish > ~/.config/fish/completions/md5all.fish
  powershell:  md5all completions powershell | Out-String | Invoke-Expression
  elvish:      eval (md5all completions elvish | slurp)         # in rc.elv";

const PAGES: &str = "\
Examples:
  md5all man | man -l -                               read the page
  md5all man bag create | man -l -                    that of a subcommand
  md5all man --dir ~/.local/share/man/man1            install all pages";

/// What bash needs beside what clap's generator writes, which knows no files where flags may stand, and no `--flag=value`.
const WORDS: &str = include_str!("words.bash");

/// When what pages say was last changed: pages have a date.
const DATE: &str = "2026-11-28";

/// Texts to write: all to standard output, or each to a file of a directory.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) dir: Option<PathBuf>,
    /// What the files are called, and what is in them.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Completions {
    pub(super) fn into_task(self) -> Task {
        let mut text = Vec::new();
        let mut all = with_pages(command());
        clap_complete::generate(self.shell, &mut all, "md5all", &mut text);
        if self.shell == Shell::Bash {
            let names: Vec<_> = all.get_subcommands().map(Command::get_name).collect();
            text.extend_from_slice(WORDS.replace("SUBCOMMANDS", &names.join(" | ")).as_bytes());
        }
        if self.shell == Shell::Fish {
            text.extend(values_for_fish(&all).into_bytes());
        }
        Task::Write(Texts { dir: None, files: vec![(self.shell.to_string(), text)] })
    }
}

impl Manual {
    pub(super) fn into_task(self) -> Result<Task, Exit> {
        let mut all = command();
        all.build();
        let files = match self.dir {
            Some(_) => pages(&all),
            None => vec![page(self.find(&all)?)],
        };
        Ok(Task::Write(Texts { dir: self.dir, files }))
    }

    /// What the page is of.
    fn find<'a>(&self, all: &'a Command) -> Result<&'a Command, Exit> {
        self.of.iter().try_fold(all, |command, name| {
            let found = command.find_subcommand(name);
            found.ok_or_else(|| md5sum::refuse(format!("there is no subcommand '{}'", self.of.join(" "))))
        })
    }
}

/// With all that has a page as values of what `man` takes: there, only their order is right or wrong.
fn with_pages(all: Command) -> Command {
    // Clap wants names that live as long as the program.
    fn names(command: &Command) -> Vec<&'static str> {
        let name = |command: &Command| &*command.get_name().to_owned().leak();
        command.get_subcommands().flat_map(|below| [name(below)].into_iter().chain(names(below))).collect()
    }
    let names = names(&all);
    all.mut_subcommand("man", |man| man.mut_arg("of", |of| of.value_parser(PossibleValuesParser::new(names))))
}

/// What fish needs beside what clap's generator writes, which knows no values of what is no flag.
fn values_for_fish(all: &Command) -> String {
    let mut lines = String::new();
    for command in all.get_subcommands() {
        let values = command.get_positionals().flat_map(Arg::get_possible_values);
        let values: Vec<_> = values.map(|value| value.get_name().to_owned()).collect();
        if !values.is_empty() {
            let (name, values) = (command.get_name(), values.join(" "));
            lines += &format!("complete -c md5all -n \"__fish_md5all_using_subcommand {name}\" -f -a \"{values}\"\n");
        }
    }
    lines
}

/// The pages of a command and of all below it.
fn pages(command: &Command) -> Vec<(String, Vec<u8>)> {
    let below = command.get_subcommands().flat_map(pages);
    [page(command)].into_iter().chain(below).collect()
}

fn page(command: &Command) -> (String, Vec<u8>) {
    // What short help leaves out, the generator would leave without a word if there is no longer text.
    let command = &command.clone().mut_args(|arg| arg.hide_short_help(false));
    let man = Man::new(command.clone()).date(DATE).source(format!("md5all {}", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    write_page(&man, command, &mut text).unwrap_or_else(|_| unreachable!("memory can be written"));
    (man.get_filename(), text)
}

/// As clap's generator has it, but for what long help ends with: it would fill examples as if they were prose.
fn write_page(man: &Man, command: &Command, text: &mut Vec<u8>) -> io::Result<()> {
    man.render_title(text)?;
    man.render_name_section(text)?;
    man.render_synopsis_section(text)?;
    man.render_description_section(text)?;
    man.render_options_section(text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(text)?;
    }
    let end = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    end.split("\n\n").for_each(|paragraph| text.extend_from_slice(section(paragraph).as_bytes()));
    Ok(())
}

/// A paragraph that begins with what it is, as a section: examples line by line, and all else filled.
fn section(paragraph: &str) -> String {
    let Some((title, body)) = paragraph.split_once(':') else { return String::new() };
    let (title, body) = (title.to_uppercase(), body.trim_start().replace('\\', "\\e").replace('-', "\\-"));
    match title.as_str() {
        "EXAMPLES" => format!(".SH {title}\n.nf\n{}\n.fi\n", body.replace("\n  ", "\n")),
        title => format!(".SH \"{title}\"\n{body}\n"),
    }
}

/// Shells name themselves.
fn shell_parser() -> impl TypedValueParser<Value = Shell> {
    let names = ["bash", "elvish", "fish", "powershell", "zsh"];
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Shell>())
}
