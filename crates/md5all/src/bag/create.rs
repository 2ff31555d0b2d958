//! Making a directory a bag, where it stands.
//!
//! What lies in it moves into `data/`, by renaming and nothing else, so that no byte of it is ever written. Whenever it is
//! interrupted, nothing is lost and the same command goes on:
//!
//! 1. All is looked through first. What a bag cannot hold, or cannot be read, ends it before anything has moved.
//! 2. `.md5all-bag/payload` comes to be in one step. As long as it is there, things move into it.
//! 3. When all have, it is renamed to `data`. From then on `.md5all-bag` without a payload says that `data` is ours.
//! 4. Tag files are written into `.md5all-bag` and reach the disk there. They take their places one by one, `bagit.txt` last:
//!    without it no program takes the directory for a bag.
//! 5. `.md5all-bag` goes. Beside `bagit.txt` it is all that is left to do, and nothing else is done then.
//!
//! A name is no proof that something is ours. What lies where only we should have put something, and is not what we put there,
//! ends it too, before anything has moved or gone.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use errgroup::Context;

use crate::algorithm::{Algorithm, Algorithms};
use crate::bag::survey::{Remark, survey};
use crate::bag::{BagError, BagVersion, names};
use crate::directory::PathBuffer;
use crate::error::{Error, Operation, Reason};
use crate::options::Options;
use crate::record::Outcome;
use crate::replacement::sync_names;
use crate::trees::{hash_files, hash_trees};

/// What a bag is to be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewBag {
    /// Its version.
    pub version: BagVersion,
    /// What its manifests are by: one each. SHA-512, as RFC 8493 has it, unless something else is said.
    pub algorithms: Algorithms,
    /// What `bag-info.txt` says beside the date, the software and the size of the payload: labels and values, in this order.
    pub info: Vec<(String, String)>,
}

impl Default for NewBag {
    fn default() -> NewBag {
        NewBag { version: BagVersion::default(), algorithms: Algorithm::Sha512.into(), info: Vec::new() }
    }
}

impl NewBag {
    /// Sets [`NewBag::version`].
    #[must_use]
    pub fn version(mut self, version: BagVersion) -> NewBag {
        self.version = version;
        self
    }

    /// Sets [`NewBag::algorithms`].
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl Into<Algorithms>) -> NewBag {
        self.algorithms = algorithms.into();
        self
    }

    /// Sets [`NewBag::info`].
    #[must_use]
    pub fn info<T: Into<String>>(mut self, info: impl IntoIterator<Item = (T, T)>) -> NewBag {
        self.info = info.into_iter().map(|(label, value)| (label.into(), value.into())).collect();
        self
    }
}

const STAGE: &str = ".md5all-bag";
const NEW_STAGE: &str = ".md5all-bag.new";
const PAYLOAD: &str = "payload";

/// Makes a directory a bag, where it stands; goes on where it was interrupted.
///
/// Of `options`, what says how files are read holds. Everything is read once. Blocks until the bag is on disk.
///
/// # Errors
///
/// That it is a bag already, or holds what a bag cannot, or that what is named as our own is not ours: then nothing has
/// changed. That something has come to lie where something else was moved away, what could not be read or written, or that
/// `ctx` was cancelled: then nothing is lost, and the same call goes on.
///
/// # Examples
///
/// ```
/// use errgroup::Context;
/// use md5all::{NewBag, Options, create_bag, verify_bag};
///
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path();
/// std::fs::write(dir.join("file"), "contents")?;
/// let (ctx, options) = (Context::background(), Options::new([dir]));
/// create_bag(&ctx, dir, &NewBag::default(), &options)?;
/// assert!(dir.join("data/file").exists());
/// let bagged = verify_bag(&ctx, dir, &options, |finding| panic!("{finding:?}"))?;
/// assert_eq!((bagged.files, bagged.worst), (1, None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn create_bag(ctx: &Context, dir: &Path, bag: &NewBag, options: &Options) -> Result<(), BagError> {
    let work = Work { ctx, dir, bag, options, stage: dir.join(STAGE) };
    check_info(&bag.info)?;
    if bag.algorithms.is_empty() {
        return Err(BagError::Info("a bag has at least one manifest".to_owned()));
    }
    if exists(&work.stage)? {
        work.recognise()?;
    } else {
        if exists(&dir.join("bagit.txt"))? {
            return Err(BagError::IsBag(dir.to_owned()));
        }
        work.look_through()?;
        work.begin()?;
    }
    if exists(&work.stage.join(PAYLOAD))? {
        work.move_payload()?;
    }
    work.clear()?;
    let oxum = work.write_manifests()?;
    work.write_tags(oxum)?;
    work.finish()
}

