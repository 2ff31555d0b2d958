//! Many items in hand, finished in any order, given in theirs: `Pipeline::ticketed`.
//!
//! `cargo run --example pipeline_tickets -- N` prints how many steps each number below N takes to reach 1 (halve it if
//! it is even, else triple it and add one). Each worker keeps eight numbers going, a step each in turn, and takes a new
//! one wherever one is done; a ticket remembers its place.

use std::io::{self, BufWriter, Write};

use errgroup::{Context, Order, Pipeline, Stopped, Ticket, TryNextError};

const IN_HAND: usize = 8;

struct Walk {
    ticket: Ticket<(u64, u32)>,
    start: u64,
    now: u64,
    steps: u32,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let end = std::env::args().nth(1).map_or(Ok(30), |n| n.parse())?;
    let numbers = Pipeline::source(&Context::background(), 64, move |out| (1..end).try_for_each(|n| out.send(n)));
    let steps = numbers.ticketed(2, Order::Source { window: 64 }, |tickets| {
        let mut walks: Vec<Walk> = Vec::new();
        loop {
            while walks.len() < IN_HAND {
                // Waits for an item only with empty hands.
                let next =
                    if walks.is_empty() { tickets.next().ok_or(TryNextError::Ended) } else { tickets.try_next() };
                match next {
                    Ok((ticket, start)) => walks.push(Walk { ticket, start, now: start, steps: 0 }),
                    Err(TryNextError::Ended) if walks.is_empty() => return Ok::<_, Stopped>(()),
                    Err(_) => break,
                }
            }
            for walk in walks.extract_if(.., |walk| walk.now == 1) {
                walk.ticket.send((walk.start, walk.steps))?;
            }
            walks.iter_mut().for_each(Walk::step);
        }
    });
    let mut out = BufWriter::new(io::stdout().lock());
    for result in steps {
        let (start, steps) = result?;
        writeln!(out, "{start}\t{steps}")?;
    }
    Ok(out.flush()?)
}

impl Walk {
    fn step(&mut self) {
        self.now = if self.now.is_multiple_of(2) { self.now / 2 } else { 3 * self.now + 1 };
        self.steps += 1;
    }
}
