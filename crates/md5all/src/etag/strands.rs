//! The parts of files, side by side in the lanes of every worker.
//!
//! A file that is cut in one way has a strand for each part. One that is cut in several ways has a strand for the first
//! parts of all ways, one for the second parts, and so on: those begin near each other, for all ways give the same number
//! of parts. What a strand reads, once, is hashed for every part in it that it belongs to.
//!
//! 1. A strand has one buffer, and is read on when all its parts have hashed what is in it.
//! 2. A part is a message of its own and knows nothing of others; who puts them together takes strands in their order.
//! 3. Whoever ends the last strand of a file vouches for it. Without that there is no ETag.
//! 4. What has no size before it is read is read from its beginning to its end, by a worker that has nothing else in hand.
//! 5. Whoever looks on is told of each byte of a file once, however many strands read it: that makes its size in the end.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use errgroup::{Context, Output, Ticket, Tickets};
use md5_lanes::{Job, Lanes, Md5, Turn};

use crate::algorithm::Digest;
use crate::digest::readers::{BUFFER, Buffer};
use crate::directory::Directory;
use crate::error::{Error, Reason};
use crate::etag::{ETag, Sum, Upload, Uploads, usual};
use crate::flight::Flight;
use crate::listing::{Kind, Listing};
use crate::progress::{Progress, Tally};
use crate::source::{Content, Root, local};

/// What is to be hashed.
#[derive(Debug)]
pub(crate) struct Item {
    root: usize,
    /// How the file is cut, with its last item.
    last: Option<Arc<[Upload]>>,
    what: What,
}

#[derive(Debug)]
enum What {
    /// The parts of this number.
    Strand(Arc<Source>, u64),
    /// What has no size; `None` is standard input that was read already.
    Stream(Option<Box<Content>>, Option<Box<Flight>>),
    /// Nothing: no way to cut it gives as many parts as are wanted.
    Uncut,
    Failed(Reason),
}

/// What became of an item.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) root: usize,
    /// How the file was cut, with its last part.
    pub(crate) last: Option<Arc<[Upload]>>,
    pub(crate) made: Result<Made, Reason>,
}

#[derive(Debug)]
pub(crate) enum Made {
    /// One digest for each way to cut the file.
    Digests(Vec<Digest>),
    /// All of it.
    Tags(Vec<(Upload, ETag)>),
    /// Nothing, for another part of the file has failed.
    GivenUp,
}

/// A file with a size, open.
#[derive(Debug)]
struct Source {
    content: Content,
    size: u64,
    uploads: Arc<[Upload]>,
    /// Strands that have not ended.
    left: AtomicU64,
    /// Whether one of them has failed. Relaxed: it saves work, and who misses it does that work.
    has_failed: AtomicBool,
    /// That it is open, if somebody looks on.
    flight: Option<Box<Flight>>,
}

/// Opens files and sends their strands.
pub(crate) fn send_all(
    files: &[Root],
    uploads: &Uploads,
    progress: Option<&Progress>,
    items: &Output<Item>,
) -> Result<(), Error> {
    let watched = progress.map(|progress| (progress, places(files)));
    let mut standard_input_is_spent = false;
    for (root, file) in files.iter().enumerate() {
        let flight = watched.as_ref().and_then(|(progress, places)| Some(progress.flight(&places.place(root)?)));
        let is_spent = *file == Root::StandardInput && std::mem::replace(&mut standard_input_is_spent, true);
        let opened = if is_spent { Ok(None) } else { local::open_root(file).map(Some) };
        send(root, opened, flight, uploads, items)?;
    }
    Ok(())
}

/// Where files are, for whoever looks on.
fn places(files: &[Root]) -> Arc<Directory> {
    let mut names = Listing::default();
    files.iter().for_each(|file| names.push(file.as_bytes(), Kind::File, 0));
    Directory::roots(names)
}

