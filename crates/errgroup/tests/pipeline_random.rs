//! Random pipelines beside the slow and obvious program: nothing is lost, nothing comes twice, order is kept where it was
//! asked for, an error ends everything, and everything ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use errgroup::{Context, Order, Pipeline};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Each(Order),
    Loop,
    /// Takes what is there with `try_next`, and hands over to whoever is idle.
    Tickets(Order),
}

#[derive(Clone, Copy, Debug)]
struct Stage {
    kind: Kind,
    workers: usize,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Whole,
    /// This stage fails at the item that began as this number.
    Fails {
        stage: usize,
        at: u64,
    },
    DroppedAfter(usize),
    CancelledAfter(usize),
}

#[derive(Clone, Debug)]
struct Plan {
    count: u64,
    bound: usize,
    stages: Vec<Stage>,
    end: End,
}

fn plans() -> impl Strategy<Value = Plan> {
    let order = prop_oneof![Just(Order::Completion), (1..20usize).prop_map(|window| Order::Source { window })];
    let kind = prop_oneof![order.clone().prop_map(Kind::Each), Just(Kind::Loop), order.prop_map(Kind::Tickets)];
    let stage = (kind, 1..5usize).prop_map(|(kind, workers)| Stage { kind, workers });
    let end = prop_oneof![
        2 => Just(End::Whole),
        1 => (0..4usize, 0..300u64).prop_map(|(stage, at)| End::Fails { stage, at }),
        1 => (0..300usize).prop_map(End::DroppedAfter),
        1 => (0..300usize).prop_map(End::CancelledAfter),
    ];
    (0..300u64, 1..10usize, prop::collection::vec(stage, 0..4), end).prop_map(|(count, bound, stages, end)| Plan {
        count,
        bound,
        stages,
        end,
    })
}

/// What a stage makes of an item, and can be told from what another makes of it.
fn made(n: u64) -> u64 {
    n * 3 + 1
}

/// What the slow and obvious program gives.
fn expected(plan: &Plan) -> Vec<u64> {
    (0..plan.count).map(|n| plan.stages.iter().fold(n, |n, _| made(n))).collect()
}

fn keeps_order(stage: &Stage) -> bool {
    match stage.kind {
        Kind::Each(Order::Source { .. }) | Kind::Tickets(Order::Source { .. }) => true,
        Kind::Each(Order::Completion) | Kind::Loop => stage.workers == 1,
        Kind::Tickets(Order::Completion) => false,
    }
}

fn source(ctx: &Context, plan: &Plan, alive: Arc<()>) -> Pipeline<u64, String> {
    let count = plan.count;
    Pipeline::source(ctx, plan.bound, move |out| {
        let _alive = alive;
        for n in 0..count {
            out.send(n)?;
        }
        Ok(())
    })
}

fn add(pipeline: Pipeline<u64, String>, stage: Stage, fails_at: Option<u64>, alive: Arc<()>) -> Pipeline<u64, String> {
    let work = move |n| {
        let _alive = &alive;
        if Some(n) == fails_at { Err("failed".to_owned()) } else { Ok(made(n)) }
    };
    match stage.kind {
        Kind::Each(order) => pipeline.each(stage.workers, order, work),
        Kind::Loop => pipeline.stage(stage.workers, move |input, out| {
            for n in input {
                out.send(work(n)?)?;
            }
            Ok(())
        }),
        Kind::Tickets(order) => pipeline.ticketed(stage.workers, order, move |tickets| {
            while let Some(first) = tickets.next().or_else(|| tickets.help()) {
                let mut hand = vec![(first, false)];
                while hand.len() < 4 {
                    let Ok(more) = tickets.try_next() else { break };
                    hand.push((more, true));
                }
                for ((ticket, n), may_go) in hand.into_iter().rev() {
                    if may_go && tickets.is_anyone_idle() {
                        tickets.hand_over(ticket, n);
                    } else {
                        ticket.send(work(n)?)?;
                    }
                }
            }
            Ok(())
        }),
    }
}

fn check(plan: &Plan) {
    let expected = expected(plan);
    let ordered = plan.stages.iter().all(keeps_order);
    let alive = Arc::new(());
    let (ctx, cancel) = Context::background().with_cancel();
    let mut pipeline = source(&ctx, plan, Arc::clone(&alive));
    let mut fails = false;
    for (place, stage) in plan.stages.iter().enumerate() {
        let fails_at = match plan.end {
            End::Fails { stage, at } if stage == place => {
                fails = at < plan.count;
                Some((0..place).fold(at, |n, _| made(n)))
            }
            _ => None,
        };
        pipeline = add(pipeline, *stage, fails_at, Arc::clone(&alive));
    }
    let figures = pipeline.figures();

    let (mut items, mut error) = (Vec::new(), None);
    loop {
        match plan.end {
            End::DroppedAfter(most) if items.len() >= most => break,
            End::CancelledAfter(most) if items.len() == most => cancel.cancel_with("enough"),
            _ => {}
        }
        match pipeline.next() {
            Some(Ok(item)) => items.push(item),
            Some(Err(failed)) => error = Some(failed),
            None => break,
        }
        assert!(error.is_none() || pipeline.next().is_none(), "nothing comes after an error");
    }
    drop(pipeline);
    assert_eq!(Arc::strong_count(&alive), 1, "a worker is left");

    let whole = match plan.end {
        End::Fails { .. } => !fails,
        End::DroppedAfter(_) => false,
        End::CancelledAfter(most) => expected.len() < most,
        End::Whole => true,
    };
    let cause = match plan.end {
        End::Fails { .. } => (!whole).then(|| "failed".to_owned()),
        End::CancelledAfter(_) => (!whole).then(|| "enough".to_owned()),
        _ => None,
    };
    assert_eq!(error, cause);
    if ordered {
        assert!(expected.starts_with(&items), "{items:?}");
    }
    let distinct: BTreeSet<_> = items.iter().copied().collect();
    assert_eq!(distinct.len(), items.len(), "something came twice");
    assert!(distinct.is_subset(&expected.iter().copied().collect()));
    if whole {
        assert_eq!(items.len(), expected.len(), "something was lost");
        for stage in &figures.stages()[1..] {
            assert_eq!(stage.items_in, plan.count, "{stage}");
        }
    }
    for queue in figures.stages().iter().filter_map(|stage| stage.queue) {
        assert!(queue.depth <= queue.highest && queue.highest <= queue.bound, "{queue:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_pipeline_does_what_the_obvious_program_does(plan in plans()) {
        check(&plan);
    }
}
