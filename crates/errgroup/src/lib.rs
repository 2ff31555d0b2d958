//! Placeholder crate docs.
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
pub use pipeline::{Input, Order, Output, Pipeline, Ticket, Tickets, TryNextError};
pub use scope::{Scope, scope, scope_with_context};
