//! A group of tasks as one operation: split a job into tasks, run them concurrently, let the first error cancel the
//! rest through a context, wait for all, get that error. The model is Go's `errgroup`, with its names and its
//! semantics, on threads.
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
//!             if !ctx.is_cancelled() {
//!                 println!("{file}: {}", std::fs::metadata(&file)?.len());
//!             }
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
//! | a stream of items through stages, each with its own number of workers | [`Pipeline`] with [`each`](Pipeline::each) |
//! | a stage with a loop of its own: buffers, batches, several results an item | [`stage`](Pipeline::stage) |
//! | a stage that has many items in hand, whose results must come out in order | [`ticketed`](Pipeline::ticketed) |
//! | only a signal to stop, a deadline, a value to hand down | [`Context`] |
//! | tasks, but at most `n` at a time | [`Group::set_limit`] |
//! | tasks, but none begun after the first error | [`Group::go_until`] with the group's context |
//!
//! # What blocks, and what ends it
//!
//! | call | blocks while | ended by |
//! |---|---|---|
//! | [`Group::go`] | the group is at its limit | a task that returns, a higher limit |
//! | [`Group::go_until`] | the same | the same, and its context |
//! | [`Group::wait`], [`Group::join`], the end of [`scope`], dropping a group | a task is active | the tasks' return |
//! | [`Output::send`] | the queue is full | its readers, cancellation |
//! | [`Input`]'s and [`Tickets`]' `next` | no item is there | its writers, cancellation |
//! | a [`Pipeline`]'s `next` | no result is there | its workers, cancellation; at the end, the workers' return |
//! | [`Context::wait`] | the context is alive | cancellation |
//!
//! Cancelling interrupts nothing: a task that computes or reads goes on until it looks. Everything above that says
//! "cancellation" looks.
//!
//! # Threads
//!
//! All groups share one pool of threads, which grows while tasks are queued that nobody comes for. A task may block
//! for as long as it likes: no other waits behind it. Threads without work end after ten seconds. There is a ceiling
//! of 15,000.

mod backlog;
mod block;
mod context;
mod error;
mod group;
mod pipeline;
mod pool;
mod queue;
mod scope;
mod state;
mod sync;
mod timer;

pub use context::{AfterFunc, Cancel, Cancelled, Cause, Context, ContextError};
pub use error::{Failed, Panicked, Refused, Stopped};
pub use group::Group;
pub use pipeline::figures::{Figures, QueueFigures, StageFigures};
pub use pipeline::{Input, Order, Output, Pipeline, Ticket, Tickets, TryNextError};
pub use scope::{Scope, scope, scope_with_context};
