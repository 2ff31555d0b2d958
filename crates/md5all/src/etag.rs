//! S3's ETags of local files: what a store says of an object, computed from the file that it was uploaded from.
//!
//! An object that was put in one request has the MD5 of its contents. One that was uploaded in parts has the MD5 of the
//! MD5s of its parts, and their number; where its parts ended it does not tell. So [`etags`] computes what an upload in
//! parts of a given size would have, or, for an ETag that is known, what all the sizes would have that are usual and give
//! as many parts ([`usual`]).
//!
//! The parts of a file are messages of their own, so that many of them are hashed side by side ([`strands`]). What a store
//! has is not asked for here. One that encrypts with keys of its customers, or that is no S3, may have ETags of another
//! kind: those are not to be computed from a file.

mod strands;
pub(crate) mod usual;

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use errgroup::{Context, Order, Pipeline};
use md5_lanes::Md5;

use crate::algorithm::Digest;
use crate::error::{Error, Reason};
use crate::etag::strands::{Made, Part};
use crate::options::Options;
use crate::progress::{Progress, Tally};
use crate::shares::Shares;
use crate::source::Root;

/// An ETag of S3: of an object that was put in one request, or of one that was uploaded in parts.
///
/// # Examples
///
/// ```
/// use md5all::ETag;
///
/// let etag: ETag = "\"a5eb57d36bf73a683183c5a0fb4a37ab-2\"".parse()?;
/// assert_eq!(etag.parts().map(u64::from), Some(2));
/// assert_eq!(etag.to_string(), "a5eb57d36bf73a683183c5a0fb4a37ab-2");
/// # Ok::<(), md5all::NoETag>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ETag {
    digest: Digest,
    parts: Option<NonZeroU64>,
}

/// What is no ETag of S3: 32 hex digits, and perhaps a hyphen and how many parts there were; in quotes or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoETag;

/// How an object was uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Upload {
    /// In one request.
    Whole,
    /// In parts of so many bytes, the last one of what is left; one part, with nothing in it, of an empty file.
    Parts(NonZeroU64),
}

/// How uploads are to be taken for having been done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uploads {
    /// In parts of so many bytes, but files that are smaller than the threshold in one request.
    Planned {
        /// The size of a part.
        part_size: NonZeroU64,
        /// The smallest size of a file that is uploaded in parts. By it, most tools mean the size of a part.
        threshold: u64,
    },
    /// In each way that is usual and may give this ETag.
    Like {
        /// What an object has.
        etag: ETag,
        /// Sizes to try before those that are usual.
        first: Vec<NonZeroU64>,
    },
}

/// What [`etags`] gives.
#[must_use = "dropping it cancels the work"]
pub struct ETags {
    parts: Pipeline<Part, Error>,
    /// Of the file whose parts come.
    sums: Vec<Sum>,
    failure: Option<Reason>,
    /// Where files are counted that are done.
    tally: Option<Arc<Tally>>,
}

/// What became of one file.
#[derive(Debug)]
pub struct Tagged {
    root: usize,
    outcome: Result<Vec<(Upload, ETag)>, Reason>,
}

/// The parts of one file, cut in one way, as far as they have come.
#[derive(Clone, Debug)]
struct Sum {
    all: Md5,
    count: u64,
    last: Option<Digest>,
}

/// The ETags of files: one [`Tagged`] for each of [`Options::roots`], in their order.
///
/// Of all other options, [`Options::jobs`] and [`Options::progress`] count. Symbolic links are followed. A file is read once
/// if it is cut in one way, and less than one and a half times if it is cut in several; it is seen to be the same before
/// and after. Memory is bounded by the number of jobs, whatever the parts' size.
///
/// Work begins at once, in the background, and goes on only as fast as results are taken. The iterator blocks until the
/// next is there. Cancelling `ctx`, or dropping the iterator, stops the workers before their next read.
///
/// # Errors
///
/// The last item is [`Error::Stopped`] when `ctx` is cancelled, and the only one is [`Error::Scarce`] if there are too
/// few file descriptors.
///
/// # Examples
///
/// ```
/// use std::num::NonZeroU64;
///
/// use errgroup::Context;
/// use md5all::{Options, Uploads, etags};
///
/// # let dir = tempfile::tempdir()?;
/// # let file = dir.path().join("zeros");
/// std::fs::write(&file, vec![0; (8 << 20) + 1])?;
/// let part_size = NonZeroU64::new(8 << 20).ok_or("a size")?;
/// let uploads = Uploads::Planned { part_size, threshold: 8 << 20 };
/// for tagged in etags(&Context::background(), uploads, Options::new([&file])) {
///     let tagged = tagged?;
///     let (_, etag) = tagged.outcome().as_ref().map_err(|reason| reason.to_string())?[0];
///     assert_eq!(etag.to_string(), "a5eb57d36bf73a683183c5a0fb4a37ab-2");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn etags(ctx: &Context, uploads: Uploads, options: Options) -> ETags {
    let Options { roots: files, jobs, progress, .. } = options;
    let uploads = Arc::new(uploads);
    let watched = progress.clone().map(|progress| (progress.before(), progress, files.clone(), Arc::clone(&uploads)));
    let tally = progress.as_ref().map(Progress::tally);
    let parts = match Shares::now(jobs, None, 1) {
        Ok(shares) => hash(ctx, files, uploads, shares, progress),
        Err(scarce) => Pipeline::source(ctx, 1, move |_| Err(scarce)),
    };
    if let Some((before, progress, files, uploads)) = watched {
        let is_read = move |size| !uploads.of(size).is_empty();
        progress.expect(before, parts.context(), move |count, ctx| count.each_name(&files, is_read, ctx));
    }
    ETags { parts, sums: Vec::new(), failure: None, tally }
}