fn send(
    root: usize,
    opened: Result<Option<Content>, Reason>,
    flight: Option<Box<Flight>>,
    uploads: &Uploads,
    items: &Output<Item>,
) -> Result<(), Error> {
    let sized = opened.map(|content| {
        let size = content.as_ref().and_then(Content::size);
        (content, size)
    });
    let nothing = Some(Arc::from([]));
    let (content, size) = match sized {
        Ok((Some(content), Some(size))) => (content, size),
        Ok((content, _)) => {
            let what = What::Stream(content.map(Box::new), flight);
            return Ok(items.send(Item { root, last: nothing, what })?);
        }
        Err(reason) => {
            drop(flight); // before anybody can see that it has failed
            return Ok(items.send(Item { root, last: nothing, what: What::Failed(reason) })?);
        }
    };
    let uploads: Arc<[Upload]> = uploads.of(size).into();
    let Some(count) = uploads.first().map(|upload| upload.parts(size)) else {
        drop(flight);
        return Ok(items.send(Item { root, last: nothing, what: What::Uncut })?);
    };
    flight.iter().for_each(|flight| flight.has_size(Some(size)));
    let (left, has_failed) = (AtomicU64::new(count), AtomicBool::new(false));
    let source = Arc::new(Source { content, size, uploads: Arc::clone(&uploads), left, has_failed, flight });
    for index in 0..count - 1 {
        items.send(Item { root, last: None, what: What::Strand(Arc::clone(&source), index) })?;
    }
    // Nothing of it is kept here: it is done as soon as its strands are.
    Ok(items.send(Item { root, last: Some(uploads), what: What::Strand(source, count - 1) })?)
}

/// A worker: hashes every item that it is handed.
///
/// # Errors
///
/// [`Error::Stopped`] once the pipeline has no more use for the results.
pub(crate) fn work(
    tickets: &mut Tickets<Item, Part>,
    ctx: &Context,
    uploads: &Uploads,
    most: usize,
    tally: Option<Arc<Tally>>,
) -> Result<(), Error> {
    let mut lanes = Lanes::new();
    let mut hand = Hand::new(tickets, ctx, lanes.width().min(most), tally);
    while let Some((ticket, item)) = hand.stream.take().or_else(|| hand.tickets.next()) {
        match item.what {
            What::Stream(content, flight) => {
                let told = |bytes| tell(hand.tally.as_deref(), flight.as_deref(), bytes);
                let made = stream(content.map(|content| *content), ctx, uploads, told)?;
                drop(flight); // before anybody can see that it has landed
                ticket.send(Part { root: item.root, last: item.last, made })?;
            }
            _ => {
                hand.begin(ticket, item)?;
                lanes.run(|turn| hand.play(turn));
                hand.failure.take().map_or(Ok(()), Err)?;
            }
        }
    }
    Ok(())
}

/// What a worker has in hand.
struct Hand<'worker> {
    tickets: &'worker mut Tickets<Item, Part>,
    ctx: &'worker Context,
    /// As many strands at most.
    most: usize,
    strands: Vec<Option<Strand>>,
    /// How many of them there are.
    held: usize,
    /// What was read and no lane has taken yet.
    ready: VecDeque<Job<Slice>>,
    /// A stream that came while there was something else in hand.
    stream: Option<(Ticket<Part>, Item)>,
    buffers: Vec<Rc<Buffer>>,
    /// Where bytes are counted, if somebody looks on.
    tally: Option<Arc<Tally>>,
    /// What ends the worker.
    failure: Option<Error>,
}

/// Parts of one file that are read together.
struct Strand {
    ticket: Ticket<Part>,
    root: usize,
    last: Option<Arc<[Upload]>>,
    source: Arc<Source>,
    parts: Vec<Message>,
    /// What is to be read next, up to the end of all parts.
    unread: Range<u64>,
    /// Where that begins which no strand before this one reads.
    own: u64,
    buffer: Rc<Buffer>,
    /// How many parts have yet to hash what is in the buffer.
    pending: usize,
}

/// One part, as far as it has come.
struct Message {
    range: Range<u64>,
    md5: Md5,
    digest: Option<Digest>,
}

/// What one part has in a strand's buffer.
struct Slice {
    strand: usize,
    part: usize,
    buffer: Rc<Buffer>,
    range: Range<usize>,
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        &self.buffer.filled(self.range.end)[self.range.start..]
    }
}

impl<'worker> Hand<'worker> {
    fn new(
        tickets: &'worker mut Tickets<Item, Part>,
        ctx: &'worker Context,
        most: usize,
        tally: Option<Arc<Tally>>,
    ) -> Self {
        Hand {
            tickets,
            ctx,
            most,
            strands: Vec::new(),
            held: 0,
            ready: VecDeque::new(),
            stream: None,
            buffers: Vec::new(),
            tally,
            failure: None,
        }
    }

    /// Does what is to be done where a lane has nothing to hash.
    fn play(&mut self, turn: Turn<Slice>) -> Option<Job<Slice>> {
        if self.failure.is_some() {
            return None;
        }
        self.follow(turn).unwrap_or_else(|error| {
            self.failure = Some(error);
            None
        })
    }

