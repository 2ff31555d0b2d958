//! The story: walk, hash, write.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::sync::Arc;

use errgroup::Context;
use md5all::{NameList, Operation, hash_named, hash_trees};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cli::{Config, Meant, Names, meant};
use crate::companions::{self, Diary, sidecar_of};
use crate::exit::Exit;
use crate::failure::{Failure, say};
use crate::interrupt;
use crate::output::Output;
use crate::pouring::pour;
use crate::showing::Shown;
use crate::sink::{Sink, Tally};
use crate::terminal::hush;

/// Does what the command line asks for, and says what to exit with.
pub(crate) fn run(config: Config) -> Exit {
    // Before all else: what takes its time may not be what was meant.
    match meant(config.options.roots.first()) {
        Some(Meant::Subcommand(what)) => {
            say(what);
            return Exit::Usage;
        }
        Some(Meant::Perhaps(what)) => say(what),
        None => {}
    }
    let json = config.json;
    match hash(config) {
        Ok((tally, shown)) => {
            let exit = tally.report();
            shown.sum_up();
            exit
        }
        Err(failure) => failure.report_in(json),
    }
}

fn hash(config: Config) -> Result<(Tally, Shown), Failure> {
    hush(config.showing.quiet);
    raise_descriptor_limit();
    let (ctx, cancel) = Context::background().with_cancel();
    let leftover = interrupt::listen(cancel).map_err(Failure::Signals)?;
    let output = Output::open(config.output.clone(), Arc::clone(&leftover))?;
    let facts = config.facts || config.json || config.layout.has_facts();
    let mut options = config.options.exclude(output.files()).facts(facts);
    let mut diary = None;
    let mut sidecar = None;
    if let Some(path) = config.output.as_deref().filter(|_| output.replaces()) {
        let (begun, known) = Diary::begin(path, config.resume, config.layout.algorithms)?;
        let known = begun.serve(known, &mut options)?;
        diary = Some((begun, known));
        options.exclude.extend(companions::own_files(path)?);
        if config.facts && !config.layout.keeps_facts() {
            companions::open_sidecar(&sidecar_of(path))?;
            let file = Output::open(Some(sidecar_of(path)), leftover)?;
            options.exclude.extend(file.files());
            sidecar = Some(file);
        }
    }
    let explained = config.showing.verbose.then(|| options.selection.clone());
    let layout = (!config.json).then_some(config.layout);
    let mut sink = Sink::new(output, layout, sidecar)?.explaining(explained);
    let mut shown = config.showing.begin(&mut options);
    let mut records = match config.names {
        None => hash_trees(&ctx, options),
        Some(names) => hash_named(&ctx, open_list(names)?, options),
    };
    pour(&mut records, &mut sink, || shown.say_notes())?;
    let (tally, is_written) = sink.finish()?;
    if let Some((diary, known)) = diary {
        if is_written {
            diary.end();
        }
        // Told in any case where it is of no use: the command may have been another one.
        if config.resume && (config.showing.verbose || (known.taken_over() == 0 && !known.is_empty())) {
            companions::say_taken_over(known.taken_over());
        }
    }
    Ok((tally, shown))
}

/// The names in a list.
fn open_list(names: Names) -> Result<NameList<Box<dyn BufRead + Send>>, Failure> {
    let Names { path, end } = names;
    let Some(path) = path else {
        return Ok(NameList::new(Box::new(BufReader::new(io::stdin())), "standard input", end));
    };
    match File::open(&path) {
        Ok(file) => Ok(NameList::new(Box::new(BufReader::new(file)), path, end)),
        Err(error) => Err(Failure::output(path, Operation::Open, error)),
    }
}

/// Descriptors are what bounds how much is under way at once.
///
/// A limit that cannot be raised is one that is kept to: the library looks at
/// what it is.
pub(crate) fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let _ = setrlimit(Resource::Nofile, raised);
}
