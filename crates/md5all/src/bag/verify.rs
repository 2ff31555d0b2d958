//! Whether a bag is what it says: RFC 8493 §3, complete and valid.
//!
//! All findings are told, not only the first. Nothing is good for want of a look at it: what cannot be read, or is by an
//! algorithm that is not known here, leaves a bag that nobody knows to be valid.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use errgroup::Context;
use unicode_normalization::UnicodeNormalization;

use crate::algorithm::{Algorithm, Algorithms, Checksum, Checksums};
use crate::bag::survey::{Remark, survey};
use crate::bag::tags::{self, Encoding};
use crate::bag::{BagFinding, BagProblem, BagVersion, Grade, Odd, names};
use crate::catalog::{Catalog, Entered};
use crate::directory::PathBuffer;
use crate::error::{Error, Operation, Reason};
use crate::facts::Facts;
use crate::options::Options;
use crate::record::{Hashed, Outcome, Record};
use crate::trees::{hash_files, hash_trees};

/// What a bag came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bagged {
    /// Files of the payload that were found.
    pub files: u64,
    /// Bytes in those that were read.
    pub bytes: u64,
    /// The worst of all findings; `None` if there was none.
    pub worst: Option<Grade>,
}

/// Verifies a bag, and gives `report` every finding as soon as it is known.
///
/// Of `options`, what says how files are read holds; the roots, the algorithms and what else says what is read are the
/// bag's. All payload is read once, whatever algorithms the manifests are by. Memory is bounded by the manifests. Blocks
/// until all is read.
///
/// # Errors
///
/// [`Error::Stopped`] if `ctx` is cancelled; [`Error::Scarce`] if there is too little to work with. What is wrong with the
/// bag is no error.
pub fn verify_bag(
    ctx: &Context,
    bag: &Path,
    options: &Options,
    report: impl FnMut(BagFinding),
) -> Result<Bagged, Error> {
    let mut inspection = Inspection {
        ctx,
        bag,
        options,
        report,
        came: Bagged::default(),
        version: BagVersion::default(),
        encoding: Encoding::Utf8,
        odd: BTreeMap::new(),
    };
    inspection.verify()?;
    Ok(inspection.came)
}

struct Inspection<'a, R> {
    ctx: &'a Context,
    bag: &'a Path,
    options: &'a Options,
    report: R,
    came: Bagged,
    version: BagVersion,
    encoding: Encoding,
    /// What no bag can hold, by its path.
    odd: BTreeMap<Vec<u8>, Odd>,
}

/// What the manifests say of payload, or of tags.
struct Listed {
    files: Catalog,
    /// Of the manifests there are.
    algorithms: Algorithms,
    /// Names as they stand, of those that mean something else once they are decoded.
    literal: HashMap<usize, Vec<u8>>,
    /// Which of the files were met.
    met: Vec<bool>,
}

/// Which manifests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Payload,
    Tags,
}

impl Listed {
    fn new() -> Listed {
        Listed { files: Catalog::default(), algorithms: Algorithms::NONE, literal: HashMap::new(), met: Vec::new() }
    }
}

