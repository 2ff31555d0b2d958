//! The library's ETags, beside those that are computed part by part, one after the other.

use std::fs::{self, File};
use std::io::Write;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::Path;
use std::thread;

use errgroup::Context;
use md5::{Digest, Md5};
use md5all::{ETag, ETags, Error, Options, Progress, Reason, Root, Snapshot, Tagged, Upload, Uploads, Whole, etags};
use proptest::prelude::*;

use crate::harness::{fifo, md5, open_writer, until};

fn size(bytes: u64) -> NonZeroU64 {
    NonZeroU64::new(bytes).expect("a size")
}

fn planned(part_size: u64, threshold: u64) -> Uploads {
    Uploads::Planned { part_size: size(part_size), threshold }
}

fn tagged(files: &[Root], uploads: Uploads, jobs: usize) -> Vec<Tagged> {
    let jobs = NonZeroUsize::new(jobs).expect("a worker");
    let options = Options::new(files.to_vec()).jobs(jobs);
    etags(&Context::background(), uploads, options).collect::<Result<_, Error>>().expect("nothing ends it early")
}

/// The rule, word by word.
fn oracle(bytes: &[u8], upload: Upload) -> String {
    let Upload::Parts(part_size) = upload else { return md5(bytes) };
    let part_size = usize::try_from(part_size.get()).expect("sizes here are small");
    let mut parts: Vec<_> = bytes.chunks(part_size).collect();
    if parts.is_empty() {
        parts.push(&[]);
    }
    let digests: Vec<u8> = parts.iter().flat_map(Md5::digest).collect();
    format!("{}-{}", md5(&digests), parts.len())
}

/// Bytes that differ from part to part.
fn contents(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index ^ (index >> 8) ^ (index >> 16)) as u8).collect()
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> Root {
    let path = dir.join(name);
    fs::write(&path, bytes).expect("room for it");
    Root::from(path)
}

#[test]
fn the_vectors_of_s3() {
    let dir = tempfile::tempdir().unwrap();
    let zeros = write(dir.path(), "zeros", &vec![0; (8 << 20) + 1]);
    let more = write(dir.path(), "more", &vec![0; 16 << 20]);
    for (file, part_size, etag) in
        [(zeros, 8 << 20, "a5eb57d36bf73a683183c5a0fb4a37ab-2"), (more, 5 << 20, "eafa449afe224ad0b7f8f5bab4145d13-4")]
    {
        let tagged = tagged(&[file], planned(part_size, 0), 2);
        let tags = tagged[0].outcome().as_ref().unwrap();
        assert_eq!(tags[..], [(Upload::Parts(size(part_size)), etag.parse().unwrap())]);
    }
}