struct Work<'a> {
    ctx: &'a Context,
    dir: &'a Path,
    bag: &'a NewBag,
    options: &'a Options,
    stage: PathBuf,
}

impl Work<'_> {
    /// Sees that all can be bagged, and read.
    fn look_through(&self) -> Result<(), BagError> {
        let mut first = None;
        survey(self.ctx, self.dir, true, |name, remark| {
            let path = || match name {
                b"" => self.dir.to_owned(), // to join nothing would put a slash behind it
                name => self.dir.join(OsStr::from_bytes(name)),
            };
            let error = match remark {
                Remark::File if names::can_be_told(name, self.bag.version) => return,
                Remark::File => BagError::Untellable(path()),
                Remark::Odd(odd) => BagError::Odd(path(), odd),
                Remark::Closed(reason) => Error::Entry { path: path(), reason }.into(),
            };
            first.get_or_insert(error);
        })?;
        first.map_or(Ok(()), Err)
    }

    fn begin(&self) -> Result<(), BagError> {
        let new = self.dir.join(NEW_STAGE);
        let payload = new.join(PAYLOAD);
        create_or_find_empty(&new, Some(PAYLOAD))?;
        create_or_find_empty(&payload, None)?;
        // As wide open as what it comes to stand for.
        let permissions =
            fs::metadata(self.dir).map_err(|error| cannot(Operation::Stat, self.dir, error))?.permissions();
        fs::set_permissions(&payload, permissions).map_err(|error| cannot(Operation::Create, &payload, error))?;
        rename(&new, &self.stage)
    }

    /// Sees that what was begun here was begun by us.
    fn recognise(&self) -> Result<(), BagError> {
        if !is_directory(&self.stage)? {
            return Err(BagError::InTheWay(self.stage.clone()));
        }
        let moving = exists(&self.stage.join(PAYLOAD))?;
        // All but the stage itself is done. What is in `data` may have changed since: to make manifests again would be to
        // call that right.
        if !moving && exists(&self.dir.join("bagit.txt"))? && !exists(&self.stage.join("bagit.txt"))? {
            return match fs::remove_dir(&self.stage) {
                Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => {
                    Err(cannot(Operation::Write, &self.stage, error))
                }
                _ => sync(self.dir).and(Err(BagError::IsBag(self.dir.to_owned()))),
            };
        }
        // We leave the payload in one of two places.
        if !moving && !exists(&self.dir.join("data"))? {
            return Err(BagError::InTheWay(self.stage.clone()));
        }
        self.unfinished().map(drop)
    }

    /// The tag files in the stage. Beside the payload, nothing else is ours.
    fn unfinished(&self) -> Result<Vec<PathBuf>, BagError> {
        let mut unfinished = Vec::new();
        for entry in list(&self.stage)? {
            let (name, path) = (entry.file_name(), entry.path());
            let kind = entry.file_type().map_err(|error| cannot(Operation::Stat, &path, error))?;
            if kind.is_file()
                && (name == "bagit.txt" || name == "bag-info.txt" || manifests().any(|ours| name == *ours))
            {
                unfinished.push(path);
            } else if !(kind.is_dir() && name == PAYLOAD) {
                return Err(BagError::InTheWay(path));
            }
        }
        Ok(unfinished)
    }

    /// Moves what is there into the payload, and the payload to its place.
    fn move_payload(&self) -> Result<(), BagError> {
        let payload = self.stage.join(PAYLOAD);
        for entry in list(self.dir)? {
            self.ctx.check().map_err(Error::from)?;
            let name = entry.file_name();
            if name == STAGE {
                continue;
            }
            let target = payload.join(&name);
            if exists(&target)? {
                return Err(BagError::InTheWay(entry.path()));
            }
            rename(&entry.path(), &target)?;
        }
        rename(&payload, &self.dir.join("data"))?;
        sync(self.dir)
    }

    /// Removes the tag files of an earlier try: those that are not finished, and manifests that this bag is not to have. All
    /// that was here before that one is in `data`. If anything in the stage is not ours, nothing is removed.
    fn clear(&self) -> Result<(), BagError> {
        let mut old = self.unfinished()?;
        for path in manifests().map(|name| self.dir.join(name)) {
            if exists(&path)? {
                if is_directory(&path)? {
                    return Err(BagError::InTheWay(path));
                }
                old.push(path);
            }
        }
        old.iter().try_for_each(|path| fs::remove_file(path).map_err(|error| cannot(Operation::Write, path, error)))
    }

    /// One manifest for each algorithm; gives how many bytes and files they list.
    fn write_manifests(&self) -> Result<(u64, u64), BagError> {
        let mut manifests = Vec::new();
        for algorithm in self.bag.algorithms.iter() {
            let path = self.stage.join(format!("manifest-{}.txt", algorithm.name()));
            let file = File::create(&path).map_err(|error| cannot(Operation::Create, &path, error))?;
            manifests.push((algorithm, path, BufWriter::with_capacity(128 * 1024, file)));
        }
        let above = self.dir.join("").as_os_str().len();
        let (mut bytes, mut files, mut paths) = (0, 0, PathBuffer::default());
        for record in hash_trees(self.ctx, self.reading([self.dir.join("data")])) {
            let record = record?;
            let path = record.path_bytes(&mut paths);
            let Outcome::Hashed(hashed) = record.outcome() else {
                return Err(not_hashed(record.path(), record.outcome()));
            };
            files += 1;
            bytes += hashed.facts().size.unwrap_or_default();
            let name = names::encode(&path[above..], self.bag.version);
            for (algorithm, manifest, out) in &mut manifests {
                let digest = hashed.checksums().get(*algorithm).map(|checksum| checksum.hex()).unwrap_or_default();
                let written = out.write_all(&[digest.as_bytes(), b"  ", &name, b"\n"].concat());
                written.map_err(|error| cannot(Operation::Write, manifest, error))?;
            }
        }
        for (_, path, out) in manifests {
            let flushed = out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
            flushed.map_err(|error| cannot(Operation::Write, &path, error))?;
        }
        Ok((bytes, files))
    }

    /// All other tag files; the tag manifests list the rest.
    fn write_tags(&self, (bytes, files): (u64, u64)) -> Result<(), BagError> {
        let version = self.bag.version.name();
        self.write("bagit.txt", format!("BagIt-Version: {version}\nTag-File-Character-Encoding: UTF-8\n").as_bytes())?;
        self.write("bag-info.txt", self.info(bytes, files).as_bytes())?;
        let mut names = vec!["bag-info.txt".to_owned(), "bagit.txt".to_owned()];
        names.extend(self.bag.algorithms.iter().map(|algorithm| format!("manifest-{}.txt", algorithm.name())));
        let mut manifests: Vec<_> = self.bag.algorithms.iter().map(|algorithm| (algorithm, String::new())).collect();
        let records = hash_files(self.ctx, self.reading(names.iter().map(|name| self.stage.join(name))));
        for (record, name) in records.zip(&names) {
            let record = record?;
            let Outcome::Hashed(hashed) = record.outcome() else {
                return Err(not_hashed(record.path(), record.outcome()));
            };
            for (algorithm, text) in &mut manifests {
                let checksum = hashed.checksums().get(*algorithm).map(|checksum| checksum.hex()).unwrap_or_default();
                text.extend([&checksum, "  ", name, "\n"]);
            }
        }
        manifests.iter().try_for_each(|(algorithm, text)| {
            self.write(&format!("tagmanifest-{}.txt", algorithm.name()), text.as_bytes())
        })
    }

    fn info(&self, bytes: u64, files: u64) -> String {
        let mut text = String::new();
        let mut add = |label: &str, value: &str| text.extend([label, ": ", value, "\n"]);
        let says = |label: &str| self.bag.info.iter().any(|(said, _)| said.eq_ignore_ascii_case(label));
        self.bag.info.iter().for_each(|(label, value)| add(label, value));
        if !says("Bagging-Date") {
            add("Bagging-Date", &today());
        }
        if !says("Bag-Software-Agent") {
            add("Bag-Software-Agent", concat!("md5all ", env!("CARGO_PKG_VERSION")));
        }
        add("Payload-Oxum", &format!("{bytes}.{files}"));
        text
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), BagError> {
        let path = self.stage.join(name);
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        written.map_err(|error| cannot(Operation::Write, &path, error))
    }

    /// Puts tag files into their places, and what makes it a bag last.
    fn finish(&self) -> Result<(), BagError> {
        let mut names: Vec<_> = list(&self.stage)?.iter().map(fs::DirEntry::file_name).collect();
        names.retain(|name| name != "bagit.txt");
        sync(&self.stage)?;
        for name in names {
            rename(&self.stage.join(&name), &self.dir.join(&name))?;
        }
        sync(self.dir)?;
        rename(&self.stage.join("bagit.txt"), &self.dir.join("bagit.txt"))?;
        fs::remove_dir(&self.stage).map_err(|error| cannot(Operation::Write, &self.stage, error))?;
        sync(self.dir)
    }

    fn reading<P: Into<crate::source::Root>>(&self, roots: impl IntoIterator<Item = P>) -> Options {
        let plain = Options::new(roots);
        Options {
            jobs: self.options.jobs,
            devices: self.options.devices.clone(),
            cache: self.options.cache,
            memory: self.options.memory,
            progress: self.options.progress.clone(),
            algorithms: self.bag.algorithms,
            facts: true,
            ..plain
        }
    }
}

