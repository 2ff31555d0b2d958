//! A directory shown by a file system of ours, which fails, hangs or lies where a test tells it to.
//!
//! It answers from one thread, and keeps the answers that are held back in a list: a file that hangs delays no other.
//! The kernel is told to remember nothing, unless a test wants it to, so every question of the program comes here.
//!
//! There are two ways to hang. What is *held* was taken by the server, and until it answers nobody can end the process
//! that asks, not even `kill -9`: the crate that this is built on does not pass on the kernel's request to give up. A
//! server that has *stopped* takes no requests any more, and those who wait for it to do so can be ended.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) use fuser::Errno;
use fuser::{
    BackgroundSession, Config, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    Request,
};
use tempfile::TempDir;

use crate::harness::tree;
use crate::mounts::{cut_off, unmount};

/// After this long, what does not come is said not to.
const NEVER: Duration = Duration::from_secs(60);

/// What the kernel asks about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// What a name is.
    Look,
    /// What an inode is: `fstat`.
    Attributes,
    Open,
    /// The names in a directory, from the so-manieth on.
    List(u64),
    /// Bytes from an offset on.
    Read(u64),
}

/// What is done about it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It fails.
    Error(Errno),
    /// It is answered when the test says so.
    Hold,
    /// It is answered, and then nothing is, on the whole file system, until the test says so.
    Stop,
}

/// See the [module](self). Shows its files as `t` in a directory of its own.
pub(crate) struct Served {
    shared: Arc<Shared>,
    session: Option<BackgroundSession>,
    /// What is shown.
    files: TempDir,
    /// Where.
    place: TempDir,
}

struct Server(Arc<Shared>);

struct Shared {
    files: PathBuf,
    state: Mutex<State>,
    /// Notified at every change of the state.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    rules: Vec<(PathBuf, Ask, Fault)>,
    /// Lies about sizes.
    sizes: HashMap<PathBuf, u64>,
    /// How many bytes a read gives at most.
    most: Option<usize>,
    /// How long the kernel may take names for what they were.
    remembered: Duration,
    /// Where each inode was last looked up.
    paths: HashMap<u64, PathBuf>,
    /// Open files by handle, with their inodes.
    open: HashMap<u64, (u64, Arc<File>)>,
    /// How many files were ever opened.
    opened: u64,
    /// How many reads there were.
    reads: u64,
    /// Answers that are held back.
    held: Vec<Box<dyn FnOnce() + Send>>,
    stopped: bool,
}

impl Served {
    /// Shows these files, each with its own path in it; `None`, with a message, if this machine cannot.
    pub(crate) fn new(names: &[&str]) -> Option<Served> {
        if !Path::new("/dev/fuse").exists() {
            eprintln!("SKIPPED: there is no /dev/fuse here");
            return None;
        }
        let files = tree(names);
        let place = tempfile::tempdir().expect("a temporary directory");
        let point = place.path().join("t");
        fs::create_dir(&point).expect("a directory");
        let state = State { paths: HashMap::from([(INodeNo::ROOT.0, PathBuf::new())]), ..State::default() };
        let shared =
            Arc::new(Shared { files: files.path().to_owned(), state: Mutex::new(state), changed: Condvar::new() });
        let session = fuser::spawn_mount(Server(Arc::clone(&shared)), &point, &Config::default());
        Some(Served { shared, session: Some(session.expect("it can be mounted")), files, place })
    }

    /// What `t` lies in.
    pub(crate) fn dir(&self) -> &Path {
        self.place.path()
    }

    /// The real file behind a path below `t`, to be meddled with as by another machine.
    pub(crate) fn behind(&self, path: &str) -> PathBuf {
        self.files.path().join(path)
    }

    /// From now on this happens when the kernel asks so about this path below `t`.
    pub(crate) fn fault(&self, path: &str, ask: Ask, fault: Fault) {
        self.shared.lock().rules.push((PathBuf::from(path), ask, fault));
    }

    /// From now on this file is said to have this size.
    pub(crate) fn lie(&self, path: &str, size: u64) {
        self.shared.lock().sizes.insert(PathBuf::from(path), size);
    }

    /// From now on no read gives more bytes than this.
    pub(crate) fn read_at_most(&self, bytes: usize) {
        self.shared.lock().most = Some(bytes);
    }

    /// From now on the kernel remembers what it looks up, as most servers let it.
    pub(crate) fn let_names_be_remembered(&self) {
        self.shared.lock().remembered = Duration::from_secs(3600);
    }

    /// How many reads there were so far.
    pub(crate) fn reads(&self) -> u64 {
        self.shared.lock().reads
    }

    /// Blocks until so many answers are held back.
    pub(crate) fn wait_held(&self, count: usize) {
        self.wait("held", |state| state.held.len() >= count);
    }

    /// Blocks until so many files were opened.
    pub(crate) fn wait_opened(&self, count: u64) {
        self.wait("opened", |state| state.opened >= count);
    }