/// Around the ends of parts, buffers and blocks.
#[test]
fn every_length_about_the_end_of_a_part_or_a_buffer() {
    const BUFFER: usize = 65_536;
    let dir = tempfile::tempdir().unwrap();
    for part_size in [1, 63, 64, 65, 1000, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER] {
        let most = if part_size == 1 { 300 } else { 3 * part_size };
        let lengths = [0, 1, part_size - 1, part_size, part_size + 1, 2 * part_size, 2 * part_size + 1, most];
        let files: Vec<_> =
            lengths.iter().map(|length| write(dir.path(), &length.to_string(), &contents(*length))).collect();
        let upload = Upload::Parts(size(part_size as u64));
        for (tagged, length) in tagged(&files, planned(part_size as u64, 0), 2).iter().zip(lengths) {
            let (_, etag) = tagged.outcome().as_ref().unwrap()[0];
            assert_eq!(etag.to_string(), oracle(&contents(length), upload), "{length} bytes in parts of {part_size}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]
    #[test]
    fn files_of_any_size_cut_into_parts_of_any_size(
        lengths in prop::collection::vec(prop_oneof![0..300usize, 0..150_000usize], 1..5),
        part_size in prop_oneof![1..200u64, 1..100_000u64],
        threshold in prop_oneof![Just(0), Just(u64::MAX), 0..150_000u64],
        jobs in 1..4usize,
    ) {
        // So few bytes a part would be too many parts for a test.
        let part_size = part_size.max(lengths.iter().max().map_or(1, |&most| most as u64 / 500));
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<_> = lengths.iter().enumerate()
            .map(|(index, length)| write(dir.path(), &index.to_string(), &contents(*length))).collect();
        let all = tagged(&files, planned(part_size, threshold), jobs);
        prop_assert_eq!(all.len(), files.len());
        for (index, (tagged, length)) in all.iter().zip(lengths).enumerate() {
            let upload = if (length as u64) < threshold { Upload::Whole } else { Upload::Parts(size(part_size)) };
            prop_assert_eq!(tagged.root(), index);
            let tags = tagged.outcome().as_ref().unwrap();
            prop_assert_eq!(tags.len(), 1);
            prop_assert_eq!(tags[0].1.to_string(), oracle(&contents(length), upload));
        }
    }

    #[test]
    fn several_sizes_tried_at_once_give_what_each_gives_alone(
        length in 1..200_000usize,
        parts in 1..60u64,
        picks in prop::collection::vec(0.0..1.0f64, 1..9),
        jobs in 1..4usize,
    ) {
        let (length, dir) = (length.max(parts as usize), tempfile::tempdir().unwrap());
        let file = write(dir.path(), "file", &contents(length));
        // All the sizes that may give so many parts, and some that do not.
        let (least, most) = (length as u64 / parts, length as u64 / (parts - 1).max(1) + 2);
        let first: Vec<_> = picks.iter()
            .map(|pick| size((least + ((most - least) as f64 * pick) as u64).max(1))).collect();
        let any = format!("{}-{parts}", "0".repeat(32)).parse().unwrap();
        let all = tagged(&[file], Uploads::Like { etag: any, first: first.clone() }, jobs);
        let tags = all[0].outcome().as_ref().unwrap();
        for (upload, etag) in tags {
            prop_assert_eq!(etag.to_string(), oracle(&contents(length), *upload));
            prop_assert_eq!(etag.parts().unwrap().get(), parts);
        }
        let fitting = first.iter().any(|size| (length as u64).div_ceil(size.get()) == parts);
        prop_assert!(!fitting || !tags.is_empty());
    }
}

const CASES: u32 = 32;

/// A file with a size, and the same bytes from a FIFO, which has none.
#[test]
fn what_has_no_size_is_cut_as_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    fifo(&path);
    for (length, part_size, threshold) in [
        (0, 7, 0),
        (0, 7, 7),
        (7, 7, 7),
        (6, 7, 7),
        (200_000, 70_000, 70_000),
        (140_000, 70_000, 70_000),
        (140_000, 70_000, 200_000),
        (140_000, 70_000, u64::MAX),
    ] {
        let writer = path.clone();
        let writer = thread::spawn(move || open_writer(&writer).write_all(&contents(length)).unwrap());
        let all = tagged(&[Root::from(&path)], planned(part_size, threshold), 1);
        writer.join().unwrap();
        let upload = if (length as u64) < threshold { Upload::Whole } else { Upload::Parts(size(part_size)) };
        let tags = all[0].outcome().as_ref().unwrap();
        assert_eq!(tags[0].1.to_string(), oracle(&contents(length), upload));
        assert_eq!(tags[0].0, upload);
    }
}

#[test]
fn the_parts_of_what_has_no_size_cannot_be_searched_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    fifo(&path);
    let like = |etag: &str| Uploads::Like { etag: etag.parse().unwrap(), first: Vec::new() };
    for (etag, found) in [
        (format!("{}-2", md5(b"abc")), None),
        (md5(b"abc"), Some(Upload::Whole)),
        (oracle(b"abc", Upload::Parts(size(9))), Some(Upload::Parts(size(8 << 20)))),
    ] {
        let writer = path.clone();
        // Where it is not read, the reader may be gone.
        let writer = thread::spawn(move || drop(open_writer(&writer).write_all(b"abc")));
        let all = tagged(&[Root::from(&path)], like(&etag), 1);
        writer.join().unwrap();
        match (all[0].outcome(), found) {
            (Err(reason), None) => assert!(matches!(reason, Reason::Unsized), "{reason}"),
            (Ok(tags), Some(upload)) => assert_eq!(tags[..], [(upload, etag.parse::<ETag>().unwrap())]),
            (outcome, _) => panic!("{outcome:?}"),
        }
    }
}

/// The worker waits for a FIFO while the next file, of which it is known that it is open, is written to.
#[test]
fn a_file_that_changes_while_its_parts_are_read_has_no_etag() {
    let meddle: [fn(&Path); 3] = [
        |path| File::options().append(true).open(path).unwrap().write_all(b"more").unwrap(),
        |path| File::options().write(true).open(path).unwrap().set_len(70_000).unwrap(),
        |path| File::options().write(true).open(path).unwrap().write_all(b"else").unwrap(),
    ];
    for meddle in meddle {
        let dir = tempfile::tempdir().unwrap();
        let (pipe, path, next) = (dir.path().join("fifo"), dir.path().join("changing"), dir.path().join("next"));
        fifo(&pipe);
        for path in [&path, &next] {
            fs::write(path, contents(200_000)).unwrap();
            File::options().write(true).open(path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        }
        let files = [&pipe, &path, &next].map(Root::from);
        let options = Options::new(files).jobs(NonZeroUsize::MIN);
        let running = etags(&Context::background(), planned(70_000, 0), options);
        let writer = open_writer(&pipe);
        while !is_open_here(&next) {
            thread::yield_now();
        }
        meddle(&path);
        drop(writer);
        let all: Vec<_> = running.map(Result::unwrap).collect();
        assert!(matches!(all[1].outcome(), Err(Reason::Changed)), "{:?}", all[1]);
        assert!(all[0].outcome().is_ok() && all[2].outcome().is_ok());
    }
}

/// Files are opened in their order, so that all before it have been opened as well.
fn is_open_here(path: &Path) -> bool {
    let open = fs::read_dir("/proc/self/fd").unwrap();
    open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()).any(|target| target == path)
}

#[test]
fn cancelling_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("endless");
    drop(crate::harness::endless(&path));
    let (ctx, cancel) = Context::background().with_cancel();
    let mut running = etags(&ctx, planned(1 << 30, 0), Options::new([&path]));
    assert!(!running.ready_within(std::time::Duration::ZERO));
    cancel.cancel();
    assert!(matches!(running.next(), Some(Err(Error::Stopped(_)))));
    assert!(running.next().is_none());
}

