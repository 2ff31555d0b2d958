//! The file system: what the kernel asks, answered from the directory that is mirrored.
//!
//! What is asked is found out at once, on the one thread that takes requests, and answered late, by `lag`: the directory
//! is local and in memory, and a look at it costs some microseconds beside a delay of milliseconds. What no network file
//! system would be asked over the network (flush at close, access, extended attributes, holes) says that it is not
//! implemented, and the kernel does not ask again. Inodes are told by path, so each of two hard links is a file of its
//! own, and none is ever forgotten: this is for trees of thousands.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig,
    LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyOpen,
    Request,
};

use crate::lag::Lag;

/// How long names and attributes hold: as long as by default on a mount of SMB, where NFS gives them 3 s or more.
const TTL: Duration = Duration::from_secs(1);

/// More requests in the background (readahead) than anyone has under way: it is not the kernel that limits.
const BACKGROUND: u16 = 4096;

const FIRST: Generation = Generation(0);

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Mirror {
    known: Mutex<Known>,
    open: Mutex<Open>,
    lag: Lag,
}

/// Which number is which path: the root's is 1, and so on.
#[derive(Debug)]
struct Known {
    paths: Vec<Arc<Path>>,
    numbers: HashMap<Arc<Path>, INodeNo>,
}

/// What is open, by handle.
#[derive(Debug, Default)]
struct Open {
    last: u64,
    handles: HashMap<u64, Handle>,
}

#[derive(Clone, Debug)]
enum Handle {
    File(Arc<File>),
    /// What was listed when it was opened.
    Directory(Arc<Vec<(OsString, FileAttr)>>),
}

impl Mirror {
    pub(crate) fn new(source: &Path, delay: Duration) -> io::Result<Mirror> {
        let mut known = Known { paths: Vec::new(), numbers: HashMap::new() };
        known.number(source.canonicalize()?);
        Ok(Mirror { known: Mutex::new(known), open: Mutex::default(), lag: Lag::new(delay) })
    }

    fn path(&self, inode: INodeNo) -> Arc<Path> {
        Arc::clone(&lock(&self.known).paths[inode.0 as usize - 1])
    }

    fn look_up(&self, path: PathBuf) -> io::Result<FileAttr> {
        let found = fs::symlink_metadata(&path)?;
        attributes(lock(&self.known).number(path), &found)
    }

    fn list(&self, inode: INodeNo) -> io::Result<Vec<(OsString, FileAttr)>> {
        let path = self.path(inode);
        let own = self.look_up(path.to_path_buf())?;
        let mut entries = vec![(".".into(), own), ("..".into(), own)];
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            entries.push((entry.file_name(), self.look_up(entry.path())?));
        }
        Ok(entries)
    }

    fn open_as(&self, handle: io::Result<Handle>, reply: ReplyOpen) {
        let opened = handle.map(|handle| lock(&self.open).add(handle));
        self.lag.answer(move || match opened {
            Ok(number) => reply.opened(FileHandle(number), FopenFlags::empty()),
            Err(error) => reply.error(error.into()),
        });
    }

    fn close(&self, handle: FileHandle, reply: ReplyEmpty) {
        lock(&self.open).handles.remove(&handle.0);
        self.lag.answer(move || reply.ok());
    }

    fn file(&self, handle: FileHandle) -> io::Result<Arc<File>> {
        match lock(&self.open).handles.get(&handle.0) {
            Some(Handle::File(file)) => Ok(Arc::clone(file)),
            _ => Err(no_such_handle()),
        }
    }

    fn directory(&self, handle: FileHandle) -> io::Result<Arc<Vec<(OsString, FileAttr)>>> {
        match lock(&self.open).handles.get(&handle.0) {
            Some(Handle::Directory(entries)) => Ok(Arc::clone(entries)),
            _ => Err(no_such_handle()),
        }
    }
}

