//! `go_until` with the group's own context starts nothing after the first error, not even where the place that it gets
//! is that of the very task that failed.

use std::sync::mpsc;

use errgroup::{Context, Group};

/// A failing task cancels the context before it gives its place back; so whoever gets that place comes too late.
#[test]
fn the_place_of_a_task_that_failed_is_not_taken() {
    for round in 0..20_000 {
        let (group, ctx) = Group::with_context(&Context::background());
        group.set_limit(1);
        let (sender, gate) = mpsc::channel::<()>();
        group.go(move || {
            let _ = gate.recv();
            Err("broken")
        });
        drop(sender);
        assert!(group.go_until(&ctx, || Ok(())).is_err(), "round {round}: a task was started after the error");
        assert_eq!(group.join(), Err("broken"));
    }
}
