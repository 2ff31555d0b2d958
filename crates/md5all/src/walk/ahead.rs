//! Directories that are opened and listed before the walk comes to them.
//!
//! To enter a directory that is not in memory costs a disk, or whatever is at the other end of a network, a latency or
//! two, and a walk takes one after the other. So where the walk would have to wait, tasks of a group open and list
//! what it will come to next, in its own order and at any level that is known by then, as many at a time as is good
//! for the device. The walk goes on in order and finds them listed.
//!
//! 1. Nothing is listed ahead of a walk that never has to wait, nor on a disk that does one thing at a time.
//! 2. So many directories are open here at most as the terms say, and none holds more than [`MOST_NAMES`] bytes of
//!    names: the walk itself reads what is left of a longer listing.
//! 3. What comes sooner in the order of the walk is asked for sooner. If all places are taken, what comes last gives
//!    up its own, and is asked for again at its turn.
//! 4. What a directory says is told by the walk, at its turn: loops, failures, devices.
//! 5. Where there are no descriptors, all that is listed ahead is given up, and the walk opens what it comes to.
//! 6. Nobody waits for a task but the walk, and that only until its context ends: a directory that hangs holds up
//!    neither the end nor what comes before it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use errgroup::{Cancel, Context, Group};
use rustix::io::Errno;

use crate::directory::{Directory, Place};
use crate::error::{Error, Reason};
use crate::listing::Listing;
use crate::source::descriptors::Idle;
use crate::source::local::{Base, Folder, Lister};
use crate::source::{Device, Wait};
use crate::walk::{Shut, Terms};

/// How many bytes of names a directory may hold that is listed ahead: some 3,000 names.
pub(crate) const MOST_NAMES: usize = 128 * 1024;

/// How many directories that the walk stands in may have subdirectories listed ahead: the deepest ones.
const ROWS: usize = 16;

/// A directory the walk comes to.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) folder: Arc<Folder>,
    pub(crate) names: Names,
}

/// How much of a directory has been listed.
#[derive(Debug)]
pub(crate) enum Names {
    /// Nothing.
    Unread,
    /// The first names, in any order. The folder stands behind them.
    Part(Listing),
    /// All, or all that could be, and what kept it from being whole.
    Whole(Arc<Directory>, Option<Reason>),
}

/// See the [module](self). Dropping it joins nobody.
#[derive(Debug)]
pub(crate) struct Ahead {
    shared: Arc<Shared>,
    /// The deepest of the directories that the walk stands in and whose subdirectories are listed ahead.
    at: Option<Arc<Directory>>,
}

/// What the walk shares with the tasks.
struct Shared {
    terms: Arc<Terms>,
    /// Has no end that anybody waits for; a panic of a task ends its context.
    group: Group<Error>,
    ctx: Context,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of the directories that the walk stands in: the deepest is the last.
    rows: Vec<Row>,
    /// By number. One that is free is `None`.
    nodes: Vec<Option<Node>>,
    free: Vec<usize>,
    /// How many are being listed.
    under_way: usize,
    /// What nobody wants any more, and is not to be closed while the state is locked.
    refuse: Vec<Node>,
}

/// The subdirectories of one directory, in the order of the walk.
struct Row {
    base: Base,
    directory: Arc<Directory>,
    /// The first that was not asked for; the number of all entries if there is none.
    next: usize,
    /// Those that were, and that the walk has not come to.
    asked: VecDeque<usize>,
}

/// A directory that was asked for.
struct Node {
    place: Place,
    progress: Progress,
}

enum Progress {
    /// It is being listed; with what wakes the walk, if it waits.
    Asked(Option<Cancel>),
    /// It is being listed and nobody wants it any more.
    Unwanted,
    /// With the row of its own subdirectories.
    Done(Result<Arrival, Shut>, Option<Row>),
}

/// Where the first directory is that was not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    /// In this row of the walk's.
    Row(usize),
    /// Below this node.
    Node(usize),
}

/// A directory to be listed by a task.
struct Job {
    number: usize,
    base: Base,
    place: Place,
}

impl Ahead {
    pub(crate) fn new(terms: Arc<Terms>) -> Ahead {
        let (group, ctx) = Group::with_context(&terms.directories.ctx);
        let shared = Arc::new(Shared { terms, group, ctx, state: Mutex::default() });
        shared.terms.directories.descriptors.add_idle(Arc::downgrade(&shared) as Weak<dyn Idle>);
        Ahead { shared, at: None }
    }

    /// Whether the directory at `place` has been asked for, or is about to be.
    pub(crate) fn has(&self, place: &Place) -> bool {
        self.at.as_ref().is_some_and(|at| Arc::ptr_eq(at, place.directory()))
    }

