//! Which message sits in which lane.
//!
//! [`Lanes::run`] asks its caller for work whenever a lane has none and gives it back when it is done, so that messages
//! of any lengths come and go at any time and no lane waits for another one's end. It hashes; it does not read, wait or
//! start threads.
//!
//! 1. Busy lanes are the first ones, without gaps: `slots[i]` sits in lane `i`.
//! 2. A slot between two strides has at least one block to run.
//! 3. While a message sits in a lane, its chaining value is the lane's column of `states`; `md5.state` is stale.

use crate::kernel::Kernel;
use crate::padding::pad;
use crate::stream::{Digest, Md5, digest_of};
use crate::wide::{Blocks, MAX_LANES, States, column, set_column};

/// Bytes to hash: a message, or the next part of one.
///
/// `B` is whatever owns or borrows the bytes, a `Vec<u8>` or a type of the caller's that also knows which file they are
/// from; it comes back with the lane's next [`Turn`]. `as_ref` must give the same bytes each time: giving others makes
/// digests wrong or panics.
#[derive(Debug)]
pub struct Job<B> {
    /// The message before these bytes.
    pub md5: Md5,
    /// The bytes.
    pub data: B,
    /// Whether the message ends with them.
    pub last: bool,
}

impl<B> Job<B> {
    /// A message that is all there.
    pub fn whole(data: B) -> Self {
        Self::last(Md5::new(), data)
    }

    /// The next part of a message, but not the last.
    pub fn part(md5: Md5, data: B) -> Self {
        Self { md5, data, last: false }
    }

    /// The last part of a message; it may be empty.
    pub fn last(md5: Md5, data: B) -> Self {
        Self { md5, data, last: true }
    }
}

/// What became of a lane that asks for work.
#[derive(Debug)]
pub enum Turn<B> {
    /// It had none.
    Idle,
    /// It hashed a part of a message, which can go on here, in another lane, or on another thread.
    Part(Md5, B),
    /// It hashed the last part of a message.
    Digest(Digest, B),
}

/// Hashes many messages at once, one in each lane.
///
/// Its only allocation is a list with an entry for each lane, which it keeps; what a message needs moves with its
/// [`Job`]. Buffers whose addresses differ by a multiple of 4096 compete for the same lines of the first-level cache:
/// the lanes run faster over buffers that lie a line or more away from that.
///
/// # Examples
///
/// Messages which arrive in parts of five bytes:
///
/// ```
/// use md5_lanes::{Job, Lanes, Md5, Turn, md5};
///
/// /// Stands for an open file and its buffer.
/// struct Source {
///     buffer: Vec<u8>,
///     unread: &'static [u8],
/// }
///
/// impl AsRef<[u8]> for Source {
///     fn as_ref(&self) -> &[u8] {
///         &self.buffer
///     }
/// }
///
/// fn read(md5: Md5, mut source: Source) -> Job<Source> {
///     let (part, unread) = source.unread.split_at(source.unread.len().min(5));
///     source.buffer.clear();
///     source.buffer.extend(part);
///     source.unread = unread;
///     let last = unread.is_empty();
///     Job { md5, data: source, last }
/// }
///
/// let mut waiting = ["first message", "another one", "the last"].into_iter();
/// let mut open = || {
///     let unread = waiting.next()?.as_bytes();
///     Some(read(Md5::new(), Source { buffer: vec![], unread }))
/// };
/// let mut digests = Vec::new();
/// Lanes::new().run(|turn| match turn {
///     Turn::Idle => open(),
///     Turn::Part(md5, source) => Some(read(md5, source)),
///     Turn::Digest(digest, _) => {
///         digests.push(digest);
///         open()
///     }
/// });
/// assert_eq!(digests.len(), 3);
/// assert!(digests.contains(&md5(b"another one")));
/// ```
#[derive(Debug)]
pub struct Lanes<B> {
    kernel: Kernel,
    /// Chaining values of the messages in the lanes.
    states: States,
    /// What sits in the lanes.
    slots: Vec<Slot<B>>,
    /// What `states` was after each block of a stride in which some lanes came to an end before the others.
    trail: [States; SPAN],
}

/// How many blocks the lanes run at least, while one of them has as many.
///
/// To stop costs all lanes as much as a block or two. Were they to stop at each end, 48 lanes with messages of 66 blocks
/// would stop at every second block. A lane that comes to its end before the others runs on over nothing, and has its
/// result looked up.
const SPAN: usize = 8;

