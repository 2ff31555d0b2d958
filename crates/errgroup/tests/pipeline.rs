//! Pipelines: order, bounds, how they end, and how they fail.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};

use errgroup::{Context, Group, Order, Pipeline, Stopped, Ticket, Tickets, TryNextError};

const SOURCE: Order = Order::Source { window: 8 };

fn numbers(count: u64) -> Pipeline<u64, String> {
    Pipeline::source(&Context::background(), 8, move |out| {
        for n in 0..count {
            out.send(n)?;
        }
        Ok(())
    })
}

/// What the slow and obvious program would give.
fn squares(count: u64) -> Vec<u64> {
    (0..count).map(|n| n * n).collect()
}

fn all<T: Send + 'static>(pipeline: Pipeline<T, String>) -> Result<Vec<T>, String> {
    pipeline.collect()
}

#[test]
fn a_source_alone_is_a_pipeline() {
    assert_eq!(all(numbers(1_000)), Ok((0..1_000).collect()));
    assert_eq!(all(numbers(0)), Ok(vec![]));
}

#[test]
fn source_order_is_kept_whatever_the_workers_window_and_bound() {
    for workers in [1, 2, 7] {
        for window in [1, 2, 64] {
            let results = numbers(500).each(workers, Order::Source { window }, |n| {
                if n % 3 == 0 {
                    std::thread::yield_now();
                }
                Ok(n * n)
            });
            assert_eq!(all(results), Ok(squares(500)), "{workers} workers, window {window}");
        }
    }
}

#[test]
fn completion_order_gives_each_result_once() {
    let mut results = all(numbers(2_000).each(4, Order::Completion, |n| Ok(n * n))).unwrap();
    results.sort_unstable();
    assert_eq!(results, squares(2_000));
}

