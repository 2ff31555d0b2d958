//! Records terminal sessions: `sessions SCRIPT… --into DIRECTORY` writes NAME.txt and NAME.svg for each NAME.session.
//!
//! Every command runs in a terminal of its own, a pseudo-terminal that is read as a terminal would read it. Nothing is
//! edited: what is in the picture was on the screen.

mod script;
mod svg;
mod terminal;

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use script::{Script, Step};
use terminal::Terminal;

fn main() -> Result<()> {
    let (scripts, into) = arguments()?;
    for path in &scripts {
        record(path, &into).with_context(|| format!("{}", path.display()))?;
    }
    Ok(())
}

fn arguments() -> Result<(Vec<PathBuf>, PathBuf)> {
    let mut words: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    let at = words.iter().position(|word| word == Path::new("--into"));
    let Some(at) = at.filter(|&at| at + 2 == words.len() && at > 0) else {
        bail!("usage: sessions SCRIPT... --into DIRECTORY");
    };
    let rest = words.split_off(at);
    Ok((words, rest[1].clone()))
}

/// Plays one script in a directory that is gone afterwards, and writes what came of it.
fn record(path: &Path, into: &Path) -> Result<()> {
    let script = Script::parse(&fs::read_to_string(path)?)?;
    let dir = tempfile::tempdir()?;
    let mut terminal = Terminal::new(script.size, dir.path());
    for step in &script.steps {
        match step {
            Step::Prepare(command) => terminal.prepare(command)?,
            Step::Type { command, until } => terminal.run(command, until.as_deref())?,
        }
    }
    let name = path.file_stem().context("a script has a name")?;
    let out = into.join(name);
    fs::write(out.with_extension("txt"), terminal.text())?;
    fs::write(out.with_extension("svg"), svg::picture(terminal.screen(), &script.title))?;
    Ok(())
}