impl<B: AsRef<[u8]>> Lanes<B> {
    /// Lanes of [the best kernel](Kernel::best).
    pub fn new() -> Self {
        Self::with_kernel(Kernel::best())
    }

    /// Lanes of a given kernel.
    pub fn with_kernel(kernel: Kernel) -> Self {
        let nothing = [[0; MAX_LANES]; 4];
        Self { kernel, states: nothing, slots: Vec::with_capacity(kernel.lanes()), trail: [nothing; SPAN] }
    }

    /// How many messages it hashes at a time: as many as the caller should have at hand.
    pub fn width(&self) -> usize {
        self.kernel.lanes()
    }

    /// Hashes what `feed` gives until it has no more and every lane is done.
    ///
    /// `feed` is called for each lane that has nothing to do, and learns what it did before. Where it gives nothing the
    /// lane is idle, and as long as others are busy it is asked again, with [`Turn::Idle`], each time one of them has
    /// reached an end. `feed` is the place to read the next part of a file; while it runs, all lanes wait.
    ///
    /// # Panics
    ///
    /// Where `feed` does. The messages in the lanes are lost then; the lanes can be used again.
    pub fn run(&mut self, mut feed: impl FnMut(Turn<B>) -> Option<Job<B>>) {
        self.slots.clear();
        self.fill(&mut feed);
        while !self.slots.is_empty() {
            self.stride();
            self.hand_over(&mut feed);
            self.fill(&mut feed);
        }
    }

    /// Puts work into idle lanes.
    fn fill(&mut self, feed: &mut impl FnMut(Turn<B>) -> Option<Job<B>>) {
        while self.slots.len() < self.width() {
            let Some(job) = feed(Turn::Idle) else { return };
            let lane = self.slots.len();
            self.slots.push(Slot::empty());
            if !self.start(lane, job, feed) {
                self.leave(lane);
                return;
            }
        }
    }

    /// Runs all lanes up to the first end of one, or past some ends that are near.
    fn stride(&mut self) {
        let left = || self.slots.iter().map(|slot| slot.left);
        let (first, last) = (left().min().unwrap_or(0), left().max().unwrap_or(0));
        // For as many messages as they can take, the general-purpose registers have the shorter chains.
        let few = self.slots.len() <= Kernel::PORTABLE.lanes();
        let kernel = if few { Kernel::PORTABLE } else { self.kernel };
        let count = if few { first } else { first.max(last.min(SPAN)) };
        let trail = if count > first { &mut self.trail[..count] } else { &mut [] };
        if let [first, ..] = self.slots.as_slice() {
            // Idle lanes of a register run some other lane's blocks, for nothing.
            let mut lanes = [first.blocks(); MAX_LANES];
            for (lane, slot) in lanes.iter_mut().zip(&self.slots) {
                *lane = slot.blocks();
            }
            let lanes = &lanes[..kernel.lanes_for(self.slots.len())];
            kernel.run(&mut self.states, lanes, count, trail);
        }
        for (lane, slot) in self.slots.iter_mut().enumerate() {
            if slot.left < count {
                set_column(&mut self.states, lane, column(&self.trail[slot.left - 1], lane));
            }
            let run = slot.left.min(count);
            slot.done += run;
            slot.left -= run;
        }
    }

    /// Gives every lane that has reached an end something else to do, or frees it.
    fn hand_over(&mut self, feed: &mut impl FnMut(Turn<B>) -> Option<Job<B>>) {
        let mut lane = 0;
        while lane < self.slots.len() {
            if self.slots[lane].left > 0 || self.go_on(lane, feed) {
                lane += 1;
            } else {
                self.leave(lane);
            }
        }
    }

    /// Starts a job in a lane; whether there is anything to run then.
    fn start(&mut self, lane: usize, job: Job<B>, feed: &mut impl FnMut(Turn<B>) -> Option<Job<B>>) -> bool {
        self.put(lane, job) || self.go_on(lane, feed)
    }

    /// Puts a job into a lane; whether it has blocks.
    fn put(&mut self, lane: usize, job: Job<B>) -> bool {
        set_column(&mut self.states, lane, job.md5.state);
        self.slots[lane].begin(job);
        self.slots[lane].left > 0
    }