/// Begins on files, with somebody who looks on.
fn watched(files: &[Root], uploads: Uploads, jobs: usize) -> (Progress, ETags) {
    let progress = Progress::new();
    let jobs = NonZeroUsize::new(jobs).expect("a worker");
    let options = Options::new(files.to_vec()).jobs(jobs).progress(progress.clone());
    (progress, etags(&Context::background(), uploads, options))
}

/// Read once or in several ways at a time, by few or many: what is in it counts once.
#[test]
fn who_looks_on_is_told_of_every_byte_of_a_file_once() {
    let dir = tempfile::tempdir().unwrap();
    let (file, small) = (write(dir.path(), "file", &contents(200_000)), write(dir.path(), "small", b"small"));
    let gone = Root::from(dir.path().join("gone"));
    let files = [file.clone(), small, gone, file];
    let like = |parts: u64, first: &[u64]| Uploads::Like {
        etag: format!("{}-{parts}", "0".repeat(32)).parse().unwrap(),
        first: first.iter().copied().map(size).collect(),
    };
    let rows = [
        (planned(1 << 20, 1 << 20), 400_005),
        (planned(7, 0), 400_005),
        (planned(65_537, 0), 400_005),
        (like(3, &[66_667, 70_000, 80_000, 99_999]), 400_000),
        (like(1, &[200_000, 300_000]), 400_005),
        (like(9_999, &[]), 0),
    ];
    for (uploads, bytes) in rows {
        for jobs in [1, 3] {
            let (progress, running) = watched(&files, uploads.clone(), jobs);
            progress.count_all();
            let whole = until(|| progress.snapshot().whole);
            running.for_each(|tagged| drop(tagged.unwrap()));
            let Snapshot { files, bytes: read, failed, skipped, in_flight, .. } = progress.snapshot();
            assert_eq!((files, read, failed, skipped), (3, bytes, 1, 0), "{uploads:?}, {jobs} jobs");
            assert!(in_flight.is_empty(), "{in_flight:?}");
            let Whole { files, bytes: all, .. } = whole;
            assert_eq!((files, all), (4, bytes), "{uploads:?}, {jobs} jobs");
        }
    }
}

#[test]
fn what_is_opened_or_read_is_named_to_who_looks_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    fifo(&path);
    let (progress, running) = watched(&[Root::from(&path)], planned(1000, 0), 1);
    let opened = until(|| progress.snapshot().in_flight.pop());
    assert_eq!((&opened.path, opened.bytes, opened.size), (&path, 0, None), "while it is opened");
    let mut writer = open_writer(&path);
    for count in 1..=3 {
        writer.write_all(&contents(1000)).unwrap();
        until(|| progress.snapshot().in_flight.pop().filter(|file| file.bytes == 1000 * count));
    }
    drop(writer);
    running.for_each(|tagged| drop(tagged.unwrap()));
    assert!(progress.snapshot().in_flight.is_empty());

    let path = dir.path().join("endless");
    drop(crate::harness::endless(&path));
    let (progress, running) = watched(&[Root::from(&path)], planned(1 << 20, 0), 2);
    let first = until(|| progress.snapshot().in_flight.pop().filter(|file| file.bytes > 0));
    assert_eq!((&first.path, first.size), (&path, Some(1 << 40)));
    until(|| progress.snapshot().in_flight.pop().filter(|file| file.bytes > first.bytes));
    drop(running);
    assert!(progress.snapshot().in_flight.is_empty(), "what was given up is not in flight");
}