#[test]
fn in_completion_order_a_slow_item_is_passed_by_the_others() {
    let (sender, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let mut results = numbers(50).each(2, Order::Completion, move |n| {
        if n == 0 {
            let _ = gate.lock().unwrap().recv();
        }
        Ok(n)
    });
    for expected in 1..50 {
        assert_eq!(results.next(), Some(Ok(expected)));
    }
    drop(sender);
    assert_eq!(results.next(), Some(Ok(0)));
    assert_eq!(results.next(), None);
}

#[test]
fn in_source_order_the_window_bounds_how_many_pass_a_slow_item() {
    let (sender, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let (seven, reached) = mpsc::channel();
    let mut results = numbers(100).each(2, SOURCE, move |n| {
        if n == 0 {
            let _ = gate.lock().unwrap().recv();
        }
        count.fetch_add(1, Ordering::SeqCst);
        if n == 7 {
            seven.send(()).unwrap();
        }
        Ok(n)
    });
    reached.recv().unwrap(); // 1 to 7 have passed item 0; item 8 would be the ninth in a window of 8
    assert_eq!(begun.load(Ordering::SeqCst), 7);
    drop(sender);
    for expected in 0..100 {
        assert_eq!(results.next(), Some(Ok(expected)));
    }
    assert_eq!(results.next(), None);
}

#[test]
fn a_queue_holds_no_more_than_its_bound() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let mut pipeline: Pipeline<usize, String> = Pipeline::source(&Context::background(), 3, move |out| {
        for n in 0..100 {
            out.send(n)?;
            count.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    });
    for taken in 1..=100 {
        assert!(pipeline.next().unwrap().is_ok());
        assert!(sent.load(Ordering::SeqCst) <= taken + 3);
    }
    assert_eq!(pipeline.next(), None);
    assert_eq!(pipeline.next(), None, "the end stays the end");
}

#[test]
fn a_worker_may_own_its_loop_and_send_any_number_of_items() {
    let expanded = numbers(100).stage(3, |numbers, out| {
        for n in numbers {
            for _ in 0..n % 4 {
                out.send(n)?;
            }
        }
        Ok(())
    });
    let mut results = all(expanded).unwrap();
    results.sort_unstable();
    assert_eq!(results, (0..100).flat_map(|n| vec![n; n as usize % 4]).collect::<Vec<_>>());
}

#[test]
fn a_stage_may_sum_up_what_it_read() {
    let sum = numbers(1_000).stage(1, |numbers, out| Ok(out.send(numbers.sum::<u64>())?));
    assert_eq!(all(sum), Ok(vec![499_500]));
}

#[test]
fn stages_follow_each_other() {
    let results =
        numbers(300).each(3, SOURCE, |n| Ok(n + 1)).each(2, SOURCE, |n| Ok(n * 2)).stage(1, |numbers, out| {
            for n in numbers {
                out.send(n.to_string())?;
            }
            Ok(())
        });
    assert_eq!(all(results), Ok((1..=300).map(|n| (n * 2).to_string()).collect()));
}

#[test]
fn many_items_in_hand_finish_in_any_order_and_come_out_in_source_order() {
    // As a worker with lanes does: takes what is there, finishes the newest first, blocks only with empty hands.
    let results = numbers(1_000).ticketed(2, Order::Source { window: 32 }, |tickets| {
        let mut hand: Vec<(Ticket<u64>, u64)> = Vec::new();
        loop {
            while hand.len() < 5 {
                match tickets.try_next() {
                    Ok(more) => hand.push(more),
                    Err(_) => break,
                }
            }
            if let Some((ticket, n)) = hand.pop() {
                ticket.send(n * n)?;
            } else if let Some(more) = tickets.next() {
                hand.push(more);
            } else {
                return Ok(());
            }
        }
    });
    assert_eq!(all(results), Ok(squares(1_000)));
}

#[test]
fn try_next_tells_empty_from_ended() {
    let (sender, gate) = mpsc::channel::<()>();
    let (told, seen) = mpsc::channel();
    let source: Pipeline<u32, String> = Pipeline::source(&Context::background(), 4, move |out| {
        gate.recv().unwrap();
        Ok(out.send(1)?)
    });
    let results = source.stage(1, move |input, out| {
        told.send(input.try_next()).unwrap();
        out.send(input.next().unwrap())?;
        assert_eq!(input.next(), None);
        told.send(input.try_next()).unwrap();
        Ok(())
    });
    assert_eq!(seen.recv(), Ok(Err(TryNextError::Empty)));
    sender.send(()).unwrap();
    assert_eq!(all(results), Ok(vec![1]));
    assert_eq!(seen.recv(), Ok(Err(TryNextError::Ended)));
}

#[test]
fn a_ticket_may_be_sent_from_elsewhere_and_outlive_its_worker() {
    let (hand_over, tickets) = mpsc::channel();
    let hand_over = Mutex::new(hand_over);
    let mut results = numbers(3).ticketed(1, SOURCE, move |input| {
        for one in input {
            hand_over.lock().unwrap().send(one).unwrap();
        }
        Ok(())
    });
    let taken: Vec<(Ticket<u64>, u64)> = (0..3).map(|_| tickets.recv().unwrap()).collect();
    for (ticket, n) in taken.into_iter().rev() {
        ticket.send(n).unwrap();
    }
    assert_eq!(results.by_ref().collect::<Result<Vec<_>, _>>(), Ok(vec![0, 1, 2]));
}

#[test]
fn a_ticket_dropped_without_a_result_is_an_error_never_a_stall() {
    for order in [SOURCE, Order::Completion] {
        for workers in [1, 3] {
            let results = numbers(100).ticketed(workers, order, |tickets| {
                for (ticket, n) in tickets {
                    if n == 40 {
                        drop(ticket);
                    } else {
                        ticket.send(n)?;
                    }
                }
                Ok(())
            });
            assert!(all(results).unwrap_err().contains("ticket"), "{order:?}, {workers} workers");
        }
    }
}

#[test]
fn a_ticket_lost_after_its_worker_left_is_an_error_too() {
    let (hand_over, tickets) = mpsc::channel();
    let results = numbers(1).ticketed(1, SOURCE, move |input: &mut Tickets<u64, u64>| {
        hand_over.send(input.next()).unwrap();
        assert!(input.next().is_none());
        Ok(())
    });
    let dropper = std::thread::spawn(move || {
        let ticket = tickets.recv().unwrap();
        assert!(tickets.recv().is_err(), "the stage's closure, and so its worker, is gone");
        drop(ticket);
    });
    let outcome = all(results);
    dropper.join().unwrap();
    assert!(outcome.unwrap_err().contains("ticket"));
}

/// Each number came once, and in order if that was asked for.
fn check_all_came(results: Pipeline<u64, String>, order: Order, count: u64) {
    let mut results = all(results).unwrap();
    if order == Order::Completion {
        results.sort_unstable();
    }
    assert_eq!(results, (0..count).collect::<Vec<_>>());
}

#[test]
fn what_tasks_of_a_group_bring_back_comes_out_once_and_in_order() {
    for order in [Order::Source { window: 64 }, Order::Completion] {
        let aides = Arc::new(Group::<String>::new());
        let results = numbers(2_000).ticketed(2, order, move |tickets| {
            let courier = tickets.courier();
            while let Some((ticket, n)) = tickets.next().or_else(|| tickets.help()) {
                if n >= 1 << 20 {
                    ticket.send(n - (1 << 20))?;
                    continue;
                }
                let courier = courier.clone();
                aides.go(move || {
                    courier.hand_over(ticket, n + (1 << 20));
                    Ok(())
                });
            }
            Ok(())
        });
        check_all_came(results, order, 2_000);
    }
}

/// A worker may take what was brought, send its result and leave before the courier has returned.
#[test]
fn a_courier_may_be_the_last_to_go() {
    for round in 0..2_000 {
        let results = numbers(1).ticketed(1, SOURCE, |tickets: &mut Tickets<u64, u64>| {
            let aides = Group::<String>::new();
            let courier = tickets.courier();
            while let Some((ticket, n)) = tickets.next() {
                let courier = courier.clone();
                aides.go(move || {
                    courier.hand_over(ticket, n);
                    Ok(())
                });
                let (ticket, n) = tickets.help().expect("it is brought");
                ticket.send(n)?;
            }
            Ok(())
        });
        assert_eq!(all(results), Ok(vec![0]), "round {round}");
    }
}

/// Whoever waits for what is handed over gets it though items are left, and gets no item by `try_help`.
#[test]
fn help_takes_nothing_new() {
    let results = numbers(10).ticketed(1, SOURCE, |tickets: &mut Tickets<u64, u64>| {
        let courier = tickets.courier();
        while let Some((ticket, n)) = tickets.next() {
            assert!(tickets.try_help().is_none());
            courier.hand_over(ticket, n + 100);
            let (ticket, n) = tickets.help().expect("it was handed over");
            courier.hand_over(ticket, n + 100);
            let (ticket, n) = tickets.try_help().expect("it was handed over");
            ticket.send(n)?;
            assert!(tickets.help().is_none(), "nobody has a ticket");
        }
        Ok(())
    });
    assert_eq!(all(results), Ok((200..210).collect()));
}

#[test]
fn what_is_brought_when_all_workers_have_gone_is_an_error_never_a_stall() {
    let (send, taken) = mpsc::channel();
    let mut results = numbers(1).ticketed(1, SOURCE, move |tickets: &mut Tickets<u64, u64>| {
        send.send((tickets.courier(), tickets.next().unwrap())).unwrap();
        Ok(())
    });
    let (courier, (ticket, n)) = taken.recv().unwrap();
    assert!(taken.recv().is_err(), "the stage's closure, and so its worker, is gone");
    courier.hand_over(ticket, n);
    assert!(results.next().unwrap().unwrap_err().contains("ticket"));
}

/// Whether the workers go before it is brought or after: whoever still has a courier does not keep what it brought.
#[test]
fn what_is_brought_to_workers_that_have_gone_is_not_kept() {
    for brought_first in [false, true] {
        let (send, taken) = mpsc::channel();
        let (go, may_go) = mpsc::channel();
        let may_go = Mutex::new(may_go);
        let results = numbers(1).each(1, SOURCE, |n| Ok(Arc::new(n))).ticketed(
            1,
            SOURCE,
            move |tickets: &mut Tickets<Arc<u64>, u64>| {
                send.send((tickets.courier(), tickets.next().unwrap())).unwrap();
                may_go.lock().unwrap().recv().unwrap();
                Ok(())
            },
        );
        let (courier, (ticket, item)) = taken.recv().unwrap();
        let kept = Arc::downgrade(&item);
        if brought_first {
            courier.hand_over(ticket, item);
            go.send(()).unwrap();
            drop(results); // joins the worker
        } else {
            go.send(()).unwrap();
            assert!(taken.recv().is_err(), "the stage's closure, and so its worker, is gone");
            courier.hand_over(ticket, item);
        }
        assert!(kept.upgrade().is_none(), "brought first: {brought_first}");
        drop(courier);
    }
}

#[test]
fn items_handed_over_again_and_again_come_out_once_and_in_order() {
    for order in [Order::Source { window: 16 }, Order::Completion] {
        let results = numbers(2_000).ticketed(3, order, |tickets| {
            let mut hand: Vec<(Ticket<u64>, u64)> = Vec::new();
            while let Some(first) = tickets.next().or_else(|| tickets.help()) {
                hand.push(first);
                while let Ok(more) = tickets.try_next() {
                    hand.push(more);
                    if hand.len() > 5 {
                        break;
                    }
                }
                for (ticket, n) in hand.drain(..) {
                    if tickets.is_anyone_idle() && n < 1 << 20 {
                        tickets.hand_over(ticket, n + (1 << 20)); // marked: each moves once at most
                    } else {
                        ticket.send(n % (1 << 20))?;
                    }
                }
            }
            Ok(())
        });
        check_all_came(results, order, 2_000);
    }
}

#[test]
fn help_waits_for_what_others_still_hold() {
    let (first, has_one) = mpsc::channel();
    let (helping, other_helps) = mpsc::channel();
    let ends = Mutex::new((first, other_helps));
    let role = AtomicUsize::new(0);
    let helping = Mutex::new(helping);
    let has_one = Mutex::new(has_one);
    let results = numbers(1).ticketed(2, SOURCE, move |tickets| {
        if role.fetch_add(1, Ordering::SeqCst) == 0 {
            let (ticket, n) = tickets.next().unwrap();
            let ends = ends.lock().unwrap();
            ends.0.send(()).unwrap();
            ends.1.recv().unwrap(); // the other has seen the end of the input
            while !tickets.is_anyone_idle() {
                std::thread::yield_now();
            }
            tickets.hand_over(ticket, n + 7);
        } else {
            has_one.lock().unwrap().recv().unwrap();
            assert!(tickets.next().is_none());
            helping.lock().unwrap().send(()).unwrap();
            let (ticket, n) = tickets.help().expect("the other holds a ticket");
            ticket.send(n)?;
            assert!(tickets.help().is_none());
        }
        Ok(())
    });
    assert_eq!(all(results), Ok(vec![7]));
}

#[test]
fn what_is_handed_over_and_never_taken_is_an_error_never_a_stall() {
    let results = numbers(3).ticketed(1, SOURCE, |tickets: &mut Tickets<u64, u64>| {
        let (ticket, n) = tickets.next().unwrap();
        tickets.hand_over(ticket, n);
        Ok(())
    });
    assert!(all(results).unwrap_err().contains("ticket"));
}

#[test]
fn an_error_drops_tickets_and_is_still_the_error() {
    for _ in 0..200 {
        let results = numbers(100).ticketed(3, SOURCE, |tickets| {
            for (ticket, n) in tickets {
                if n == 10 {
                    return Err("the real cause".to_owned());
                }
                ticket.send(n)?;
            }
            Ok(())
        });
        assert_eq!(all(results), Err("the real cause".to_owned()));
    }
}

#[test]
fn the_first_error_of_any_stage_stops_all_and_comes_out_once() {
    let endless = || -> Pipeline<u64, String> {
        Pipeline::source(&Context::background(), 4, |out| {
            for n in 0.. {
                out.send(n)?;
            }
            Ok(())
        })
    };
    let fail = |n| if n == 20 { Err("at 20".to_owned()) } else { Ok(n) };
    let early = endless().each(2, SOURCE, fail).each(2, SOURCE, Ok);
    let late = endless().each(2, SOURCE, Ok).each(2, SOURCE, fail);
    for mut pipeline in [early, late] {
        let mut ends = pipeline.by_ref().skip_while(Result::is_ok);
        assert_eq!(ends.next(), Some(Err("at 20".to_owned())));
        assert_eq!(ends.next(), None);
        assert_eq!(pipeline.context().cause().unwrap().to_string(), "at 20");
    }
    let source: Pipeline<u64, String> = Pipeline::source(&Context::background(), 4, |out| {
        out.send(1)?;
        Err("in the source".to_owned())
    });
    assert_eq!(all(source.each(1, SOURCE, Ok)), Err("in the source".to_owned()));
}

#[test]
fn what_a_failure_cut_off_is_never_taken_for_the_whole() {
    for _ in 0..200 {
        let source: Pipeline<u64, String> = Pipeline::source(&Context::background(), 4, |out| {
            for n in 0..10 {
                out.send(n)?;
            }
            Err("after ten".to_owned())
        });
        let sums = source.stage(1, |numbers, out| Ok(out.send(numbers.sum::<u64>())?));
        assert_eq!(sums.map(|sum| sum.unwrap_err()).collect::<Vec<_>>(), ["after ten"]);
    }
}

#[test]
fn dropping_the_consumer_early_cancels_every_stage() {
    let stopped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&stopped);
    let mut pipeline: Pipeline<u64, Stopped> = Pipeline::source(&Context::background(), 4, move |out| {
        for n in 0.. {
            if let Err(stopped) = out.send(n) {
                count.fetch_add(1, Ordering::Relaxed);
                return Err(stopped);
            }
        }
        Ok(())
    })
    .each(3, SOURCE, Ok);
    assert_eq!(pipeline.next().unwrap().unwrap(), 0);
    let ctx = pipeline.context().clone();
    drop(pipeline);
    assert!(ctx.is_cancelled());
    assert_eq!(stopped.load(Ordering::Relaxed), 1, "joined before drop returned");
}

#[test]
fn cancelling_the_parent_ends_with_its_cause() {
    let (ctx, cancel) = Context::background().with_cancel();
    let mut pipeline: Pipeline<u64, String> = Pipeline::source(&ctx, 4, |out| {
        for n in 0.. {
            out.send(n)?;
        }
        Ok(())
    })
    .each(2, Order::Completion, Ok);
    assert!(pipeline.next().unwrap().is_ok());
    cancel.cancel_with("enough");
    let ends: Vec<_> = pipeline.skip_while(Result::is_ok).collect();
    assert_eq!(ends, [Err("enough".to_owned())]);
}

#[test]
fn a_consumer_can_ask_whether_it_would_wait() {
    use std::time::Duration;
    let (sender, gate) = mpsc::channel::<()>();
    let mut pipeline: Pipeline<u32, String> = Pipeline::source(&Context::background(), 1, move |out| {
        gate.recv().unwrap();
        Ok(out.send(1)?)
    });
    assert!(!pipeline.ready_within(Duration::from_millis(1)));
    sender.send(()).unwrap();
    assert!(pipeline.ready_within(Duration::from_secs(3600)));
    assert_eq!(pipeline.next(), Some(Ok(1)));
    assert!(pipeline.ready_within(Duration::from_secs(3600)), "the end is something too");
    assert_eq!(pipeline.next(), None);
}

#[test]
fn a_deadline_is_a_timeout_to_io() {
    let (ctx, _cancel) = Context::background().with_timeout(std::time::Duration::ZERO);
    let mut pipeline: Pipeline<u32, std::io::Error> = Pipeline::source(&ctx, 1, |out| Ok(out.send(1)?));
    assert_eq!(pipeline.next().unwrap().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn a_parent_that_is_over_stops_the_pipeline_before_it_starts() {
    let (ctx, cancel) = Context::background().with_cancel();
    cancel.cancel_with("too late");
    let pipeline: Pipeline<u32, String> = Pipeline::source(&ctx, 1, |out| Ok(out.send(1)?));
    assert_eq!(all(pipeline), Err("too late".to_owned()));
}

#[test]
fn a_parent_cancelled_after_all_was_made_still_cuts_off_what_was_not_read() {
    let (ctx, cancel) = Context::background().with_cancel();
    let (done, made) = mpsc::channel();
    let pipeline: Pipeline<u32, String> = Pipeline::source(&ctx, 4, move |out| {
        out.send(1)?;
        done.send(()).unwrap();
        Ok(())
    });
    made.recv().unwrap();
    cancel.cancel_with("unread");
    assert_eq!(all(pipeline), Err("unread".to_owned()));
}

#[test]
fn a_stage_that_has_enough_ends_the_pipeline_without_an_error() {
    let first_ten = |order| {
        let endless: Pipeline<u64, String> = Pipeline::source(&Context::background(), 4, |out| {
            for n in 0.. {
                out.send(n)?;
            }
            Ok(())
        });
        endless.each(2, order, Ok).stage(1, |numbers, out| {
            for n in numbers.take(10) {
                out.send(n)?;
            }
            Ok(())
        })
    };
    assert_eq!(all(first_ten(SOURCE)), Ok((0..10).collect()));
    assert_eq!(all(first_ten(Order::Completion)).map(|numbers| numbers.len()), Ok(10));
}

#[test]
fn a_panic_in_any_stage_is_resumed_at_the_consumer() {
    for stage in 0..2 {
        let pipeline = numbers(100)
            .each(2, SOURCE, move |n| if n == 30 && stage == 0 { panic!("expected by the test") } else { Ok(n) })
            .stage(2, move |numbers, out| {
                for n in numbers {
                    assert!(n != 30 || stage != 1, "expected by the test");
                    out.send(n)?;
                }
                Ok(())
            });
        let panicked = catch_unwind(AssertUnwindSafe(|| all(pipeline)));
        assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"expected by the test"));
    }
}

#[test]
fn all_workers_of_a_stage_run_at_once() {
    let meeting = Arc::new(Barrier::new(20));
    let results = numbers(20).each(20, Order::Source { window: 20 }, move |n| {
        meeting.wait(); // returns only if all twenty are here
        Ok(n)
    });
    assert_eq!(all(results).map(|results| results.len()), Ok(20));
}

#[test]
fn errors_of_other_types_are_made_from_stopped() {
    #[derive(Debug)]
    enum Own {
        Stopped(Stopped),
    }
    impl std::fmt::Display for Own {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let Self::Stopped(stopped) = self;
            stopped.fmt(f)
        }
    }
    impl From<Stopped> for Own {
        fn from(stopped: Stopped) -> Self {
            Self::Stopped(stopped)
        }
    }
    fn text<E>() -> String
    where
        E: std::fmt::Display + From<Stopped> + Send + Sync + 'static,
    {
        let (ctx, cancel) = Context::background().with_cancel();
        cancel.cancel_with("why");
        let mut pipeline: Pipeline<u32, E> = Pipeline::source(&ctx, 1, |out| Ok(out.send(1)?));
        match pipeline.next() {
            Some(Err(error)) => error.to_string(),
            _ => panic!("it is cancelled"),
        }
    }
    assert_eq!(text::<Own>(), "why");
    assert_eq!(text::<String>(), "why");
    assert_eq!(text::<std::io::Error>(), "why");
    assert_eq!(text::<anyhow::Error>(), "why");
    assert_eq!(text::<Box<dyn std::error::Error + Send + Sync>>(), "why");
}