/// What is said must be read again as it is: one line each, and a label that ends with its colon.
fn check_info(info: &[(String, String)]) -> Result<(), BagError> {
    for (label, value) in info {
        let is_label = !label.is_empty() && label.trim() == label && !label.contains([':', '\n', '\r']);
        if !is_label || value.contains(['\n', '\r']) {
            return Err(BagError::Info(format!("not fit for bag-info.txt: {label:?}: {value:?}")));
        }
        if label.eq_ignore_ascii_case("Payload-Oxum") {
            return Err(BagError::Info("Payload-Oxum is counted, not told".to_owned()));
        }
    }
    Ok(())
}

fn not_hashed(path: PathBuf, outcome: &Outcome) -> BagError {
    match outcome {
        Outcome::Failed(reason) => Error::Entry { path, reason: reason.again() }.into(),
        // Since it was looked through, it has become something else.
        _ => BagError::Odd(path, crate::bag::Odd::Special),
    }
}

fn exists(path: &Path) -> Result<bool, BagError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(cannot(Operation::Stat, path, error)),
    }
}

fn is_directory(path: &Path) -> Result<bool, BagError> {
    fs::symlink_metadata(path).map(|found| found.is_dir()).map_err(|error| cannot(Operation::Stat, path, error))
}

/// Creates a directory. If it is there, then from an earlier try, and nothing is in it but what that one may have left.
fn create_or_find_empty(path: &Path, but: Option<&str>) -> Result<(), BagError> {
    match fs::create_dir(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(cannot(Operation::Create, path, error)),
        Err(_) if !is_directory(path)? => Err(BagError::InTheWay(path.to_owned())),
        Err(_) => match list(path)?.iter().find(|entry| but.is_none_or(|but| entry.file_name() != but)) {
            Some(stranger) => Err(BagError::InTheWay(stranger.path())),
            None => Ok(()),
        },
    }
}