    fn follow(&mut self, turn: Turn<Slice>) -> Result<Option<Job<Slice>>, Error> {
        match turn {
            Turn::Idle => {}
            Turn::Part(md5, slice) => self.put_down(slice, |part| part.md5 = md5)?,
            Turn::Digest(digest, slice) => self.put_down(slice, |part| part.digest = Some(digest.into()))?,
        }
        while self.ready.is_empty() && self.held < self.most && self.stream.is_none() {
            let Ok((ticket, item)) = self.tickets.try_next() else { break };
            match item.what {
                What::Stream(..) => self.stream = Some((ticket, item)),
                _ => self.begin(ticket, item)?,
            }
        }
        Ok(self.ready.pop_front())
    }

    /// A part has hashed what it had in the buffer.
    fn put_down(&mut self, slice: Slice, note: impl FnOnce(&mut Message)) -> Result<(), Error> {
        let Slice { strand: index, part, buffer, .. } = slice;
        drop(buffer);
        let Some(mut strand) = self.strands[index].take() else { unreachable!("a strand that has parts is held") };
        note(&mut strand.parts[part]);
        strand.pending -= 1;
        if strand.pending > 0 {
            self.strands[index] = Some(strand);
            return Ok(());
        }
        self.held -= 1;
        self.read_on(strand, index)
    }

    /// Takes on an item that is no stream.
    fn begin(&mut self, ticket: Ticket<Part>, item: Item) -> Result<(), Error> {
        let Item { root, last, what } = item;
        let made = match what {
            What::Strand(source, _) if source.has_failed.load(Ordering::Relaxed) => source.end(Ok(Made::GivenUp)),
            What::Strand(source, index) => {
                let parts: Vec<_> =
                    source.uploads.iter().map(|way| Message::new(way.part(index, source.size))).collect();
                let begin = parts.iter().map(|part| part.range.start).min().unwrap_or_default();
                let end = parts.iter().map(|part| part.range.end).max().unwrap_or_default();
                let own = source.end_of_strands(index).clamp(begin, end);
                let buffer = self.buffers.pop().unwrap_or_else(|| Rc::new(Buffer::new()));
                let strand = Strand { ticket, root, last, source, parts, unread: begin..end, own, buffer, pending: 0 };
                let free = self.strands.iter().position(Option::is_none);
                let index = free.unwrap_or_else(|| {
                    self.strands.push(None);
                    self.strands.len() - 1
                });
                return self.read_on(strand, index);
            }
            What::Uncut => Ok(Made::Tags(Vec::new())),
            What::Failed(reason) => Err(reason),
            What::Stream(..) => unreachable!("a stream is hashed with empty hands"),
        };
        Ok(ticket.send(Part { root, last, made })?)
    }

    /// Reads on in a strand, and makes ready what each part has in that; or ends it. Its place is kept for it.
    fn read_on(&mut self, mut strand: Strand, index: usize) -> Result<(), Error> {
        self.ctx.check()?;
        if strand.unread.is_empty() {
            let made = strand.source.end(Ok(Made::Digests(strand.digests())));
            return self.let_go(strand, made);
        }
        let read = match strand.read() {
            Ok(read) => read,
            Err(reason) => {
                let made = strand.source.end(Err(reason));
                return self.let_go(strand, made);
            }
        };
        let new = read.end.saturating_sub(read.start.max(strand.own));
        tell(self.tally.as_deref(), strand.source.flight.as_deref(), new);
        for (part, message) in strand.parts.iter().enumerate() {
            let (begin, end) = (message.range.start.max(read.start), message.range.end.min(read.end));
            if begin < end {
                let range = within(begin - read.start)..within(end - read.start);
                let buffer = Rc::clone(&strand.buffer);
                let data = Slice { strand: index, part, buffer, range };
                self.ready.push_back(Job { md5: message.md5.clone(), data, last: end == message.range.end });
                strand.pending += 1;
            }
        }
        self.strands[index] = Some(strand);
        self.held += 1;
        Ok(())
    }

    fn let_go(&mut self, strand: Strand, made: Result<Made, Reason>) -> Result<(), Error> {
        let Strand { ticket, root, last, source, buffer, .. } = strand;
        self.buffers.push(buffer);
        drop(source); // before anybody can see that the file is done
        Ok(ticket.send(Part { root, last, made })?)
    }
}

/// Tells whoever looks on that so many bytes more of a file were read.
fn tell(tally: Option<&Tally>, flight: Option<&Flight>, bytes: u64) {
    tally.iter().for_each(|tally| tally.hash(bytes));
    flight.iter().for_each(|flight| flight.has_read(bytes));
}

/// Offsets in a buffer are small.
fn within(offset: u64) -> usize {
    usize::try_from(offset).map_or(BUFFER, |offset| offset.min(BUFFER))
}

