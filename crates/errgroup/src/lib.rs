//! A group of tasks as one operation: split a job into tasks, run them concurrently, let the first error cancel the
//! rest through a context, wait for all, get that error. The model is Go's `errgroup`, with its names and its
//! semantics, on threads and, with the feature `tokio`, for futures.
//!
//! ```
//! use errgroup::{Context, Group};
//!
//! fn total(files: Vec<String>) -> std::io::Result<()> {
//!     let (group, ctx) = Group::with_context(&Context::background());
//!     group.set_limit(8);
//!     for file in files {
//!         let ctx = ctx.clone();
//!         group.go(move || {
//!             ctx.check()?; // another has failed, or whoever asked for this has cancelled it
//!             println!("{file}: {}", std::fs::metadata(&file)?.len());
//!             Ok(())
//!         });
//!     }
//!     group.join() // all are done; the first error, if there was one
//! }
//! # total(vec!["Cargo.toml".into()]).unwrap();
//! ```
//!
//! # Which one do I want?
//!
//! | I have … | use |
//! |---|---|
//! | tasks that may fail, and own what they need | [`Group`] |
//! | tasks that borrow from the function that starts them | [`scope`] |
//! | futures, on tokio | `tokio::Group`, the same with `await` (feature `tokio`) |
//! | one function and many items, and want the results in order | [`try_map`] |
//! | several ways to the same end, and want the first that succeeds | [`race`] |
//! | a stream of items through stages, each with its own number of workers | [`Pipeline`] with [`each`](Pipeline::each) |
//! | a stage with a loop of its own: buffers, batches, several results an item | [`stage`](Pipeline::stage) |
//! | a stage that has many items in hand, whose results must come out in order | [`ticketed`](Pipeline::ticketed) |
//! | to stop from outside, as on Ctrl-C | a context to make all others from: see the guide |
//! | only a signal to stop, a deadline, a value to hand down | [`Context`] |
//! | tasks, but at most `n` at a time | [`Group::set_limit`] |
//! | tasks that need different amounts of something, such as memory | [`TaskBuilder::weight`] |
//! | tasks, but none begun after the first error | [`Group::go_until`] with the group's context, or [`Policy::skip_when_cancelled`] |
//! | an interest in all errors, not only the first | [`Policy::keep_all_errors`] |
//! | a program that hangs, and want to know where | [`Policy::watch_tasks`] and [`Group::snapshot`] |
//!
//! How `?` works with which error type, and what to write for what you know from Go, JoinSet, rayon and std, is in the
//! [guide].
//!
//! # What blocks, and what ends it
//!
//! | call | blocks while | ended by |
//! |---|---|---|
//! | [`Group::go`] | the group is at its limit | a task that returns, a higher limit; with [`Policy::skip_when_cancelled`] also the group's context |
//! | [`Group::go_until`] | the same | the same, and its context |
//! | [`Group::wait`], [`Group::join`], the end of [`scope`], dropping a group | a task is active | the tasks' return |
//! | [`Output::send`] | the queue is full | its readers, cancellation |
//! | [`Input`]'s and [`Tickets`]' `next` | no item is there, or no place for its result | its writers and readers, cancellation |
//! | [`Tickets::help`] | others have tickets and hand nothing over | those others, cancellation |
//! | a [`Pipeline`]'s `next` | no result is there | its workers, cancellation; at the end, the workers' return |
//! | [`Pipeline::ready_within`] | the same | the same, and its time |
//! | [`try_map`], [`race`] | a task that was begun is active | the tasks' return; a failure or a winner only tells them to stop |
//! | [`Context::wait`], [`wait_timeout`](Context::wait_timeout) | the context is alive | cancellation; the time |
//!
//! Work that is left out must be an error, or `join` says that all is well: let a task say `ctx.check()?`, not
//! `return Ok(())`. Where the *parent* may be cancelled and tasks are given back by `go_until`, nobody has failed, and
//! `join` succeeds; say `parent.check()?` after it, or take [`Policy::skip_when_cancelled`], [`try_map`] or a
//! [`Pipeline`], which make it an error themselves.
//!
//! Cancelling interrupts nothing: a task that computes or reads goes on until it looks. Everything above that says
//! "cancellation" looks.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `tokio` | `errgroup::tokio`: groups of futures, cancellation tokens both ways, deadlines by tokio's clock |
//! | `tracing` | a span `task` around each task, child of the span it was handed over in, with its name and place; each error that a task returns as an event in it (level debug, target `errgroup`) |
//!
//! None is on by default. Each only adds.
//!
//! # Threads
//!
//! All groups share one pool of threads, which grows while tasks are queued that nobody comes for. A task may block
//! for as long as it likes: no other waits behind it. Threads without work end after ten seconds. There is a ceiling
//! of 15,000 threads: when so many tasks block, those after them stay queued until one of them returns.

mod backlog;
mod block;
mod context;
mod error;
mod group;
#[cfg(doc)]
pub mod guide;
mod map;
mod pipeline;
mod policy;
mod pool;
mod race;
mod rules;
mod scope;
mod snapshot;
mod state;
mod sync;
mod task;
mod timer;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use context::{AfterFunc, Cancel, Cancelled, Cause, Context, ContextError, Stopped};
pub use error::{Failed, Panicked, Refused};
pub use group::Group;
pub use map::{try_map, try_map_with_context};
pub use pipeline::figures::{Figures, QueueFigures, StageFigures};
pub use pipeline::tickets::{Courier, Ticket, Tickets};
pub use pipeline::{Input, Order, Output, Pipeline, TryNextError};
pub use policy::Policy;
pub use race::{race, race_with_context};
pub use scope::{Scope, scope, scope_with_context, scope_with_policy};
pub use snapshot::{Snapshot, TaskSnapshot, TaskStage};
pub use task::TaskBuilder;