fn list(dir: &Path) -> Result<Vec<fs::DirEntry>, BagError> {
    let entries = fs::read_dir(dir).and_then(Iterator::collect);
    entries.map_err(|error| cannot(Operation::List, dir, error))
}

/// What manifests and tag manifests are called, by any algorithm.
fn manifests() -> impl Iterator<Item = String> {
    Algorithm::ALL
        .into_iter()
        .flat_map(|algorithm| ["manifest", "tagmanifest"].map(|kind| format!("{kind}-{}.txt", algorithm.name())))
}

fn rename(from: &Path, to: &Path) -> Result<(), BagError> {
    fs::rename(from, to).map_err(|error| cannot(Operation::Move, from, error))
}

/// Has the names in a directory reach the disk.
fn sync(dir: &Path) -> Result<(), BagError> {
    sync_names(dir).map_err(|error| cannot(Operation::Write, dir, error))
}

fn cannot(operation: Operation, path: &Path, error: io::Error) -> BagError {
    Error::Entry { path: path.to_owned(), reason: Reason::system(operation, error) }.into()
}

/// The date, by the clock of the world.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = date(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The date of a day since 1970, as Howard Hinnant's `civil_from_days` has it: years begin in March, so that the odd day is
/// their last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
    (year_of_era + era * 400 + year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (789, (1972, 2, 29)),
            (10_957, (2000, 1, 1)),
            (11_016, (2000, 2, 29)),
            (20_454, (2026, 1, 1)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(days), expected);
        }
    }
}
