//! Which types may be sent to other threads, and shared by them: a promise, kept at compile time.

use errgroup::{
    AfterFunc, Cancel, Cancelled, Cause, Context, ContextError, Failed, Figures, Group, Input, Order, Output, Panicked,
    Pipeline, Policy, QueueFigures, Refused, Scope, Snapshot, StageFigures, Stopped, TaskBuilder, TaskSnapshot,
    TaskStage, Ticket, Tickets, TryNextError,
};

type Boxed = Box<dyn std::error::Error + Send + Sync>;

fn sent<T: Send>() {}

fn shared<T: Send + Sync>() {}

#[test]
fn what_tasks_hold_may_be_shared() {
    shared::<Context>();
    shared::<Cancel>();
    shared::<AfterFunc>();
    shared::<Cancelled>();
    shared::<Group<Boxed>>();
    shared::<Scope<'_, '_, Boxed>>();
    shared::<TaskBuilder<&Group<Boxed>>>();
    shared::<Policy<Boxed>>();
    shared::<Figures>();
}

#[test]
fn what_is_told_may_be_shared() {
    shared::<Cause>();
    shared::<ContextError>();
    shared::<Failed<Boxed>>();
    shared::<Panicked>();
    shared::<Refused<Boxed>>();
    shared::<Stopped>();
    shared::<TryNextError>();
    shared::<(Snapshot, TaskSnapshot, TaskStage)>();
    shared::<(Order, StageFigures, QueueFigures)>();
}

/// Items need not be `Sync` for it: each is in one place at a time.
#[test]
fn the_parts_of_a_pipeline_may_be_sent() {
    type Item = std::cell::Cell<u32>;
    sent::<Pipeline<Item, Boxed>>();
    sent::<Input<Item>>();
    shared::<Output<Item>>();
    sent::<Tickets<Item, Item>>();
    shared::<Ticket<Item>>();
}

#[cfg(feature = "tokio")]
#[test]
fn what_is_awaited_of_a_group_of_futures_may_move_between_threads() {
    use errgroup::tokio::{Group, race, try_map};

    fn moves<F: Future + Send>(_: impl Fn(Group<Boxed>) -> F) {}
    fn borrows<F: Future + Send>(_: F) {}

    shared::<Group<Boxed>>();
    moves(Group::join);
    moves(Group::join_errors);
    moves(Group::shutdown);
    borrows(Group::<Boxed>::new().wait());
    borrows(race([async { Ok::<u32, Boxed>(1) }]));
    borrows(try_map([1], 1, |n| async move { Ok::<u32, Boxed>(n) }));
}