fn hash(
    ctx: &Context,
    files: Vec<Root>,
    uploads: Arc<Uploads>,
    shares: Shares,
    progress: Option<Progress>,
) -> Pipeline<Part, Error> {
    let Shares { jobs, lanes, queue, window, .. } = shares;
    let (cut, told) = (Arc::clone(&uploads), progress.clone());
    let found = Pipeline::source(ctx, queue, move |items| strands::send_all(&files, &cut, told.as_ref(), items));
    let (ctx, told) = (found.context().clone(), progress.clone());
    let work = move |tickets: &mut _| strands::work(tickets, &ctx, &uploads, lanes, told.as_ref().map(Progress::tally));
    let parts = found.ticketed(jobs, Order::Source { window }, work);
    progress.iter().for_each(|progress| progress.watch_opening(parts.figures()));
    parts
}

impl ETag {
    /// The ETag of an object that was put in one request.
    #[must_use]
    pub fn whole(digest: Digest) -> ETag {
        ETag { digest, parts: None }
    }

    /// The ETag of an object that was uploaded in parts, by the digest of their digests.
    pub(crate) fn of_parts(digest: Digest, parts: NonZeroU64) -> ETag {
        ETag { digest, parts: Some(parts) }
    }

    /// How many parts it was uploaded in; `None` if it was put in one request.
    #[must_use]
    pub fn parts(&self) -> Option<NonZeroU64> {
        self.parts
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts {
            None => self.digest.fmt(f),
            Some(parts) => write!(f, "{}-{parts}", self.digest),
        }
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ETag({self})")
    }
}

impl FromStr for ETag {
    type Err = NoETag;

    fn from_str(text: &str) -> Result<ETag, NoETag> {
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let (hex, parts) = match bare.split_once('-') {
            None => (bare, None),
            Some((hex, count)) => (hex, Some(count)),
        };
        let mut digest = [0; 16];
        let is_hex = hex.len() == 32
            && data_encoding::HEXLOWER_PERMISSIVE.decode_mut(hex.as_bytes(), &mut digest) == Ok(digest.len());
        let parts = match parts {
            None => None,
            // No sign, and no zeros before it, which a number may have and an ETag has not.
            Some(count) if count.starts_with(|first: char| matches!(first, '1'..='9')) => {
                Some(count.parse().map_err(|_| NoETag)?)
            }
            Some(_) => return Err(NoETag),
        };
        if is_hex { Ok(ETag { digest: digest.into(), parts }) } else { Err(NoETag) }
    }
}

impl fmt::Display for NoETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an ETag of S3, which has 32 hex digits, and perhaps a hyphen and the number of parts")
    }
}

impl std::error::Error for NoETag {}

impl Upload {
    /// How many parts a file of this size has.
    pub(crate) fn parts(self, size: u64) -> u64 {
        match self {
            Upload::Whole => 1,
            Upload::Parts(part_size) => size.div_ceil(part_size.get()).max(1),
        }
    }

    /// Where a part begins and ends; both are the end of the file for one that it has not.
    pub(crate) fn part(self, index: u64, size: u64) -> std::ops::Range<u64> {
        match self {
            Upload::Whole => 0..size,
            Upload::Parts(part_size) => {
                let begin = part_size.get().saturating_mul(index).min(size);
                begin..begin.saturating_add(part_size.get()).min(size)
            }
        }
    }
}

impl Uploads {
    /// The ways in which a file of this size may have been uploaded.
    pub(crate) fn of(&self, size: u64) -> Vec<Upload> {
        match self {
            Uploads::Planned { threshold, .. } if size < *threshold => vec![Upload::Whole],
            Uploads::Planned { part_size, .. } => vec![Upload::Parts(*part_size)],
            Uploads::Like { etag, first } => match etag.parts {
                None => vec![Upload::Whole],
                Some(parts) => usual::giving(parts, size, first).into_iter().map(Upload::Parts).collect(),
            },
        }
    }
}