    /// Blocks until the server has stopped, and the process waits for it.
    pub(crate) fn wait_stopped(&self, child: &Child) {
        self.wait("stopped", |state| state.stopped);
        let deadline = Instant::now() + NEVER;
        while !waits_for_a_server(child) {
            assert!(Instant::now() < deadline, "nobody waits for the server");
            std::thread::yield_now();
        }
    }

    /// Gives the answers that were held back; from now on none is.
    pub(crate) fn release(&self) {
        let mut state = self.shared.lock();
        state.rules.retain(|(_, _, fault)| matches!(fault, Fault::Error(_)));
        state.stopped = false;
        let held = std::mem::take(&mut state.held);
        drop(state);
        self.shared.changed.notify_all();
        held.into_iter().for_each(|answer| answer());
    }

    /// Ends the connection between kernel and server, as the end of the server would.
    pub(crate) fn cut_off(&self) {
        cut_off(&self.place.path().join("t"));
    }

    fn wait(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        let waited = self.shared.changed.wait_timeout_while(self.shared.lock(), NEVER, |state| !is_so(state));
        let (state, timeout) = waited.expect("nobody panics with it");
        drop(state); // before the panic
        assert!(!timeout.timed_out(), "never {what}");
    }
}

/// Whether a thread of the process waits for an answer of a file system such as this.
fn waits_for_a_server(child: &Child) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{}/task", child.id())) else { return false };
    threads.flatten().any(|thread| {
        let wait = fs::read_to_string(thread.path().join("wchan")).unwrap_or_default();
        wait.contains("request_wait_answer") || wait.contains("folio_wait")
    })
}

impl Drop for Served {
    fn drop(&mut self) {
        self.release();
        unmount(&self.place.path().join("t"));
        drop(self.session.take());
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("files", &self.files).field("place", &self.place).finish_non_exhaustive()
    }
}

impl Ask {
    /// Whether a rule about `self` is about this question.
    fn covers(self, asked: Ask) -> bool {
        match (self, asked) {
            (Ask::List(from), Ask::List(at)) | (Ask::Read(from), Ask::Read(at)) => at >= from,
            (rule, asked) => rule == asked,
        }
    }
}

impl State {
    fn fault(&self, path: &Path, asked: Ask) -> Option<Fault> {
        let rule = self.rules.iter().find(|(at, ask, _)| at == path && ask.covers(asked));
        rule.map(|(_, _, fault)| *fault)
    }

    /// Where a listing of this directory is cut, so that the next question comes from there.
    fn cut(&self, path: &Path, at: u64) -> Option<u64> {
        self.rules.iter().find_map(|(ruled, ask, _)| match ask {
            Ask::List(from) if ruled == path && *from > at => Some(*from),
            _ => None,
        })
    }
}

impl Shared {
    /// Answers a question, as the rules want it: `act` is called once, with what is to be answered instead, if anything.
    fn meet(self: &Arc<Self>, path: &Path, asked: Ask, act: impl FnOnce(&Shared, Result<(), Errno>) + Send + 'static) {
        let mut state = self.lock();
        match state.fault(path, asked) {
            Some(Fault::Hold) => {
                let shared = Arc::clone(self);
                state.held.push(Box::new(move || act(&shared, Ok(()))));
                self.changed.notify_all();
            }
            fault => {
                drop(state);
                act(self, if let Some(Fault::Error(errno)) = fault { Err(errno) } else { Ok(()) });
                if let Some(Fault::Stop) = fault {
                    self.stop();
                }
            }
        }
    }

    fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |state| state.stopped));
    }

    fn path(&self, inode: INodeNo) -> PathBuf {
        self.lock().paths.get(&inode.0).cloned().expect("it was looked up")
    }

    fn look(&self, path: &Path) -> Result<FileAttr, Errno> {
        let metadata = fs::symlink_metadata(self.files.join(path))?;
        let attributes = self.attributes(path, &metadata);
        self.lock().paths.insert(attributes.ino.0, path.to_owned());
        Ok(attributes)
    }

    /// Of an open file what it is, whatever has its name by now.
    fn stat(&self, inode: INodeNo, path: &Path) -> Result<FileAttr, Errno> {
        let open = self.lock().open.values().find(|(of, _)| *of == inode.0).map(|(_, file)| Arc::clone(file));
        let metadata = match open {
            Some(file) => file.metadata()?,
            None => fs::symlink_metadata(self.files.join(path))?,
        };
        Ok(self.attributes(path, &metadata))
    }

    fn attributes(&self, path: &Path, metadata: &Metadata) -> FileAttr {
        let state = self.lock();
        FileAttr {
            ino: inode(path, metadata),
            size: state.sizes.get(path).copied().unwrap_or(metadata.len()),
            blocks: metadata.blocks(),
            atime: UNIX_EPOCH,
            mtime: time(metadata.mtime(), metadata.mtime_nsec()),
            ctime: time(metadata.ctime(), metadata.ctime_nsec()),
            crtime: UNIX_EPOCH,
            kind: FileType::from_std(metadata.file_type()).expect("it has a type"),
            perm: (metadata.permissions().mode() & 0o7777) as u16,
            nlink: metadata.nlink() as u32,
            uid: metadata.uid(),
            gid: metadata.gid(),
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    fn open(&self, inode: INodeNo, path: &Path) -> Result<FileHandle, Errno> {
        let file = Arc::new(File::open(self.files.join(path))?);
        let mut state = self.lock();
        state.opened += 1;
        let handle = state.opened;
        state.open.insert(handle, (inode.0, file));
        self.changed.notify_all();
        Ok(FileHandle(handle))
    }

    fn read(&self, handle: FileHandle, offset: u64, size: usize) -> io::Result<Vec<u8>> {
        let mut state = self.lock();
        state.reads += 1;
        let file = Arc::clone(&state.open[&handle.0].1);
        let mut bytes = vec![0; size.min(state.most.unwrap_or(size))];
        drop(state);
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], offset + filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Names in order, with what they are.
    fn list(&self, path: &Path) -> io::Result<Vec<(OsString, Metadata)>> {
        let entries: io::Result<Vec<_>> = fs::read_dir(self.files.join(path))?.collect();
        let mut names: Vec<_> = entries?.into_iter().map(|entry| entry.file_name()).collect();
        names.sort();
        names
            .into_iter()
            .map(|name| fs::symlink_metadata(self.files.join(path).join(&name)).map(|metadata| (name, metadata)))
            .collect()
    }

    fn fill(&self, path: &Path, from: u64, reply: &mut ReplyDirectory) -> Result<(), Errno> {
        let cut = self.lock().cut(path, from).unwrap_or(u64::MAX);
        for (index, (name, metadata)) in (1..).zip(self.list(path)?) {
            let kind = FileType::from_std(metadata.file_type()).expect("it has a type");
            if index > from && (index > cut || reply.add(inode(&path.join(&name), &metadata), index, kind, &name)) {
                break;
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }
}

/// The real number but one, which leaves that of the root free.
fn inode(path: &Path, metadata: &Metadata) -> INodeNo {
    if path.as_os_str().is_empty() { INodeNo::ROOT } else { INodeNo(metadata.ino() + 1) }
}

fn time(seconds: i64, nanoseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::new(seconds as u64, nanoseconds as u32)
}

impl Filesystem for Server {
    fn init(&mut self, _: &Request, kernel: &mut KernelConfig) -> io::Result<()> {
        // Or a lookup that hangs holds up all others in its directory.
        let done = kernel.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS);
        done.map_err(|_| io::ErrorKind::Unsupported.into())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let path = self.0.path(parent).join(name);
        self.0.meet(&path.clone(), Ask::Look, move |shared, may| match may.and_then(|()| shared.look(&path)) {
            Ok(attributes) => reply.entry(&shared.lock().remembered, &attributes, Generation(0)),
            Err(errno) => reply.error(errno),
        });
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let path = self.0.path(inode);
        self.0.meet(&path.clone(), Ask::Attributes, move |shared, may| {
            match may.and_then(|()| shared.stat(inode, &path)) {
                Ok(attributes) => reply.attr(&Duration::ZERO, &attributes),
                Err(errno) => reply.error(errno),
            }
        });
    }

    fn open(&self, _: &Request, inode: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let path = self.0.path(inode);
        self.0.meet(&path.clone(), Ask::Open, move |shared, may| match may.and_then(|()| shared.open(inode, &path)) {
            // Past the page cache, so that what is read is what is asked for here.
            Ok(handle) => reply.opened(handle, FopenFlags::FOPEN_DIRECT_IO),
            Err(errno) => reply.error(errno),
        });
    }

    fn opendir(&self, _: &Request, inode: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let path = self.0.path(inode);
        self.0.meet(&path, Ask::Open, move |_, may| match may {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::empty()),
            Err(errno) => reply.error(errno),
        });
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.0.meet(&self.0.path(inode), Ask::Read(offset), move |shared, may| {
            match may.and_then(|()| Ok(shared.read(handle, offset, size as usize)?)) {
                Ok(bytes) => reply.data(&bytes),
                Err(errno) => reply.error(errno),
            }
        });
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.0.lock().open.remove(&handle.0);
        reply.ok();
    }

    fn readdir(&self, _: &Request, inode: INodeNo, _: FileHandle, from: u64, mut reply: ReplyDirectory) {
        let path = self.0.path(inode);
        self.0.meet(&path.clone(), Ask::List(from), move |shared, may| {
            match may.and_then(|()| shared.fill(&path, from, &mut reply)) {
                Ok(()) => reply.ok(),
                Err(errno) => reply.error(errno),
            }
        });
    }
}
