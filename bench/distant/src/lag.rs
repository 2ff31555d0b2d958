//! Answers that come late.
//!
//! All come equally late, so they fall due in the order in which they were asked for: a queue and one thread that sleeps
//! at its head serve any number of requests under way.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

type Answer = Box<dyn FnOnce() + Send>;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Lag {
    delay: Duration,
    /// `None` once it is dropped.
    queue: Option<Sender<(Instant, Answer)>>,
    thread: Option<JoinHandle<()>>,
}

impl Lag {
    pub(crate) fn new(delay: Duration) -> Lag {
        let (queue, waiting) = mpsc::channel();
        Lag { delay, queue: Some(queue), thread: Some(thread::spawn(move || serve(&waiting))) }
    }

    /// Answers when the delay since now is over; does not block.
    pub(crate) fn answer(&self, answer: impl FnOnce() + Send + 'static) {
        let due = Instant::now() + self.delay;
        let queue = self.queue.as_ref().expect("taken by drop only");
        queue.send((due, Box::new(answer))).expect("the thread ends after the queue");
    }
}

fn serve(waiting: &Receiver<(Instant, Answer)>) {
    for (due, answer) in waiting {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        answer();
    }
}

/// Waits until all is answered.
impl Drop for Lag {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("answers do not panic");
        }
    }
}
