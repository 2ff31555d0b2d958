//! How a future waits for a group's state: for permits ([`Admission`]), and for the last task to end ([`Rest`]).

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use crate::context::Cancelled;
use crate::state::{State, Turn};

/// Waits for permits; `false` if a context ended the wait. Dropped, it leaves the line.
pub(super) struct Admission<'state, E> {
    state: &'state State<E>,
    weight: usize,
    turn: Turn,
    ends: [Option<Cancelled>; 2],
}

impl<'state, E> Admission<'state, E> {
    pub(super) fn new(state: &'state State<E>, weight: usize, ends: [Option<Cancelled>; 2]) -> Self {
        Self { state, weight, turn: Turn::default(), ends }
    }
}

impl<E> Future for Admission<'_, E> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<bool> {
        let this = &mut *self;
        let mut ends = this.ends.iter_mut().flatten();
        if ends.any(|end| Pin::new(end).poll(cx).is_ready()) {
            return Poll::Ready(false);
        }
        this.state.poll_acquire(&mut this.turn, this.weight, cx.waker()).map(|()| true)
    }
}

impl<E> Drop for Admission<'_, E> {
    fn drop(&mut self) {
        if self.turn.is_taken() {
            self.state.give_up(&mut self.turn);
        }
    }
}

/// Waits until no task is active. Dropped, it leaves the line.
pub(super) struct Rest<'state, E> {
    state: &'state State<E>,
    turn: Turn,
}

impl<'state, E> Rest<'state, E> {
    pub(super) fn new(state: &'state State<E>) -> Self {
        Self { state, turn: Turn::default() }
    }
}

impl<E> Future for Rest<'_, E> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.state.active() == 0 {
            return Poll::Ready(());
        }
        this.state.poll_idle(&mut this.turn, cx.waker())
    }
}

impl<E> Drop for Rest<'_, E> {
    fn drop(&mut self) {
        if self.turn.is_taken() {
            self.state.stop_waiting(&mut self.turn);
        }
    }
}