impl<R: FnMut(BagFinding)> Inspection<'_, R> {
    fn verify(&mut self) -> Result<(), Error> {
        if !self.read_declaration() {
            return Ok(());
        }
        let (payload, tags) = (self.read_manifests(Of::Payload), self.read_manifests(Of::Tags));
        let (Some(mut payload), Some(mut tags)) = (payload, tags) else { return Ok(()) };
        self.survey()?;
        if payload.algorithms.is_empty() && self.came.worst != Some(Grade::Unknown) {
            self.find(b"manifest-sha512.txt", BagProblem::Missing);
        }
        let oxum = self.read_oxum();
        self.verify_tags(&mut tags)?;
        let fetched = self.read_fetch(&payload);
        let is_there = fs::symlink_metadata(self.bag.join("data")).is_ok_and(|data| data.is_dir());
        if is_there {
            self.verify_payload(&mut payload, &fetched)?;
        } else if !self.odd.contains_key(&b"data"[..]) {
            self.find(b"data", BagProblem::Missing);
        }
        let found = (self.came.bytes, self.came.files);
        // What was not read was not counted either.
        if let Some(said) = oxum.filter(|&said| said != found && self.came.worst != Some(Grade::Unknown)) {
            self.find(b"bag-info.txt", BagProblem::Oxum { said, found });
        }
        Ok(())
    }

    fn find(&mut self, path: &[u8], problem: BagProblem) {
        self.came.worst = self.came.worst.max(Some(problem.grade()));
        (self.report)(BagFinding { path: path.to_vec(), problem });
    }

    fn unreadable(&mut self, path: &[u8], operation: Operation, error: io::Error) {
        self.find(path, BagProblem::Unreadable(Reason::system(operation, error)));
    }

    fn read_declaration(&mut self) -> bool {
        let path = self.bag.join("bagit.txt");
        match regular(&path).and_then(tags::declaration) {
            Ok(Ok((version, encoding))) => {
                (self.version, self.encoding) = (version, encoding);
                return true;
            }
            Ok(Err(problem)) => self.find(b"bagit.txt", problem),
            Err(error) if !self.bag.is_dir() => self.unreadable(b"", Operation::Open, error),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.find(b"bagit.txt", BagProblem::Missing),
            Err(error) => self.unreadable(b"bagit.txt", Operation::Read, error),
        }
        false
    }

    /// Reads the manifests that lie in the bag. `None` if not even their names can be told.
    fn read_manifests(&mut self, of: Of) -> Option<Listed> {
        let prefix = if of == Of::Payload { "manifest-" } else { "tagmanifest-" };
        let mut found = match names_in(self.bag) {
            Ok(found) => found,
            Err(error) => {
                self.unreadable(b"", Operation::List, error);
                return None;
            }
        };
        found.sort();
        let mut listed = Listed::new();
        for name in found {
            let lower = name.to_ascii_lowercase();
            let Ok(lower) = str::from_utf8(&lower) else { continue };
            let Some(by) = lower.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(".txt")) else { continue };
            match Algorithm::by_name(by) {
                Some(algorithm) => self.read_manifest(&name, of, algorithm, &mut listed),
                None => self.find(&name, BagProblem::Unsupported(format!("algorithm {}", by.escape_debug()))),
            }
        }
        listed.met.resize(listed.files.len(), false);
        Some(listed)
    }

    fn read_manifest(&mut self, file: &[u8], of: Of, algorithm: Algorithm, listed: &mut Listed) {
        let path = self.bag.join(OsStr::from_bytes(file));
        listed.algorithms = listed.algorithms.iter().chain([algorithm]).collect();
        let read = regular(&path).and_then(|tags| {
            tags::lines(tags, self.encoding, |number, line| {
                if line.is_empty() {
                    return;
                }
                let Some((checksum, name)) = parse(line, algorithm) else {
                    return self.find(file, BagProblem::Malformed { line: number, what: "not a digest and a path" });
                };
                self.enter(file, of, checksum, name, listed);
            })
        });
        match read {
            Ok(true) => self.find(file, BagProblem::ByteOrderMark),
            Ok(false) => {}
            Err(error) => self.unreadable(file, Operation::Read, error),
        }
    }

    fn enter(&mut self, file: &[u8], of: Of, checksum: Checksum, name: &[u8], listed: &mut Listed) {
        let stands = name.strip_prefix(b"./").unwrap_or(name);
        let decoded = names::decode(stands);
        if !names::is_safe(&decoded) || !names::is_safe(name) {
            return self.find(file, BagProblem::Unsafe { name: name.to_vec() });
        }
        let is_payload = decoded.starts_with(names::PAYLOAD);
        let is_tag_manifest = decoded.starts_with(b"tagmanifest-");
        if is_payload != (of == Of::Payload) || (of == Of::Tags && is_tag_manifest) {
            return self.find(file, BagProblem::OutOfPlace { name: name.to_vec() });
        }
        if stands.len() != name.len() {
            self.find(&decoded, BagProblem::Dotted);
        }
        let algorithm = checksum.algorithm();
        let known = listed.files.find(&decoded).and_then(|number| listed.files.checksums(number).get(algorithm));
        if let Some(known) = known {
            return self.find(
                &decoded,
                match known == checksum {
                    true => BagProblem::Twice(algorithm, self.version),
                    false => BagProblem::Contradicted(algorithm),
                },
            );
        }
        match listed.files.enter(&decoded, &Checksums::from(checksum), &Facts::NONE) {
            Entered::New(number) if decoded.len() != stands.len() => {
                listed.literal.insert(number, stands.to_vec());
            }
            Entered::Full => self.find(file, BagProblem::Unsupported("so many files".to_owned())),
            _ => {}
        }
    }

    /// Sees what lies in the bag and is no file.
    fn survey(&mut self) -> Result<(), Error> {
        let mut remarks = Vec::new();
        survey(self.ctx, self.bag, false, |path, remark| remarks.push((path.to_vec(), remark)))?;
        for (path, remark) in remarks {
            match remark {
                Remark::Odd(odd) => {
                    self.find(&path, BagProblem::Odd(odd));
                    self.odd.insert(path, odd);
                }
                Remark::File => {}
                // Whoever hashes the payload will say so.
                Remark::Closed(_) if path == b"data" || path.starts_with(names::PAYLOAD) => {}
                Remark::Closed(reason) => self.find(&path, BagProblem::Unreadable(reason)),
            }
        }
        Ok(())
    }

    /// Whether something on the way there is no directory, or it is itself no file.
    fn is_odd(&self, name: &[u8]) -> bool {
        let ends = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at).chain([name.len()]);
        ends.into_iter().any(|end| self.odd.contains_key(&name[..end]))
    }

    fn read_oxum(&mut self) -> Option<(u64, u64)> {
        let (file, path, encoding) = (b"bag-info.txt", self.bag.join("bag-info.txt"), self.encoding);
        if self.is_odd(file) {
            return None;
        }
        match File::open(path).and_then(|tags| tags::oxum(tags, encoding, |problem| self.find(file, problem))) {
            Ok(oxum) => return oxum,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.unreadable(file, Operation::Read, error),
        }
        None
    }

    /// Reads what is to be fetched, and says which files these are.
    fn read_fetch(&mut self, payload: &Listed) -> Vec<bool> {
        let mut fetched = vec![false; payload.files.len()];
        let (file, path, encoding) = (b"fetch.txt", self.bag.join("fetch.txt"), self.encoding);
        if self.is_odd(file) {
            return fetched;
        }
        let take = |number, line: &[u8]| {
            if line.is_empty() {
                return;
            }
            let Some(name) = parse_fetch(line) else {
                let what = "not a URL, a length or -, and a path";
                return self.find(file, BagProblem::Malformed { line: number, what });
            };
            let decoded = names::decode(name.strip_prefix(b"./").unwrap_or(name));
            if !names::is_safe(&decoded) {
                self.find(file, BagProblem::Unsafe { name: name.to_vec() });
            } else if !decoded.starts_with(names::PAYLOAD) {
                self.find(file, BagProblem::OutOfPlace { name: name.to_vec() });
            } else if let Some(number) = payload.files.find(&decoded) {
                fetched[number] = true;
            } else {
                self.find(&decoded, BagProblem::Unlisted);
            }
        };
        let read = File::open(path).and_then(|tags| tags::lines(tags, encoding, take));
        match read {
            Ok(true) => self.find(file, BagProblem::ByteOrderMark),
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.unreadable(file, Operation::Read, error),
        }
        fetched
    }

    fn verify_tags(&mut self, listed: &mut Listed) -> Result<(), Error> {
        let mut names = Vec::new();
        for number in 0..listed.files.len() {
            let name = listed.files.name(number);
            let path = self.bag.join(OsStr::from_bytes(name));
            if self.is_odd(name) {
                continue;
            }
            match fs::symlink_metadata(&path) {
                Err(error) if is_absent(&error) => self.find(name, BagProblem::Missing),
                // What it became since the bag was looked through may be waited for as long as it likes.
                Ok(found) if !found.is_file() => self.find(name, BagProblem::Missing),
                _ => names.push((number, path)),
            }
        }
        if names.is_empty() {
            return Ok(());
        }
        let options = self.reading(listed.algorithms, names.iter().map(|(_, path)| path));
        let records = hash_files(self.ctx, options);
        for (record, (number, _)) in records.zip(names) {
            let name = listed.files.name(number).to_vec();
            self.compare(&name, listed.files.checksums(number), record?.outcome());
        }
        Ok(())
    }

    fn verify_payload(&mut self, listed: &mut Listed, fetched: &[bool]) -> Result<(), Error> {
        let options = self.reading(listed.algorithms, [self.bag.join("data")]);
        let above = self.bag.join("").as_os_str().len();
        let (mut paths, mut strangers) = (PathBuffer::default(), Vec::new());
        for record in hash_trees(self.ctx, options) {
            let record = record?;
            let name = &record.path_bytes(&mut paths)[above..];
            self.count(&record);
            match listed.files.find(name) {
                Some(number) => {
                    listed.met[number] = true;
                    self.compare(name, listed.files.checksums(number), record.outcome());
                }
                None => match record.outcome() {
                    Outcome::Hashed(hashed) => strangers.push((name.to_vec(), hashed.clone())),
                    other => self.compare(name, Checksums::from_iter([]), other),
                },
            }
        }
        self.recognise(listed, strangers);
        for (number, (&is_met, &is_fetched)) in listed.met.iter().zip(fetched).enumerate() {
            let name = listed.files.name(number);
            if is_met || is_fetched {
                self.see_that_all_list_it(listed, number);
            }
            if !is_met && !self.is_odd(name) {
                self.find(name, if is_fetched { BagProblem::NotFetched } else { BagProblem::Missing });
            }
        }
        self.see_what_is_alike(&listed.files);
        Ok(())
    }

    fn count(&mut self, record: &Record) {
        if let Outcome::Hashed(hashed) = record.outcome() {
            self.came.files += 1;
            self.came.bytes += hashed.facts().size.unwrap_or_default();
        }
    }

    /// Files that no manifest lists under the name that they have: perhaps one lists them under another spelling.
    fn recognise(&mut self, listed: &mut Listed, strangers: Vec<(Vec<u8>, Hashed)>) {
        if strangers.is_empty() {
            return;
        }
        let missing = (0..listed.files.len()).filter(|&number| !listed.met[number]);
        let mut spellings = HashMap::new();
        for number in missing {
            if let Some(literal) = listed.literal.get(&number) {
                spellings.insert(literal.clone(), (number, true));
            }
            if let Some(normal) = normal(listed.files.name(number)) {
                spellings.entry(normal.into_bytes()).or_insert((number, false));
            }
        }
        for (name, hashed) in strangers {
            let known = spellings.get(&name).filter(|(_, is_literal)| *is_literal);
            let known = known.or_else(|| spellings.get(normal(&name)?.as_bytes()));
            match known {
                Some(&(number, is_literal)) if !listed.met[number] => {
                    listed.met[number] = true;
                    self.find(&name, if is_literal { BagProblem::Encoding } else { BagProblem::Normalisation });
                    self.compare(&name, listed.files.checksums(number), &Outcome::Hashed(hashed));
                }
                _ => self.find(&name, BagProblem::Unlisted),
            }
        }
    }

    fn see_that_all_list_it(&mut self, listed: &Listed, number: usize) {
        if self.version < BagVersion::V1_0 {
            return;
        }
        let by = listed.files.checksums(number).algorithms();
        for algorithm in listed.algorithms.iter().filter(|&algorithm| !by.contains(algorithm)) {
            self.find(listed.files.name(number), BagProblem::NotInManifest(algorithm));
        }
    }

    /// Names that a file system which takes no notice of case, or of normalisation, would have for one.
    fn see_what_is_alike(&mut self, files: &Catalog) {
        let mut folded: HashMap<String, usize> = HashMap::new();
        for number in 0..files.len() {
            let Some(normal) = normal(files.name(number)) else { continue };
            if folded.insert(normal.to_lowercase(), number).is_some() {
                self.find(files.name(number), BagProblem::Alike);
            }
        }
    }

    fn compare(&mut self, name: &[u8], listed: Checksums, outcome: &Outcome) {
        match outcome {
            Outcome::Hashed(hashed) => {
                for listed in listed.iter() {
                    match hashed.checksums().get(listed.algorithm()) {
                        Some(found) if found == listed => {}
                        Some(found) => self.find(name, BagProblem::Different { listed, found }),
                        None => self.find(name, BagProblem::Unsupported(listed.algorithm().name().to_owned())),
                    }
                }
            }
            Outcome::Failed(reason) => self.find(name, BagProblem::Unreadable(reason.again())),
            Outcome::Skipped(_) if self.odd.contains_key(name) => {}
            Outcome::Skipped(_) => self.find(name, BagProblem::Odd(Odd::Special)),
        }
    }

    /// How files are read, with all that the manifests are by.
    fn reading<P: Into<crate::source::Root>>(
        &self,
        algorithms: Algorithms,
        roots: impl IntoIterator<Item = P>,
    ) -> Options {
        let algorithms = if algorithms.is_empty() { Algorithms::default() } else { algorithms };
        let plain = Options::new(roots);
        Options {
            jobs: self.options.jobs,
            devices: self.options.devices.clone(),
            cache: self.options.cache,
            memory: self.options.memory,
            progress: self.options.progress.clone(),
            algorithms,
            facts: true,
            ..plain
        }
    }
}