impl Strand {
    /// Fills the buffer; gives which bytes of the file are in it.
    fn read(&mut self) -> Result<Range<u64>, Reason> {
        let Some(buffer) = Rc::get_mut(&mut self.buffer) else { unreachable!("no part has anything of it") };
        let begin = self.unread.start;
        let room = within(self.unread.end - begin);
        let count = self.source.content.read_part(&mut buffer.room()[..room], begin)?;
        if count == 0 {
            self.source.content.verify_parts()?;
            return Err(Reason::Length { read: begin, size: self.source.size });
        }
        self.unread.start += count as u64;
        Ok(begin..self.unread.start)
    }

    fn digests(&self) -> Vec<Digest> {
        let digest = |part: &Message| part.digest.unwrap_or_else(|| unreachable!("all of it was hashed"));
        self.parts.iter().map(digest).collect()
    }
}

impl Message {
    fn new(range: Range<u64>) -> Message {
        Message { range, md5: Md5::new(), digest: None }
    }
}

impl Source {
    /// Where all strands before this one have ended; they begin, and end, one after the other.
    fn end_of_strands(&self, index: u64) -> u64 {
        let Some(before) = index.checked_sub(1) else { return 0 };
        self.uploads.iter().map(|way| way.part(before, self.size).end).max().unwrap_or_default()
    }

    /// A strand has ended with this; with the last one, whether it all was one and the same file.
    ///
    /// Acquire and release: whoever is last looks at the file after all others have read it.
    fn end(&self, made: Result<Made, Reason>) -> Result<Made, Reason> {
        if made.is_err() {
            self.has_failed.store(true, Ordering::Relaxed);
        }
        let is_last = self.left.fetch_sub(1, Ordering::AcqRel) == 1;
        if !is_last || self.has_failed.load(Ordering::Relaxed) {
            return made;
        }
        self.content.verify_parts().and(made)
    }
}

/// Hashes what has no size, to its end. The outer error is the end of everything.
fn stream(
    content: Option<Content>,
    ctx: &Context,
    uploads: &Uploads,
    told: impl Fn(u64),
) -> Result<Result<Made, Reason>, Error> {
    let (part_size, threshold) = match uploads {
        Uploads::Planned { part_size, threshold } => (*part_size, *threshold),
        Uploads::Like { etag, .. } => match etag.parts().map(NonZeroU64::get) {
            None => (NonZeroU64::MAX, u64::MAX),
            Some(1) => (NonZeroU64::MAX, 0),
            Some(_) => return Ok(Err(Reason::Unsized)),
        },
    };
    let mut cutter = Cutter::new(part_size, threshold);
    if let Some(mut content) = content {
        let mut buffer = vec![0; BUFFER];
        loop {
            ctx.check()?;
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    cutter.take(&buffer[..count]);
                    told(count as u64);
                }
                Err(reason) => return Ok(Err(reason)),
            }
        }
        if let Err(reason) = content.verify() {
            return Ok(Err(reason));
        }
    }
    Ok(Ok(Made::Tags(cutter.finish(uploads))))
}

/// Cuts a stream into parts.
struct Cutter {
    part_size: NonZeroU64,
    threshold: u64,
    /// All of it, as long as it may be below the threshold.
    whole: Md5,
    part: Md5,
    /// How much of the part there is.
    filled: u64,
    sum: Sum,
    length: u64,
}

impl Cutter {
    fn new(part_size: NonZeroU64, threshold: u64) -> Cutter {
        let (whole, part) = (Md5::new(), Md5::new());
        Cutter { part_size, threshold, whole, part, filled: 0, sum: Sum::default(), length: 0 }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        if self.length < self.threshold {
            self.whole.update(bytes);
        }
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            // A part ends when there is more behind it, so that none is empty.
            if self.filled == self.part_size.get() {
                self.end_part();
            }
            let room = usize::try_from(self.part_size.get() - self.filled).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.part.update(now);
            self.filled += now.len() as u64;
            bytes = later;
        }
    }

    fn end_part(&mut self) {
        self.sum.add(std::mem::take(&mut self.part).finalize().into());
        self.filled = 0;
    }

    fn finish(mut self, uploads: &Uploads) -> Vec<(Upload, ETag)> {
        if self.length < self.threshold {
            return vec![(Upload::Whole, ETag::whole(self.whole.finalize().into()))];
        }
        self.end_part();
        let part_size = match uploads {
            Uploads::Planned { part_size, .. } => Some(*part_size),
            Uploads::Like { first, .. } => usual::giving(NonZeroU64::MIN, self.length, first).first().copied(),
        };
        let upload = part_size.map(Upload::Parts);
        upload.into_iter().map(|upload| (upload, self.sum.clone().seal(upload))).collect()
    }
}