impl Filesystem for Mirror {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let wanted = InitFlags::FUSE_PARALLEL_DIROPS
            | InitFlags::FUSE_ASYNC_READ
            | InitFlags::FUSE_ASYNC_DIO
            | InitFlags::FUSE_DO_READDIRPLUS
            | InitFlags::FUSE_READDIRPLUS_AUTO;
        let lacking = |flags| io::Error::other(format!("this kernel lacks {flags:?}"));
        config.add_capabilities(wanted).map_err(lacking)?;
        config.set_max_background(BACKGROUND).expect("not zero");
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.look_up(self.path(parent).join(name));
        self.lag.answer(move || match found {
            Ok(attributes) => reply.entry(&TTL, &attributes, FIRST),
            Err(error) => reply.error(error.into()),
        });
    }

    fn getattr(&self, _request: &Request, inode: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        let found = self.look_up(self.path(inode).to_path_buf());
        self.lag.answer(move || match found {
            Ok(attributes) => reply.attr(&TTL, &attributes),
            Err(error) => reply.error(error.into()),
        });
    }

    fn readlink(&self, _request: &Request, inode: INodeNo, reply: ReplyData) {
        let target = fs::read_link(self.path(inode));
        self.lag.answer(move || match target {
            Ok(target) => reply.data(target.as_os_str().as_bytes()),
            Err(error) => reply.error(error.into()),
        });
    }

    fn open(&self, _request: &Request, inode: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        self.open_as(File::open(self.path(inode)).map(|file| Handle::File(Arc::new(file))), reply);
    }

    fn read(
        &self,
        _request: &Request,
        _inode: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let data = self.file(handle).and_then(|file| read_fully(&file, offset, size as usize));
        self.lag.answer(move || match data {
            Ok(data) => reply.data(&data),
            Err(error) => reply.error(error.into()),
        });
    }

    fn release(
        &self,
        _request: &Request,
        _inode: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.close(handle, reply);
    }

    fn opendir(&self, _request: &Request, inode: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        self.open_as(self.list(inode).map(|entries| Handle::Directory(Arc::new(entries))), reply);
    }

    fn readdir(&self, _request: &Request, _inode: INodeNo, handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let entries = self.directory(handle);
        self.lag.answer(move || match entries {
            Ok(entries) => {
                for (at, (name, found)) in (1..).zip(entries.iter()).skip(offset as usize) {
                    if reply.add(found.ino, at, found.kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(error) => reply.error(error.into()),
        });
    }

    fn readdirplus(
        &self,
        _request: &Request,
        _inode: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let entries = self.directory(handle);
        self.lag.answer(move || match entries {
            Ok(entries) => {
                for (at, (name, found)) in (1..).zip(entries.iter()).skip(offset as usize) {
                    if reply.add(found.ino, at, name, &TTL, found, FIRST) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(error) => reply.error(error.into()),
        });
    }

    fn releasedir(
        &self,
        _request: &Request,
        _inode: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.close(handle, reply);
    }
}

impl Known {
    fn number(&mut self, path: PathBuf) -> INodeNo {
        if let Some(number) = self.numbers.get(path.as_path()) {
            return *number;
        }
        let path: Arc<Path> = path.into();
        self.paths.push(Arc::clone(&path));
        let number = INodeNo(self.paths.len() as u64);
        self.numbers.insert(path, number);
        number
    }
}

impl Open {
    fn add(&mut self, handle: Handle) -> u64 {
        self.last += 1;
        self.handles.insert(self.last, handle);
        self.last
    }
}

/// All that was asked for, or what there is up to the end: the kernel takes less for the end of the file.
fn read_fully(file: &File, offset: u64, size: usize) -> io::Result<Vec<u8>> {
    let mut data = vec![0; size];
    let mut filled = 0;
    while filled < size {
        match file.read_at(&mut data[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    data.truncate(filled);
    Ok(data)
}

fn attributes(number: INodeNo, found: &Metadata) -> io::Result<FileAttr> {
    let kind = FileType::from_std(found.file_type()).ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
    Ok(FileAttr {
        ino: number,
        size: found.size(),
        blocks: found.blocks(),
        atime: found.accessed()?,
        mtime: found.modified()?,
        ctime: time(found.ctime(), found.ctime_nsec()),
        crtime: UNIX_EPOCH,
        kind,
        perm: (found.mode() & 0o7777) as u16,
        nlink: found.nlink() as u32,
        uid: found.uid(),
        gid: found.gid(),
        rdev: found.rdev() as u32,
        blksize: found.blksize() as u32,
        flags: 0,
    })
}

/// A time since 1970, which files changed.
fn time(seconds: i64, nanoseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::new(seconds.unsigned_abs(), nanoseconds as u32)
}

fn no_such_handle() -> io::Error {
    io::Error::from_raw_os_error(Errno::EBADF.code())
}

/// Nothing panics while it is held but for want of memory.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
