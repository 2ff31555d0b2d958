//! How far a run is, shown while it goes on, and what it came to, beside what it is about.
//!
//! Nothing is shown unless somebody looks on or asks: see [`When`]. How a line looks is for `line` to say, and who may
//! write to the terminal for `screen`.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use md5all::{Bottleneck, Devices, Options, Progress, Snapshot, Ticker};
use serde::Serialize;

use crate::failure::{answer, note, say};
use crate::json::{self, Name};
use crate::line::{Line, Pace};
use crate::quote::quote;
use crate::screen;
use crate::units::{rate, seconds, size, things};

/// What is to be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Showing {
    pub(crate) when: When,
    /// Whether to say how it is done.
    pub(crate) verbose: bool,
    /// Whether nobody is to be told of what he has not asked for.
    pub(crate) quiet: bool,
    /// Whether the last word is another program's: there is no summary then, unless somebody asks for it.
    pub(crate) as_gnu: bool,
}

/// When progress is shown, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum When {
    /// On a terminal.
    #[default]
    Auto,
    /// Also where there is none: a line a second.
    Always,
    Never,
    /// An object a second.
    Json,
}

/// A run that is shown, until this is dropped.
pub(crate) struct Shown {
    showing: Showing,
    progress: Option<Progress>,
    ticker: Option<Ticker>,
    notes: Option<Notes>,
}

/// How it is shown.
enum Form {
    /// A line that is drawn anew.
    Line,
    /// Lines, one below the other.
    Lines,
    Json,
}

/// How often the line is drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// How often there is another line, or object.
const SECOND: Duration = Duration::from_secs(1);

/// What takes less is over before anybody could read how far it is.
const SHORT: Duration = Duration::from_millis(500);

/// After so long it is worth asking how much there is in all.
const LONG: Duration = Duration::from_secs(1);

impl Showing {
    /// Begins to show the run that will have these options.
    pub(crate) fn begin(self, options: &mut Options) -> Shown {
        let form = self.form();
        let is_told = form.is_some() || self.has_summary();
        let progress = is_told.then(Progress::new);
        options.progress.clone_from(&progress);
        let ticker = form.zip(progress.clone()).map(|(form, progress)| self.show(form, progress));
        Shown { showing: self, progress, ticker, notes: self.verbose.then(|| Notes::new(&options.devices)) }
    }

    fn form(self) -> Option<Form> {
        match self.when {
            When::Auto if self.quiet || !screen::can_draw() => None,
            When::Auto => Some(Form::Line),
            When::Always if screen::can_draw() => Some(Form::Line),
            When::Always => Some(Form::Lines),
            When::Never => None,
            When::Json => Some(Form::Json),
        }
    }

    /// Whether there is one in words.
    fn has_summary(self) -> bool {
        match self.when {
            When::Json => false,
            When::Always => true,
            _ if self.verbose => true,
            When::Never => false,
            When::Auto => !self.quiet && !self.as_gnu && screen::is_terminal(),
        }
    }

    fn show(self, form: Form, progress: Progress) -> Ticker {
        let interval = if matches!(form, Form::Line) { TICK } else { SECOND };
        let (asked, mut pace) = (progress.clone(), Pace::default());
        progress.every(interval, move |now| {
            if now.elapsed >= LONG {
                asked.count_all();
            }
            let rate = pace.at(now.elapsed, now.bytes);
            let line = || Line::of(now, rate, self.verbose.then(|| asked.bottleneck()).flatten());
            match form {
                Form::Line if now.elapsed < SHORT => {}
                Form::Line => screen::draw(|columns| line().text(columns)),
                Form::Lines => say(line().text(usize::MAX)),
                Form::Json => say_json(now, rate, line().left, asked.bottleneck(), false),
            }
        })
    }
}

impl Shown {
    /// Says of devices what has not been said, if anything is to be.
    pub(crate) fn say_notes(&mut self) {
        self.notes.iter_mut().for_each(Notes::say);
    }