    /// The directory at `place`, to which the walk has come; and has those behind it listed from now on.
    ///
    /// Blocks until it is listed, or until the context ends: then there is `None`.
    ///
    /// # Panics
    ///
    /// If a task did.
    pub(crate) fn take(&mut self, base: &Base, place: &Place) -> Option<Result<Arrival, Shut>> {
        if self.shared.terms.directories.ctx.is_cancelled() {
            return None;
        }
        let mut state = self.shared.lock();
        let (number, job) = state.claim(base, place);
        let jobs = job.into_iter().chain(self.shared.next_jobs(&mut state)).collect();
        self.shared.unlock(state, jobs);
        let (result, below) = self.shared.wait(number)?;

        let mut state = self.shared.lock();
        state.rows.extend(below);
        if state.rows.len() > ROWS {
            let shallowest = state.rows.remove(0);
            state.discard(shallowest);
        }
        self.at = state.rows.last().map(|row| Arc::clone(&row.directory));
        let jobs = self.shared.next_jobs(&mut state);
        self.shared.unlock(state, jobs);
        Some(result)
    }

    /// The walk does not go into this directory, or not on in it.
    pub(crate) fn forget(&mut self, directory: &Arc<Directory>) {
        let mut state = self.shared.lock();
        if let Some(at) = state.row_of(directory) {
            state.cut(at);
        }
        self.at = state.rows.last().map(|row| Arc::clone(&row.directory));
        self.shared.unlock(state, Vec::new());
    }

    /// The walk goes on elsewhere.
    pub(crate) fn forget_all(&mut self) {
        self.at = None;
        let mut state = self.shared.lock();
        state.cut(0);
        self.shared.unlock(state, Vec::new());
    }

    /// Whether nothing was ever listed ahead.
    #[cfg(test)]
    pub(crate) fn is_untouched(&self) -> bool {
        self.shared.lock().nodes.is_empty()
    }

    /// How many directories are listed ahead, or about to be, for tests of the bound.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.shared.lock().held()
    }
}

/// Tasks that are under way find that nobody wants what they bring.
impl Drop for Ahead {
    fn drop(&mut self) {
        self.forget_all();
    }
}

impl Shared {
    /// Nothing panics while it is held but for want of memory.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unlocks the state, and then closes what nobody wants and starts what is to be done.
    fn unlock(self: &Arc<Self>, mut state: MutexGuard<'_, State>, jobs: Vec<Job>) {
        let refuse = std::mem::take(&mut state.refuse);
        drop(state);
        drop(refuse);
        for job in jobs {
            let shared = Arc::clone(self);
            self.group.go(move || {
                shared.serve(job);
                Ok(())
            });
        }
    }

    /// Waits until a directory that the walk has claimed is listed.
    fn wait(&self, number: usize) -> Option<(Result<Arrival, Shut>, Option<Row>)> {
        loop {
            let mut state = self.lock();
            if let Some(done) = state.finish(number) {
                return Some(done);
            }
            let (done, finish) = self.ctx.with_cancel();
            state.call(number, finish);
            drop(state);
            done.wait();
            if self.terms.directories.ctx.is_cancelled() {
                return None;
            }
            if self.ctx.is_cancelled() {
                self.group.wait().expect("a task that lists has no error, only a panic");
            }
        }
    }

    /// What tasks may begin with now.
    fn next_jobs(&self, state: &mut State) -> Vec<Job> {
        if self.ctx.is_cancelled() || self.terms.directories.descriptors.is_wanted() {
            return Vec::new();
        }
        std::iter::from_fn(|| self.next_job(state)).collect()
    }

    fn next_job(&self, state: &mut State) -> Option<Job> {
        let spot = state.first_open()?;
        if state.under_way >= self.terms.device(&state.row(spot).base).depth() {
            return None;
        }
        (state.held() < self.terms.nodes_ahead() || state.make_room_for(spot)).then(|| state.ask(spot))
    }

    /// A task: lists a directory, and then what has become the first to be listed.
    fn serve(self: &Arc<Self>, mut job: Job) {
        let mut lister = Lister::new(self.terms.links);
        loop {
            let (result, row) = self.list(&job, &mut lister);
            let mut state = self.lock();
            state.store(job.number, result, row);
            let mut jobs = self.next_jobs(&mut state);
            let next = jobs.pop();
            self.unlock(state, jobs);
            match next {
                Some(next) => job = next,
                None => return,
            }
        }
    }