    /// Goes on after the end of a run of blocks: with the message's next one, or with other jobs until one has blocks.
    fn go_on(&mut self, lane: usize, feed: &mut impl FnMut(Turn<B>) -> Option<Job<B>>) -> bool {
        loop {
            if self.slots[lane].next_run() {
                return true;
            }
            let Some(turn) = self.slots[lane].end(column(&self.states, lane)) else {
                return false;
            };
            let Some(job) = feed(turn) else { return false };
            if self.put(lane, job) {
                return true;
            }
        }
    }

    /// Frees a lane; the last one moves there.
    fn leave(&mut self, lane: usize) {
        let last = self.slots.len() - 1;
        let moved = column(&self.states, last);
        set_column(&mut self.states, lane, moved);
        self.slots.swap_remove(lane);
    }
}

impl<B: AsRef<[u8]>> Default for Lanes<B> {
    fn default() -> Self {
        Self::new()
    }
}

/// A lane's job and how far it has come.
#[derive(Debug)]
struct Slot<B> {
    md5: Md5,
    data: Option<B>,
    last: bool,
    run: Run,
    /// Blocks of this run that are hashed.
    done: usize,
    /// Blocks of this run that are not.
    left: usize,
    /// Where in `data` the whole blocks begin, and how many they are.
    start: usize,
    whole: usize,
    /// What is behind them, padded; and blocks of any content, which a lane runs when it has come to its end.
    edge: [[u8; 64]; 2 + SPAN],
}

/// Blocks that are hashed one after the other. A job has up to two such runs, in this order.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// The block which earlier parts of the message began: `md5.partial`.
    Head,
    /// The whole blocks of `data`, and `edge`.
    Rest,
}

impl<B: AsRef<[u8]>> Slot<B> {
    fn empty() -> Self {
        Self {
            md5: Md5::new(),
            data: None,
            last: false,
            run: Run::Rest,
            done: 0,
            left: 0,
            start: 0,
            whole: 0,
            edge: [[0; 64]; 2 + SPAN],
        }
    }

    /// Takes on a job, with the first run of it that has blocks; `left` is 0 where none has.
    fn begin(&mut self, job: Job<B>) {
        self.md5 = job.md5;
        self.last = job.last;
        let data = self.data.insert(job.data);
        self.start = self.md5.top_up(data.as_ref());
        let full = self.start > 0 && self.md5.partial_len() == 0;
        self.set_run(Run::Head, usize::from(full));
        if !full {
            self.next_run();
        }
    }

    /// Goes to the next run that has blocks; whether there is one.
    fn next_run(&mut self) -> bool {
        if let Run::Head = self.run {
            self.whole = (self.bytes().len() - self.start) / 64;
            let padded = self.close();
            self.set_run(Run::Rest, self.whole + padded);
        }
        self.left > 0
    }

    fn set_run(&mut self, run: Run, blocks: usize) {
        (self.run, self.done, self.left) = (run, 0, blocks);
    }

    /// Takes the bytes behind the last whole block: pads them, or keeps them for the next part. Gives how many blocks
    /// the padded ones fill.
    fn close(&mut self) -> usize {
        let body = 64 * self.whole;
        let data = self.data.as_ref().map_or(&[][..], AsRef::as_ref);
        let tail = &data[self.start + body..];
        self.md5.skip(body);
        if !self.last {
            self.md5.keep(tail);
            return 0;
        }
        let length = self.md5.length.wrapping_add(tail.len() as u64);
        // Bytes kept from earlier are there only where this part was too short to fill their block up.
        let used = self.md5.partial_len();
        let tail = if used > 0 { &self.md5.partial[..used] } else { tail };
        pad(&mut self.edge, tail, length)
    }

    /// Ends the job; what came of it.
    fn end(&mut self, state: [u32; 4]) -> Option<Turn<B>> {
        let data = self.data.take()?;
        if self.last {
            return Some(Turn::Digest(digest_of(state), data));
        }
        self.md5.state = state;
        Some(Turn::Part(self.md5.clone(), data))
    }

    /// The blocks of this run that are not hashed yet.
    fn blocks(&self) -> Blocks<'_> {
        match self.run {
            Run::Head => Blocks { body: std::slice::from_ref(&self.md5.partial), edge: &self.edge },
            Run::Rest => {
                let body = self.done.min(self.whole);
                let edge = self.done - body;
                let (blocks, _) = self.bytes()[self.start + 64 * body..].as_chunks();
                Blocks { body: blocks, edge: &self.edge[edge..] }
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        self.data.as_ref().map_or(&[], AsRef::as_ref)
    }
}