    /// Says what it came to; to be called when all else has been said.
    pub(crate) fn sum_up(mut self) {
        self.end();
        let Some(progress) = &self.progress else { return };
        let all = progress.snapshot();
        let rate = all.bytes as f64 / all.elapsed.as_secs_f64();
        if self.showing.when == When::Json {
            say_json(&all, rate, None, progress.bottleneck(), true);
        } else if self.showing.has_summary() {
            answer(summary(&all, rate, self.showing.verbose.then(|| progress.bottleneck()).flatten()));
        }
    }

    fn end(&mut self) {
        self.ticker = None;
        screen::clear();
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.end();
    }
}

/// As in `115,040 files, 5.06 GB in 1.1 s (4.6 GB/s), 3 skipped, 1 error`.
fn summary(all: &Snapshot, pace: f64, bottleneck: Option<Bottleneck>) -> String {
    let files = format!("{}, {} in {}", things(all.files, "file"), size(all.bytes), seconds(all.elapsed));
    let pace = format!(" ({})", rate(pace));
    let skipped = (all.skipped > 0).then(|| format!(", {} skipped", crate::units::count(all.skipped)));
    let failed = (all.failed > 0).then(|| format!(", {}", things(all.failed, "error")));
    let cause = bottleneck.map(|cause| format!("; held up by {cause}"));
    [Some(files), Some(pace), skipped, failed, cause].into_iter().flatten().collect()
}

/// One line of `--progress json`.
#[derive(Serialize)]
struct Object<'a> {
    progress: Numbers<'a>,
}

#[derive(Serialize)]
struct Numbers<'a> {
    seconds: f64,
    files: u64,
    bytes: u64,
    /// Not read, for they are known.
    bytes_known: u64,
    errors: u64,
    skipped: u64,
    bytes_per_second: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    files_in_all: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_in_all: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slowest: Option<File<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bottleneck: Option<&'static str>,
    done: bool,
}

#[derive(Serialize)]
struct File<'a> {
    #[serde(flatten)]
    path: Name<'a>,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    seconds: f64,
}

fn say_json(now: &Snapshot, rate: f64, left: Option<Duration>, bottleneck: Option<Bottleneck>, done: bool) {
    let slowest = now.in_flight.first().map(|file| {
        let path = Name::path(file.path.as_os_str().as_bytes());
        File { path, bytes: file.bytes, size: file.size, seconds: rounded(file.elapsed) }
    });
    let progress = Numbers {
        seconds: rounded(now.elapsed),
        files: now.files,
        bytes: now.bytes,
        bytes_known: now.spared,
        errors: now.failed,
        skipped: now.skipped,
        bytes_per_second: rate.round() as u64,
        files_in_all: now.whole.map(|whole| whole.files),
        bytes_in_all: now.whole.map(|whole| whole.bytes),
        seconds_left: left.map(|left| left.as_secs()),
        slowest,
        bottleneck: bottleneck.map(name),
        done,
    };
    let mut line = Vec::new();
    if json::write(&mut line, &Object { progress }).is_ok() {
        screen::say(&line);
    }
}

/// In milliseconds, which is more than anybody needs.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

fn name(bottleneck: Bottleneck) -> &'static str {
    match bottleneck {
        Bottleneck::Listing => "listing",
        Bottleneck::Reading => "reading",
        Bottleneck::Output => "output",
        _ => "hashing",
    }
}

/// What is said of devices, once each.
#[derive(Debug)]
struct Notes {
    devices: Devices,
    said: usize,
}

impl Notes {
    fn new(devices: &Devices) -> Notes {
        Notes { devices: devices.clone(), said: 0 }
    }

    fn say(&mut self) {
        for device in &self.devices.met()[self.said..] {
            note(quote(device.to_string().as_bytes()));
            self.said += 1;
        }
    }
}