/// A digest, blanks, and the path, perhaps with a `*` before it.
pub(super) fn parse(line: &[u8], algorithm: Algorithm) -> Option<(Checksum, &[u8])> {
    let digits = line.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
    let (hex, rest) = line.split_at(digits);
    let blanks = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
    let name = rest[blanks..].strip_prefix(b"*").unwrap_or(&rest[blanks..]);
    let is_hex = hex.len() == 2 * algorithm.length() && !name.is_empty();
    is_hex.then(|| Checksum::parse(algorithm, hex)).flatten().map(|checksum| (checksum, name))
}

/// The path on a line of `fetch.txt`.
pub(super) fn parse_fetch(line: &[u8]) -> Option<&[u8]> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let word = |text: &'_ [u8]| text.iter().position(is_blank);
    let url = word(line)?;
    let rest = line[url..].trim_ascii_start();
    let length = word(rest)?;
    let name = rest[length..].trim_ascii_start();
    let scheme = line[..url].iter().position(|&byte| byte == b':')?;
    let is_url = scheme > 0
        && scheme + 1 < url
        && line[..scheme].iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    let is_length = &rest[..length] == b"-" || rest[..length].iter().all(u8::is_ascii_digit);
    (is_url && is_length && !name.is_empty()).then_some(name)
}

/// A name that is text, in Unicode's normal form C.
fn normal(name: &[u8]) -> Option<String> {
    Some(str::from_utf8(name).ok()?.nfc().collect())
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A file that is read here, and not by the pipeline: no link, and nothing that would have to be waited for.
fn regular(path: &Path) -> io::Result<File> {
    let is_file = fs::symlink_metadata(path)?.is_file();
    if is_file { File::open(path) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")) }
}

fn names_in(bag: &Path) -> io::Result<Vec<Vec<u8>>> {
    fs::read_dir(bag)?.map(|entry| Ok(entry?.file_name().as_bytes().to_vec())).collect()
}
