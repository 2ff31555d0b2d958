//! crossbeam-channel: the shape of a pipeline by hand, on scoped threads.

use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::Job;
use crate::clock;
use crate::ours::sum_below;

pub(crate) fn pipeline(job: Job) -> f64 {
    clock::per_operation(job.count, |count| {
        let (source, items) = bounded::<usize>(64);
        let (out, results) = bounded::<usize>(64);
        thread::scope(|s| {
            s.spawn(move || (0..count).for_each(|n| source.send(n).unwrap()));
            for _ in 0..4 {
                let (items, out) = (items.clone(), out.clone());
                s.spawn(move || work(&items, &out));
            }
            drop((items, out));
            assert_eq!(results.iter().sum::<usize>(), sum_below(count));
        });
    })
}

fn work(items: &Receiver<usize>, out: &Sender<usize>) {
    for n in items {
        out.send(n).unwrap();
    }
}
