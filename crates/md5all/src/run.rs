//! The story: walk, hash, write.

use std::time::Duration;

use errgroup::Context;
use md5all::{Devices, Options, hash_trees};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cli::Config;
use crate::exit::Exit;
use crate::failure::{Failure, say};
use crate::interrupt;
use crate::output::Output;
use crate::sink::{Sink, Tally};

/// When no record has come for so long, what is done already is written.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// Does what the command line asks for, and says what to exit with.
pub(crate) fn run(config: Config) -> Exit {
    hash(config).map_or_else(Failure::report, Tally::report)
}

fn hash(config: Config) -> Result<Tally, Failure> {
    raise_descriptor_limit();
    let (ctx, cancel) = Context::background().with_cancel();
    let leftover = interrupt::listen(cancel).map_err(Failure::Signals)?;
    let output = Output::open(config.output, leftover)?;
    let options = Options { exclude: output.files(), facts: config.layout.has_facts(), ..config.options };
    let mut sink = Sink::new(output, config.layout);
    let mut notes = config.verbose.then(|| Notes::new(&options.devices));
    let mut records = hash_trees(&ctx, options);
    loop {
        if !records.ready_within(PAUSE) {
            sink.flush()?;
            notes.iter_mut().for_each(Notes::say);
        }
        let Some(record) = records.next() else { break };
        sink.take(&record?)?;
    }
    notes.iter_mut().for_each(Notes::say);
    sink.finish()
}

/// What is said of devices, once each.
#[derive(Debug)]
pub(crate) struct Notes {
    devices: Devices,
    said: usize,
}

impl Notes {
    pub(crate) fn new(devices: &Devices) -> Notes {
        Notes { devices: devices.clone(), said: 0 }
    }

    pub(crate) fn say(&mut self) {
        for device in &self.devices.met()[self.said..] {
            say(device.to_string());
            self.said += 1;
        }
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