impl Tagged {
    /// Which file it is: an index into those that were given.
    #[must_use]
    pub fn root(&self) -> usize {
        self.root
    }

    /// The ETag that each way to upload it gives; none if the file is of a size that no usual way cuts into so many
    /// parts: then it was not read. Or what kept it from being read.
    pub fn outcome(&self) -> &Result<Vec<(Upload, ETag)>, Reason> {
        &self.outcome
    }
}

impl ETags {
    /// Waits, for `timeout` at most, until the next part of what is to come is there; says whether it is.
    pub fn ready_within(&self, timeout: Duration) -> bool {
        self.parts.ready_within(timeout)
    }

    /// Takes a part of a file; gives the file with its last one.
    fn take(&mut self, part: Part) -> Option<Tagged> {
        let tags = match part.made {
            Ok(Made::Digests(digests)) => {
                self.sums.resize_with(digests.len(), Sum::default);
                self.sums.iter_mut().zip(digests).for_each(|(sum, digest)| sum.add(digest));
                None
            }
            Ok(Made::Tags(tags)) => Some(tags),
            Ok(Made::GivenUp) => None,
            Err(reason) => {
                self.failure.get_or_insert(reason);
                None
            }
        };
        let uploads = part.last?;
        let sums = std::mem::take(&mut self.sums);
        let sealed = || uploads.iter().zip(sums).map(|(&upload, sum)| (upload, sum.seal(upload))).collect();
        let outcome = self.failure.take().map_or_else(|| Ok(tags.unwrap_or_else(sealed)), Err);
        self.tally.iter().for_each(|tally| tally.end_file(outcome.is_ok()));
        Some(Tagged { root: part.root, outcome })
    }
}

impl Iterator for ETags {
    type Item = Result<Tagged, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.parts.next()? {
                Ok(part) => {
                    if let Some(tagged) = self.take(part) {
                        return Some(Ok(tagged));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl fmt::Debug for ETags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ETags").field("sums", &self.sums).finish_non_exhaustive()
    }
}

impl Default for Sum {
    fn default() -> Sum {
        Sum { all: Md5::new(), count: 0, last: None }
    }
}

impl Sum {
    fn add(&mut self, part: Digest) {
        self.all.update(part.as_bytes());
        self.count += 1;
        self.last = Some(part);
    }

    /// The ETag of all parts.
    fn seal(self, upload: Upload) -> ETag {
        match (upload, self.last, NonZeroU64::new(self.count)) {
            (Upload::Whole, Some(digest), _) => ETag::whole(digest),
            (Upload::Parts(_), _, Some(count)) => ETag::of_parts(self.all.finalize().into(), count),
            _ => unreachable!("every file has a part"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_read_with_and_without_quotes_and_nothing_else_is() {
        let hex = "a5eb57d36bf73a683183c5a0fb4a37ab";
        for (text, shown) in [
            (hex.to_owned(), hex.to_owned()),
            (format!("\"{hex}\""), hex.to_owned()),
            (format!("{}-1", hex.to_uppercase()), format!("{hex}-1")),
            (format!("\"{hex}-10000\""), format!("{hex}-10000")),
        ] {
            assert_eq!(text.parse::<ETag>().map(|etag| etag.to_string()), Ok(shown), "{text}");
        }
        let bad = [
            String::new(),
            "\"".to_owned(),
            hex[1..].to_owned(),
            format!("{hex}0"),
            format!("\"{hex}"),
            format!("{hex}\""),
            format!("W/\"{hex}\""),
            format!("{hex}-"),
            format!("{hex}-0"),
            format!("{hex}-01"),
            format!("{hex}-+1"),
            format!("{hex}--1"),
            format!("{hex}-1 "),
            format!("{hex}-1-1"),
            format!("{hex}-18446744073709551616"),
            hex.replace('a', "g"),
        ];
        for text in bad {
            assert_eq!(text.parse::<ETag>(), Err(NoETag), "{text}");
        }
    }

    #[test]
    fn parts_are_the_file_from_its_beginning_to_its_end() {
        let five = Upload::Parts(NonZeroU64::new(5).unwrap());
        for (size, parts) in [(0, 1), (1, 1), (5, 1), (6, 2), (10, 2), (11, 3)] {
            assert_eq!(five.parts(size), parts);
            let ends: Vec<_> = (0..parts).map(|index| five.part(index, size)).collect();
            assert_eq!((ends[0].start, ends[ends.len() - 1].end), (0, size));
            assert!(ends.windows(2).all(|two| two[0].end == two[1].start && two[0].end - two[0].start == 5));
        }
        let huge = Upload::Parts(NonZeroU64::MAX);
        assert_eq!((huge.parts(u64::MAX), huge.part(0, u64::MAX), huge.part(7, 9)), (1, 0..u64::MAX, 9..9));
    }
}