    /// Opens and lists a directory. Below one that was in memory nothing is asked for: the rest of it may be as well.
    fn list(&self, job: &Job, lister: &mut Lister) -> (Result<Arrival, Shut>, Option<Row>) {
        let mut was_in_memory = true;
        let mut opened = self.terms.open(&job.base, &job.place, Wait::No);
        if matches!(opened, Err(Shut::Failed(Errno::AGAIN))) {
            was_in_memory = false;
            opened = self.terms.open(&job.base, &job.place, Wait::Yes);
        }
        let folder = match opened {
            Ok(folder) => Arc::new(folder),
            Err(shut) => return (Err(shut), None),
        };
        match lister.begin(&folder, MOST_NAMES) {
            (listing, None) => (Ok(Arrival { folder, names: Names::Part(listing) }), None),
            (listing, Some(end)) => {
                let (directory, failure) = match self.terms.listed_ahead(&job.place, &folder, listing, end.err()) {
                    Ok(listed) => listed,
                    Err(error) => return (Err(error.into()), None),
                };
                let base = Base::Directory(Arc::clone(&folder));
                let is_ahead = !was_in_memory && self.terms.lists_ahead(&base);
                let row = is_ahead.then(|| Row::new(base, &directory, 0)).filter(|row| !row.is_asked_for());
                (Ok(Arrival { folder, names: Names::Whole(directory, failure) }), row)
            }
        }
    }
}

/// What is listed ahead can be listed again.
impl Idle for Shared {
    fn close(self: Arc<Self>) -> bool {
        let mut state = self.lock();
        let has_some = !state.rows.is_empty();
        state.cut(0);
        self.unlock(state, Vec::new());
        has_some
    }
}

impl State {
    /// The number of the directory at `place`, taken out of its row. Asks for it if nobody has.
    fn claim(&mut self, base: &Base, place: &Place) -> (usize, Option<Job>) {
        let at = self.enter_row(base, place);
        let asked = self.rows[at].asked.iter().position(|number| self.place(*number).index() == place.index());
        let (number, job) = match asked.and_then(|asked| self.rows[at].asked.remove(asked)) {
            Some(number) => (number, None),
            None => {
                let number = self.add(place.clone());
                self.rows[at].pass(place.index());
                (number, Some(Job { number, base: base.clone(), place: place.clone() }))
            }
        };
        if self.rows[at].is_through() {
            self.rows.pop();
        }
        (number, job)
    }

    /// The last row: that of the directory in which `place` is. What lies deeper has been left.
    fn enter_row(&mut self, base: &Base, place: &Place) -> usize {
        match self.row_of(place.directory()) {
            Some(at) => self.cut(at + 1),
            None => self.rows.push(Row::new(base.clone(), place.directory(), place.index())),
        }
        self.rows.len() - 1
    }

    fn row_of(&self, directory: &Arc<Directory>) -> Option<usize> {
        self.rows.iter().rposition(|row| Arc::ptr_eq(&row.directory, directory))
    }

    /// Gives up the rows from `at` on.
    fn cut(&mut self, at: usize) {
        while self.rows.len() > at {
            if let Some(row) = self.rows.pop() {
                self.discard(row);
            }
        }
    }

    fn discard(&mut self, row: Row) {
        for number in row.asked {
            self.give_up(number);
        }
    }

    fn give_up(&mut self, number: usize) {
        let node = self.nodes[number].as_mut().expect("what a row has asked for is there");
        match &mut node.progress {
            Progress::Done(_, below) => {
                let below = below.take();
                self.refuse.extend(self.nodes[number].take());
                self.free.push(number);
                below.into_iter().for_each(|row| self.discard(row));
            }
            progress => *progress = Progress::Unwanted,
        }
    }

