//! The span of each task, and the event of the first failure, as a subscriber sees them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use errgroup::{Context, Group, Policy, scope};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Event, Level, Metadata, Subscriber};

/// What was seen of a span or of an event.
#[derive(Clone, Debug, Default)]
struct Seen {
    name: String,
    target: String,
    /// The number of the span around it.
    parent: Option<u64>,
    fields: BTreeMap<String, String>,
    /// How often it was entered, and whether nobody holds it any more.
    entered: usize,
    closed: bool,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Seen {
    fn of(metadata: &Metadata<'_>, parent: Option<u64>) -> Self {
        let (name, target) = (metadata.name().to_owned(), metadata.target().to_owned());
        Self { name, target, parent, ..Self::default() }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

#[derive(Default)]
struct Log {
    spans: Vec<Seen>,
    handles: Vec<usize>,
    events: Vec<Seen>,
    inside: BTreeMap<String, Vec<u64>>,
}

impl Log {
    /// Where this thread is.
    fn inside(&mut self) -> &mut Vec<u64> {
        self.inside.entry(format!("{:?}", thread::current().id())).or_default()
    }

    fn span(&mut self, id: &Id) -> &mut Seen {
        &mut self.spans[id.into_u64() as usize - 1]
    }

    fn tasks(&self) -> impl Iterator<Item = &Seen> {
        self.spans.iter().filter(|span| (&*span.name, &*span.target) == ("task", "errgroup"))
    }
}

/// Writes down what happens at `most` or below.
#[derive(Clone)]
struct Writer {
    log: Arc<Mutex<Log>>,
    most: Level,
}

impl Writer {
    fn new() -> Self {
        Self { log: Arc::default(), most: Level::DEBUG }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }
}

impl Subscriber for Writer {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.most
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut log = self.log();
        let current = log.inside().last().copied();
        let parent = span.parent().map(Id::into_u64).or(if span.is_contextual() { current } else { None });
        let mut seen = Seen::of(span.metadata(), parent);
        span.record(&mut seen);
        log.spans.push(seen);
        log.handles.push(1);
        Id::from_u64(log.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        values.record(self.log().span(span));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut log = self.log();
        let current = log.inside().last().copied();
        let mut seen = Seen::of(event.metadata(), current);
        event.record(&mut seen);
        log.events.push(seen);
    }

    fn enter(&self, span: &Id) {
        let mut log = self.log();
        log.span(span).entered += 1;
        log.inside().push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        let left = self.log().inside().pop();
        assert_eq!(left, Some(span.into_u64()), "spans are left in order");
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.log().handles[span.into_u64() as usize - 1] += 1;
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        let mut log = self.log();
        let handles = &mut log.handles[span.into_u64() as usize - 1];
        *handles -= 1;
        let closed = *handles == 0;
        log.span(&span).closed = closed;
        closed
    }
}

/// The number of the span this thread is in, as this writer counts them.
fn here(writer: &Writer) -> Option<u64> {
    writer.log().inside().last().copied()
}

#[test]
fn a_task_has_a_span_below_its_callers() {
    let writer = Writer::new();
    let (line, at) = with_default(writer.clone(), || {
        let request = tracing::info_span!("request");
        let (group, seen) = (Group::<String>::new(), Arc::new(Mutex::new(None)));
        let (report, inside) = (Arc::clone(&seen), writer.clone());
        let _in_request = request.enter();
        let line = line!() + 1;
        group.build_task().name("read a file").go(move || {
            *report.lock().unwrap() = here(&inside);
            Ok(())
        });
        group.join().unwrap();
        let at = seen.lock().unwrap().take();
        (line, at)
    });
    let log = writer.log();
    let [task] = &log.tasks().collect::<Vec<_>>()[..] else { panic!("one task, one span") };
    assert_eq!(task.field("name"), Some("read a file"));
    assert_eq!((task.field("file"), task.field("line")), (Some(file!()), Some(&*line.to_string())));
    assert_eq!(task.parent, Some(1), "the request");
    assert_eq!((task.entered, task.closed), (1, true));
    assert_eq!(at, Some(2), "the task ran in its span, on whatever thread");
}

#[test]
fn all_ways_to_start_a_task_give_it_a_span() {
    let writer = Writer::new();
    with_default(writer.clone(), || {
        let (group, ctx) = Group::<String>::with_context(&Context::background());
        group.go(|| Ok(()));
        group.try_go(|| Ok(())).unwrap();
        group.go_until(&ctx, || Ok(())).unwrap();
        group.build_task().go(|| Ok(()));
        group.join().unwrap();
        scope(|s| {
            s.go(|| Ok::<_, String>(()));
            s.build_task().name("borrows").go(|| Ok(()));
            Ok(())
        })
        .unwrap();
    });
    let log = writer.log();
    assert_eq!(log.tasks().count(), 6);
    assert!(log.tasks().all(|task| task.closed && task.entered == 1 && task.field("file") == Some(file!())));
    assert_eq!(log.tasks().filter(|task| task.field("name").is_some()).count(), 1, "no name, no field");
}

#[test]
fn a_future_has_a_span_that_it_is_polled_in() {
    let writer = Writer::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let line = with_default(writer.clone(), || {
        runtime.block_on(async {
            let (group, inside) = (errgroup::tokio::Group::<String>::new(), writer.clone());
            let request = tracing::info_span!("request").entered();
            let line = line!() + 1;
            let go = group.build_task().name("ask a peer").go(async move {
                for _ in 0..3 {
                    assert_eq!(here(&inside), Some(2));
                    tokio::task::yield_now().await;
                }
                Ok(())
            });
            let blocking = group.build_task().name("hash").go_blocking(|| Ok(()));
            go.await;
            blocking.await;
            drop(request);
            group.join().await.unwrap();
            line
        })
    });
    let log = writer.log();
    let [future, closure] = &log.tasks().collect::<Vec<_>>()[..] else { panic!("two tasks") };
    assert_eq!((future.field("name"), closure.field("name")), (Some("ask a peer"), Some("hash")));
    assert_eq!((future.field("file"), future.field("line")), (Some(file!()), Some(&*line.to_string())));
    assert_eq!((future.parent, closure.parent), (Some(1), Some(1)));
    assert!(future.entered >= 3 && closure.entered == 1, "a future is in its span at each poll: {}", future.entered);
    assert!(future.closed && closure.closed);
}

#[test]
fn each_failure_is_an_event_in_the_span_of_its_task() {
    let writer = Writer::new();
    with_default(writer.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let group = errgroup::tokio::Group::<String>::new();
            group.go(async { Err("the disk is full".into()) }).await;
            group.go(async { Err("another".into()) }).await;
            group.join().await.unwrap_err();
        });
    });
    let log = writer.log();
    let told: Vec<_> = log.events.iter().map(|event| (&*event.target, event.field("error"), event.parent)).collect();
    let expected = [("errgroup", Some("the disk is full"), Some(1)), ("errgroup", Some("another"), Some(2))];
    assert_eq!(told, expected);
}

#[test]
fn a_span_that_nobody_wants_is_not_made() {
    let writer = Writer { most: Level::INFO, ..Writer::new() };
    with_default(writer.clone(), || {
        let group = Group::<String>::new();
        group.go(|| Err("unheard".into()));
        group.join().unwrap_err();
    });
    let log = writer.log();
    assert!(log.spans.is_empty() && log.events.is_empty());
}

#[test]
fn the_span_of_a_task_that_is_skipped_or_panics_ends() {
    let writer = Writer::new();
    with_default(writer.clone(), || {
        let (parent, cancel) = Context::background().with_cancel();
        let (group, _ctx) = Group::with_policy(Policy::<String>::new().skip_when_cancelled(), &parent);
        cancel.cancel();
        group.go(|| Ok(()));
        group.wait().unwrap_err();
        let group = Group::<String>::new();
        group.go(|| panic!("on purpose"));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| group.wait())).unwrap_err();
    });
    let log = writer.log();
    let ends: Vec<_> = log.tasks().map(|task| (task.entered, task.closed)).collect();
    assert_eq!(ends, [(0, true), (1, true)]);
}