#[test]
fn random_pipelines_agree_with_the_obvious_program() {
    // A small generator of its own keeps the crate free of one more dependency; the seeds make failures repeatable.
    for seed in 1..60u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut pick = |most: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            1 + state % most
        };
        let (count, bound) = (pick(400), pick(9) as usize);
        let ctx = Context::background();
        let mut pipeline: Pipeline<u64, String> = Pipeline::source(&ctx, bound, move |out| {
            for n in 0..count {
                out.send(n)?;
            }
            Ok(())
        });
        let mut ordered = true;
        for _ in 0..pick(4) {
            let workers = pick(4) as usize;
            let order = if pick(3) == 1 { Order::Completion } else { Order::Source { window: pick(20) as usize } };
            ordered &= workers == 1 || order != Order::Completion;
            pipeline = pipeline.each(workers, order, |n| Ok(n.wrapping_mul(31)));
        }
        let mut results = all(pipeline).unwrap();
        if !ordered {
            results = results.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        }
        assert_eq!(results.len() as u64, count, "seed {seed}");
        assert!(results.is_sorted(), "seed {seed}");
    }
}

#[test]
fn the_bound_counts_what_several_writers_sent_to_the_item() {
    const BOUND: usize = 5;
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let source: Pipeline<usize, String> = Pipeline::source(&Context::background(), BOUND, |out| {
        for n in 0..500 {
            out.send(n)?;
        }
        Ok(())
    });
    let mut pipeline = source.stage(3, move |input, out| {
        for n in input {
            out.send(n)?;
            count.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    });
    while sent.load(Ordering::SeqCst) < BOUND {
        std::thread::yield_now(); // all of the places can be had, without anything being taken
    }
    for taken in 1..=500 {
        assert!(sent.load(Ordering::SeqCst) < taken + BOUND);
        assert!(pipeline.next().unwrap().is_ok());
    }
    let figures = pipeline.figures();
    assert_eq!(pipeline.next(), None);
    assert_eq!(figures.stages()[2].queue.map(|queue| queue.highest), Some(BOUND as u64));
}

#[test]
fn an_item_is_not_held_back_by_a_slow_source() {
    let (told, taken) = mpsc::channel();
    let source: Pipeline<u32, String> = Pipeline::source(&Context::background(), 64, move |out| {
        for n in 0..200 {
            out.send(n)?;
            assert_eq!(taken.recv(), Ok(n)); // nothing more is sent before this has come out at the end
        }
        Ok(())
    });
    for n in source.stage(4, |input, out| input.try_for_each(|n| Ok(out.send(n)?))).each(3, SOURCE, Ok) {
        told.send(n.unwrap()).unwrap();
    }
}

#[test]
fn an_item_is_not_held_back_by_a_slow_sibling_after_many_quick_ones() {
    const ROUND: u64 = 10_000;
    // The item before the last of each round waits until the last was worked on: by somebody else, for whoever has the
    // one before cannot.
    let endings = |ctx: &Context| -> Pipeline<u64, String> {
        Pipeline::source(ctx, 64, |out| {
            for n in 0..ROUND * 10 {
                out.send(n)?;
            }
            Ok(())
        })
    };
    let work = || {
        let (last, came) = mpsc::channel();
        let (last, came) = (Mutex::new(last), Mutex::new(came));
        move |n: u64| {
            match n % ROUND {
                9_998 => assert_eq!(came.lock().unwrap().recv(), Ok(n + 1)),
                9_999 => last.lock().unwrap().send(n).unwrap(),
                _ => {}
            }
            Ok::<_, String>(n)
        }
    };
    let in_loop = work();
    let ctx = Context::background();
    let pipelines = [
        endings(&ctx).stage(3, move |input, out| input.try_for_each(|n| Ok(out.send(in_loop(n)?)?))),
        endings(&ctx).each(3, Order::Completion, work()),
        endings(&ctx).each(3, SOURCE, work()),
    ];
    for pipeline in pipelines {
        assert_eq!(all(pipeline).map(|items| items.len() as u64), Ok(ROUND * 10));
    }
}

#[test]
fn figures_tell_items_names_and_queues() {
    let pipeline = numbers(1_000)
        .named("count")
        .stage(3, |input, out| {
            for n in input {
                if n % 2 == 0 {
                    out.send(n)?;
                }
            }
            Ok(())
        })
        .each(2, SOURCE, Ok)
        .named("pass");
    let figures = pipeline.figures();
    assert_eq!(all(pipeline).map(|items| items.len()), Ok(500));
    let stages = figures.stages();
    let row = |place: usize| {
        let stage = &stages[place];
        (stage.name.as_str(), stage.workers, stage.items_in, stage.items_out)
    };
    assert_eq!(row(0), ("source (count)", 1, 0, 1_000));
    assert_eq!(row(1), ("stage 1", 3, 1_000, 500));
    assert_eq!(row(2), ("stage 2 (pass)", 2, 500, 500));
    assert_eq!(row(3), ("consumer", 1, 500, 0));
    assert_eq!(stages[0].queue, None);
    for queue in stages[1..].iter().map(|stage| stage.queue.unwrap()) {
        assert_eq!((queue.depth, queue.bound), (0, 8));
        assert!((1..=8).contains(&queue.highest), "{queue:?}");
    }
    assert_eq!(figures.stages(), stages, "after the end nothing changes");
    assert_eq!(figures.to_string().lines().count(), 4);
}

#[test]
fn figures_show_a_wait_while_it_lasts_and_who_is_busy() {
    use std::time::Duration;
    const LONG: Duration = Duration::from_millis(20);
    let (open, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let pipeline = numbers(100)
        .stage(1, move |input, out| {
            let _ = gate.lock().unwrap().recv(); // busy, as far as the pipeline can tell
            input.try_for_each(|n| Ok(out.send(n)?))
        })
        .each(2, SOURCE, Ok);
    let figures = pipeline.figures();
    let (source, slow, hungry) = loop {
        let stages = figures.stages();
        if stages[0].waited_for_output >= LONG && stages[1].busy >= LONG && stages[2].waited_for_input >= 2 * LONG {
            break (stages[0].clone(), stages[1].clone(), stages[2].clone());
        }
        std::thread::yield_now();
    };
    assert_eq!(source.waited_for_input, Duration::ZERO);
    assert_eq!((slow.waited_for_input, slow.waited_for_output), (Duration::ZERO, Duration::ZERO));
    assert_eq!(slow.queue.map(|queue| (queue.depth, queue.highest)), Some((8, 8)));
    assert_eq!((hungry.items_in, hungry.waited_for_output), (0, Duration::ZERO));
    assert_eq!(figures.stages()[3].busy, Duration::ZERO, "nobody has begun to read");
    drop(open);
    assert_eq!(all(pipeline), Ok((0..100).collect()));
}