    fn held(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// A node that is about to be listed.
    fn add(&mut self, place: Place) -> usize {
        self.under_way += 1;
        let node = Some(Node { place, progress: Progress::Asked(None) });
        match self.free.pop() {
            Some(number) => {
                self.nodes[number] = node;
                number
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        }
    }

    /// A task has listed this one.
    fn store(&mut self, number: usize, result: Result<Arrival, Shut>, row: Option<Row>) {
        self.under_way -= 1;
        let node = self.nodes[number].as_mut().expect("what is under way is there");
        match std::mem::replace(&mut node.progress, Progress::Done(result, row)) {
            Progress::Asked(Some(waiting)) => waiting.cancel(),
            Progress::Asked(None) => {}
            Progress::Unwanted | Progress::Done(..) => self.give_up(number),
        }
    }

    /// What the walk has claimed, if it is listed.
    fn finish(&mut self, number: usize) -> Option<(Result<Arrival, Shut>, Option<Row>)> {
        let node = self.nodes[number].take_if(|node| matches!(node.progress, Progress::Done(..)))?;
        self.free.push(number);
        match node.progress {
            Progress::Done(result, row) => Some((result, row)),
            Progress::Asked(_) | Progress::Unwanted => None,
        }
    }

    /// Has the walk be called when this one is listed.
    fn call(&mut self, number: usize, walk: Cancel) {
        if let Some(node) = &mut self.nodes[number] {
            node.progress = Progress::Asked(Some(walk));
        }
    }

    fn place(&self, number: usize) -> &Place {
        &self.nodes[number].as_ref().expect("what a row has asked for is there").place
    }

    /// Where the first directory is, in the order of the walk, that nobody has asked for.
    fn first_open(&self) -> Option<Spot> {
        (0..self.rows.len()).rev().find_map(|at| self.first_open_in(&self.rows[at], Spot::Row(at)))
    }

    fn first_open_in(&self, row: &Row, spot: Spot) -> Option<Spot> {
        let below = |number: &usize| self.first_open_in(self.below(*number)?, Spot::Node(*number));
        row.asked.iter().find_map(below).or_else(|| (!row.is_asked_for()).then_some(spot))
    }

    /// The row below a node that is listed.
    fn below(&self, number: usize) -> Option<&Row> {
        match &self.nodes[number].as_ref()?.progress {
            Progress::Done(_, row) => row.as_ref(),
            Progress::Asked(_) | Progress::Unwanted => None,
        }
    }

    fn row(&self, spot: Spot) -> &Row {
        match spot {
            Spot::Row(at) => &self.rows[at],
            Spot::Node(number) => self.below(number).expect("a spot is in a row"),
        }
    }

    fn row_mut(&mut self, spot: Spot) -> &mut Row {
        let node = match spot {
            Spot::Row(at) => return &mut self.rows[at],
            Spot::Node(number) => self.nodes[number].as_mut(),
        };
        match node.map(|node| &mut node.progress) {
            Some(Progress::Done(_, Some(row))) => row,
            _ => unreachable!("a spot is in a row"),
        }
    }

    /// Asks for the first that is open at this spot.
    fn ask(&mut self, spot: Spot) -> Job {
        let row = self.row(spot);
        let place = row.directory.place(row.next).expect("it has one that nobody has asked for");
        let base = row.base.clone();
        let number = self.add(place.clone());
        let row = self.row_mut(spot);
        row.asked.push_back(number);
        row.pass(place.index());
        Job { number, base, place }
    }

    /// Gives up what comes last in the order of the walk, if that is listed and comes after the spot.
    fn make_room_for(&mut self, spot: Spot) -> bool {
        let Some(shallowest) = self.rows.iter().position(|row| !row.asked.is_empty()) else { return false };
        if matches!(spot, Spot::Row(at) if at <= shallowest) {
            return false;
        }
        let mut at = Spot::Row(shallowest);
        let last = loop {
            let Some(&last) = self.row(at).asked.back() else { return false };
            if spot == Spot::Node(last) {
                return false;
            }
            if self.below(last).is_none_or(|row| row.asked.is_empty()) {
                break last;
            }
            at = Spot::Node(last);
        };
        if !matches!(self.nodes[last].as_ref().map(|node| &node.progress), Some(Progress::Done(..))) {
            return false;
        }
        let index = self.place(last).index();
        let row = self.row_mut(at);
        row.asked.pop_back();
        row.next = index;
        self.give_up(last);
        true
    }
}

impl Row {
    /// The row of the subdirectories from entry number `from` on.
    fn new(base: Base, directory: &Arc<Directory>, from: usize) -> Row {
        let next = directory.directory_from(from);
        Row { base, directory: Arc::clone(directory), next, asked: VecDeque::new() }
    }

    /// Whether nobody need ask for more.
    fn is_asked_for(&self) -> bool {
        self.next == self.directory.len()
    }

    /// Whether the walk has been offered all.
    fn is_through(&self) -> bool {
        self.is_asked_for() && self.asked.is_empty()
    }

    /// The entry at `index` was asked for.
    fn pass(&mut self, index: usize) {
        if self.next <= index {
            self.next = self.directory.directory_from(index + 1);
        }
    }
}

impl Terms {
    /// How many listings may wait for the walk, of all that may be open.
    fn nodes_ahead(&self) -> usize {
        // One more is asked for by the walk itself.
        self.ahead.saturating_sub(ROWS + 1)
    }

    /// What this directory lies on; for the working directory, what stands for any device.
    fn device(&self, base: &Base) -> Arc<Device> {
        base.device().cloned().unwrap_or_else(|| self.directories.devices.unknown())
    }

    /// Whether what is in this directory may be listed ahead.
    pub(super) fn lists_ahead(&self, base: &Base) -> bool {
        self.device(base).is_listed_ahead() && self.nodes_ahead() > 0
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("terms", &self.terms).finish_non_exhaustive()
    }
}
